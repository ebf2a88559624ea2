"""Training: it learns, the same config gives the same bytes, and a killed run ends as one that was not."""

import os
import random
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
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from accept_reject.agents.networks import Network
from accept_reject.agents.recurrent import RecurrentAgent, make_network
from accept_reject.envs import InvalidInputError, draw, scenario
from accept_reject.experiments.config import dump_config, load_config
from accept_reject.experiments.play import play
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import anchored
from accept_reject.experiments.train.checkpoint import BEFORE, LAST
from accept_reject.experiments.train.imitation_config import ImitationConfig
from accept_reject.experiments.train.loop import Evaluation, Step, Task, TrainConfig, train
from accept_reject.experiments.train.meta import MetaConfig, MetaLearning, advantages, to_come
from accept_reject.experiments.train.run import CONFIG, WEIGHTS, load_train_config, resume, start

SMALL = {
    "name": "small",
    "scenarios": ["orthogonal", {"scenario": "crowd", "game": {"rounds": 20}}],
    "reward": {"acceptance": 1, "valuation": 0.5},
    "network": {"hidden": 3, "player": "recurrent", "player_hidden": 2},
    "updates": 12,
    "episodes": 8,
    "discount": 0.5,
    "evaluate_every": 2,
    "evaluation_episodes": 8,
}


KILLS = int(os.environ.get("KILLS", "3"))


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


def test_same_config_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert files(start(config(), tmp_path)) == files(folder)
    assert files(start(config(seed=1), tmp_path))[WEIGHTS] != files(folder)[WEIGHTS]


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


def test_a_trained_network_is_an_agent_like_any_other(folder: Path, tmp_path: Path) -> None:
    params = f"{{weights: '{folder / WEIGHTS}', greedy: true}}"
    agent = f"agents=[{{agent: 'accept_reject.agents.recurrent:RecurrentAgent', params: {params}, label: mine}}]"
    command = ["benchmark", "benchmark", agent, "scenarios=[crowd]", "seeds=2", "episodes=1"]
    done = subprocess.run(
        [sys.executable, "-m", "accept_reject.experiments.cli", *command], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


def test_it_learns(tmp_path: Path) -> None:
    learning = config(scenarios=["orthogonal"], reward={"acceptance": 1}, updates=30, episodes=128)
    network = make_network(learning.network, 0)
    train(learning, MetaLearning(learning), network, tmp_path)
    episodes = draw(scenario("orthogonal").game, 20_000, 200)
    with torch.no_grad():
        assert anchored(play(RecurrentAgent(network, greedy=True), episodes), "accepted").score > 0.7


def test_discounted_rewards_to_go() -> None:
    reward = np.random.default_rng(0).random((3, 5))
    expected = [[sum(0.9 ** (j - i) * row[j] for j in range(i, 5)) for i in range(5)] for row in reward]
    assert to_come(reward, 0.9) == pytest.approx(np.array(expected))
    assert to_come(reward, 0.0) == pytest.approx(reward)


@pytest.mark.parametrize(("discount", "trace"), [(0.9, 0.7), (1.0, 1.0), (0.5, 0.0), (0.0, 0.5)])
def test_advantages_are_the_weighted_surprises_to_come(discount: float, trace: float) -> None:
    reward, foreseen = np.random.default_rng(0).random((2, 3, 5))
    next_foreseen = np.concatenate([foreseen[:, 1:], np.zeros((3, 1))], axis=1)
    surprise = reward + discount * next_foreseen - foreseen
    expected = [
        [sum((discount * trace) ** (j - i) * row[j] for j in range(i, 5)) for i in range(5)] for row in surprise
    ]
    assert advantages(reward, foreseen, discount, trace) == pytest.approx(np.array(expected))


def test_one_epoch_in_one_part_is_the_plain_policy_gradient() -> None:
    plain = config(scenarios=["orthogonal"], reward={"acceptance": 1}, discount=0.0)
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


def test_batches_are_gone_through_in_epochs_and_parts() -> None:
    """Every episode comes once in each epoch; nothing is clipped in the first step; a critic learns too."""
    several = config(epochs=2, minibatches=3, entropy=0.1, network={"hidden": 3, "critic": True})
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


@pytest.mark.parametrize("kind", [config(updates=4 * KILLS), imitation()], ids=["meta", "imitation"])
def test_killed_at_any_moment_it_resumes_to_the_same_bytes(kind: TrainConfig, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(dump_config(kind), encoding="utf-8")
    cli = [sys.executable, "-m", "accept_reject.experiments.cli", "train"]
    command = [*cli, str(path), "--out", str(tmp_path)]
    run = tmp_path / kind.folder
    luck, updates = random.Random(0), []
    for least in np.linspace(2, 3 * KILLS, KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and checkpointed(run) < least:
            time.sleep(0.01)
        time.sleep(luck.random() * 0.05)
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
    if isinstance(kind, ImitationConfig):  # killed while the game was learned, and while choices were
        assert updates[0] < 2 * KILLS < updates[-1]


def checkpointed(run: Path) -> int:
    """The updates of a run's checkpoint; 0 while there is none."""
    try:
        return int(torch.load(run / LAST, weights_only=True)["progress"]["update"])
    except FileNotFoundError:  # not yet, or just being replaced
        return 0


def test_a_truncated_checkpoint_is_refused_by_name_and_the_one_before_it_used(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for broken in ([LAST], [LAST, BEFORE]):
        run = tmp_path / f"run-{len(broken)}"
        run.mkdir()
        for name in (CONFIG, LAST, BEFORE):
            content = (folder / name).read_bytes()
            (run / name).write_bytes(content[: len(content) // 2] if name in broken else content)
        if len(broken) == 1:
            resume(run)
            assert f"{LAST}: is no sound checkpoint" in capsys.readouterr().out
            assert files(run) == files(folder)
        else:
            with pytest.raises(InvalidInputError, match=rf"(?s){LAST}: is no sound.*{BEFORE}: is no sound"):
                resume(run)


def test_a_checkpoint_of_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in (CONFIG, LAST, BEFORE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    changed = (tmp_path / CONFIG).read_text(encoding="utf-8").replace("updates: 12", "updates: 14")
    (tmp_path / CONFIG).write_text(changed, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="left by a training with another config"):
        resume(tmp_path)
    (tmp_path / CONFIG).write_bytes((folder / CONFIG).read_bytes())
    torch.save({"network": {}}, tmp_path / LAST)
    assert files(resume(tmp_path)) == files(folder)
    assert (tmp_path / LAST).with_suffix(".broken").exists()


class Scripted(Task):
    """A task whose scores are given beforehand; the network's first weight counts the steps."""

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
        ((10,), 2, [1, 2, 0, 0, 0, 9], 4, 1),  # two in a row are borne, the third ends it
        ((10,), 2, [1, 2, 0, 3, 0, 0, 0, 9], 6, 3),  # in a row
        ((3, 10), 2, [9, 9, 9, 1, 2, 0, 0, 0], 7, 4),  # what the first phase came to does not count
        ((3, 2), 2, [9, 9, 9, 1, 2, 3], 5, 5),  # it ends all the same
        ((10,), 1, [5, 1, 1], 2, 0),  # never better than at first
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


def test_a_run_is_not_overwritten(folder: Path) -> None:
    before = files(folder)
    with pytest.raises(InvalidInputError, match="holds a training of this config already"):
        start(config(), folder.parent)
    assert files(folder) == before
    assert files(resume(folder)) == before


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"updates": 0}, "updates: should be greater than or equal to 1"),
        ({"seed": 9_000}, "seed: should be less than 9000"),
        ({"scenarios": []}, "scenarios: should hold at least one"),
        ({"scenarios": ["crowd", "crowd"]}, "come twice: crowd"),
        ({"scenarios": ["crwd"]}, "unknown scenario 'crwd'"),
        ({"reward": {}}, "reward: acceptance and valuation should not both be 0"),
        ({"reward": {"acceptence": 1}}, "reward.acceptence: unknown key; did you mean 'acceptance'?"),
        ({"network": {"hidden": 0}}, "network.hidden: should be greater"),
        ({"network": {"architecture": "flat", "predicts": True}}, "network.predicts: has no place in the flat"),
        ({"discount": 2}, "discount: should be less than or equal to 1"),
        ({"minibatches": 9}, "minibatches: should be at most the 8 episodes, but is 9"),
        ({"epochs": 0}, "epochs: should be greater"),
        ({"trace": 0.9, "discount": 0}, "trace: has no place without a discount"),
        ({"network": {"predicts": True}}, "network.predicts: has no place here"),
        ({"clip_ratio": 0}, "clip_ratio: should be greater"),
        ({"learning_rate": 0}, "learning_rate: should be greater"),
        ({"kind": "mta"}, "kind: should be 'meta'"),
        ({"episoeds": 3}, "episoeds: unknown key; did you mean 'episodes'?"),
    ],
)
def test_faulty_configs_are_refused(changes: dict[str, object], fault: str, tmp_path: Path) -> None:
    path = tmp_path / "faulty.yaml"
    path.write_text(yaml.safe_dump({"kind": "meta", **SMALL, **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_train_config(str(path))
    assert any(fault in line for line in caught.value.faults), str(caught.value)


def test_bad_input_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    for arguments in (["none.yaml"], ["--resume", "nowhere"], [], ["meta_orthogonal", "device=tpu"]):
        command = [sys.executable, "-m", "accept_reject.experiments.cli", "train", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["meta_orthogonal"])
def test_shipped_configs(name: str) -> None:
    assert load_config(MetaConfig, name).kind == "meta"
