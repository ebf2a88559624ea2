"""Tables with any names of columns: read as intended, or rejected with messages that use these names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from on_disk import equal, problems_of

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.data import text as text_module
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.data.describe import describe
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.replay import replay

HEADER = "subj;trial;left;right;asked;k;room;win;ms"
MAP = {
    "kind": "data",
    "file": "table.csv",
    "columns": {
        "participant": "subj",
        "round": "trial",
        "offered": ["left", "right"],
        "choice": "asked",
        "accepted": "win",
        "rank": "k",
        "spots": "room",
    },
    "missing": ["", "NA", "NaN", -999],
    "accepted": [1, -1],
}
ROWS = [
    "ann;1;x;y;x;3;4;1;250",
    "ann;2;y;z;y;-999;NA;-1;300",
    "ann;3;z;x;NA;;NaN;-999.0;",
    "bob;1;p;q;q;8;2;-1;410",
    "bob;2;q;r;q;1;8;1;120",
]


def flat(tmp_path: Path, text: str | bytes, **changes: Any) -> Path:
    (tmp_path / "table.csv").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    config = tmp_path / "map.yaml"
    config.write_text(yaml.safe_dump({**MAP, **changes}), encoding="utf-8")
    return config


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_table_is_read_through_its_config(tmp_path: Path, end: str, mark: str, delimiter: str) -> None:
    text = mark + end.join([HEADER, *ROWS, ""]).replace(";", delimiter)
    choices = load(str(flat(tmp_path, text))).choices
    assert choices.ids == ("ann", "bob")
    assert choices.choice.tolist() == [[0, 0, MISSED], [1, 0, MISSED]]
    assert choices.rank.tolist() == [[3, 0, 0], [8, 1, 0]]
    assert choices.spots[0].tolist() == [4, UNKNOWN_SPOTS, UNKNOWN_SPOTS]
    assert choices.accepted.tolist() == [[True, False, False], [False, True, False]]
    assert choices.offered[0].tolist() == [[0, 1], [1, 2], [2, 0]]
    assert choices.valuation is None
    assert np.isnan(score(choices, "valuing").value)
    assert replay(make_agent("bayes-hybrid"), choices).shape == (2, 3)
    with pytest.raises(InvalidInputError, match="hidden state"):
        replay(make_agent("oracle-valuing"), choices)


def test_a_plain_bandit_needs_no_ranks(tmp_path: Path) -> None:
    columns = {key: value for key, value in MAP["columns"].items() if key not in ("rank", "spots")}  # type: ignore[attr-defined]
    text = "subj,trial,left,right,asked,win\n" + "".join(f"s,{t},a,b,{t % 2},{t % 2}\n" for t in range(1, 9))
    config = flat(tmp_path, text, columns=columns, accepted=[1, 0], choice="place from 0")
    choices = load(str(config)).choices
    assert (choices.rank == 0).all()
    assert choices.choice[0].tolist() == [1, 0] * 4
    assert np.isnan(stay_switch(choices).estimate).all()
    shown = dict(describe(load(str(config))))
    assert shown["ranks"] == "none shown"
    assert shown["hidden valuations"] == "unknown"


@pytest.mark.parametrize(
    ("rows", "where", "problem"),
    [
        (["ann;1;x;y;w;3;4;1;2"], "row 2, column asked", "one of the offered partners (x, y), got 'w'"),
        (["ann;1;x;y;x;3;4;0;2"], "row 2, column win", "must be 1 (accepted) or -1 (rejected), got '0'"),
        (["ann;1;x;x;x;3;4;1;2"], "row 2, column right", "unique, got 'x' more than once"),
        ([";1;x;y;x;3;4;1;2"], "row 2, column subj", "is required"),
        (["ann;1;x;y;x;5;4;1;2"], "row 2, column win", "a rejection for rank 5 with 4 spots"),
        (
            ["ann;1;x;y;x;3;4;1;2", "ann;1;x;y;x;3;4;1;2"],
            "row 3, column trial",
            "unique, got round 1 of 'ann' as in row 2",
        ),
        (
            ["ann;1;x;y;x;3;4;1;2", "bob;2;x;y;x;3;4;1;2"],
            "column trial",
            "'bob' must have all rounds from 1 to the last one, got none for 1",
        ),
        (["ann;1;x;y;x;3;4;1"], "row 2", "must have 9 cells like the header, got 8"),
        (['ann;1;x;y;"x;3;4;1;2'], "", "is not a valid table"),
    ],
)
def test_messages_use_the_names_of_the_table(tmp_path: Path, rows: list[str], where: str, problem: str) -> None:
    found = problems_of(flat(tmp_path, "\n".join([HEADER, *rows, ""])))
    assert any(line.startswith("table.csv") and where in line and problem in line for line in found), found


def test_invalid_configs_are_rejected(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *ROWS, ""])
    columns: dict[str, Any] = {**MAP["columns"], "rank": "rnk"}  # type: ignore[dict-item]
    assert (
        "table.csv, row 1, column rnk: is required in the header, got subj"
        in problems_of(flat(tmp_path, text, columns=columns))[0]
    )
    assert any("unknown key 'color'" in line for line in problems_of(flat(tmp_path, text), "columns.color=x"))
    assert problems_of(flat(tmp_path, text), "file=none.csv") == ("none.csv: can't be read: No such file or directory",)
    assert "does not exist" in problems_of(tmp_path / "nowhere")[0]
    assert "a file of another format" in problems_of(tmp_path / "table.csv")[0]


def test_choices_are_checked_against_the_game(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *ROWS, ""])
    game = {"scenario": "orthogonal", "game": {"rounds": 2}}
    assert any(
        "row 4, column trial: must be an integer from 1 to 2" in line
        for line in problems_of(flat(tmp_path, text, game=game))
    )
    known = load(str(flat(tmp_path, text, game="orthogonal"))).choices
    assert known.game == scenario("orthogonal").game
    assert known.choice.shape == (2, 144)


def test_missed_rounds_are_counted_anywhere(tmp_path: Path) -> None:
    body = [f"ann;{t};x;y;{'x' if t < 5 else ''};;;{1 if t < 5 else ''};9" for t in range(1, 9)]
    body += [f"bob;{t};x;y;;;;;" for t in range(1, 4)]
    data = load(str(flat(tmp_path, "\n".join([HEADER, *body, ""]))))
    shown = dict(describe(data))
    assert shown.pop("notes") == "table.csv: columns that are not read: ms"
    assert shown["rounds"] == "3 to 8 each, 11 in total"
    assert shown["missed"] == "7 (63.6%)"
    write_dataset(data.choices, tmp_path / "bids", "again", None)
    again = load(str(tmp_path / "bids"))
    assert dict(describe(again)) == shown
    assert equal(again.choices, data.choices)
    likelihood = replay(make_agent("bayes-hybrid"), data.choices)
    assert (likelihood[1] == 0).all()


def test_numbers_of_partners_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    forward = load(str(flat(tmp_path, "\n".join([HEADER, *ROWS, ""])))).choices
    backward = load(str(flat(tmp_path, "\n".join([HEADER, *ROWS[2::-1], *ROWS[:2:-1], ""])))).choices
    assert equal(forward, backward)


def test_typical_exports_are_read(tmp_path: Path) -> None:
    columns = {**MAP["columns"], "response_time": "ms"}  # type: ignore[dict-item]
    text = HEADER + ";row;file\n007;1;4;7;7.0;3;4;1;0,25;a;b\n007;2;4;9;;;;;;c;d\n"
    choices = load(str(flat(tmp_path, text, columns=columns, decimal=","))).choices
    assert choices.ids == ("007",)
    assert choices.choice.tolist() == [[1, MISSED]]
    assert choices.response_time is not None
    assert choices.response_time[0, 0] == 0.25
    named = "\n".join([HEADER, "s;1;01;1;01;3;4;1;9", ""])
    assert load(str(flat(tmp_path, named))).choices.choice.tolist() == [[0]], "01 and 1 are different names"
    empty = HEADER + "\ns;1;x;y;x;3;4;1;\n"
    assert dict(describe(load(str(flat(tmp_path, empty, columns=columns)))))["response times"] == "none"


def test_frequent_problems_are_summarized(tmp_path: Path) -> None:
    blank = HEADER + "\n\n" + "\n\n".join(f"p;{t};x;y;x;3;4;1;9" for t in range(1, 200)) + "\n"
    assert len(problems_of(flat(tmp_path, blank))) == 21
    huge = [f"p;{t};x;y;x;3;4;1;9" for t in (1, 20260001, 20260002)]
    (problem,) = problems_of(flat(tmp_path, "\n".join([HEADER, *huge, ""])))
    assert "got none for 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 20,259,989 more" in problem
    assert "'p'" in problem


def test_tables_that_are_too_wide_are_refused(tmp_path: Path) -> None:
    (found,) = problems_of(flat(tmp_path, ",".join(f"c{i}" for i in range(2000))))
    assert "row 1: must have at most 1,000 columns, got 2,000" in found


def test_a_table_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "MAX_BYTES", 100)
    (found,) = problems_of(flat(tmp_path, "x" * 101))
    assert found == "table.csv: must have at most 100 bytes, got 101"


def test_empty_rows_at_the_end_are_left_out(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *ROWS, ""])
    whole = load(str(flat(tmp_path, text))).choices
    assert equal(load(str(flat(tmp_path, text + ";;;;;;;;\n" * 3 + "\n"))).choices, whole)


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"offered": ["left", "left"]}, "columns: must be different columns, got 'left' for offered_1 and offered_2"),
        ({"rank": "room"}, "columns: must be different columns, got 'room' for rank and spots"),
    ],
)
def test_a_column_has_one_meaning(tmp_path: Path, columns: dict[str, Any], problem: str) -> None:
    config = flat(tmp_path, "\n".join([HEADER, *ROWS, ""]), columns=MAP["columns"] | columns)  # type: ignore[operator]
    assert problems_of(config) == (problem,)


def test_notes_say_what_was_not_read(tmp_path: Path) -> None:
    data = load(str(flat(tmp_path, "\n".join([HEADER, *ROWS]))))
    assert data.notes == (
        "table.csv: columns that are not read: ms",
        "table.csv ends without a line feed; the last row may be cut",
    )
    assert ("notes", "; ".join(data.notes)) in describe(data)


@pytest.mark.parametrize("given", ["[yes, no]", '["yes", "no"]'])
def test_words_for_accepted_and_rejected(tmp_path: Path, given: str) -> None:
    """Unquoted `yes` and `no` are texts in YAML 1.2."""
    rows = [row.replace(";1;", ";yes;").replace(";-1;", ";no;") for row in ("p;1;x;y;x;3;4;1;9", "p;2;x;y;x;5;4;-1;9")]
    config = flat(tmp_path, "\n".join([HEADER, *rows, ""]).replace(";yes;x", ";1;x"))
    text = yaml.safe_dump({key: value for key, value in MAP.items() if key != "accepted"})
    config.write_text(f"{text}accepted: {given}\n", encoding="utf-8")
    assert load(str(config)).choices.accepted.tolist() == [[True, False]]


def test_hidden_state_needs_a_column_for_every_place(tmp_path: Path) -> None:
    columns = {**MAP["columns"], "valuation": ["ms"]}  # type: ignore[dict-item]
    config = flat(tmp_path, "\n".join([HEADER, *ROWS, ""]), columns=columns)
    assert "columns.valuation: must have one column for each of the 2 offered partners, got 1" in problems_of(config)[0]


def test_one_invalid_cell_in_a_million_rows_is_found(tmp_path: Path) -> None:
    n = 1_000_000
    body = [f"p{i // 1000};{i % 1000 + 1};x;y;x;3;4;1;9" for i in range(n)]
    body[777_776] = body[777_776].replace(";3;4;", ";3;four;")
    found = problems_of(flat(tmp_path, "\n".join([HEADER, *body, ""])))
    assert found == ("table.csv, row 777778, column room: must be an integer from 0 to 8, got 'four'",)


def test_repeated_problems_are_counted(tmp_path: Path) -> None:
    body = [f"p;{t};x;y;x;3;4;maybe;9" for t in range(1, 201)]
    found = problems_of(flat(tmp_path, "\n".join([HEADER, *body, ""])))
    assert len(found) == 21
    assert found[-1] == "table.csv, row 201, column win: is the last of 200 rows with this problem"


def test_a_bet_for_or_against_a_partner(tmp_path: Path) -> None:
    """Names of partners are made of constants and cells."""
    rows = ["id,n,who,bet,won", "1,1,Ann,for,1", "1,2,Bob,against,0", "1,3,Ann,against,1"]
    settings = {
        "kind": "data",
        "file": "bets.csv",
        "offered": ["{who} for", "{who} against"],
        "choice": ["for", "against"],
        "columns": {"participant": "id", "round": "n", "choice": "bet", "accepted": "won"},
    }
    (tmp_path / "bets.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (tmp_path / "bets.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    choices = load(str(tmp_path / "bets.yaml")).choices
    assert choices.offered.tolist() == [[[0, 1], [2, 3], [0, 1]]]
    assert choices.choice.tolist() == [[0, 1, 1]]
    (tmp_path / "bets.csv").write_text("\n".join([*rows, "1,4,,for,1", ""]), encoding="utf-8")
    with pytest.raises(InvalidInputError) as error:
        load(str(tmp_path / "bets.yaml"))
    assert [line.partition(", ")[2] for line in error.value.problems] == ["row 5, column who: is required"] * 2
