"""The training loop: steps of an optimiser, with evaluations and checkpoints in between.

All luck is keyed: by the seed and by how far the training is. There are no generators whose state could be lost, and a
training that goes on from a checkpoint takes the very steps that it would have taken.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pandas as pd
import torch
from matplotlib.figure import Figure
from pydantic import Field
from torch import Tensor

from accept_reject.agents.networks import Network, NetworkConfig
from accept_reject.envs.faults import InvalidInputError, Real, Spec, Whole
from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.entries import RunName
from accept_reject.experiments.tables import TextTable
from accept_reject.experiments.train.checkpoint import save_checkpoint

ORDER_LUCK = 5
"""Key of the order in which what is learned from is gone through."""


class TrainConfig(Spec):
    """What every training is told.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        network: The network.
        seed: Seed of everything: weights, episodes, choices, splits.
        device: Where the network is; `auto` takes a GPU if there is one.
        updates: Batches that are learned from.
        learning_rate: Learning rate of the optimiser (Adam) at first; it falls to 0 along half a cosine.
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
    """What a step of the optimiser comes from.

    Attributes:
        loss: What is made smaller.
        scalars: What is told of it, by name, such as `losses/policy`.
        rounds: Rounds that had not been seen before.
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


class Left(NamedTuple):
    """What a task leaves of a trained network.

    Attributes:
        tables: By name.
        figures: By name.
        shown: Tables for the terminal.
    """

    tables: Mapping[str, pd.DataFrame] = {}
    figures: Mapping[str, Figure] = {}
    shown: tuple[TextTable, ...] = ()


class Task(ABC):
    """What is learned.

    Attributes:
        phases: Updates of each phase; the learning rate falls anew in each, and the last one is what counts.
        patience: Evaluations in a row without a better score that are borne in the last phase: the next one ends it,
            with the best weights; None to train to the end, and keep the last weights.
        fingerprint: Tells what is learned from any other data; empty if the config tells it all.
        simulated: Whether it is learned from participants, and they are simulated.
    """

    phases: tuple[int, ...]
    patience: int | None = None
    fingerprint: str = ""
    simulated: bool = False

    @abstractmethod
    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        """The losses of an update, by its number from 0: the optimiser takes a step after each."""

    @abstractmethod
    def evaluate(self, network: Network[Any]) -> Evaluation:
        """How good the network is; the same luck each time."""

    def finish(self, network: Network[Any]) -> Left:
        """What is to be said of the trained network."""
        return Left()


@dataclass
class Progress:
    """How far a training is: what a checkpoint holds besides network and optimiser.

    Attributes:
        update: Updates done.
        rounds: Rounds seen.
        history: Every scalar so far: rounds seen, run, name, value.
        score: Of the last evaluation.
        best: The best score in the last phase so far.
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
    scalars: dict[str, list[float]] = {}
    while progress.update < sum(task.phases) and not _out_of_patience(task, progress):
        if progress.evaluations == 0:
            _evaluate(task, network, progress)
        left, ends = _of_phase(task, progress.update)
        rate = config.learning_rate * (1 - math.cos(math.pi * left)) / 2
        for group in optimiser.param_groups:
            group["lr"] = rate
        for step in task.steps(network, progress.update):
            norm = _descend(step.loss, network, optimiser, config)
            progress.rounds += step.rounds
            for name, value in {**step.scalars, "losses/gradient_norm": norm, "charts/learning_rate": rate}.items():
                scalars.setdefault(name, []).append(value)
        progress.update += 1
        if progress.update % config.evaluate_every == 0 or progress.update == ends:
            means = {name: sum(values) / len(values) for name, values in scalars.items()}
            progress.history += [(progress.rounds, "train", name, mean) for name, mean in means.items()]
            scalars = {}
            _evaluate(task, network, progress)
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            save_checkpoint(folder, {"origin": origin(config, task), **state, "progress": {**vars(progress)}})
        on_update(progress)
    if task.patience is not None:
        network.load_state_dict(progress.best_weights)
    return progress


def origin(config: TrainConfig, task: Task) -> str:
    """Tells what is trained on what: a training can only go on from a checkpoint of the same."""
    return content_hash(dump_config(config), task.fingerprint)


def _of_phase(task: Task, update: int) -> tuple[float, int]:
    """The share of the phase that is left before an update, and the update with which the phase ends."""
    ends = 0
    for length in task.phases:
        ends += length
        if update < ends:
            return (ends - update) / length, ends
    raise ValueError(f"there are {ends} updates, and none with the number {update}")


def _descend(loss: Tensor, network: Network[Any], optimiser: torch.optim.Optimizer, config: TrainConfig) -> float:
    """A step of the optimiser; the norm of the gradient before it was shortened.

    Raises:
        InvalidInputError: If the gradient is no number.
    """
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip))
    if not math.isfinite(norm):
        raise InvalidInputError(config.name, ["the gradient is no number any more; try a lower learning_rate"])
    optimiser.step()
    return norm


def _evaluate(task: Task, network: Network[Any], progress: Progress) -> None:
    """Note the scores of the network as it is, and the network itself if it is the best so far."""
    with torch.no_grad():
        found = task.evaluate(network)
    progress.history += [(progress.rounds, run, name, value) for (run, name), value in found.scalars.items()]
    progress.score, progress.told = found.score, found.told
    in_last_phase = progress.update >= sum(task.phases[:-1])
    if in_last_phase and found.score > progress.best:
        progress.best, progress.best_at = found.score, progress.evaluations
        if task.patience is not None:
            progress.best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    progress.evaluations += 1


def _out_of_patience(task: Task, progress: Progress) -> bool:
    if task.patience is None or progress.update <= sum(task.phases[:-1]):
        return False
    return progress.evaluations - 1 - progress.best_at > task.patience
