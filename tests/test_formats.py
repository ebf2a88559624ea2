"""Exports of many programs: each is read as the same choices, without a change of the file, or refused in one line."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from exports import COLUMNS, EXPORTS, ROUNDS, config, plainly_read, rounds, text
from on_disk import equal, problems_of

from accept_reject.agents import make_agent
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.data.import_table import import_table
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.replay import replay


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read(name: str, tmp_path: Path) -> None:
    expected, changes = plainly_read(tmp_path), EXPORTS[name](tmp_path, rounds())
    choices = load(str(config(tmp_path, **changes))).choices
    assert choices.ids == expected.ids
    np.testing.assert_allclose(choices.response_time, expected.response_time)
    assert equal(choices, expected)


@pytest.mark.parametrize(
    ("name", "without", "problem"),
    [
        ("windows", "encoding", "write its encoding into the config, such as `encoding: cp1252`"),
        ("utf_16_without_mark", "encoding", "`encoding: utf-16-le`"),
        ("rounds_with_gaps", "gaps", "if rounds were left out, write `gaps: true`"),
        ("sheet_with_a_title", "sheet", "row 1, column id: is required in the header"),
        ("jspsych_json", "where", "is required"),
    ],
)
def test_what_is_missing_in_the_config_is_said(name: str, without: str, problem: str, tmp_path: Path) -> None:
    changes = {key: value for key, value in EXPORTS[name](tmp_path, rounds()).items() if key != without}
    assert any(problem in line for line in problems_of(config(tmp_path, **changes)))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"encoding": "cp12"}, "encoding: must be an encoding such as utf-8, cp1252 or utf-16, got 'cp12'"),
        ({"wide": "T{round}"}, "wide: must contain {name} and {round}"),
        ({"offered": ["A", "B"]}, "must have columns.offered, or offered if it is always the same, got both"),
        ({"choice": ["f", "j", "k"]}, "choice: must have a cell for each of the 2 places, got 3"),
        ({"restart": "block"}, "restart: needs columns.block"),
        ({"where": {"phase": "test"}}, "column phase: is required by `where`, got id, trial"),
        ({"where": {"id": ["p3"]}}, "column id: must be p3 in some row, as in `where`, got 'p1', 'p2'"),
        ({"file": "none*.csv"}, "none*.csv: there is no such file"),
        (
            {"columns": COLUMNS | {"choice": "chosn"}},
            "column chosn: is required in the header, got id, trial, left, right, "
            "chosen, won, rt; did you mean 'chosen'?",
        ),
        ({"wide": "T{round}_{name}"}, "must match `wide` (T{round}_{name}) in some column"),
    ],
)
def test_problems_of_a_config(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    text(tmp_path, rounds())
    found = problems_of(config(tmp_path, **changes))
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("raw", "ending", "problem"),
    [
        (b"PK\x03\x04rest", ".xlsx", "can't be read as an Excel workbook"),
        (b"\xd0\xcf\x11\xe0", ".xls", "must be a text table, got an old Excel workbook"),
        (b"\x1f\x8bnothing", ".gz", "can't be decompressed"),
        (b'[{"a": 1}, ', ".json", "row 1: must be complete JSON"),
        (b"[1, 2]", ".json", "must be a list of objects, one for each trial"),
        (b"nothing", ".dta", "can't be read as a file of Stata"),
    ],
)
def test_damaged_files_are_refused(raw: bytes, ending: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / f"table{ending}").write_bytes(raw)
    (found,) = problems_of(config(tmp_path, file=f"table{ending}"))
    assert problem in found


@pytest.mark.parametrize(
    ("levels", "restart", "partners"),
    [(("session", "block"), None, 8), (("session",), None, 4), (("session", "block"), "never", 2),
     (("session", "block"), "session", 4)],
)  # fmt: skip
def test_partners_are_new_in_a_session_or_block(
    levels: tuple[str, ...], restart: str | None, partners: int, tmp_path: Path
) -> None:
    """It is the same as with names that contain session and block, and beliefs begin anew."""
    frame = pd.DataFrame(
        [("s", session, block, trial, (trial + block) % 2 + 1, 25 if trial % 3 else -25)
         for session in (1, 2) for block in (1, 2) for trial in range(1, 5)],
        columns=["id", "session", "block", "trial", "chosen", "won"],
    )  # fmt: skip
    if "block" not in levels:
        frame["trial"] += 4 * (frame.pop("block") - 1)
    text(tmp_path, frame)
    columns = {"participant": "id", "round": "trial", "choice": "chosen", "accepted": "won"}
    columns |= {level: level for level in levels}
    settings = {"columns": columns, "offered": [1, 2], "accepted": [25, -25], "restart": restart}
    choices = load(str(config(tmp_path, **settings))).choices
    assert choices.choice.shape == (1, 16)
    assert choices.game.n_partners == partners
    agent = make_agent("delta-outcome", {"rate_outcome": np.array([0.3]), "inverse_temperature": np.array([5.0])})
    log_probability = replay(agent, choices)[0].detach().numpy()
    units = {"never": [], "session": ["session"]}.get(restart or "", list(levels))
    parts = [part for _, part in frame.groupby(units)] if units else [frame]
    by_hand = []
    for part in parts:
        value = np.full(2, 0.5)
        for row in part.itertuples():
            place = row.chosen - 1
            by_hand.append(-np.log1p(np.exp(-5 * (value[place] - value[1 - place]))))
            value[place] += 0.3 * ((row.won == 25) - value[place])
    np.testing.assert_allclose(log_probability, by_hand, atol=1e-10)


def test_hints_on_decimal_commas_and_sessions(tmp_path: Path) -> None:
    frame = rounds()
    text(tmp_path, frame.assign(rt=frame.rt.map(lambda each: str(each).replace(".", ","))), sep=";")
    hint = "got '0,4'; if commas are decimal, write `decimal: \",\"`"
    assert any(hint in line for line in problems_of(config(tmp_path)))
    text(tmp_path, pd.concat([frame.assign(day=1), frame.assign(day=2)]))
    hint = "; if rounds are numbered anew in each session or block, add its column to `columns`"
    assert any(hint in line for line in problems_of(config(tmp_path)))
    assert load(str(config(tmp_path, columns=COLUMNS | {"session": "day"}))).choices.choice.shape == (2, 2 * ROUNDS)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_damaged_export_is_read_or_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut, overwritten or repeated in the middle: nothing but one-line problems, by `import` and by its config."""
    monkeypatch.chdir(tmp_path)
    changes = EXPORTS[name](tmp_path, rounds())
    path = next(each for each in sorted(tmp_path.rglob("*")) if each.is_file())
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for damage in range(6):
        at, length = (int(each) for each in rng.integers(1, len(whole), 2))
        noise = rng.bytes(length % 30)
        overwritten, repeated = whole[:at] + noise + whole[at + len(noise) :], whole[:at] + whole[max(0, at - length) :]
        path.write_bytes((whole[:at], overwritten, repeated)[damage % 3])
        for read in (lambda: load(str(config(tmp_path, **changes))), lambda: import_of(changes)):
            with suppress(InvalidInputError):
                read()


def import_of(changes: dict[str, Any]) -> None:
    Path("guess.yaml").unlink(missing_ok=True)
    import_table(changes.get("file", "table.csv"), Path("guess.yaml"))


def test_nothing_is_left_out_silently(tmp_path: Path) -> None:
    """Rows that are no rounds, participants without a round, cells without a session, columns that are not read."""
    frame = rounds()
    text(tmp_path, pd.concat([frame.assign(phase="game"), frame.assign(phase="practice")]))
    notes = load(str(config(tmp_path, where={"phase": "game"}))).notes
    assert "table.csv: 12 of 24 rows are rounds, by `where`" in notes
    (tmp_path / "table.csv").unlink()
    changes = EXPORTS["wide"](tmp_path, frame)
    table = (tmp_path / "table.csv").read_text("utf-8").splitlines()
    (tmp_path / "table.csv").write_text(
        "\n".join([f"{table[0]},age", *(f"{row},9" for row in table[1:]), "p3" + "," * 31])
    )
    notes = load(str(config(tmp_path, **changes))).notes
    assert "table.csv: 1 row without any round" in notes
    assert "table.csv: columns that are not read: age" in notes
    text(tmp_path, frame.assign(day=[1] * 11 + [""]))
    found = problems_of(config(tmp_path, columns=COLUMNS | {"session": "day"}))
    assert "table.csv, row 13, column day: is required" in found


def test_two_columns_of_one_round_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,T1_chosen,T01_chosen\np,A,B\n")
    found = problems_of(config(tmp_path, wide="T{round}_{name}", columns=COLUMNS | {"round": "round"}))
    assert "table.csv, row 1, column T01_chosen: is of the same round as T1_chosen" in found


def test_names_of_files_and_partners_are_texts(tmp_path: Path) -> None:
    """Dots in names of files, and numbers with zeros in front, stay as they are."""
    for name in ("p.01", "p.02"):
        (tmp_path / f"{name}.csv").write_text("trial,chosen,won\n1,007,1\n2,008,0\n")
    columns = {"participant": "file name", "round": "trial", "choice": "chosen", "accepted": "won"}
    choices = load(str(config(tmp_path, file="p.*.csv", columns=columns, offered=["007", "008"]))).choices
    assert choices.ids == ("p.01", "p.02")
    assert choices.choice.tolist() == [[0, 1], [0, 1]]
