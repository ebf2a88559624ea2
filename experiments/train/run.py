"""Training of a network on a task, with checkpoints in the run's folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from accept_reject.agents.networks.agent import make_network
from accept_reject.agents.networks.base import Network
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.config import dump_config
from accept_reject.experiments.files import write
from accept_reject.experiments.folders import make_folder
from accept_reject.experiments.manifest import TENSORBOARD
from accept_reject.experiments.reporting.progress import OnProgress, silent
from accept_reject.experiments.train.checkpoint import load_checkpoint
from accept_reject.experiments.train.config import TrainConfig
from accept_reject.experiments.train.loop import Progress, Task, train
from accept_reject.experiments.train.tensorboard import Scalars

CONFIG = "config.yaml"


class Results(NamedTuple):
    """A trained network.

    Attributes:
        network: The network.
        progress: The final progress, with the whole history.
        folder: The run's folder, which contains the TensorBoard scalars.
        invalid: Problems of checkpoints that were skipped.
        frames: Tables of numbers from comparisons with other players, by name.
    """

    network: Network[Any]
    progress: Progress
    folder: Path
    invalid: tuple[str, ...]
    frames: Mapping[str, pd.DataFrame] = {}


def run(config: TrainConfig, task: Task, folder: Path, origin: str, on_progress: OnProgress = silent) -> Results:
    """Train a network, from the last checkpoint in the folder if there is one.

    Args:
        config: The hyperparameters.
        task: The task to learn.
        folder: The run's folder.
        origin: Hash of config, data and version, which checkpoints must match.
        on_progress: Called after each update.

    Raises:
        InvalidInputError: If the device is not available, checkpoints can't be used, or training diverges.
    """
    device = _device(config.device)
    checkpoint, invalid = load_checkpoint(folder, origin)
    make_folder(folder)
    write(folder / CONFIG, dump_config(config))
    torch.set_num_threads(1)  # tensors are small, and sums in another order would change the last digits
    network = make_network(config.network, config.seed).to(device)
    scalars = Scalars(folder / TENSORBOARD, config)
    total = sum(task.phases)
    first: list[tuple[float, int]] = []

    def on_update(progress: Progress) -> None:
        now = (time.perf_counter(), progress.rounds)
        first.append(now)
        seconds, rounds = now[0] - first[0][0], now[1] - first[0][1]
        speed = f"  {rounds / seconds:,.0f} rounds/s" if seconds else ""
        on_progress("training", progress.update / total, f"{progress.label}{speed}")
        scalars.write(progress)

    progress = train(config, task, network, folder, checkpoint, on_update, origin)
    on_progress("training", 1.0, progress.label)  # early stopping ends before the last update
    scalars.close(progress)
    return Results(network, progress, folder, invalid)


def _device(name: str) -> torch.device:
    """Return the device of a config.

    Raises:
        InvalidInputError: If it is not available.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InvalidInputError("device", ["must be cpu or auto where no GPU is available, got cuda"])
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
