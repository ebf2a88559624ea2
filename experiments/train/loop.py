"""The training loop: optimizer steps, with evaluations and checkpoints in between.

All random streams are keyed by the seed and the number of the update. There are no generators whose state could be
lost: a training run that resumes from a checkpoint takes exactly the same steps as without interruption.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from accept_reject.agents.networks.base import Network
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.train.checkpoint import save_checkpoint
from accept_reject.experiments.train.config import TrainConfig


class Step(NamedTuple):
    """The input of an optimizer step.

    Attributes:
        loss: The loss to minimize.
        scalars: Values to log, by name, such as `losses/policy`.
        rounds: Number of rounds seen for the first time.
    """

    loss: Tensor
    scalars: dict[str, float]
    rounds: int


class Evaluation(NamedTuple):
    """The result of an evaluation.

    Attributes:
        score: The score to maximize.
        label: The score, formatted.
        scalars: Values to log, by run (such as a scenario) and name.
    """

    score: float
    label: str
    scalars: dict[tuple[str, str], float]


class Task(ABC):
    """Base class of the tasks that a network learns.

    Attributes:
        phases: Number of updates of each phase. The learning rate schedule restarts in each phase; only scores of
            the last phase count.
        patience: Early-stopping patience: training stops when more than this many evaluations of the last phase in a
            row bring no better score, and the best weights are kept. With None, training runs to the end and keeps the
            last weights.
    """

    phases: tuple[int, ...]
    patience: int | None = None

    @abstractmethod
    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        """Losses of an update, by its number from 0; the optimizer takes a step after each."""

    @abstractmethod
    def evaluate(self, network: Network[Any]) -> Evaluation:
        """Score the network, with common random numbers for all evaluations."""


@dataclass
class Progress:
    """The state of a training run, saved in checkpoints along with the network and the optimizer.

    Attributes:
        update: Number of updates done.
        rounds: Number of rounds seen.
        history: All scalars so far: rounds seen, run, name, value.
        score: The last score.
        best: The best score of the last phase so far.
        best_at: Number of the evaluation, from 0, that gave the best score.
        evaluations: Number of evaluations.
        best_weights: The network's weights at that evaluation, for a task with early stopping.
        label: The last score, formatted.
    """

    update: int = 0
    rounds: int = 0
    history: list[tuple[int, str, str, float]] = field(default_factory=list)
    score: float = -math.inf
    best: float = -math.inf
    best_at: int = 0
    evaluations: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    label: str = ""


def train(
    config: TrainConfig,
    task: Task,
    network: Network[Any],
    folder: Path,
    checkpoint: dict[str, Any] | None = None,
    on_update: Callable[[Progress], None] = lambda progress: None,
    origin: str = "",
) -> Progress:
    """Train a network. It ends with its last weights, or with its best ones for a task with early stopping.

    Args:
        config: The hyperparameters.
        task: The task to learn.
        network: The network, on its device.
        folder: Folder for checkpoints.
        checkpoint: Content of the checkpoint to resume from; by default training starts with the network as it is.
        on_update: Called with the progress after each update.
        origin: Hash of config and data, saved in checkpoints.

    Returns:
        The final progress, with the whole history.

    Raises:
        InvalidInputError: If training diverges.
    """
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    progress = Progress()
    if checkpoint:
        network.load_state_dict(checkpoint["network"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        progress = Progress(**checkpoint["progress"])
    scalars: dict[str, list[float]] = {}
    while progress.update < sum(task.phases) and not _out_of_patience(task, progress):
        if progress.evaluations == 0:
            _evaluate(task, network, progress)
        remaining, end = _phase(task, progress.update)
        rate = config.learning_rate * (1 - math.cos(math.pi * remaining)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        for step in task.steps(network, progress.update):
            norm = _optimizer_step(step.loss, network, optimizer, config)
            progress.rounds += step.rounds
            for name, value in {**step.scalars, "losses/gradient_norm": norm, "charts/learning_rate": rate}.items():
                scalars.setdefault(name, []).append(value)
        progress.update += 1
        if progress.update % config.evaluate_every == 0 or progress.update == end:
            means = {name: sum(values) / len(values) for name, values in scalars.items()}
            progress.history += [(progress.rounds, "train", name, mean) for name, mean in means.items()]
            scalars = {}
            _evaluate(task, network, progress)
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            save_checkpoint(folder, {"origin": origin, **state, "progress": {**vars(progress)}})
        on_update(progress)
    if task.patience is not None:
        network.load_state_dict(progress.best_weights)
    return progress


def _phase(task: Task, update: int) -> tuple[float, int]:
    """Return the share of the phase that remains before an update, and the update at which the phase ends."""
    end = 0
    for length in task.phases:
        end += length
        if update < end:
            return (end - update) / length, end
    raise ValueError(f"update: must be below {end}, got {update}")


def _optimizer_step(
    loss: Tensor, network: Network[Any], optimizer: torch.optim.Optimizer, config: TrainConfig
) -> float:
    """Take an optimizer step.

    Returns:
        The norm of the gradient before clipping.

    Raises:
        InvalidInputError: If the gradient is not finite.
    """
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm))
    if not math.isfinite(norm):
        raise InvalidInputError(config.name, [f"training diverged: the gradient is {norm}; try a lower learning_rate"])
    optimizer.step()
    return norm


def _evaluate(task: Task, network: Network[Any], progress: Progress) -> None:
    """Add an evaluation to the progress, and the network's weights if they are the best so far."""
    with torch.no_grad():
        evaluation = task.evaluate(network)
    progress.history += [(progress.rounds, run, name, value) for (run, name), value in evaluation.scalars.items()]
    progress.score, progress.label = evaluation.score, evaluation.label
    in_last_phase = progress.update >= sum(task.phases[:-1])
    if in_last_phase and evaluation.score > progress.best:
        progress.best, progress.best_at = evaluation.score, progress.evaluations
        if task.patience is not None:
            progress.best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    progress.evaluations += 1


def _out_of_patience(task: Task, progress: Progress) -> bool:
    if task.patience is None or progress.update <= sum(task.phases[:-1]):
        return False
    return progress.evaluations - 1 - progress.best_at > task.patience
