"""Exports of many programs: each is read as the same choices, without a change of the file, or refused in one line."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from on_disk import equal, problems_of

from accept_reject.agents import make_agent
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.data.import_table import import_table
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.replay import replay

ROUNDS = 6
COLUMNS = {
    "participant": "id", "round": "trial", "offered": ["left", "right"], "choice": "chosen", "accepted": "won",
    "response_time": "rt",
}  # fmt: skip


def rounds() -> pd.DataFrame:
    """Two participants with six rounds, one of them missed."""
    rng = np.random.default_rng(4)
    rows = []
    for who in ("p1", "p2"):
        for trial in range(1, ROUNDS + 1):
            left, right = rng.choice(["Ä", "B", "C"], 2, replace=False).tolist()
            missed = (who, trial) == ("p2", 3)
            chosen, won, rt = [left, right][trial % 2], int(rng.integers(2)), round(0.3 + 0.1 * trial, 3)
            rows.append(
                [who, trial, left, right, "" if missed else chosen, "" if missed else won, "" if missed else rt]
            )
    return pd.DataFrame(rows, columns=["id", "trial", "left", "right", "chosen", "won", "rt"], dtype=object)


def config(folder: Path, **changes: Any) -> Path:
    path = folder / "data.yaml"
    settings = {"kind": "data", "file": "table.csv", "columns": COLUMNS, **changes}
    path.write_text(yaml.safe_dump({key: value for key, value in settings.items() if value is not None}), "utf-8")
    return path


@pytest.fixture
def expected(tmp_path: Path) -> Any:
    folder = tmp_path / "expected"
    folder.mkdir()
    rounds().to_csv(folder / "table.csv", index=False, encoding="utf-8")
    return load(str(config(folder))).choices


Export = Callable[[Path, pd.DataFrame], dict[str, Any]]
"""Writes a file, and returns what must be in the config."""

EXPORTS: dict[str, Export] = {}


def export(write: Export) -> Export:
    EXPORTS[write.__name__] = write
    return write


def text(folder: Path, frame: pd.DataFrame, encoding: str = "utf-8", before: str = "", **options: Any) -> None:
    (folder / "table.csv").write_bytes((before + frame.to_csv(index=False, **options)).encode(encoding))


@export
def windows(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame, "cp1252", sep=";")
    return {"encoding": "cp1252"}


@export
def utf_16(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame, "utf-16", sep="\t")
    return {}


@export
def utf_16_without_mark(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame, "utf-16-le")
    return {"encoding": "utf-16-le"}


@export
def german_spreadsheet(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    frame = frame.assign(rt=frame.rt.map(lambda each: str(each).replace(".", ",")))
    text(folder, frame, "utf-8-sig", "sep=;\n", sep=";")
    return {"decimal": ","}


@export
def other_delimiter(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame, sep="|")
    return {"delimiter": "|"}


@export
def compressed(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    (folder / "table.csv.gz").write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    return {"file": "table.csv.gz"}


@export
def commented(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    lines = frame.to_csv(index=False).splitlines(keepends=True)
    (folder / "table.csv").write_text("# made by a program\n" + lines[0] + "# next\n" + "".join(lines[1:]), "utf-8")
    return {"comment": "#"}


@export
def qualtrics(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    """Two rows below the header say what the questions were."""
    lines = frame.to_csv(index=False).splitlines(keepends=True)
    questions = ",".join(f'"What is {name}?"' for name in frame) + "\n"
    ids = ",".join(f'"{{""ImportId"":""QID{i}""}}"' for i in range(len(frame.columns))) + "\n"
    (folder / "table.csv").write_text(lines[0] + questions + ids + "".join(lines[1:]), "utf-8")
    return {"skip_rows": [2, 3]}


@export
def lines_above_the_header(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame, before="Study 4\n\nexported on Monday\n")
    return {"skip_rows": 3}


@export
def workbook(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    frame.to_excel(folder / "table.xlsx", index=False)
    return {"file": "table.xlsx"}


@export
def sheet_with_a_title(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    with pd.ExcelWriter(folder / "table.xlsx") as workbook:
        pd.DataFrame([["nothing"]]).to_excel(workbook, sheet_name="about", index=False)
        frame.to_excel(workbook, sheet_name="rounds", index=False, startrow=2, startcol=1)
    return {"file": "table.xlsx", "sheet": "rounds"}


def trials(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """As jsPsych collects them: other trials between rounds, objects in objects, null where there is nothing."""
    found: list[dict[str, Any]] = [{"trial_type": "instructions", "rt": 900, "view_history": [1, 2]}]
    for row in frame.itertuples():
        found.append({"trial_type": "fixation", "rt": None})
        response = {"chosen": row.chosen or None, "won": None if row.won == "" else row.won == 1}
        found.append({"trial_type": "round", "id": row.id, "trial": row.trial, "left": row.left, "right": row.right,
                      "rt": None if row.rt == "" else 1000 * row.rt, "response": response})  # fmt: skip
    return found


JSPSYCH = {
    "columns": COLUMNS | {"choice": "response.chosen", "accepted": "response.won"},
    "where": {"trial_type": "round"},
    "accepted": [True, False],
    "unit": "ms",
}


@export
def jspsych_json(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    (folder / "table.json").write_text(json.dumps(trials(frame)), "utf-8")
    return {"file": "table.json", **JSPSYCH}


@export
def jatos_text(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    parts = [json.dumps(trials(part)) for _, part in frame.groupby("id")]
    (folder / "results.txt").write_text("\n".join([*parts, ""]), "utf-8")
    return {"file": "results.txt", **JSPSYCH}


@export
def jspsych_csv(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    pd.json_normalize(trials(frame)).to_csv(folder / "table.csv", index=False)
    return JSPSYCH


@export
def a_file_for_each_participant(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    for name, part in frame.groupby("id"):
        part.drop(columns="id").to_csv(folder / f"{name}.csv", index=False)
    return {"file": "p*.csv", "columns": COLUMNS | {"participant": "file name"}}


@export
def bids_events(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    for name, part in frame.groupby("id"):
        func = folder / f"sub-{name}" / "func"
        func.mkdir(parents=True)
        events = (
            part.drop(columns=["id", "trial"]).replace("", "n/a").assign(onset=1.0, duration=2.0, trial_type="offer")
        )
        more = events.assign(trial_type="feedback")
        path = func / f"sub-{name}_task-game_events.tsv"
        pd.concat([events, more]).to_csv(path, sep="\t", index=False)
    columns = COLUMNS | {"participant": "sub", "round": "order of rows"}
    return {"file": "sub-*/func/*_events.tsv", "columns": columns, "where": {"trial_type": "offer"}}


@export
def wide(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    table = frame.pivot(index="id", columns="trial", values=["left", "right", "chosen", "won", "rt"])
    table.columns = [f"T{trial}_{name}" for name, trial in table.columns]
    table.reset_index().to_csv(folder / "table.csv", index=False)
    return {"wide": "T{round}_{name}", "columns": COLUMNS | {"round": "round"}}


@export
def stata(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    numbers = frame.assign(**{name: pd.to_numeric(frame[name]) for name in ("trial", "won", "rt")})
    numbers.to_stata(folder / "table.dta", write_index=False, version=118)
    return {"file": "table.dta"}


@export
def spss(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    pyreadstat = pytest.importorskip("pyreadstat")
    numbers = frame.assign(**{name: pd.to_numeric(frame[name]) for name in ("trial", "won", "rt")})
    pyreadstat.write_sav(numbers, str(folder / "table.sav"))
    return {"file": "table.sav"}


@export
def milliseconds(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.assign(rt=frame.rt.map(lambda each: each if each == "" else round(1000 * each))))
    return {"unit": "ms"}


@export
def rounds_from_zero(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.assign(trial=frame.trial - 1))
    return {}


@export
def rounds_from_any_number(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.assign(trial=frame.trial + 100))
    return {}


@export
def rounds_with_gaps(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.assign(trial=3 * frame.trial))
    return {"gaps": True}


@export
def rounds_as_rows(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.drop(columns="trial"))
    return {"columns": COLUMNS | {"round": "order of rows"}}


@export
def choice_by_key(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    keys = ["" if row.chosen == "" else "f" if row.chosen == row.left else "j" for row in frame.itertuples()]
    text(folder, frame.assign(chosen=keys))
    return {"choice": ["f", "j"]}


@export
def choice_by_place(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    places = ["NA" if row.chosen == "" else 1 + (row.chosen == row.right) for row in frame.itertuples()]
    text(folder, frame.assign(chosen=places))
    return {"choice": "place from 1"}


@export
def coded_as_missing(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.replace("", -99).assign(won=frame.won.map({1: 25, 0: -25, "": -99})))
    return {"missing": [-99], "accepted": [25, -25]}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read(name: str, tmp_path: Path, expected: Any) -> None:
    changes = EXPORTS[name](tmp_path, rounds())
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


UNGUESSABLE = {
    "bids_events": "which rows are offers is up to the person: all have an offer",
    "other_delimiter": "not a usual delimiter",
}
"""Exports whose configs a person must complete."""


@pytest.mark.parametrize("name", [name for name in EXPORTS if name not in UNGUESSABLE])
def test_an_export_is_imported(name: str, tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config that `import` writes reads it as a config by hand does."""
    frame = rounds()
    changes = EXPORTS[name](tmp_path, frame)
    monkeypatch.chdir(tmp_path)
    imported = import_table(changes.get("file", "table.csv"), Path("guess.yaml"))
    assert imported.problems == ()
    choices = load("guess.yaml").choices
    assert equal(choices, expected)
    np.testing.assert_allclose(choices.response_time, expected.response_time)


def test_what_import_is_unsure_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A German export with semicolons and decimal commas; what it can't know, it asks."""
    monkeypatch.chdir(tmp_path)
    words = ("rechts", "links"), ("kreuz", "kreis")
    rows = [
        f"VP{who};{day};{trial};{words[0][(trial + who) % 2]};{words[1][trial % 3 > 0]};0,{trial}5"
        for who in (1, 2)
        for day in (1, 2)
        for trial in range(1, 5)
    ]
    (tmp_path / "export.csv").write_text(
        "\n".join(["Versuchsperson;Sitzung;Durchgang;Wahl;Ergebnis;RT_s", *rows, ""]), "cp1252"
    )
    imported = import_table("export.csv", None)
    assert imported.problems == ()
    assert imported.found.unsure == [
        "offered: are links and rechts on offer in each round?",
        "accepted: does kreis mean accepted, and kreuz rejected?",
    ]
    lines = (tmp_path / "export.yaml").read_text().splitlines()
    assert "# Please check: offered: are links and rechts on offer in each round?" in lines
    assert "decimal: ','" in lines
    data = load("export.yaml")
    assert data.choices.choice.shape == (2, 8)
    assert data.choices.game.n_partners == 4
    assert data.choices.response_time is not None
    assert data.choices.response_time[0, 1] == 0.25
    with pytest.raises(InvalidInputError, match="exists; give another name with --out"):
        import_table("export.csv", None)


def test_what_import_does_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("city,temperature\nRome,21.5\nOslo,7.25\nRome,22.5\n")
    imported = import_table("other.csv", None)
    assert [each.partition(":")[0] for each in imported.problems] == ["participant", "choice", "offered", "accepted"]
    assert "# Not found: choice: add `choice: COLUMN` under `columns`" in (tmp_path / "other.yaml").read_text()
    assert any("columns.participant: is required" in line for line in problems_of("other.yaml"))


def test_hints_on_decimal_commas_and_sessions(tmp_path: Path) -> None:
    frame = rounds()
    text(tmp_path, frame.assign(rt=frame.rt.map(lambda each: str(each).replace(".", ","))), sep=";")
    hint = "got '0,4'; if commas are decimal, write `decimal: \",\"`"
    assert any(hint in line for line in problems_of(config(tmp_path)))
    text(tmp_path, pd.concat([frame.assign(day=1), frame.assign(day=2)]))
    hint = "; if rounds are numbered anew in each session or block, add its column to `columns`"
    assert any(hint in line for line in problems_of(config(tmp_path)))
    assert load(str(config(tmp_path, columns=COLUMNS | {"session": "day"}))).choices.choice.shape == (2, 2 * ROUNDS)
