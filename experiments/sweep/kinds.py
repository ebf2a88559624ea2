"""What can be swept over: of each kind of config, how it is run, when it has ended, and what it scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from accept_reject.envs.faults import Spec
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.run_folder import run_benchmark
from accept_reject.experiments.data.load import load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.run_folder import folder_name, run_fit
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.run_folder import run_recover
from accept_reject.experiments.train.imitation_config import ImitationConfig
from accept_reject.experiments.train.loop import TrainConfig
from accept_reject.experiments.train.meta import MetaConfig
from accept_reject.experiments.train.run import SCALARS, begun, resume, seen_from, start

BENCHMARK = "benchmark"
"""The kind of a config that says none."""

Score = tuple[str, float]
"""What a run is judged by: what it is called, and its value."""


@dataclass(frozen=True)
class Kind:
    """A kind of run.

    Attributes:
        model: What its config holds.
        folder: The name of a run's folder, by its config and the folder from which paths in it are seen.
        run: Runs it, by the same two and the folder in which its own one is made; goes on with it if it was begun and
            can be gone on with.
        last: The file that is written last: a run has ended if it is there.
        begun: Whether a run that has not ended can be gone on with, by its folder.
        score: What a run that has ended is judged by, by its folder; None if by no single number.
    """

    model: type[Spec]
    folder: Callable[[Any, Path], str]
    run: Callable[[Any, Path, Path], object]
    last: str = "report.html"
    begun: Callable[[Path], bool] = lambda folder: False
    score: Callable[[Path], Score | None] = lambda folder: None


def _train(config: TrainConfig, folder: Path, parent: Path) -> Path:
    config = seen_from(config, folder)
    run = parent / config.folder
    return resume(run) if begun(run) else start(config, parent)


def _fit_folder(config: FitConfig, seen_from: Path) -> str:
    return folder_name(config, load(config.data, seen_from=seen_from))


def _regret(folder: Path) -> Score:
    scalars = pd.read_csv(folder / "scalars.csv")
    regrets = scalars[scalars.name == "eval/regret"]
    return "regret", float(regrets.value[regrets.rounds == regrets.rounds.max()].mean())


def _loss(folder: Path) -> Score:
    players = pd.read_csv(folder / "held_out.csv").set_index("player")
    return "held-out loss", float(players.loss["network"])


def _training(model: type[TrainConfig], score: Callable[[Path], Score]) -> Kind:
    return Kind(
        model,
        lambda config, place: seen_from(config, place).folder,
        _train,
        SCALARS,
        lambda run: bool(begun(run)),
        score,
    )


KINDS = {
    "meta": _training(MetaConfig, _regret),
    "imitation": _training(ImitationConfig, _loss),
    "fit": Kind(FitConfig, _fit_folder, run_fit),
    "recover": Kind(
        RecoverConfig, lambda config, _: config.folder, lambda config, _, parent: run_recover(config, parent)
    ),
    BENCHMARK: Kind(
        BenchmarkConfig, lambda config, _: config.folder, lambda config, _, parent: run_benchmark(config, parent)
    ),
}
"""By what configs say under `kind`."""
