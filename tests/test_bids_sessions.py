"""BIDS data sets with sessions and runs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, scenario
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.data.bids import SIDECAR, write_dataset
from accept_reject.experiments.data.load import load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.runner import run_experiment
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay

ROUNDS = 24
AGENT = make_agent("bayes-hybrid", {"inverse_temperature": 4.0})


@pytest.fixture(scope="module")
def games() -> list[Choices]:
    """Two games of three participants."""
    game = scenario("orthogonal").game.model_copy(update={"rounds": ROUNDS})
    return [play(AGENT, draw(game, seed, 3), seed) for seed in (1, 2)]


def write(folder: Path, games: list[Choices], with_runs: bool) -> Path:
    """The games as sessions; with runs, each is in two files, whose rounds are numbered on."""
    for session, choices in enumerate(games, 1):
        write_dataset(choices, folder / f"only-{session}", "x", simulated="a test")
    whole = folder / "study"
    (folder / "only-1").rename(whole)
    for label in ("sub-001", "sub-002", "sub-003"):
        own = whole / label / "beh" / f"{label}_task-acceptreject_beh.tsv"
        for session, file in ((1, own), (2, folder / "only-2" / own.relative_to(whole))):
            table = pd.read_csv(file, sep="\t", keep_default_na=False)
            place = whole / label / f"ses-{session}" / "beh"
            place.mkdir(parents=True)
            name = f"{label}_ses-{session}_task-acceptreject"
            parts = {"": table}
            if with_runs:
                parts = {"_run-1": table[: ROUNDS // 2], "_run-2": table[ROUNDS // 2 :]}
            for run, part in parts.items():
                part.to_csv(place / f"{name}{run}_beh.tsv", sep="\t", index=False)
        own.unlink()
        own.parent.rmdir()
    return whole


@pytest.mark.parametrize("with_runs", [False, True])
def test_partners_are_new_in_each_session(with_runs: bool, games: list[Choices], tmp_path: Path) -> None:
    data = load(str(write(tmp_path, games, with_runs)))
    assert data.choices.choice.shape == (3, 2 * ROUNDS) and data.choices.game.n_partners == 16
    assert not data.game_known and "Game is not used, because participants play it again" in " ".join(data.notes)
    expected = np.concatenate([replay(AGENT, each).numpy() for each in games], axis=1)
    np.testing.assert_allclose(replay(AGENT, data.choices).numpy(), expected, atol=1e-12)
    assert data.rounds is not None
    assert data.rounds.groupby("participant").session.value_counts().tolist() == [ROUNDS] * 6
    assert ("run" in data.rounds) == with_runs


def set_key(folder: Path, **changes: object) -> None:
    content = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
    (folder / SIDECAR).write_text(json.dumps(content | changes), encoding="utf-8")


def test_where_partners_are_new_can_be_said(games: list[Choices], tmp_path: Path) -> None:
    folder = write(tmp_path, games, with_runs=True)
    set_key(folder, Restart="run")
    data = load(str(folder))
    halves = [each.offered[:, part] for each in games for part in (slice(12), slice(12, 24))]
    most = max(sum(len(np.unique(half[i])) for half in halves) for i in range(3))
    assert data.choices.game.n_partners == most > 16
    set_key(folder, Restart="block")
    with pytest.raises(InvalidInputError, match="Restart: must be session or run or never, got 'block'"):
        load(str(folder))


def test_all_files_have_a_session(games: list[Choices], tmp_path: Path) -> None:
    folder = write(tmp_path, games, with_runs=False)
    file = folder / "sub-002" / "ses-2" / "beh" / "sub-002_ses-2_task-acceptreject_beh.tsv"
    (folder / "sub-002" / "beh").mkdir()
    file.rename(folder / "sub-002" / "beh" / "sub-002_task-acceptreject_beh.tsv")
    with pytest.raises(InvalidInputError, match=r"sub-002_task-acceptreject_beh\.tsv: must have a session in its name"):
        load(str(folder))


def test_rounds_that_are_missing_in_a_session_are_reported(games: list[Choices], tmp_path: Path) -> None:
    folder = write(tmp_path, games, with_runs=True)
    (folder / "sub-003" / "ses-1" / "beh" / "sub-003_ses-1_task-acceptreject_run-1_beh.tsv").unlink()
    with pytest.raises(InvalidInputError, match=r"must have all rounds from 1|must be unique"):
        load(str(folder))


def test_files_with_other_names_and_ratings_are_noted(games: list[Choices], tmp_path: Path) -> None:
    folder = write(tmp_path, games, with_runs=False)
    own = folder / "sub-002" / "ses-2" / "beh"
    for name in ("sub-002_ses-2_task-acceptreject_acq-a_beh.tsv", "sub-002_task-acceptreject_beh.tsv"):
        (own / name).write_bytes((own / "sub-002_ses-2_task-acceptreject_beh.tsv").read_bytes())
    (folder / "phenotype").mkdir()
    (folder / "phenotype" / "liking.tsv").write_text("participant_id\tliking_A\nsub-001\t3\n", encoding="utf-8")
    notes = load(str(folder)).notes
    assert sum("its name has parts other than ses and run" in each for each in notes) == 2
    assert any("phenotype/liking.tsv is not read, as partners are new" in each for each in notes)
    set_key(folder, Restart="never")
    ratings = load(str(folder)).ratings
    assert ratings is not None and ratings[["player", "name", "rating"]].to_numpy().tolist() == [[0, "A", 3]]


def test_runs_are_those_of_the_files(tmp_path: Path) -> None:
    """Also where onsets go on from run to run."""
    game = scenario("orthogonal").game.model_copy(update={"rounds": ROUNDS})
    made = play(AGENT, draw(game, 1, 2), 1)
    write_dataset(made, tmp_path / "study", "x", simulated="a test")
    for label in ("sub-001", "sub-002"):
        own = tmp_path / "study" / label / "beh" / f"{label}_task-acceptreject_beh.tsv"
        table = pd.read_csv(own, sep="\t", keep_default_na=False).assign(onset=4.0 * np.arange(ROUNDS))
        for run, part in (("2", table[:10]), ("3", table[10:])):
            part.to_csv(own.with_name(f"{label}_task-acceptreject_run-{run}_beh.tsv"), sep="\t", index=False)
        own.unlink()
    config = {"data": str(tmp_path / "study"), "models": ["delta-outcome"], "simulations": 0, "starts": 1}
    run_experiment(FitExperiment(FitConfig.model_validate(config)), tmp_path)
    (events,) = tmp_path.glob("fit-*/events")
    files = sorted(events.rglob("*_events.tsv"))
    assert [file.name.partition("_run-")[2] for file in files] == ["2_events.tsv", "3_events.tsv"] * 2
    assert pd.read_csv(files[1], sep="\t").onset.min() == 40.0
    names = pd.read_csv(events / "participants.tsv", sep="\t", dtype=str)
    assert names.to_numpy().tolist() == [["sub-001", "001"], ["sub-002", "002"]]
