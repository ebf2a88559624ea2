"""Training: it learns, the same config gives the same bytes, and a killed run ends like one that was not killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from command_line import accept_reject
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from accept_reject.agents.networks.agent import RecurrentAgent, make_network
from accept_reject.agents.networks.base import Network
from accept_reject.envs import InvalidInputError, draw, scenario
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.config import dump_config, load_config
from accept_reject.experiments.manifest import MANIFEST, is_finished
from accept_reject.experiments.reporting.progress import silent
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay
from accept_reject.experiments.train.checkpoint import BEFORE, LAST
from accept_reject.experiments.train.config import ImitationConfig, MetaConfig, TrainConfig
from accept_reject.experiments.train.experiment import (
    WEIGHTS,
    load_training,
    make_training,
    resume_training,
    start,
)
from accept_reject.experiments.train.figures import SCALARS, evaluations
from accept_reject.experiments.train.loop import Evaluation, Progress, Step, Task, train
from accept_reject.experiments.train.meta import MetaLearning, advantages, discounted_returns
from accept_reject.experiments.train.run import CONFIG
from accept_reject.experiments.train.tables import before_and_after

SMALL = {
    "name": "small",
    "scenarios": ["orthogonal", {"scenario": "crowd", "game": {"rounds": 20}}],
    "reward": {"acceptance": 1, "valuation": 0.5},
    "network": {"hidden": 3, "player": "recurrent", "player_hidden": 2},
    "updates": 12,
    "episodes": 8,
    "gamma": 0.5,
    "evaluate_every": 2,
    "evaluation_episodes": 8,
}


KILLS = int(os.environ.get("KILLS", "2"))


def config(**changes: object) -> MetaConfig:
    return MetaConfig.model_validate({**SMALL, **changes})


def imitation() -> ImitationConfig:
    return ImitationConfig.model_validate(
        {
            "name": "small",
            "population": "population_babur2024",
            **{"participants": 12, "validation": 3, "test": 5},
            "network": {"hidden": 3, "player": "recurrent", "player_hidden": 2, "predicts": True},
            "prediction_weight": 0.3,
            "game_first": {"updates": 2 * KILLS, "episodes": 30},
            "updates": 3 * KILLS,
            "batch": 4,
            "models": [],
            "evaluate_every": 2,
        }
    )


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS, "scalars.csv")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return start(config(), tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same training as if its process had ended right before it wrote its results."""
    training = make_training(config())
    place = tmp_path_factory.mktemp("interrupted") / training.folder_name
    training.run(place, silent)
    return place


@pytest.mark.slow
def test_same_config_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = start(config(), tmp_path)
    assert files(again) == files(folder)
    assert (again / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()  # of all files, by their hashes
    assert files(start(config(seed=1), tmp_path))[WEIGHTS] != files(folder)[WEIGHTS]


def test_the_report_answers_with_the_numbers_of_the_run(folder: Path) -> None:
    table = pd.read_csv(folder / "scalars.csv")
    means = table[table.name.str.startswith("eval/")].groupby(["name", "rounds"]).value.mean()
    report = (folder / "report.html").read_text(encoding="utf-8")
    answer = report.partition('class="answer"')[2].partition("</div>")[0]
    for name, number in (("regret", 0), ("regret", -1), ("valuing", -1), ("accepted", -1)):
        assert f"{means[f'eval/{name}'].iloc[number]:.2f}" in answer
    assert f"{8 * (144 + 20) * 12:,} rounds" in answer
    assert report.index("<svg") < report.index("before training")  # the figure, then the table
    assert {path.name for path in folder.iterdir()} == {
        *(CONFIG, MANIFEST, WEIGHTS, "report.html", "scalars.csv", "tensorboard"),
        "evaluations.svg",
    }


def test_the_figure_of_evaluations_shows_the_scalars(folder: Path) -> None:
    table = pd.read_csv(folder / "scalars.csv")
    panels = evaluations(table).axes
    assert [ax.get_ylabel() for ax in panels] == [SCALARS[f"eval/{name}"] for name in ("regret", "valuing", "accepted")]
    for ax, name in zip(panels, ("regret", "valuing", "accepted"), strict=True):
        assert [line.get_label() for line in ax.lines] == ["orthogonal", "crowd"]
        for line in ax.lines:
            expected = table[(table.run == line.get_label()) & (table.name == f"eval/{name}")]
            assert np.array_equal(line.get_xdata(), expected.rounds / 1e6)
            assert np.array_equal(line.get_ydata(), expected.value)


def test_evaluations_are_shown_before_training_and_with_the_weights_that_are_kept() -> None:
    values = [0.9, 0.7, 0.4, 0.5]
    history = [(rounds, "validation", "eval/nll", value) for rounds, value in enumerate(values)]
    last = before_and_after(Progress(history=[*history, (3, "train", "losses/nll", 0.1)]))
    assert last.to_numpy().tolist() == [["validation", "eval/nll", 0.9, 0.5]]
    best = before_and_after(Progress(history=history, best_at=2, best_weights={"w": torch.zeros(1)}))
    assert best.to_numpy().tolist() == [["validation", "eval/nll", 0.9, 0.4]]


def test_scalars(folder: Path) -> None:
    table = pd.read_csv(folder / "scalars.csv")
    rounds = 8 * (144 + 20)
    assert set(table.run) == {"train", "orthogonal", "crowd"}
    assert sorted(table[table.run == "crowd"].rounds.unique()) == [rounds * u for u in range(0, 13, 2)]
    events = EventAccumulator(str(folder / "tensorboard" / "train"))
    events.Reload()
    names = {"losses/policy", "losses/gradient_norm", "charts/learning_rate", "charts/reward"}
    assert names | {"charts/rounds_per_second"} <= set(events.Tags()["scalars"])
    assert "config/text_summary" in events.Tags()["tensors"]
    row = table.query("run == 'train' and name == 'charts/reward'").iloc[-1]
    assert events.Scalars("charts/reward")[-1].value == pytest.approx(row.value)
    assert events.Scalars("charts/reward")[-1].step == 12 * rounds


@pytest.mark.slow
def test_a_trained_network_is_an_agent_like_any_other(folder: Path, tmp_path: Path) -> None:
    params = f"{{weights: '{folder / WEIGHTS}', greedy: true}}"
    agent = f"agents=[{{agent: 'accept_reject.agents.networks.agent:RecurrentAgent', params: {params}, label: mine}}]"
    command = ["benchmark", "benchmark", agent, "scenarios=[crowd]", "seeds=2", "episodes=1"]
    done = accept_reject(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    learning = config(scenarios=["orthogonal"], reward={"acceptance": 1}, updates=30, episodes=128)
    network = make_network(learning.network, 0)
    train(learning, MetaLearning(learning), network, tmp_path)
    episodes = draw(scenario("orthogonal").game, 20_000, 200)
    with torch.no_grad():
        assert score(play(RecurrentAgent(network, greedy=True), episodes), "accepted").value > 0.7


def test_discounted_returns() -> None:
    reward = np.random.default_rng(0).random((3, 5))
    expected = [[sum(0.9 ** (j - i) * row[j] for j in range(i, 5)) for i in range(5)] for row in reward]
    assert discounted_returns(reward, 0.9) == pytest.approx(np.array(expected))
    assert discounted_returns(reward, 0.0) == pytest.approx(reward)


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(0.9, 0.7), (1.0, 1.0), (0.5, 0.0), (0.0, 0.5)])
def test_advantages_are_weighted_sums_of_temporal_differences(gamma: float, gae_lambda: float) -> None:
    reward, value = np.random.default_rng(0).random((2, 3, 5))
    next_value = np.concatenate([value[:, 1:], np.zeros((3, 1))], axis=1)
    difference = reward + gamma * next_value - value
    expected = [
        [sum((gamma * gae_lambda) ** (j - i) * row[j] for j in range(i, 5)) for i in range(5)] for row in difference
    ]
    assert advantages(reward, value, gamma, gae_lambda) == pytest.approx(np.array(expected))


def test_one_epoch_with_one_minibatch_is_the_plain_policy_gradient() -> None:
    plain = config(scenarios=["orthogonal"], reward={"acceptance": 1}, gamma=0.0)
    network, task = make_network(plain.network, 0), MetaLearning(plain)
    (step,) = task.steps(network, 3)
    torch.autograd.backward(step.loss)
    found = [weights.grad.clone() for weights in network.parameters() if weights.grad is not None]
    network.zero_grad()
    with torch.no_grad():
        choices = play(RecurrentAgent(network), draw(task.games["orthogonal"], 0, 8, start=3 * 8))
    advantage = torch.from_numpy(choices.accepted - choices.accepted.mean(axis=0))
    (-(replay(RecurrentAgent(network), choices) * advantage).mean()).backward()
    expected = [weights.grad for weights in network.parameters() if weights.grad is not None]
    assert len(found) == len(expected) > 5
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other.to(one.dtype), atol=1e-6)


def test_epochs_and_minibatches() -> None:
    """Rounds are counted once; the policy has not changed in the first step; a critic learns too."""
    several = config(n_epochs=2, n_minibatches=3, ent_coef=0.1, network={"hidden": 3, "critic": True})
    network, task = make_network(several.network, 0), MetaLearning(several)
    steps = []
    for step in task.steps(network, 0):
        steps.append(step)
        torch.autograd.backward(step.loss)
        with torch.no_grad():
            for weights in network.parameters():
                weights -= 0.1 * (weights.grad if weights.grad is not None else 0)
        network.zero_grad()
    assert [step.rounds for step in steps] == [8 * (144 + 20), 0, 0, 0, 0, 0]
    assert steps[0].scalars["losses/approx_kl"] == pytest.approx(0, abs=1e-6)
    assert steps[-1].scalars["losses/approx_kl"] > 1e-6
    assert steps[-1].scalars["losses/value"] < steps[0].scalars["losses/value"]
    assert 0 < steps[0].scalars["losses/entropy"] <= np.log(2)


@pytest.mark.slow
@pytest.mark.usefixtures("all_kinds")
@pytest.mark.parametrize("kind", [config(updates=4 * KILLS), imitation()], ids=["meta", "imitation"])
def test_killed_at_any_moment_it_resumes_to_the_same_bytes(kind: TrainConfig, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(dump_config(kind), encoding="utf-8")
    cli = [sys.executable, "-m", "accept_reject.experiments.cli", "train"]
    command = [*cli, str(path), "--out", str(tmp_path)]
    run = tmp_path / make_training(kind).folder_name
    rng, updates = random.Random(0), []
    for least in np.linspace(2, 3 * KILLS, KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and checkpointed(run) < least:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL  # it was under way
        updates.append(checkpointed(run))
        command = [*cli, "--resume", str(run)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = start(kind, tmp_path / "in one go")
    assert files(run) == files(whole)
    for path in whole.glob("*.csv"):
        assert (run / path.name).read_bytes() == path.read_bytes(), path.name
    assert (run / MANIFEST).read_bytes() == (whole / MANIFEST).read_bytes()
    assert is_finished(run)
    if isinstance(kind, ImitationConfig):  # killed during pretraining on the game, and during imitation
        assert updates[0] < 2 * KILLS < updates[-1]


def checkpointed(run: Path) -> int:
    """The updates of a run's checkpoint; 0 while there is none."""
    try:
        return int(torch.load(run / LAST, weights_only=True)["progress"]["update"])
    except FileNotFoundError:  # not yet, or just being replaced
        return 0


def test_a_truncated_checkpoint_is_reported_by_name_and_the_one_before_it_used(
    folder: Path, interrupted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for broken in ([LAST], [LAST, BEFORE]):
        run = tmp_path / f"run-{len(broken)}"
        run.mkdir()
        for name in (CONFIG, LAST, BEFORE):
            content = (interrupted / name).read_bytes()
            (run / name).write_bytes(content[: len(content) // 2] if name in broken else content)
        if len(broken) == 1:
            resume_training(run)
            assert f"{LAST}: is not a valid checkpoint" in capsys.readouterr().out
            assert files(run) == files(folder)
        else:
            with pytest.raises(InvalidInputError) as caught:
                resume_training(run)
            for problem, name in zip(caught.value.problems, (LAST, BEFORE), strict=True):
                assert problem.startswith(f"{name}: is not a valid checkpoint")


def test_a_checkpoint_of_something_else_is_an_error(folder: Path, interrupted: Path, tmp_path: Path) -> None:
    for name in (CONFIG, LAST, BEFORE):
        (tmp_path / name).write_bytes((interrupted / name).read_bytes())
    changed = (tmp_path / CONFIG).read_text(encoding="utf-8").replace("updates: 12", "updates: 14")
    (tmp_path / CONFIG).write_text(changed, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="belongs to a training run with another config"):
        resume_training(tmp_path)
    (tmp_path / CONFIG).write_bytes((interrupted / CONFIG).read_bytes())
    torch.save({"network": {}}, tmp_path / LAST)
    broken = (tmp_path / LAST).with_suffix(".broken")
    training = make_training(config())
    training.run(tmp_path, silent)
    assert broken.exists()
    assert files(resume_training(tmp_path)) == files(folder)


def test_a_checkpoint_of_another_version_is_an_error(
    interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (CONFIG, LAST, BEFORE):
        (tmp_path / name).write_bytes((interrupted / name).read_bytes())
    monkeypatch.setattr("accept_reject.experiments.train.experiment.__version__", "0.0")
    with pytest.raises(InvalidInputError, match="another version"):
        resume_training(tmp_path)


class Scripted(Task):
    """A task with given scores; the network's first weight counts the steps."""

    def __init__(self, phases: tuple[int, ...], patience: int, scores: list[float]) -> None:
        self.phases, self.patience, self.scores = phases, patience, iter(scores)
        self.steps_taken = 0

    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        self.steps_taken += 1
        yield Step(sum(weights.sum() for weights in network.parameters()), {}, 1)  # type: ignore[arg-type]

    def evaluate(self, network: Network[Any]) -> Evaluation:
        score = next(self.scores)
        return Evaluation(score, "", {("", "eval/weight"): float(next(network.parameters()).view(-1)[0])})


@pytest.mark.parametrize(
    ("phases", "patience", "scores", "steps", "best_at"),
    [
        ((10,), 2, [1, 2, 0, 0, 0, 9], 4, 1),  # the third in a row ends it
        ((10,), 2, [1, 2, 0, 3, 0, 0, 0, 9], 6, 3),  # in a row
        ((3, 10), 2, [9, 9, 9, 1, 2, 0, 0, 0], 7, 4),  # scores of the first phase do not count
        ((3, 2), 2, [9, 9, 9, 1, 2, 3], 5, 5),  # it ends with the last update
        ((10,), 1, [5, 1, 1], 2, 0),  # never better than before training
    ],
)
def test_patience(
    phases: tuple[int, ...], patience: int, scores: list[float], steps: int, best_at: int, tmp_path: Path
) -> None:
    task, network = Scripted(phases, patience, scores), make_network(config().network, 0)
    progress = train(config(evaluate_every=1), task, network, tmp_path)
    assert task.steps_taken == steps
    assert progress.best == scores[best_at]
    weights = [value for _, _, name, value in progress.history if name == "eval/weight"]
    assert float(next(network.parameters()).detach().view(-1)[0]) == weights[best_at]


def test_a_run_is_not_overwritten(folder: Path, interrupted: Path) -> None:
    before = files(folder)
    with pytest.raises(InvalidInputError, match="already contains a finished training run of this config"):
        start(config(), folder.parent)
    assert files(folder) == before
    assert files(resume_training(folder)) == before
    checkpoints = {name: (interrupted / name).read_bytes() for name in (LAST, BEFORE)}
    with pytest.raises(InvalidInputError, match="already contains an interrupted training run of this config"):
        start(config(), interrupted.parent)
    assert {name: (interrupted / name).read_bytes() for name in (LAST, BEFORE)} == checkpoints


def test_a_kill_while_the_folder_is_replaced_loses_nothing(folder: Path, interrupted: Path, tmp_path: Path) -> None:
    """The state between the two renames: the old folder and the new one stand under temporary names."""
    shutil.copytree(interrupted, tmp_path / ".run.accept-reject-old")
    shutil.copytree(folder, tmp_path / ".run.accept-reject-new")
    assert files(resume_training(tmp_path / "run")) == files(folder)
    assert is_finished(tmp_path / "run")


@pytest.mark.slow
def test_a_damaged_run_is_trained_again(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / folder.name
    shutil.copytree(folder, run)
    (run / "scalars.csv").write_bytes((folder / "scalars.csv").read_bytes()[:100])
    assert files(start(config(), tmp_path)) == files(folder)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"updates": 0}, "updates: must be an integer >= 1, got 0"),
        ({"seed": 9_000}, "seed: must be an integer < 9000"),
        ({"scenarios": []}, "scenarios: must have at least 1 item"),
        ({"scenarios": ["crowd", "crowd"]}, "scenarios: names must be unique, got 'crowd' more than once"),
        ({"scenarios": ["crwd"]}, "unknown scenario 'crwd'"),
        ({"reward": {}}, "reward: acceptance or valuation must be positive, got 0 for both"),
        ({"reward": {"acceptence": 1}}, "reward: unknown key 'acceptence'; did you mean 'acceptance'?"),
        ({"network": {"hidden": 0}}, "network.hidden: must be an integer >= 1, got 0"),
        ({"network": {"architecture": "flat", "predicts": True}}, "network.predicts: is only valid for"),
        ({"gamma": 2}, "gamma: must be a number <= 1, got 2"),
        ({"n_minibatches": 9}, "n_minibatches: must be at most episodes (8), got 9"),
        ({"n_epochs": 0}, "n_epochs: must be an integer >= 1, got 0"),
        ({"gae_lambda": 0.9, "gamma": 0}, "gae_lambda: must be 1 with gamma 0, got 0.9"),
        ({"network": {"predicts": True}}, "network.predicts: is only valid for imitation"),
        ({"clip_range": 0}, "clip_range: must be a number > 0, got 0"),
        ({"learning_rate": 0}, "learning_rate: must be a number > 0, got 0"),
        ({"kind": "mta"}, "kind: must be 'imitation' or 'meta', got 'mta'"),
        ({"episoeds": 3}, "unknown key 'episoeds'; did you mean 'episodes'?"),
    ],
)
def test_invalid_configs(changes: dict[str, object], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "invalid.yaml"
    path.write_text(yaml.safe_dump({"kind": "meta", **SMALL, **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_training(str(path))
    assert any(problem in line for line in caught.value.problems), str(caught.value)


@pytest.mark.slow
def test_bad_input_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    for arguments in (["none.yaml"], ["--resume", "nowhere"], [], ["meta_orthogonal", "device=tpu"]):
        done = accept_reject("train", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["meta_orthogonal"])
def test_shipped_configs(name: str) -> None:
    assert load_config(MetaConfig, name).kind == "meta"
