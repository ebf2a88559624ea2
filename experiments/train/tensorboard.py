"""TensorBoard scalars of a training run, written while it runs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from accept_reject.experiments.config import dump_config
from accept_reject.experiments.train.config import TrainConfig
from accept_reject.experiments.train.loop import Progress


class Scalars:
    """TensorBoard runs of a training run: `train`, and one for each part of its evaluations.

    Earlier files in the folder are removed: a resumed training run writes its whole history again, so that no round is
    logged twice.

    Args:
        folder: Folder in which the runs' folders are created.
        config: The config, which is logged as text.
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
        """Write new entries of the history, if there are any, and the speed of training since the last ones."""
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
        """Write what remains, and the hyperparameters with the final score."""
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
