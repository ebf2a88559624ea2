"""What a training tells as it goes: TensorBoard scalars, and the same as a table."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from accept_reject.experiments.config import dump_config
from accept_reject.experiments.train.loop import Progress, TrainConfig


class Scalars:
    """TensorBoard runs of a training: `train`, and one for each part of its evaluations.

    What stood in the folder before is replaced: a training that goes on writes its whole history anew, so that no
    round is told of twice.

    Args:
        folder: Where the runs' folders are made.
        config: The config, which is shown as text.
    """

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folder = folder
        self._config = config
        self._writers: dict[str, SummaryWriter] = {}
        self._written = 0
        self._clock: tuple[float, int] | None = None
        self._writer("train").add_text("config", f"```yaml\n{dump_config(config)}```")

    def write(self, progress: Progress) -> None:
        """Write what is new in the history, if anything is, and how fast the training has been since the last time."""
        if len(progress.history) == self._written:
            return
        for rounds, run, name, value in progress.history[self._written :]:
            self._writer(run).add_scalar(name, value, rounds)
        self._written = len(progress.history)
        now = (time.perf_counter(), progress.rounds)
        if self._clock and now[1] > self._clock[1]:
            speed = (now[1] - self._clock[1]) / (now[0] - self._clock[0])
            self._writer("train").add_scalar("charts/rounds_per_second", speed, progress.rounds)
        self._clock = now

    def close(self, progress: Progress) -> None:
        """Write what is left, with the hyperparameters beside the final score."""
        self.write(progress)
        network = {f"network.{name}": value for name, value in self._config.network.model_dump().items()}
        own = {name: value for name, value in self._config.model_dump().items() if isinstance(value, int | float | str)}
        score = progress.best if progress.best_weights else progress.score  # of the weights that are kept
        self._writer("train").add_hparams({**own, **network}, {"hparams/score": score}, run_name=".")
        for writer in self._writers.values():
            writer.close()

    def _writer(self, run: str) -> SummaryWriter:
        if run not in self._writers:
            self._writers[run] = SummaryWriter(str(self._folder / run))
        return self._writers[run]


def to_table(progress: Progress) -> pd.DataFrame:
    """The history, a row for each scalar: `rounds`, `run`, `name`, `value`."""
    return pd.DataFrame(progress.history, columns=["rounds", "run", "name", "value"])
