"""A small comparison: of participants that are all alike with the very player that they are, and with others."""

import io
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.experiment import Compare
from accept_reject.experiments.compare.run import CompareResults, Comparison
from accept_reject.experiments.runner import run_experiment, write_artifacts

ALIKE = {
    "kind": "population",
    "name": "alike",
    "agent": "bayes-hybrid",
    "participants": 9,
    "game": {"scenario": "orthogonal", "game": {"rounds": 60}},
    "parameters": {"w": 0.3, "inverse_temperature": 4},
}
TRUE = {"agent": "bayes-hybrid", "params": {"w": 0.3, "inverse_temperature": 4.0}, "label": "true"}


def alike(folder: Path) -> Path:
    """The config of `ALIKE` as a file in a folder."""
    path = folder / "alike.yaml"
    path.write_text(yaml.safe_dump(ALIKE), encoding="utf-8")
    return path


def config(participants: Path | str, **changes: object) -> CompareConfig:
    shape = {"participants": [str(participants)], "agents": [TRUE, "random", "oracle-valuing"], "folds": 3}
    return CompareConfig.model_validate({**shape, **changes})


def compared(config: CompareConfig) -> Comparison:
    """The comparison of the only data set."""
    experiment = Compare(config)
    (comparison,) = experiment.run(Path(), lambda _, __: None).comparisons
    return comparison


def run_quietly(config: CompareConfig, parent: Path) -> Path:
    return run_experiment(Compare(config), parent, Console(file=io.StringIO()))


def write(config: CompareConfig, comparisons: Sequence[Comparison], folder: Path) -> str:
    """Write the folder of some comparisons, and return the report."""
    experiment = Compare(config)
    experiment.inputs = tuple(comparison.data for comparison in comparisons)
    write_artifacts(experiment, experiment.artifacts(CompareResults(config, tuple(comparisons))), folder)
    return (folder / "report.html").read_text(encoding="utf-8")
