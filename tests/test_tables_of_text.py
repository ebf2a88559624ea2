"""Tables of text: plain ones are read by a fast parser, as others are line by line."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.rounds import RoundsReader
from accept_reject.experiments.data.text import TextFormat, _of_lines, _of_plain_text, parse_table

cells = st.text(alphabet="ab1. ,'\u00e9\u2028\x0b#NA-", max_size=4)


tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1))


@given(rows=tables, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", ""]))
def test_both_parsers_read_the_same(rows: list[list[str]], delimiter: str, end: str) -> None:
    text = "\n".join(delimiter.join(row) for row in rows) + end
    fast, slow = DataProblems(), DataProblems()
    found = _of_plain_text(text, delimiter, "x", fast)
    expected = _of_lines(text, TextFormat(delimiter), "x", slow) if text.strip() else None
    if found is not None:
        assert expected is not None
        assert found.columns.tolist() == expected.columns.tolist()
        assert found.index.tolist() == expected.index.tolist()
        assert found.to_numpy().tolist() == expected.to_numpy().tolist()
    assert set(fast.lines) <= set(slow.lines)


def test_usual_tables_are_read_by_the_fast_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accept_reject.experiments.data.text._of_lines", None)
    table = parse_table(b"id,a\r\n1, x \r\n2,NA\r\n", "x", TextFormat(), DataProblems())
    assert table is not None and table.to_numpy().tolist() == [["1", " x "], ["2", "NA"]]
    assert table.attrs["whole"] and table.index.tolist() == [2, 3]


@given(seed=st.integers(0, 10**6))
def test_partners_are_numbered_as_they_were_offered(seed: int) -> None:
    """For each participant, in the order of rounds and places, and anew in each unit."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in "ba":
        for t in range(1, 9):
            left, right = rng.choice(list("uvwxyz"), 2, replace=False)
            rows.append((who, str(t), left, right, left, "1", int(t > 4)))
    frame = pd.DataFrame(rows, columns=["participant", "round", "offered_1", "offered_2", "choice", "accepted", "unit"])
    frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True).assign(file="x", row=0)
    problems = DataProblems()
    reader = RoundsReader(frame.astype(object), 8, problems)
    choices = reader.read(None)
    assert choices is not None and not problems.lines
    named = reader.partners().set_index(["participant", "unit", "name"]).partner
    for i, who in enumerate(choices.ids):
        seen: list[tuple[int, str]] = []
        own = frame[frame.participant == who].assign(t=lambda part: part["round"].astype(int)).sort_values("t")
        for t, row in enumerate(own.itertuples()):
            for place, name in enumerate((row.offered_1, row.offered_2)):
                key = (int(row.unit), str(name))
                if key not in seen:
                    seen.append(key)
                assert choices.offered[i, t, place] == seen.index(key) == named[(who, *key)]
