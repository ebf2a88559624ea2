"""Choices on disk: round trips are exact, data sets are valid BIDS, damage is told by file, row and column."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, draw, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.experiments.data.bids import is_simulated, write_dataset
from accept_reject.experiments.data.load import describe, load
from accept_reject.experiments.play import play
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import anchored
from accept_reject.experiments.signatures import stay_effects

GAME = scenario("orthogonal").game.model_copy(update={"rounds": 30})
VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
BEH = "sub-{0}/beh/sub-{0}_task-acceptreject_beh.tsv"


def participants(n: int = 3) -> Choices:
    choices = play(make_agent("bayes-hybrid", {"inverse_temperature": 2}), draw(GAME, 5, n))
    choice, rank, accepted, spots = (getattr(choices, x).copy() for x in ("choice", "rank", "accepted", "spots"))
    choice[1, [4, 9]], rank[1, [4, 9]], accepted[1, [4, 9]], spots[1, [4, 9]] = MISSED, 0, False, UNKNOWN_SPOTS
    times = np.random.default_rng(0).uniform(0.3, 2, choice.shape).round(3)
    return Choices(
        GAME,
        choices.offered,
        choice,
        rank,
        spots,
        accepted,
        choices.valuation,
        choices.acceptance,
        times,
        ("01", "02", "03"),
    )


def same(a: Choices, b: Choices) -> bool:
    for field in fields(Choices):
        x, y = getattr(a, field.name), getattr(b, field.name)
        equal = (
            np.array_equal(x, y, equal_nan=True)
            if isinstance(x, np.ndarray) and x.dtype.kind == "f"
            else np.array_equal(x, y)
            if isinstance(x, np.ndarray)
            else x == y
        )
        if not equal:
            return False
    return True


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "study"
    write_dataset(participants(), folder, "study", "a test")
    return folder


@pytest.fixture
def dataset(pristine: Path, tmp_path: Path) -> Path:
    shutil.copytree(pristine, tmp_path / "study")
    return tmp_path / "study"


def faults_of(path: Path | str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as caught:
        load(str(path), overrides)
    return caught.value.faults


def test_a_data_set_makes_a_round_trip(pristine: Path) -> None:
    data = load(str(pristine))
    assert data.simulated
    assert same(data.choices, participants())


def test_data_sets_of_people_say_nothing_of_simulation(tmp_path: Path) -> None:
    write_dataset(participants(), tmp_path / "people", "people", None)
    assert not is_simulated(tmp_path / "people")
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "people").rglob("*") if path.is_file()]
    assert not any("imulated" in text.replace('"Simulated": false', "") for text in texts)


def validate(folder: Path) -> int:
    return subprocess.run([str(VALIDATOR), str(folder)], capture_output=True, text=True).returncode


def test_bids_validator_accepts_it_and_refuses_damage(dataset: Path) -> None:
    assert validate(dataset) == 0
    (dataset / "dataset_description.json").unlink()
    assert validate(dataset) == 16


def test_bids_validator_refuses_a_stray_file(dataset: Path) -> None:
    shutil.copy(dataset / BEH.format("01"), dataset / "sub-01" / "beh" / "sub-09_task-acceptreject_beh.tsv")
    assert validate(dataset) == 16


def edit(row: int, column: str, value: str) -> Callable[[str], str]:
    """Change a cell; rows as an editor counts them."""

    def change(text: str) -> str:
        lines = [line.split("\t") for line in text.splitlines()]
        lines[row - 1][lines[0].index(column)] = value
        return "\n".join("\t".join(line) for line in lines) + "\n"

    return change


def drop_column(column: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        lines = [line.split("\t") for line in text.splitlines()]
        at = lines[0].index(column)
        return "\n".join("\t".join(line[:at] + line[at + 1 :]) for line in lines) + "\n"

    return change


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "\n".join(change(text.splitlines())) + "\n"


def first_row(choices: Choices, which: Callable[[int], bool]) -> int:
    return next(t + 2 for t in range(30) if which(t))


C = participants()
SHOWN = first_row(C, lambda t: C.rank[0, t] > 0 and C.choice[0, t] >= 0)
HIDDEN = first_row(C, lambda t: C.rank[0, t] == 0 and C.choice[0, t] >= 0)
WIN = first_row(C, lambda t: C.rank[0, t] > 0 and bool(C.accepted[0, t]))


@pytest.mark.parametrize(
    ("change", "row", "column", "fault"),
    [
        (edit(3, "round", "1"), 3, "round", "is round 1 of '01' again; the first is row 2"),
        (edit(3, "round", "x"), 3, "round", "a whole number from 1 to 30, but is 'x'"),
        (edit(3, "round", "2.5"), 3, "round", "a whole number"),
        (edit(3, "round", "n/a"), 3, "round", "is missing"),
        (edit(31, "round", "31"), 31, "round", "from 1 to 30, but is '31'"),
        (edit(3, "round", "0"), 3, "round", "from 1 to 30"),
        (lines(lambda x: x[:5] + x[6:]), None, "round", "'01' has no round 5"),
        (lines(lambda x: [*x, x[7]]), 32, "round", "is round 7 of '01' again; the first is row 8"),
        (edit(4, "offered_1", "Z"), 4, "offered_1", "a partner of the game (A to H), but is 'Z'"),
        (edit(4, "offered_2", "n/a"), 4, "offered_2", "is missing"),
        (edit(4, "choice", "Q"), 4, "choice", "should be one of those offered"),
        (edit(SHOWN, "rank", "9"), SHOWN, "rank", "a whole number from 1 to 8, but is '9'"),
        (edit(SHOWN, "rank", "0"), SHOWN, "rank", "from 1 to 8"),
        (edit(SHOWN, "rank", "two"), SHOWN, "rank", "but is 'two'"),
        (edit(SHOWN, "rank", "3.5"), SHOWN, "rank", "whole"),
        (edit(SHOWN, "rank", "inf"), SHOWN, "rank", "from 1 to 8"),
        (edit(SHOWN, "rank", ""), SHOWN, "rank", "but is ''"),
        (edit(SHOWN, "spots", "9"), SHOWN, "spots", "a whole number from 0 to 8"),
        (edit(SHOWN, "spots", "-1"), SHOWN, "spots", "from 0 to 8"),
        (edit(HIDDEN, "spots", "3"), HIDDEN, "spots", "given although the rank is not"),
        (edit(WIN, "accepted", "0"), WIN, "accepted", "spots is an acceptance"),
        (edit(WIN, "spots", "0"), WIN, "accepted", "with 0 spots is a rejection"),
        (edit(4, "accepted", "yes"), 4, "accepted", "from 0 to 1, but is 'yes'"),
        (edit(4, "accepted", "2"), 4, "accepted", "from 0 to 1"),
        (edit(4, "accepted", "n/a"), 4, "accepted", "is missing although a partner was asked"),
        (edit(4, "choice", "n/a"), 4, "accepted", "is given although nobody was asked"),
        (edit(SHOWN, "choice", "n/a"), SHOWN, "rank", "is given although nobody was asked"),
        (edit(4, "response_time", "-0.2"), 4, "response_time", "a number from 0"),
        (edit(4, "response_time", "fast"), 4, "response_time", "a number from 0, but is 'fast'"),
        (edit(4, "valuation_1", "1.2"), 4, "valuation_1", "a number from 0 to 1"),
        (edit(4, "valuation_2", "n/a"), 4, "valuation_2", "is missing"),
        (edit(4, "acceptance_1", "?"), 4, "acceptance_1", "a number from 0 to 1"),
        (drop_column("choice"), 1, "choice", "the column is missing"),
        (drop_column("round"), 1, "round", "the column is missing"),
        (lines(lambda x: [x[0].replace("rank", "spots"), *x[1:]]), 1, "spots", "stands twice in the header"),
        (lines(lambda x: [*x[:10], x[10][:8]]), 11, None, "cells where the header has"),
        (lines(lambda x: [*x[:10], x[10] + "\t7", *x[11:]]), 11, None, "cells where the header has"),
        (lines(lambda x: [*x[:10], "", *x[10:]]), 11, None, "is empty"),
        (lines(lambda x: x[:1]), None, None, "has a header and no rows"),
        (lambda text: "", None, None, "is empty"),
        (lambda text: text.replace("\t", ","), 1, "round", "the column is missing"),
        (lambda text: text[:200] + "\0" + text[200:], None, None, "NUL"),
    ],
)
def test_a_damaged_table_is_refused(
    dataset: Path, change: Callable[[str], str], row: int | None, column: str | None, fault: str
) -> None:
    file = dataset / BEH.format("01")
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    where = BEH.format("01") + (f", row {row}" if row else "") + (f", column {column}" if column else "")
    found = faults_of(dataset)
    assert any(line.startswith(where) and fault in line for line in found), found


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda d: (d / "participants.tsv").unlink(), "participants.tsv: can't be read"),
        (
            lambda d: shutil.rmtree(d / "sub-02"),
            "participants.tsv, row 3, column participant_id: 'sub-02' is listed, but has no folder",
        ),
        (lambda d: shutil.copytree(d / "sub-02", d / "sub-07"), "sub-07: is not listed in participants.tsv"),
        (lambda d: (d / BEH.format("02")).unlink(), BEH.format("02") + ": can't be read"),
        (
            lambda d: (d / BEH.format("02")).write_bytes("round\tö".encode("latin-1")),
            BEH.format("02") + ", row 1: is not UTF-8",
        ),
        (
            lambda d: (d / "task-acceptreject_beh.json").write_text("{"),
            "task-acceptreject_beh.json, row 1: is not JSON",
        ),
        (lambda d: (d / "task-acceptreject_beh.json").unlink(), "task-acceptreject_beh.json: can't be read"),
        (
            lambda d: (d / "dataset_description.json").write_text("[]"),
            "dataset_description.json: should hold an object",
        ),
        (
            lambda d: (d / "participants.tsv").write_text((d / "participants.tsv").read_text() + "sub-03\t1\n"),
            "participants.tsv, row 5, column participant_id: 'sub-03' is listed again",
        ),
        (
            lambda d: (d / "participants.tsv").write_text("id\nsub-01\n"),
            "participants.tsv, row 1, column participant_id: the column is missing",
        ),
        (lambda d: [shutil.rmtree(x) for x in d.glob("sub-*")], "holds no participants' folders"),
        (
            lambda d: (d / "task-acceptreject_beh.json").write_text(
                (d / "task-acceptreject_beh.json").read_text().replace('"rounds": 30', '"rounds": 0')
            ),
            "task-acceptreject_beh.json: Game.rounds: should be greater than or equal to 1",
        ),
    ],
)
def test_a_damaged_data_set_is_refused(dataset: Path, damage: Callable[[Path], Any], fault: str) -> None:
    damage(dataset)
    assert any(fault in line for line in faults_of(dataset)), faults_of(dataset)


def test_faults_of_many_files_come_together(dataset: Path) -> None:
    for label, change in (
        ("01", edit(3, "round", "x")),
        ("02", edit(7, "accepted", "5")),
        ("03", drop_column("choice")),
    ):
        file = dataset / BEH.format(label)
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert len(faults_of(dataset)) == 3


def test_nothing_of_anybody_elses_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InvalidInputError, match="left as it is"):
        write_dataset(participants(), tmp_path / "mine", "study", None)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    write_dataset(participants(), tmp_path / "new", "study", None)
    before = (tmp_path / "new" / BEH.format("01")).read_bytes()
    write_dataset(participants(), tmp_path / "new", "study", None)
    assert (tmp_path / "new" / BEH.format("01")).read_bytes() == before


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


def test_hidden_columns_come_for_every_place(tmp_path: Path, dataset: Path) -> None:
    columns = {**MAP["columns"], "valuation": ["ms"]}  # type: ignore[dict-item]
    config = flat(tmp_path, "\n".join([HEADER, *ROWS, ""]), columns=columns)
    assert "columns.valuation: should name a column for each of the 2 offered partners" in faults_of(config)[0]
    for label in ("01", "02", "03"):
        file = dataset / BEH.format(label)
        file.write_text(drop_column("acceptance_2")(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert any("column acceptance_2: the column is missing" in line for line in faults_of(dataset))


def test_data_sets_of_other_hands(dataset: Path) -> None:
    description = dataset / "dataset_description.json"
    description.write_bytes(b"\xef\xbb\xbf" + description.read_bytes().replace(b"true", b'"false"'))
    sidecar = dataset / "task-acceptreject_beh.json"
    content = json.loads(sidecar.read_text(encoding="utf-8"))
    del content["Game"]
    sidecar.write_text(json.dumps({**content, "Ranks": 12}), encoding="utf-8")
    for label in ("01", "02", "03"):
        file = dataset / BEH.format(label)
        rows = file.read_text(encoding="utf-8").splitlines()
        file.write_text(
            "\n".join(f"{row}\t{i}" if i else row + "\trow" for i, row in enumerate(rows)) + "\n", encoding="utf-8"
        )
    data = load(str(dataset))
    assert not data.simulated
    assert data.choices.game.ranks == 12
    assert "takes no changes such as 'ranks=3'" in faults_of(dataset, "ranks=3")[0]


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


def test_simulate_check_and_signatures_on_the_command_line(tmp_path: Path) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "accept_reject.experiments.cli", *arguments]
        return subprocess.run(program, capture_output=True, text=True, cwd=tmp_path)

    made = command("simulate", "population_babur2024", "participants=5", "--out", "study")
    assert made.returncode == 0, made.stderr
    assert json.loads((tmp_path / "study" / "dataset_description.json").read_text())["Simulated"] is True
    checked = command("check", "study")
    assert "5 (simulated)" in checked.stdout
    assert "outcome" in command("signatures", "study").stdout
    (tmp_path / "study" / BEH.format("002")).write_text("nonsense")
    broken = command("check", "study")
    assert broken.returncode == 2
    assert "Traceback" not in broken.stderr
    assert BEH.format("002") in broken.stderr
