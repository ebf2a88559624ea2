"""The training loop: steps of an optimiser, with evaluations and checkpoints in between.

All luck is keyed: by the seed and by how far the training is. There are no generators whose state could be lost, and a
training that goes on from a checkpoint takes the very steps that it would have taken.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from accept_reject.agents.networks import Network, NetworkConfig
from accept_reject.envs.faults import InvalidInputError, Real, Spec, Whole
from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.entries import RunName
from accept_reject.experiments.train.checkpoint import save_checkpoint


class TrainConfig(Spec):
    """What every training is told.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        network: The network.
        seed: Seed of everything: weights, episodes, choices, splits.
        device: Where the network is; `auto` takes a GPU if there is one.
        updates: Steps of the optimiser (Adam).
        learning_rate: Its learning rate at first; it falls to 0 along half a cosine.
        clip: Greatest norm of the gradient; longer ones are shortened.
        evaluate_every: Updates between evaluations. Each of them also leaves a checkpoint.
    """

    name: RunName
    network: NetworkConfig = NetworkConfig()
    seed: Annotated[Whole, Field(ge=0, lt=9_000)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    updates: Annotated[Whole, Field(ge=1)]
    learning_rate: Annotated[Real, Field(gt=0, le=1)] = 0.01
    clip: Annotated[Real, Field(gt=0)] = 1.0
    evaluate_every: Annotated[Whole, Field(ge=1)] = 20

    @property
    def folder(self) -> str:
        """Name of the run's folder: the same config, whatever its comments and order of keys, has the same one."""
        return f"{self.name}-{content_hash(dump_config(self))}"


class Step(NamedTuple):
    """What an update comes from.

    Attributes:
        loss: What is made smaller.
        scalars: What is told of it, by name, such as `losses/policy`.
        rounds: Rounds that it saw.
    """

    loss: Tensor
    scalars: dict[str, float]
    rounds: int


class Evaluation(NamedTuple):
    """How good a network is.

    Attributes:
        score: What is followed, the higher the better.
        told: The score, for the eye.
        scalars: By run (a scenario, say) and name.
    """

    score: float
    told: str
    scalars: dict[tuple[str, str], float]


class Task(ABC):
    """What is learned.

    Attributes:
        patience: Evaluations without a better score after which training stops, with the best weights; None to train
            to the end, and keep the last weights.
    """

    patience: int | None = None

    @abstractmethod
    def step(self, network: Network[Any], update: int) -> Step:
        """The loss of an update, by its number from 0."""

    @abstractmethod
    def evaluate(self, network: Network[Any]) -> Evaluation:
        """How good the network is; the same luck each time."""

    def finish(self, network: Network[Any]) -> dict[str, pd.DataFrame]:
        """Tables that the trained network leaves, by file name."""
        return {}


@dataclass
class Progress:
    """How far a training is: what a checkpoint holds besides network and optimiser.

    Attributes:
        update: Updates done.
        rounds: Rounds seen.
        history: Every scalar so far: rounds seen, run, name, value.
        score: Of the last evaluation.
        best: The best score so far.
        best_at: The evaluation, from 0, in which it was reached.
        evaluations: How many there were.
        best_weights: The network's weights then, if the task keeps the best.
        told: The last score, for the eye.
    """

    update: int = 0
    rounds: int = 0
    history: list[tuple[int, str, str, float]] = field(default_factory=list)
    score: float = -math.inf
    best: float = -math.inf
    best_at: int = 0
    evaluations: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    told: str = ""


def train(
    config: TrainConfig,
    task: Task,
    network: Network[Any],
    folder: Path,
    checkpoint: dict[str, Any] | None = None,
    on_update: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Train a network; it ends with its last weights, or its best ones if the task is patient.

    Args:
        config: How to train.
        task: What to learn.
        network: What learns, on its device.
        folder: Where checkpoints are left.
        checkpoint: Where to go on from; from the network as it is by default.
        on_update: Is told after each update how far the training is.

    Returns:
        The whole history.
    """
    optimiser = torch.optim.Adam(network.parameters(), config.learning_rate)
    progress = Progress()
    if checkpoint:
        network.load_state_dict(checkpoint["network"])
        optimiser.load_state_dict(checkpoint["optimiser"])
        progress = Progress(**checkpoint["progress"])
    sums: dict[str, float] = {}
    while progress.update < config.updates and not _out_of_patience(task, progress):
        if progress.evaluations == 0:
            _evaluate(task, network, progress)
        rate = config.learning_rate * (1 + math.cos(math.pi * progress.update / config.updates)) / 2
        for group in optimiser.param_groups:
            group["lr"] = rate
        step = task.step(network, progress.update)
        optimiser.zero_grad()
        torch.autograd.backward(step.loss)
        norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip))
        if not math.isfinite(norm):
            raise InvalidInputError(config.name, [f"the gradient is no number in update {progress.update + 1}"])
        optimiser.step()
        progress.update += 1
        progress.rounds += step.rounds
        for name, value in {**step.scalars, "losses/gradient_norm": norm, "charts/learning_rate": rate}.items():
            sums[name] = sums.get(name, 0.0) + value
        if progress.update % config.evaluate_every == 0 or progress.update == config.updates:
            done = (progress.update - 1) % config.evaluate_every + 1
            progress.history += [(progress.rounds, "train", name, total / done) for name, total in sums.items()]
            sums = {}
            _evaluate(task, network, progress)
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            save_checkpoint(folder, {**state, "progress": {**vars(progress)}})
        on_update(progress)
    if task.patience is not None:
        network.load_state_dict(progress.best_weights)
    return progress


def _evaluate(task: Task, network: Network[Any], progress: Progress) -> None:
    """Note the scores of the network as it is, and the network itself if it is the best so far."""
    with torch.no_grad():
        found = task.evaluate(network)
    progress.history += [(progress.rounds, run, name, value) for (run, name), value in found.scalars.items()]
    progress.score, progress.told = found.score, found.told
    if found.score > progress.best:
        progress.best, progress.best_at = found.score, progress.evaluations
        if task.patience is not None:
            progress.best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    progress.evaluations += 1


def _out_of_patience(task: Task, progress: Progress) -> bool:
    return task.patience is not None and progress.evaluations - 1 - progress.best_at > task.patience
