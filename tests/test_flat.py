"""Flat tables through a column map: read as meant, whatever exported them, or refused by their own names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from on_disk import faults_of, same

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.data.load import describe, load
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import anchored
from accept_reject.experiments.signatures import stay_effects

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
def test_a_flat_table_is_read_through_its_map(tmp_path: Path, end: str, mark: str, delimiter: str) -> None:
    text = mark + end.join([HEADER, *ROWS, ""]).replace(";", delimiter)
    choices = load(str(flat(tmp_path, text))).choices
    assert choices.ids == ("ann", "bob")
    assert choices.choice.tolist() == [[0, 0, MISSED], [1, 0, MISSED]]
    assert choices.rank.tolist() == [[3, 0, 0], [8, 1, 0]]
    assert choices.spots[0].tolist() == [4, UNKNOWN_SPOTS, UNKNOWN_SPOTS]
    assert choices.accepted.tolist() == [[True, False, False], [False, True, False]]
    assert choices.offered[0].tolist() == [[0, 1], [1, 2], [2, 0]]
    assert choices.valuation is None
    assert np.isnan(anchored(choices, "valuing").score)
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
    assert np.isnan(stay_effects(choices).estimate).all()
    shown = dict(describe(load(str(config))))
    assert shown["ranks shown"].startswith("0.0%")
    assert shown["hidden valuations"] == "not known"


@pytest.mark.parametrize(
    ("rows", "where", "fault"),
    [
        (["ann;1;x;y;w;3;4;1;2"], "row 2, column asked", "should be one of those offered (x, y), but is 'w'"),
        (["ann;1;x;y;x;3;4;0;2"], "row 2, column win", "should be 1 (accepted) or -1 (rejected), but is '0'"),
        (["ann;1;x;x;x;3;4;1;2"], "row 2, column right", "offers 'x' twice"),
        ([";1;x;y;x;3;4;1;2"], "row 2, column subj", "is missing"),
        (["ann;1;x;y;x;5;4;1;2"], "row 2, column win", "rank 5 with 4 spots is a rejection"),
        (["ann;1;x;y;x;3;4;1;2", "ann;1;x;y;x;3;4;1;2"], "row 3, column trial", "again; the first is row 2"),
        (["ann;2;x;y;x;3;4;1;2"], "column trial", "'ann' has no round 1"),
        (["ann;1;x;y;x;3;4;1"], "row 2", "has 8 cells where the header has 9"),
        (['ann;1;x;y;"x;3;4;1;2'], "", "no well-formed table"),
    ],
)
def test_a_damaged_flat_table_is_refused_by_its_own_names(
    tmp_path: Path, rows: list[str], where: str, fault: str
) -> None:
    found = faults_of(flat(tmp_path, "\n".join([HEADER, *rows, ""])))
    assert any(line.startswith("table.csv") and where in line and fault in line for line in found), found


def test_faulty_maps_are_refused(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *ROWS, ""])
    columns: dict[str, Any] = {**MAP["columns"], "rank": "rnk"}  # type: ignore[dict-item]
    assert (
        "table.csv, row 1, column rnk: the column is missing (the table has subj"
        in faults_of(flat(tmp_path, text, columns=columns))[0]
    )
    assert any("columns.colour: unknown key" in line for line in faults_of(flat(tmp_path, text), "columns.colour=x"))
    assert faults_of(flat(tmp_path, text), "file=none.csv") == ("none.csv: can't be read: No such file or directory",)
    assert "does not exist" in faults_of(tmp_path / "nowhere")[0]
    assert "neither a folder nor a config" in faults_of(tmp_path / "table.csv")[0]


def test_a_game_that_is_told_is_checked(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *ROWS, ""])
    game = {"scenario": "orthogonal", "game": {"rounds": 2}}
    assert any(
        "row 4, column trial: should be a whole number from 1 to 2" in line
        for line in faults_of(flat(tmp_path, text, game=game))
    )
    known = load(str(flat(tmp_path, text, game="orthogonal"))).choices
    assert known.game == scenario("orthogonal").game
    assert known.choice.shape == (2, 144)


def test_missed_rounds_count_wherever_they_are(tmp_path: Path) -> None:
    body = [f"ann;{t};x;y;{'x' if t < 5 else ''};;;{1 if t < 5 else ''};9" for t in range(1, 9)]
    body += [f"bob;{t};x;y;;;;;" for t in range(1, 4)]
    data = load(str(flat(tmp_path, "\n".join([HEADER, *body, ""]))))
    shown = dict(describe(data))
    assert shown["rounds"] == "3 to 8 each, 11 in all"
    assert shown["missed"] == "7 (63.6%)"
    write_dataset(data.choices, tmp_path / "bids", "again", None)
    again = load(str(tmp_path / "bids"))
    assert dict(describe(again)) == shown
    assert same(again.choices, data.choices)
    likelihood = replay(make_agent("bayes-hybrid"), data.choices)
    assert (likelihood[1] == 0).all()


def test_partners_are_numbered_as_they_were_offered_however_rows_are_sorted(tmp_path: Path) -> None:
    forward = load(str(flat(tmp_path, "\n".join([HEADER, *ROWS, ""])))).choices
    backward = load(str(flat(tmp_path, "\n".join([HEADER, *ROWS[2::-1], *ROWS[:2:-1], ""])))).choices
    assert same(forward, backward)


def test_what_exports_look_like(tmp_path: Path) -> None:
    columns = {**MAP["columns"], "response_time": "ms"}  # type: ignore[dict-item]
    text = HEADER + ";row;file\n007;1;4;7;7.0;3;4;1;0,25;a;b\n007;2;4;9;;;;;;c;d\n"
    choices = load(str(flat(tmp_path, text, columns=columns, decimal=","))).choices
    assert choices.ids == ("007",)
    assert choices.choice.tolist() == [[1, MISSED]]
    assert choices.response_time is not None
    assert choices.response_time[0, 0] == 0.25
    named = "\n".join([HEADER, "s;1;01;1;01;3;4;1;9", ""])
    assert load(str(flat(tmp_path, named))).choices.choice.tolist() == [[0]], "01 and 1 are two names"
    empty = HEADER + "\ns;1;x;y;x;3;4;1;\n"
    assert dict(describe(load(str(flat(tmp_path, empty, columns=columns)))))["response times"] == "none"


def test_faults_that_are_everywhere_are_told_in_short(tmp_path: Path) -> None:
    blank = HEADER + "\n\n" + "\n\n".join(f"p;{t};x;y;x;3;4;1;9" for t in range(1, 200)) + "\n"
    assert len(faults_of(flat(tmp_path, blank))) == 51
    huge = [f"p;{20260000 + t};x;y;x;3;4;1;9" for t in range(1, 4)]
    (fault,) = faults_of(flat(tmp_path, "\n".join([HEADER, *huge, ""])))
    assert "'p' has no round 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 20,259,990 more" in fault


def test_hidden_columns_come_for_every_place(tmp_path: Path) -> None:
    columns = {**MAP["columns"], "valuation": ["ms"]}  # type: ignore[dict-item]
    config = flat(tmp_path, "\n".join([HEADER, *ROWS, ""]), columns=columns)
    assert "columns.valuation: should name a column for each of the 2 offered partners" in faults_of(config)[0]


def test_one_bad_cell_in_a_million_rows_is_found(tmp_path: Path) -> None:
    n = 1_000_000
    body = [f"p{i // 1000};{i % 1000 + 1};x;y;x;3;4;1;9" for i in range(n)]
    body[777_776] = body[777_776].replace(";3;4;", ";3;four;")
    found = faults_of(flat(tmp_path, "\n".join([HEADER, *body, ""])))
    assert found == ("table.csv, row 777778, column room: should be a whole number from 0 to 8, but is 'four'",)


def test_many_faults_of_a_sort_are_counted(tmp_path: Path) -> None:
    body = [f"p;{t};x;y;x;3;4;maybe;9" for t in range(1, 201)]
    found = faults_of(flat(tmp_path, "\n".join([HEADER, *body, ""])))
    assert len(found) == 51
    assert found[-1] == "column win: 150 more rows with a fault of this sort, the last being row 201 of table.csv"
