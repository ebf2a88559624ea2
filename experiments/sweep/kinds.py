"""The kinds of experiments that a sweep can run."""

from __future__ import annotations

from typing import Any

from accept_reject.errors import Spec
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.compare.experiment import Compare
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.recover.experiment import Recover
from accept_reject.experiments.runner import Experiment
from accept_reject.experiments.train.experiment import ImitationTraining, MetaTraining

EXPERIMENTS: tuple[type[Experiment[Any, Any, Any]], ...] = (
    Benchmark,
    Compare,
    FitExperiment,
    ImitationTraining,
    MetaTraining,
    Recover,
)

CONFIGS: tuple[type[Spec], ...] = tuple(experiment.config_type for experiment in EXPERIMENTS)


def make_experiment(config: Any) -> Experiment[Any, Any, Any]:
    """Create the experiment for a config of any kind."""
    (experiment_type,) = (each for each in EXPERIMENTS if each.kind == config.kind)
    return experiment_type(config)
