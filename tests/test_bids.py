"""BIDS data sets: round trips are exact, the validator accepts them, damage is told by file, row and column."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from on_disk import faults_of, same

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, draw, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.experiments.data.bids import is_simulated, write_dataset
from accept_reject.experiments.data.load import load
from accept_reject.experiments.play import play

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


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "study"
    write_dataset(participants(), folder, "study", "a test")
    return folder


@pytest.fixture
def dataset(pristine: Path, tmp_path: Path) -> Path:
    shutil.copytree(pristine, tmp_path / "study")
    return tmp_path / "study"


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


def test_hidden_columns_come_for_every_place(dataset: Path) -> None:
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
