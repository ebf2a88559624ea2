"""Imitation: participants for training and for testing, the losses, held-out prediction and the noise ceiling."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.agents.networks.agent import RecurrentAgent, make_network
from accept_reject.agents.networks.base import NetworkConfig
from accept_reject.envs import InvalidInputError, draw
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.experiments.analysis.curves import learning_curves
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.config import dump_config, load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.prediction import mixture, nll_per_choice, noise_ceiling, predict_with_group
from accept_reject.experiments.manifest import MANIFEST
from accept_reject.experiments.reporting import style
from accept_reject.experiments.reporting.progress import silent
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.replay import replay
from accept_reject.experiments.simulation.simulate import simulate
from accept_reject.experiments.train.config import ImitationConfig
from accept_reject.experiments.train.experiment import load_training, make_training, resume_training, start
from accept_reject.experiments.train.figures import free_running, held_out
from accept_reject.experiments.train.frames import summarize
from accept_reject.experiments.train.imitation import Imitation, likelihood_loss, prediction_loss
from accept_reject.experiments.train.participants import split

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


def task_of(config: ImitationConfig) -> Imitation:
    return Imitation(config, split(config))


def population(**changes: object) -> PopulationConfig:
    return load_config(PopulationConfig, "population_babur2024").model_copy(update=changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return start(config(), tmp_path_factory.mktemp("runs"))


@pytest.mark.slow
def test_same_config_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = start(config(), tmp_path)
    for path in folder.iterdir():
        if path.suffix in (".csv", ".yaml", ".safetensors"):
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
def test_what_an_imitation_leaves(folder: Path) -> None:
    table = pd.read_csv(folder / "held_out.csv").set_index("player")
    assert list(table.index) == [
        *("network", "chance", "win-stay-lose-shift", "bayes-hybrid", "bayes-rank", "bayes-outcome"),
        *("true player", "noise ceiling"),
    ]
    assert table.nll["chance"] == pytest.approx(np.log(2))
    assert table.share_explained["chance"] == 0
    assert table.share_explained["noise ceiling"] == 1
    assert table.likelihood["network"] == pytest.approx(np.exp(-table.nll["network"]))
    by_participant = pd.read_csv(folder / "participants.csv")
    assert len(by_participant) == 5
    truth = simulate(population(participants=5))
    expected = -replay(BayesianHybrid(**truth[1]), truth[0]).mean(dim=1).numpy()
    assert by_participant["true player"].to_numpy() == pytest.approx(expected)
    assert set(pd.read_csv(folder / "stay_switch.csv").player) == {"participants", "network"}
    curves = pd.read_csv(folder / "learning_curves.csv")
    assert list(curves.columns) == ["curve", "player", "round", "mean", "low", "high"]
    assert set(curves.player) == {"participants", "network"}
    assert ((curves.low <= curves["mean"]) & (curves["mean"] <= curves.high)).all()
    of_participants = curves[(curves.player == "participants") & (curves.curve == "valuing")]
    assert of_participants["mean"].mean() == pytest.approx(np.nanmean(learning_curves(truth[0])["valuing"]), abs=0.03)


@pytest.mark.slow
def test_the_report_answers_with_the_held_out_nll(folder: Path) -> None:
    table = pd.read_csv(folder / "held_out.csv").set_index("player")
    report = (folder / "report.html").read_text(encoding="utf-8")
    answer = report.partition('class="answer"')[2].partition("</div>")[0]
    models = table.nll[["bayes-hybrid", "bayes-rank", "bayes-outcome"]]
    assert models.idxmin() in answer
    for nll in (table.nll["network"], table.nll["chance"], models.min(), table.nll["noise ceiling"]):
        assert f"{nll:.4f}" in answer
    assert f"{table.share_explained['network']:.1%}" in answer
    assert "5 held-out simulated participants" in answer
    by_participant = pd.read_csv(folder / "participants.csv")
    gap = by_participant["network"] - by_participant[models.idxmin()]
    assert f"{gap.mean():.4f}" in answer
    for name in ("evaluations", "held_out", "free_running"):
        assert all((folder / f"{name}.{kind}").is_file() for kind in style.KINDS)
    assert report.count("<svg") == 3


def test_the_figure_of_held_out_prediction_shows_the_numbers_with_the_best_at_the_bottom() -> None:
    table = pd.DataFrame({"player": ["a", "network", "b"], "nll": [0.5, 0.6, 0.7]})
    figure = held_out(table.assign(low=table.nll - 0.1, high=table.nll + 0.2))
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "network", "a"]
    assert ax.yaxis_inverted()
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines] == [(0.7, 0), (0.6, 1), (0.5, 2)]
    bars = [path.vertices[:, 0].tolist() for bars in ax.collections for path in bars.get_paths()]
    assert np.array(bars) == pytest.approx(np.array([[0.6, 0.9], [0.5, 0.8], [0.4, 0.7]]))
    colors = [line.get_color() for line in ax.lines]
    assert colors[0] == colors[2] != colors[1]


@pytest.mark.slow
def test_the_figure_of_behavior_shows_the_numbers(folder: Path) -> None:
    curves, effects = (pd.read_csv(folder / f"{name}.csv") for name in ("learning_curves", "stay_switch"))
    *panels, last = free_running(curves, effects).axes
    for ax, name in zip(panels, ("valuing", "accepted"), strict=True):
        for player, line in zip(("network", "participants"), ax.lines, strict=False):
            rows = curves[(curves.curve == name) & (curves.player == player)]
            assert np.array_equal(line.get_xdata(), rows["round"])
            assert np.array_equal(line.get_ydata(), rows["mean"])
    drawn = {container.get_label(): container.lines[0] for container in last.containers}
    for player in ("participants", "network"):
        shown = np.asarray(drawn[player].get_ydata(), np.float64)
        expected = effects[effects.player == player].set_index("effect").estimate
        assert np.array_equal(shown, expected[list(EFFECTS)], equal_nan=True)


def test_the_share_explained_is_the_way_from_chance_to_the_noise_ceiling() -> None:
    nll = {"network": [0.5, 0.7], "chance": [0.7, 0.7], "noise ceiling": [0.4, 0.6]}
    table = summarize(pd.DataFrame({"participant": ["1", "2"], **nll})).set_index("player")
    assert table.nll["network"] == pytest.approx(0.6)
    assert table.share_explained["network"] == pytest.approx(0.5)
    assert table.low["network"] < 0.6 < table.high["network"]


def test_participants_are_split_and_the_test_is_the_same_however_many_are_learned_from() -> None:
    few, many = split(config()), split(config(participants=30, seed=3))
    assert (len(few.train), len(few.validation), len(few.test)) == (12, 3, 5)
    assert np.array_equal(few.test.choice, many.test.choice)
    assert np.array_equal(few.test.choice, simulate(population(participants=5))[0].choice)
    assert (len(many.train), len(many.validation), len(many.test)) == (30, 3, 5)
    assert not np.array_equal(few.validation.choice, many.validation.choice)
    same_seed = split(config(participants=30))
    assert np.array_equal(few.validation.choice, same_seed.validation.choice)
    assert np.array_equal(few.train.choice, same_seed.train.choice[:12])
    for parts in (few, many):
        joined = np.concatenate([parts.validation.choice, parts.train.choice])
        assert np.array_equal(joined, parts.known.choice)
        assert len(np.unique(np.concatenate([joined, parts.test.choice]), axis=0)) == len(joined) + 5


@pytest.mark.slow
def test_a_data_set_is_split_by_participant(tmp_path: Path) -> None:
    choices = replace(simulate(population(participants=12))[0], valuation=None, acceptance=None)
    write_dataset(choices, tmp_path / "data", "some", "nobody")
    of_data = config(population=None, data=str(tmp_path / "data"), participants=None, test=4)
    found, other = split(of_data), split(of_data.model_copy(update={"seed": 1}))
    names = [*found.train.names(), *found.validation.names(), *found.test.names()]
    assert len(names) == len(set(names)) == 12
    assert found.test.names() != other.test.names()
    run = start(of_data, tmp_path)
    assert set(pd.read_csv(run / "held_out.csv").player) == {
        *("network", "chance", "win-stay-lose-shift", "bayes-hybrid", "bayes-rank", "bayes-outcome")
    }
    with pytest.raises(InvalidInputError, match=r"more participants than test and validation take \(12\), got 12"):
        split(of_data.model_copy(update={"test": 9}))
    curves = pd.read_csv(run / "learning_curves.csv")  # the game is known, and so the network can play it
    assert set(curves[curves.curve == "accepted"].player) == {"participants", "network"}
    assert set(curves[curves.curve == "valuing"].player) == {"network"}
    assert {path.name for path in run.glob("free_running.*")} == {f"free_running.{kind}" for kind in style.KINDS}
    assert all("<!-- simulated participants -->" in path.read_text(encoding="utf-8") for path in run.glob("*.svg"))
    gone = np.where(np.isin(np.arange(12), [3, 7])[:, None], MISSED, choices.choice).astype(np.int8)
    write_dataset(replace(choices, choice=gone), tmp_path / "empty", "some", "nobody")
    with pytest.raises(InvalidInputError, match=r"participants must have choices, got none for 0*4, 0*8"):
        split(of_data.model_copy(update={"data": str(tmp_path / "empty")}))


@pytest.mark.slow
def test_a_training_is_resumed_with_the_same_choices_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(choices: Choices) -> None:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        write_dataset(replace(choices, valuation=None, acceptance=None), tmp_path / "data", "some", "nobody")

    monkeypatch.chdir(tmp_path)
    choices = simulate(population(participants=12))[0]
    write(choices)
    of_data = config(population=None, data="data", participants=None, test=4, models=[])
    whole, interrupted = start(of_data, tmp_path / "whole"), tmp_path / "interrupted"
    make_training(of_data).run(interrupted, silent)
    write(replace(choices, choice=1 - choices.choice))
    assert make_training(of_data).folder_name != whole.name
    with pytest.raises(InvalidInputError, match="belongs to a training run with another config, other data"):
        resume_training(interrupted)
    write(choices)
    resume_training(interrupted)  # the path of the data is relative to the current folder
    assert (interrupted / MANIFEST).read_bytes() == (whole / MANIFEST).read_bytes()


def test_paths_in_a_config_are_relative_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    people = {"name": "mine", "agent": "bayes-hybrid", "parameters": {"w": 0.3}}
    (tmp_path / "sub" / "mine.yaml").write_text(yaml.safe_dump({"kind": "population", **people}), encoding="utf-8")
    mine = {"kind": "imitation", **SMALL, "population": "mine.yaml"}
    (tmp_path / "sub" / "train.yaml").write_text(yaml.safe_dump(mine), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = load_training("sub/train.yaml")
    assert isinstance(found, ImitationConfig)
    assert split(found).population == load_config(PopulationConfig, "sub/mine.yaml")
    with pytest.raises(InvalidInputError, match=r"mine\.yaml"):
        split(load_training("sub/train.yaml", ["population=mine.yaml"]))  # from the current folder


def test_problems_of_the_data_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        start(config(population=None, data=str(tmp_path / "nowhere"), participants=None), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_population_may_not_have_the_seeds_of_training_participants(tmp_path: Path) -> None:
    path = tmp_path / "population.yaml"
    path.write_text(dump_config(population(seed=1_000_000)), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"seed: must be below 8999 for imitation .*, got 1000000"):
        split(config(population=str(path)))


def test_missed_rounds_are_masked() -> None:
    network = make_network(NetworkConfig(hidden=3, player="recurrent", player_hidden=2, predicts=True), 0)
    choices = simulate(population(participants=4))[0]
    gone = np.random.default_rng(0).random(choices.choice.shape) < 0.3
    missed = replace(choices, choice=np.where(gone, MISSED, choices.choice).astype(np.int8))
    other = replace(missed, rank=np.where(gone, 3, missed.rank).astype(np.uint8), accepted=missed.accepted | gone)
    for loss in (likelihood_loss, lambda outputs, of: prediction_loss(outputs, of, network)):
        assert torch.equal(loss(network.teacher_forced(missed), missed), loss(network.teacher_forced(other), other))
    with torch.no_grad():
        expected = nll_per_choice(replay(RecurrentAgent(network), missed).numpy(), missed)
        weights = (~gone).sum(axis=1)
        found = likelihood_loss(network.teacher_forced(missed), missed).item()
    assert found == pytest.approx((expected * weights).sum() / weights.sum(), rel=1e-5)


def test_the_noise_ceiling_of_a_population_without_differences_is_its_player() -> None:
    alike = PopulationConfig.model_validate(
        {"name": "alike", "agent": "bayes-hybrid", "parameters": {"w": 0.3, "inverse_temperature": 2}}
    )
    choices = simulate(alike)[0]
    expected = replay(BayesianHybrid(w=0.3, inverse_temperature=2), choices).numpy()
    assert noise_ceiling(alike, choices) == pytest.approx(expected, abs=1e-9)


def test_a_mixture_is_bayes_rule() -> None:
    """Two players with equal prior weights: after each choice the better prediction gains weight."""
    each = np.log(np.random.default_rng(0).uniform(0.1, 0.9, (2, 3, 5)))
    found = mixture(iter(each))
    weight = np.full((2, 3), 0.5)
    for now in range(5):
        probability = np.exp(each[:, :, now])
        assert found[:, now] == pytest.approx(np.log((weight * probability).sum(axis=0)))
        weight = weight * probability / (weight * probability).sum(axis=0)


def test_a_fitted_model_is_close_to_the_noise_ceiling_of_its_own_kind() -> None:
    choices, _ = simulate(population(participants=200))
    train, test = choices.take(slice(100)), choices.take(slice(100, 200))
    models = [ModelEntry(agent=name).resolve() for name in ("bayes-hybrid", "bayes-rank")]
    hybrid, rank = (-predict_with_group(model, train, test).mean() for model in models)
    assert hybrid < rank < np.log(2)
    assert hybrid < -noise_ceiling(population(), test).mean() + 0.005


def test_the_noise_ceiling_lies_between_chance_and_the_true_player() -> None:
    choices, parameters = simulate(population(participants=200))
    best = -noise_ceiling(population(), choices).mean()
    truth = -float(replay(BayesianHybrid(**parameters), choices).mean())
    ignorant = -float(replay(BayesianHybrid(w=0.5, inverse_temperature=1.5), choices).mean())
    assert truth < best < ignorant


def test_losses_stay_on_the_networks_device() -> None:
    """Torch's meta device refuses to be mixed with the CPU, as a GPU does."""
    choices = simulate(population(participants=3))[0]
    for player in ({"player": "online"}, {"player": "recurrent", "player_hidden": 2}, {}):
        described = {"hidden": 3, "predicts": True, "critic": True, **player}
        network = make_network(NetworkConfig.model_validate(described), 0).to("meta")
        outputs = network.teacher_forced(choices)
        assert likelihood_loss(outputs, choices).device.type == "meta"
        assert prediction_loss(outputs, choices, network).device.type == "meta"
    flat = make_network(NetworkConfig(architecture="flat", hidden=3), 0).to("meta")
    assert likelihood_loss(flat.teacher_forced(choices), choices).device.type == "meta"


def test_batches_of_any_size_contain_every_participant(monkeypatch: pytest.MonkeyPatch) -> None:
    task, seen = task_of(config(game_first=None, participants=10)), []
    take = type(task.split.train).take
    monkeypatch.setattr(type(task.split.train), "take", lambda self, rows: (seen.append(rows), take(self, rows))[1])
    network = make_network(task.config.network, 0)
    for update in range(3):
        list(task.steps(network, update))
    assert sorted(len(rows) for rows in seen) == [3, 3, 4]
    assert sorted(np.concatenate(seen)) == list(range(10))


def test_every_participant_comes_once_before_any_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    task, seen = task_of(config(game_first=None)), []
    take = type(task.split.train).take
    monkeypatch.setattr(type(task.split.train), "take", lambda self, rows: (seen.extend(rows), take(self, rows))[1])
    network = make_network(task.config.network, 0)
    for update in range(6):
        list(task.steps(network, update))
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert seen[:12] != seen[12:]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"population": None}, "set exactly one of `population` and `data`"),
        ({"population": ""}, "population: must have at least 1"),
        ({"data": "somewhere"}, "set exactly one of `population` and `data`"),
        ({"participants": None}, "participants: is required with a population"),
        ({"population": None, "data": "somewhere"}, "participants: is only valid for a population"),
        ({"network": {"hidden": 2}}, "prediction_weight: is only valid for a network with `predicts: true`"),
        (
            {"network": {"hidden": 2}, "prediction_weight": 0},
            "game_first: is only valid for a network with `predicts: true`",
        ),
        ({"game_first": {"updates": 0}}, "game_first.updates: must be an integer >= 1, got 0"),
        ({"game_first": None, "prediction_weight": 0}, "network.predicts: requires a positive prediction_weight"),
        ({"network": {"predicts": True, "critic": True}}, "network.critic: is only valid for meta-learning"),
        ({"game_first": {"game": "orthgonal"}}, "unknown scenario 'orthgonal'"),
        ({"network": {"hidden": 2, "player_hidden": 2}}, "player_hidden: is only valid for a recurrent player"),
        ({"network": {"player": "recurrent"}}, "player_hidden: must be an integer >= 1 with a recurrent player, got 0"),
        ({"test": 0}, "test: must be an integer >= 2, got 0"),
        ({"patience": 0}, "patience: must be an integer >= 1, got 0"),
    ],
)
def test_invalid_configs(changes: dict[str, object], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "invalid.yaml"
    path.write_text(yaml.safe_dump({"kind": "imitation", **SMALL, **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_training(str(path))
    assert problem in str(caught.value)


def test_an_unknown_population_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        start(config(population="population_x"), tmp_path / "runs")
    assert caught.value.subject == "population_x"
    assert not (tmp_path / "runs").exists()


def test_the_population_can_be_unset_on_the_command_line() -> None:
    changes = ["participants=null", "data=somewhere", "validation=8", "test=8"]
    for unset in ("population=", "population=null"):
        found = load_training("imitation_study", [unset, *changes])
        assert isinstance(found, ImitationConfig)
        assert (found.population, found.data, found.participants) == (None, "somewhere", None)


def test_the_shipped_configs() -> None:
    assert load_config(ImitationConfig, "imitation").participants == 5000
    study = load_config(ImitationConfig, "imitation_study")
    assert (study.participants or 0) + study.validation == 42


@pytest.mark.slow
def test_pretraining_on_the_game(folder: Path) -> None:
    """It improves predictions of feedback, before choices are learned; then the learning rate is high again."""
    table = pd.read_csv(folder / "scalars.csv")
    evaluations = table[table.run == "validation"].pivot(index="rounds", columns="name", values="value")
    first = 4 * 3 * 144
    assert list(evaluations.index[:3]) == [0, first / 2, first]
    assert evaluations["eval/prediction"][first] < evaluations["eval/prediction"][0]
    logged = table[table.run == "train"].pivot(index="rounds", columns="name", values="value")
    assert logged["losses/nll"].isna().tolist() == [True, True, False, False, False]
    rates = logged["charts/learning_rate"]
    assert rates.iloc[1] < rates.iloc[0]
    assert rates.iloc[2] > rates.iloc[1]


def test_the_game_for_pretraining_is_the_one_that_was_played() -> None:
    task = task_of(config())
    assert task.game == task.split.game == population().game.resolve()
    scarce = task_of(config(game_first={"game": "scarce"}))
    assert scarce.game is not None
    assert scarce.game.rounds == 144
    assert scarce.game != task.game


def test_a_game_that_is_not_known_is_replaced_by_one_of_its_size(tmp_path: Path) -> None:
    choices = simulate(population(participants=12))[0]
    n, rounds = choices.choice.shape
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), rounds),
            "round": np.tile(np.arange(1, rounds + 1), n),
            "left": choices.offered[..., 0].ravel(),
            "right": choices.offered[..., 1].ravel(),
            "choice": choices.choice.ravel(),
            "yes": choices.accepted.ravel().astype(int),
        }
    )
    table.to_csv(tmp_path / "choices.csv", index=False)
    columns = {"participant": "id", "round": "round", "offered": ["left", "right"], "choice": "choice"}
    described = {"kind": "data", "file": "choices.csv", "columns": {**columns, "accepted": "yes"}}
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump({**described, "choice": "place from 0"}), encoding="utf-8")
    of_data: dict[str, object] = {"population": None, "data": str(path), "participants": None, "test": 4}
    task = task_of(config(**of_data))
    assert (task.split.game, task.game.n_partners, task.game.rounds) == (None, 8, rounds)
    kinds = {(kind.mean_rank, kind.acceptance, kind.rank_shown) for kind in task.game.partners}
    assert kinds == {(2.75, 0.8, False), (2.75, 0.2, False), (6.25, 0.8, False), (6.25, 0.2, False)}
    assert 0.1 < draw(task.game, 0, 1).accepted.mean() < 0.9
    named = task_of(config(**of_data, game_first={"game": "orthogonal"}))
    assert named.game is not None
    assert named.game.n_partners == 8
    assert len(named.split.train) == 5
