"""Imitation: who is learned from and who is scored, what is made smaller, and the ceiling."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.agents.networks import NetworkConfig
from accept_reject.agents.recurrent import RecurrentAgent, make_network
from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.fit.config import ModelEntry
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import learning_curve
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.style import KINDS
from accept_reject.experiments.train.held_out import ceiling, fitted, mixture, per_choice
from accept_reject.experiments.train.imitation import Imitation, likelihood_loss, prediction_loss
from accept_reject.experiments.train.imitation_config import ImitationConfig
from accept_reject.experiments.train.participants import split
from accept_reject.experiments.train.run import load_train_config, resume, start

SMALL = {
    "name": "small",
    "population": "population_babur2024",
    "participants": 12,
    "validation": 3,
    "test": 5,
    "network": {"hidden": 3, "player": "recurrent", "player_hidden": 2, "predicts": True},
    "prediction_weight": 0.3,
    "game_first": {"updates": 4, "episodes": 3},
    "updates": 6,
    "batch": 4,
    "evaluate_every": 2,
}


def config(**changes: object) -> ImitationConfig:
    return ImitationConfig.model_validate({**SMALL, **changes})


def population(**changes: object) -> PopulationConfig:
    return load_config(PopulationConfig, "population_babur2024").model_copy(update=changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return start(config(), tmp_path_factory.mktemp("runs"))


def test_same_config_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = start(config(), tmp_path)
    for path in folder.iterdir():
        if path.suffix in (".csv", ".yaml", ".safetensors"):
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_is_left_of_it(folder: Path) -> None:
    table = pd.read_csv(folder / "held_out.csv").set_index("player")
    assert list(table.index) == [
        *("network", "chance", "win-stay-lose-shift", "bayes-hybrid", "bayes-rank", "bayes-outcome"),
        *("true player", "ceiling"),
    ]
    assert table.loss["chance"] == pytest.approx(np.log(2))
    assert table.share["chance"] == 0
    assert table.share["ceiling"] == 1
    assert table.likelihood["network"] == pytest.approx(np.exp(-table.loss["network"]))
    by_participant = pd.read_csv(folder / "participants.csv")
    assert len(by_participant) == 5
    truth = simulate(population(participants=5))
    expected = -replay(BayesianHybrid(**truth[1]), truth[0]).mean(dim=1).numpy()
    assert by_participant["true player"].to_numpy() == pytest.approx(expected)
    assert set(pd.read_csv(folder / "signatures.csv").player) == {"teachers", "network"}
    curves = pd.read_csv(folder / "learning_curves.csv")
    assert list(curves.columns) == ["curve", "player", "round", "mean", "low", "high"]
    assert set(curves.player) == {"teachers", "network"}
    assert ((curves.low <= curves["mean"]) & (curves["mean"] <= curves.high)).all()
    of_teachers = curves[(curves.player == "teachers") & (curves.curve == "valuing")]
    assert of_teachers["mean"].mean() == pytest.approx(100 * learning_curve(truth[0], 12).mean(), abs=3)


def test_participants_are_split_and_the_test_is_the_same_however_many_are_learned_from() -> None:
    few, many = split(config(), population()), split(config(participants=30, seed=3), population())
    assert (len(few.train), len(few.validation), len(few.test)) == (12, 3, 5)
    assert np.array_equal(few.test.choice, many.test.choice)
    assert np.array_equal(few.test.choice, simulate(population(participants=5))[0].choice)
    assert (len(many.train), len(many.validation), len(many.test)) == (30, 3, 5)
    assert not np.array_equal(few.validation.choice, many.validation.choice)
    same_seed = split(config(participants=30), population())
    assert np.array_equal(few.validation.choice, same_seed.validation.choice)
    assert np.array_equal(few.train.choice, same_seed.train.choice[:12])
    for parts in (few, many):
        joined = np.concatenate([parts.validation.choice, parts.train.choice])
        assert np.array_equal(joined, parts.known.choice)
        assert len(np.unique(np.concatenate([joined, parts.test.choice]), axis=0)) == len(joined) + 5


def test_a_data_set_is_split_by_participant(tmp_path: Path) -> None:
    choices = replace(simulate(population(participants=12))[0], valuation=None, acceptance=None)
    write_dataset(choices, tmp_path / "data", "some", "nobody")
    of_data = config(population="", data=str(tmp_path / "data"), participants=None, test=4)
    found, other = split(of_data, None), split(of_data.model_copy(update={"seed": 1}), None)
    names = [*found.train.names(), *found.validation.names(), *found.test.names()]
    assert len(names) == len(set(names)) == 12
    assert found.test.names() != other.test.names()
    run = start(of_data, tmp_path)
    assert set(pd.read_csv(run / "held_out.csv").player) == {
        *("network", "chance", "win-stay-lose-shift", "bayes-hybrid", "bayes-rank", "bayes-outcome")
    }
    with pytest.raises(InvalidInputError, match="test and validation take 12 participants, but the data hold 12"):
        split(of_data.model_copy(update={"test": 9}), None)
    curves = pd.read_csv(run / "learning_curves.csv")  # the game is known, and so the network can play it
    assert set(curves[curves.curve == "accepted"].player) == {"teachers", "network"}
    assert set(curves[curves.curve == "valuing"].player) == {"network"}
    assert {path.name for path in run.glob("free_running.*")} == {f"free_running.{kind}" for kind in KINDS}
    assert all("<!-- simulated participants -->" in path.read_text(encoding="utf-8") for path in run.glob("*.svg"))
    gone = np.where(np.isin(np.arange(12), [3, 7])[:, None], MISSED, choices.choice).astype(np.int8)
    write_dataset(replace(choices, choice=gone), tmp_path / "silent", "some", "nobody")
    with pytest.raises(InvalidInputError, match=r"made no choice, and there is nothing to learn or to score: 0*4, 0*8"):
        split(of_data.model_copy(update={"data": str(tmp_path / "silent")}), None)


def test_a_training_goes_on_with_the_same_choices_only(tmp_path: Path) -> None:
    def of(choices: Choices) -> None:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        write_dataset(replace(choices, valuation=None, acceptance=None), tmp_path / "data", "some", "nobody")

    choices = simulate(population(participants=12))[0]
    of(choices)
    run = start(config(population="", data=str(tmp_path / "data"), participants=None, test=4, models=[]), tmp_path)
    weights = (run / "weights.safetensors").read_bytes()
    of(replace(choices, choice=1 - choices.choice))
    with pytest.raises(InvalidInputError, match="left by a training with another config"):
        resume(run)
    of(choices)
    assert (resume(run) / "weights.safetensors").read_bytes() == weights


def test_paths_in_a_config_are_seen_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    people = {"name": "mine", "agent": "bayes-hybrid", "parameters": {"w": 0.3}}
    (tmp_path / "sub" / "mine.yaml").write_text(yaml.safe_dump({"kind": "population", **people}), encoding="utf-8")
    mine = {"kind": "imitation", **SMALL, "population": "mine.yaml"}
    (tmp_path / "sub" / "train.yaml").write_text(yaml.safe_dump(mine), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = load_train_config("sub/train.yaml")
    assert isinstance(found, ImitationConfig)
    assert Imitation(found).population == load_config(PopulationConfig, "sub/mine.yaml")
    with pytest.raises(InvalidInputError, match=r"mine\.yaml"):
        load_train_config("sub/train.yaml", ["population=mine.yaml"])  # given here, seen from here


def test_faults_of_the_data_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        start(config(population="", data=str(tmp_path / "nowhere"), participants=None), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_population_keeps_clear_of_the_participants_learned_from() -> None:
    with pytest.raises(InvalidInputError, match="should be below 8999 for an imitation, but is 1000000"):
        split(config(), population(seed=1_000_000))


def test_missed_rounds_count_for_nothing() -> None:
    network = make_network(NetworkConfig(hidden=3, player="recurrent", player_hidden=2, predicts=True), 0)
    choices = simulate(population(participants=4))[0]
    gone = np.random.default_rng(0).random(choices.choice.shape) < 0.3
    missed = replace(choices, choice=np.where(gone, MISSED, choices.choice).astype(np.int8))
    other = replace(missed, rank=np.where(gone, 3, missed.rank).astype(np.uint8), accepted=missed.accepted | gone)
    for loss in (likelihood_loss, lambda over, of: prediction_loss(over, of, network)):
        assert torch.equal(loss(network.over_rounds(missed), missed), loss(network.over_rounds(other), other))
    with torch.no_grad():
        expected = per_choice(replay(RecurrentAgent(network), missed).numpy(), missed)
        weights = (~gone).sum(axis=1)
        found = likelihood_loss(network.over_rounds(missed), missed).item()
    assert found == pytest.approx((expected * weights).sum() / weights.sum(), rel=1e-5)


def test_the_ceiling_of_a_population_without_differences_is_its_player() -> None:
    alike = PopulationConfig.model_validate(
        {"name": "alike", "agent": "bayes-hybrid", "parameters": {"w": 0.3, "inverse_temperature": 2}}
    )
    choices = simulate(alike)[0]
    expected = replay(BayesianHybrid(w=0.3, inverse_temperature=2), choices).numpy()
    assert ceiling(alike, choices) == pytest.approx(expected, abs=1e-9)


def test_a_mixture_is_bayes_rule() -> None:
    """Two players of equal weight at first: after each choice the one who foresaw it better counts for more."""
    each = np.log(np.random.default_rng(0).uniform(0.1, 0.9, (2, 3, 5)))
    found = mixture(iter(each))
    weight = np.full((2, 3), 0.5)
    for now in range(5):
        probability = np.exp(each[:, :, now])
        assert found[:, now] == pytest.approx(np.log((weight * probability).sum(axis=0)))
        weight = weight * probability / (weight * probability).sum(axis=0)


def test_a_fitted_model_is_near_the_ceiling_of_its_own_kind() -> None:
    choices, _ = simulate(population(participants=200))
    train, test = choices.take(slice(100)), choices.take(slice(100, 200))
    models = [ModelEntry(agent=name).resolve() for name in ("bayes-hybrid", "bayes-rank")]
    hybrid, rank = (-fitted(model, train, test).mean() for model in models)
    assert hybrid < rank < np.log(2)
    assert hybrid < -ceiling(population(), test).mean() + 0.005


def test_the_ceiling_lies_between_chance_and_the_true_player() -> None:
    choices, parameters = simulate(population(participants=200))
    best = -ceiling(population(), choices).mean()
    truth = -float(replay(BayesianHybrid(**parameters), choices).mean())
    ignorant = -float(replay(BayesianHybrid(w=0.5, inverse_temperature=1.5), choices).mean())
    assert truth < best < ignorant


def test_losses_stay_on_the_networks_device() -> None:
    """Torch's meta device refuses to be mixed with the CPU, as a GPU does."""
    choices = simulate(population(participants=3))[0]
    for player in ({"player": "online"}, {"player": "recurrent", "player_hidden": 2}, {}):
        described = {"hidden": 3, "predicts": True, "critic": True, **player}
        network = make_network(NetworkConfig.model_validate(described), 0).to("meta")
        over = network.over_rounds(choices)
        assert likelihood_loss(over, choices).device.type == "meta"
        assert prediction_loss(over, choices, network).device.type == "meta"
    flat = make_network(NetworkConfig(architecture="flat", hidden=3), 0).to("meta")
    assert likelihood_loss(flat.over_rounds(choices), choices).device.type == "meta"


def test_batches_of_any_size_leave_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    task, seen = Imitation(config(game_first=None, participants=10)), []
    take = type(task.split.train).take
    monkeypatch.setattr(type(task.split.train), "take", lambda self, rows: (seen.append(rows), take(self, rows))[1])
    network = make_network(task.config.network, 0)
    for update in range(3):
        list(task.steps(network, update))
    assert sorted(len(rows) for rows in seen) == [3, 3, 4]
    assert sorted(np.concatenate(seen)) == list(range(10))


def test_every_participant_comes_once_before_any_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    task, seen = Imitation(config(game_first=None)), []
    take = type(task.split.train).take
    monkeypatch.setattr(type(task.split.train), "take", lambda self, rows: (seen.extend(rows), take(self, rows))[1])
    network = make_network(task.config.network, 0)
    for update in range(6):
        list(task.steps(network, update))
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert seen[:12] != seen[12:]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"population": ""}, "give either a population or data"),
        ({"data": "somewhere"}, "give either a population or data"),
        ({"population": "population_x"}, "population_x: 1 fault"),
        ({"participants": None}, "participants: is required with a population"),
        ({"network": {"hidden": 2}}, "prediction_weight: has no place with a network that predicts nothing"),
        (
            {"network": {"hidden": 2}, "prediction_weight": 0},
            "game_first: has no place with a network that predicts nothing",
        ),
        ({"game_first": {"updates": 0}}, "game_first.updates: should be greater"),
        ({"game_first": None, "prediction_weight": 0}, "network.predicts: needs a prediction_weight or game_first"),
        ({"network": {"predicts": True, "critic": True}}, "network.critic: has no place in an imitation"),
        ({"game_first": {"game": "orthgonal"}}, "unknown scenario 'orthgonal'"),
        ({"network": {"hidden": 2, "player_hidden": 2}}, "player_hidden: has no place without a recurrent player"),
        ({"network": {"player": "recurrent"}}, "player_hidden: should be 1 or more for a recurrent player"),
        ({"test": 0}, "test: should be greater"),
        ({"patience": 0}, "patience: should be greater"),
    ],
)
def test_faulty_configs_are_refused(changes: dict[str, object], fault: str, tmp_path: Path) -> None:
    path = tmp_path / "faulty.yaml"
    path.write_text(yaml.safe_dump({"kind": "imitation", **SMALL, **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_train_config(str(path))
    assert fault in str(caught.value)


def test_the_population_can_be_taken_away_on_the_command_line() -> None:
    changes = ["population=", "participants=null", "data=somewhere", "validation=8", "test=8"]
    assert load_train_config("imitation_study", changes) == load_config(
        ImitationConfig, "imitation_study", ["population=''", *changes[1:]]
    )


def test_the_shipped_configs() -> None:
    assert load_config(ImitationConfig, "imitation").participants == 5000
    study = load_config(ImitationConfig, "imitation_study")
    assert (study.participants or 0) + study.validation == 42


def test_the_game_is_learned_first(folder: Path) -> None:
    """Answers are foreseen better after it, while choices are not learned yet; then the learning rate is high again."""
    table = pd.read_csv(folder / "scalars.csv")
    evaluations = table[table.run == "validation"].pivot(index="rounds", columns="name", values="value")
    first = 4 * 3 * 144
    assert list(evaluations.index[:3]) == [0, first / 2, first]
    assert evaluations["eval/prediction"][first] < evaluations["eval/prediction"][0]
    told = table[table.run == "train"].pivot(index="rounds", columns="name", values="value")
    assert told["losses/choice"].isna().tolist() == [True, True, False, False, False]
    rates = told["charts/learning_rate"]
    assert rates.iloc[1] < rates.iloc[0]
    assert rates.iloc[2] > rates.iloc[1]


def test_the_game_to_learn_first_is_the_one_that_was_played() -> None:
    task = Imitation(config())
    assert task.game == task.split.game == population().game.resolve()
    scarce = Imitation(config(game_first={"game": "scarce"}))
    assert scarce.game.rounds == 144
    assert scarce.game != task.game


def test_a_game_that_is_not_known_has_to_be_named(tmp_path: Path) -> None:
    choices = simulate(population(participants=12))[0]
    n, rounds = choices.choice.shape
    table = pd.DataFrame(
        {
            "who": np.repeat(np.arange(n), rounds),
            "round": np.tile(np.arange(1, rounds + 1), n),
            "left": choices.offered[..., 0].ravel(),
            "right": choices.offered[..., 1].ravel(),
            "choice": choices.choice.ravel(),
            "yes": choices.accepted.ravel().astype(int),
        }
    )
    table.to_csv(tmp_path / "choices.csv", index=False)
    columns = {"participant": "who", "round": "round", "offered": ["left", "right"], "choice": "choice"}
    described = {"kind": "data", "file": "choices.csv", "columns": {**columns, "accepted": "yes"}}
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump({**described, "choice": "place from 0"}), encoding="utf-8")
    of_data: dict[str, object] = {"population": "", "data": str(path), "participants": None, "test": 4}
    with pytest.raises(InvalidInputError, match="the game that was played is not known"):
        Imitation(config(**of_data))
    named = Imitation(config(**of_data, game_first={"game": "orthogonal"}))
    assert named.game.n_partners == 8
    assert len(named.split.train) == 5
