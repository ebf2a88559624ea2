"""What `check` shows: numbers of each participant, and what suggests that data were not read as intended."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from accept_reject.experiments.data.describe import by_participant, describe, doubts, parts_of
from accept_reject.experiments.data.load import Data, load

HEADER = "who,session,n,left,right,chosen,won,rt"
COLUMNS = {"participant": "who", "session": "session", "round": "n", "offered": ["left", "right"], "choice": "chosen",
           "accepted": "won", "response_time": "rt"}  # fmt: skip


def read(folder: Path, rows: list[str]) -> Data:
    (folder / "table.csv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    settings = {"kind": "data", "file": "table.csv", "columns": COLUMNS}
    (folder / "table.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return load(str(folder / "table.yaml"))


def test_numbers_of_each_participant(tmp_path: Path) -> None:
    rows = ["a,1,1,x,y,x,1,0.5", "a,1,2,x,y,y,0,0.7", "a,2,1,x,y,,,", "b,1,1,y,x,y,1,0.9"]
    data = read(tmp_path, rows)
    expected = pd.DataFrame(
        {"participant": ["a", "b"], "rounds": [3, 1], "missed": [1, 0], "first_place": [0.5, 1.0],
         "accepted": [0.5, 1.0], "response_time": [0.6, 0.9]}
    )  # fmt: skip
    pd.testing.assert_frame_equal(by_participant(data), expected, check_dtype=False)
    parts = parts_of(data)
    assert parts is not None
    assert parts.to_numpy().tolist() == [["a", "1", 2, 0], ["a", "2", 1, 1], ["b", "1", 1, 0]]
    assert dict(describe(data))["sessions and blocks"] == "1 to 2 for each participant, by session"


GOOD = [f"{who},1,{n},x,y,{'xy'[n % 2]},{n // 2 % 2},0.{n}" for who in "abc" for n in range(1, 9)]
SILENT = [f"d,1,{n},x,y,,," for n in range(1, 9)]


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        (GOOD, None),
        ([row.replace(",0.", ",3") for row in GOOD], "a median of 34 s; if they are milliseconds, write `unit: ms`"),
        ([row.replace(",0,0.", ",1,0.") for row in GOOD], "every choice was accepted; see `accepted`"),
        ([row.replace(",x,y,y,", ",x,y,x,") for row in GOOD], "place 2 was never chosen; see `choice`"),
        ([*GOOD, "d,1,1,x,y,x,1,0.5"], "1 participant with fewer than the usual 8 rounds: d (1)"),
        ([*GOOD, *SILENT], "1 participant without a choice: d"),
        ([*GOOD[:8], *SILENT, *(row.replace("d,", "e,", 1) for row in SILENT)], "most rounds were missed"),
    ],
)
def test_doubts(rows: list[str], doubt: str | None, tmp_path: Path) -> None:
    found = doubts(read(tmp_path, rows))
    assert (found == []) if doubt is None else any(doubt in each for each in found), found


def test_blocks_of_one_round_are_improbable(tmp_path: Path) -> None:
    data = read(tmp_path, [f"a,{n},1,x,y,x,{n % 2},0.5" for n in range(1, 9)])
    assert doubts(data)[-1].startswith("partners are new in each session or block, but these have only a round or two")


def test_no_response_times(tmp_path: Path) -> None:
    data = read(tmp_path, [row[: row.rindex(",") + 1] for row in GOOD])
    assert np.isnan(by_participant(data).response_time).all()
    assert doubts(data) == []
