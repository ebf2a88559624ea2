"""BIDS data sets: exact round trips, the official validator, and errors with file, row and column."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import accept_reject
from on_disk import equal, problems_of

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, draw, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.experiments.data.bids import is_simulated, write_dataset
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.play import play

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


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "study"
    write_dataset(participants(), folder, "study", "a test")
    return folder


@pytest.fixture
def dataset(pristine: Path, tmp_path: Path) -> Path:
    shutil.copytree(pristine, tmp_path / "study")
    return tmp_path / "study"


def test_round_trip_is_exact(pristine: Path) -> None:
    data = load(str(pristine))
    assert data.simulated
    assert equal(data.choices, participants())


def test_data_sets_of_people_are_not_marked_as_simulated(tmp_path: Path) -> None:
    write_dataset(participants(), tmp_path / "people", "people", None)
    assert not is_simulated(tmp_path / "people")
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "people").rglob("*") if path.is_file()]
    assert not any("imulated" in text.replace('"Simulated": false', "") for text in texts)


def validate(folder: Path) -> int:
    return subprocess.run([str(VALIDATOR), str(folder)], capture_output=True, text=True).returncode


def test_bids_validator_accepts_valid_data_sets_only(dataset: Path) -> None:
    assert validate(dataset) == 0
    (dataset / "dataset_description.json").unlink()
    assert validate(dataset) == 16


def test_bids_validator_rejects_a_misplaced_file(dataset: Path) -> None:
    shutil.copy(dataset / BEH.format("01"), dataset / "sub-01" / "beh" / "sub-09_task-acceptreject_beh.tsv")
    assert validate(dataset) == 16


def edit(row: int, column: str, value: str) -> Callable[[str], str]:
    """Change a cell; rows are numbered as in an editor."""

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
    ("change", "row", "column", "problem"),
    [
        (edit(3, "round", "1"), 3, "round", "unique, got round 1 of '01' as in row 2"),
        (edit(3, "round", "x"), 3, "round", "an integer from 1 to 30, got 'x'"),
        (edit(3, "round", "2.5"), 3, "round", "an integer"),
        (edit(3, "round", "n/a"), 3, "round", "is required"),
        (edit(31, "round", "31"), 31, "round", "from 1 to 30, got '31'"),
        (edit(3, "round", "0"), 3, "round", "rounds are counted from 1, got 0 in 1 row"),
        (
            lines(lambda x: x[:5] + x[6:]),
            None,
            "round",
            "'01' must have all rounds from 1 to the last one, got none for 5; a missed round needs a row",
        ),
        (lines(lambda x: [*x, x[7]]), 32, "round", "unique, got round 7 of '01' as in row 8"),
        (edit(4, "offered_1", "Z"), 4, "offered_1", "a partner of the game (A to H), got 'Z'"),
        (edit(4, "offered_2", "n/a"), 4, "offered_2", "is required"),
        (edit(4, "choice", "Q"), 4, "choice", "one of the offered partners"),
        (edit(SHOWN, "rank", "9"), SHOWN, "rank", "an integer from 1 to 8, got '9'"),
        (edit(SHOWN, "rank", "0"), SHOWN, "rank", "from 1 to 8"),
        (edit(SHOWN, "rank", "two"), SHOWN, "rank", "got 'two'"),
        (edit(SHOWN, "rank", "3.5"), SHOWN, "rank", "an integer"),
        (edit(SHOWN, "rank", "inf"), SHOWN, "rank", "from 1 to 8"),
        (edit(SHOWN, "rank", ""), SHOWN, "rank", "got ''"),
        (edit(SHOWN, "spots", "9"), SHOWN, "spots", "an integer from 0 to 8"),
        (edit(SHOWN, "spots", "-1"), SHOWN, "spots", "from 0 to 8"),
        (edit(HIDDEN, "spots", "3"), HIDDEN, "spots", "only valid with a rank"),
        (edit(WIN, "accepted", "0"), WIN, "accepted", "must be an acceptance for rank"),
        (edit(WIN, "spots", "0"), WIN, "accepted", "with 0 spots, got an acceptance"),
        (edit(4, "accepted", "yes"), 4, "accepted", "from 0 to 1, got 'yes'"),
        (edit(4, "accepted", "2"), 4, "accepted", "from 0 to 1"),
        (edit(4, "accepted", "n/a"), 4, "accepted", "must be given in a round with a choice"),
        (edit(4, "choice", "n/a"), 4, "accepted", "must be missing in a round without a choice"),
        (edit(SHOWN, "choice", "n/a"), SHOWN, "rank", "must be missing in a round without a choice"),
        (edit(4, "response_time", "-0.2"), 4, "response_time", "a number >= 0"),
        (edit(4, "response_time", "fast"), 4, "response_time", "a number >= 0, got 'fast'"),
        (edit(4, "valuation_1", "1.2"), 4, "valuation_1", "a number from 0 to 1"),
        (edit(4, "valuation_2", "n/a"), 4, "valuation_2", "is required"),
        (edit(4, "valuation_1", "0.123"), 4, "valuation_1", "must be"),
        (edit(30, "acceptance_2", "0.5"), 30, "acceptance_2", "must be the same in all rounds with a partner, got 0.5"),
        (lambda text: text.replace("\trank\t", "\tRank\t"), 1, "Rank", "unknown column, did you mean 'rank'?"),
        (lambda text: text.replace("offered_1", "Offered 1"), 1, "Offered 1", "did you mean 'offered_1'?"),
        (drop_column("spots"), 1, "spots", "is required in the header, as in sub-02"),
        (drop_column("response_time"), 1, "response_time", "is required in the header, as in sub-02"),
        (lambda text: text[:-3], 31, None, "must end with a line feed; the file may have been cut here"),
        (edit(4, "acceptance_1", "?"), 4, "acceptance_1", "a number from 0 to 1"),
        (drop_column("choice"), 1, "choice", "is required"),
        (drop_column("round"), 1, "round", "is required"),
        (lines(lambda x: [x[0].replace("rank", "spots"), *x[1:]]), 1, "spots", "columns must be unique"),
        (lines(lambda x: ["\t" + x[0].partition("\t")[2], *x[1:]]), 1, None, "must have names"),
        (lines(lambda x: [*x[:10], x[10][:8]]), 11, None, "cells like the header"),
        (lines(lambda x: [*x[:10], x[10] + "\t7", *x[11:]]), 11, None, "cells like the header"),
        (lines(lambda x: [*x[:10], "", *x[10:]]), 11, None, "got an empty row"),
        (lines(lambda x: x[:1]), None, None, "must have rows"),
        (lambda text: "", None, None, "got an empty file"),
        (lambda text: text.replace("\t", ","), 1, "round", "is required"),
        (lambda text: text[:200] + "\0" + text[200:], None, None, "NUL"),
    ],
)
def test_invalid_tables_are_rejected(
    dataset: Path, change: Callable[[str], str], row: int | None, column: str | None, problem: str
) -> None:
    file = dataset / BEH.format("01")
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    where = BEH.format("01") + (f", row {row}" if row else "") + (f", column {column}" if column else "")
    found = problems_of(dataset)
    assert any(line.startswith(where) and problem in line for line in found), found


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda d: (d / "participants.tsv").unlink(), "participants.tsv: can't be read"),
        (
            lambda d: shutil.rmtree(d / "sub-02"),
            "participants.tsv, row 3, column participant_id: must have a folder, got none for 'sub-02'",
        ),
        (lambda d: shutil.copytree(d / "sub-02", d / "sub-07"), "sub-07: must be listed in participants.tsv"),
        (lambda d: (d / BEH.format("02")).unlink(), BEH.format("02") + ": can't be read"),
        (
            lambda d: (d / BEH.format("02")).write_bytes("round\tö".encode("latin-1")),
            BEH.format("02") + ", row 1: must be UTF-8",
        ),
        (
            lambda d: (d / "task-acceptreject_beh.json").write_text("{"),
            "task-acceptreject_beh.json, row 1: must be JSON",
        ),
        (lambda d: (d / "task-acceptreject_beh.json").unlink(), "task-acceptreject_beh.json: can't be read"),
        (
            lambda d: edit_json(d / "dataset_description.json", Simulated="true"),
            "dataset_description.json: Simulated: must be true or false, got 'true'",
        ),
        (
            lambda d: (d / "task-acceptreject_beh.json").write_text('{"Ranks": 8, "Ranks": 9}'),
            "task-acceptreject_beh.json: keys must be unique, got 'Ranks' more than once",
        ),
        (lambda d: (d / "participants.json").write_text("["), "participants.json, row 1: must be JSON"),
        (
            lambda d: (d / "dataset_description.json").write_text("[]"),
            "dataset_description.json: must be an object",
        ),
        (
            lambda d: (d / "participants.tsv").write_text((d / "participants.tsv").read_text() + "sub-03\t1\n"),
            "participants.tsv, row 5, column participant_id: must be unique, got 'sub-03' more than once",
        ),
        (
            lambda d: (d / "participants.tsv").write_text("id\nsub-01\n"),
            "participants.tsv, row 1, column participant_id: is required",
        ),
        (lambda d: [shutil.rmtree(x) for x in d.glob("sub-*")], "must have folders of participants"),
        (
            lambda d: (d / "task-acceptreject_beh.json").write_text(
                (d / "task-acceptreject_beh.json").read_text().replace('"rounds": 30', '"rounds": 0')
            ),
            "task-acceptreject_beh.json: Game.rounds: must be an integer >= 1",
        ),
    ],
)
def test_invalid_data_sets_are_rejected(dataset: Path, damage: Callable[[Path], Any], problem: str) -> None:
    damage(dataset)
    assert any(problem in line for line in problems_of(dataset)), problems_of(dataset)


def test_problems_of_many_files_are_reported_together(dataset: Path) -> None:
    for label, change in (
        ("01", edit(3, "round", "x")),
        ("02", edit(7, "accepted", "5")),
        ("03", drop_column("choice")),
    ):
        file = dataset / BEH.format(label)
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert len(problems_of(dataset)) == 3


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: edit_json(d / "dataset_description.json", Simulated=False), "got one that is not simulated"),
        (lambda d: edit_json(d / "dataset_description.json", Simulated="true"), "got one that is not simulated"),
        (lambda d: (d / "dataset_description.json").unlink(), "got one that is not simulated"),
        (lambda d: (d / "dataset_description.json").write_text("[" * 10_000), "got one that is not simulated"),
        (lambda d: (d / "notes.txt").write_text("years of work"), "got 'notes.txt'"),
        (lambda d: (d / "derivatives" / "fits").mkdir(parents=True), "got 'derivatives'"),
        (lambda d: (d / "sub-01" / "anat").mkdir(), "got 'sub-01/anat'"),
        (lambda d: (d / "sub-01" / "beh" / "sub-01_task-other_beh.tsv").touch(), "sub-01_task-other_beh.tsv'"),
        (lambda d: (shutil.rmtree(d), d.write_text("a file")), "got a file"),
    ],
)
def test_only_simulated_data_sets_are_replaced(change: Any, problem: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_dataset(participants(), folder, "study", "a test")
    change(folder)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InvalidInputError, match="must be a new folder or a simulated data set") as caught:
        write_dataset(participants(), folder, "study", "a test")
    assert str(caught.value).endswith(f"{problem}; it was not changed")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_simulated_data_set_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    write_dataset(participants(), folder, "study", "a test")
    (folder / "sub-99" / "beh").mkdir(parents=True)
    write_dataset(participants(), folder, "study", "a test")
    assert not (folder / "sub-99").exists()
    (tmp_path / "link").symlink_to(folder)
    write_dataset(participants(), tmp_path / "link", "study", None)
    assert (tmp_path / "link").is_symlink()
    assert not is_simulated(folder)
    monkeypatch.chdir(folder / "sub-01")
    with pytest.raises(InvalidInputError, match="must not be the current folder or one that contains it"):
        write_dataset(participants(), Path(".."), "study", None)


def test_two_writers_of_one_folder_take_turns(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: write_dataset(participants(), folder, "study", "a test"), range(8)))
    assert load(folder).choices.choice.tolist() == participants().choice.tolist()
    assert {path.name for path in tmp_path.iterdir()} == {"data", ".locks"}


def test_hidden_state_needs_a_column_for_every_place(dataset: Path) -> None:
    for label in ("01", "02", "03"):
        file = dataset / BEH.format(label)
        file.write_text(drop_column("acceptance_2")(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert any("column acceptance_2: is required" in line for line in problems_of(dataset))


def test_data_sets_of_other_programs(dataset: Path) -> None:
    description = dataset / "dataset_description.json"
    description.write_bytes(b"\xef\xbb\xbf" + description.read_bytes().replace(b"true", b"false"))
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
    assert "can't be combined with overrides, got 'ranks=3'" in problems_of(dataset, "ranks=3")[0]


def test_simulate_check_and_stay_switch_on_the_command_line(tmp_path: Path) -> None:
    command = partial(accept_reject, cwd=tmp_path)
    made = command("simulate", "population_babur2024", "participants=5", "--out", "study")
    assert made.returncode == 0, made.stderr
    assert json.loads((tmp_path / "study" / "dataset_description.json").read_text())["Simulated"] is True
    checked = command("check", "study")
    assert "5 (simulated)" in checked.stdout
    assert "outcome" in command("stay-switch", "study").stdout
    (tmp_path / "study" / BEH.format("002")).write_text("nonsense")
    broken = command("check", "study")
    assert broken.returncode == 2
    assert "Traceback" not in broken.stderr
    assert BEH.format("002") in broken.stderr
