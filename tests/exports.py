"""Exports of many programs, all of the same choices."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from accept_reject.envs.choices import Choices
from accept_reject.experiments.data.load import load

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


def plainly_read(folder: Path) -> Choices:
    """The choices of all exports, from a table that needs no settings."""
    (folder / "plain").mkdir()
    rounds().to_csv(folder / "plain" / "table.csv", index=False, encoding="utf-8")
    return load(str(config(folder / "plain"))).choices


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


@export
def old_line_ends(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    (folder / "table.csv").write_bytes(frame.to_csv(index=False).replace("\n", "\r").encode())
    return {}


@export
def booleans_in_a_workbook(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    outcomes = frame.won.map({1: True, 0: False, "": None})
    frame.assign(won=outcomes, rt=pd.to_numeric(frame.rt)).to_excel(folder / "table.xlsx", index=False)
    return {"file": "table.xlsx", "accepted": [True, False]}


@export
def quoted_cells_with_line_feeds(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame.assign(comment='said "no",\nand left'), quoting=1)
    return {}


@export
def empty_rows_at_the_end(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    text(folder, frame, sep="\t")
    with (folder / "table.csv").open("a") as table:
        table.write("\t\t\t\t\t\t\n\t\t\t\t\t\t\n\n")
    return {}
