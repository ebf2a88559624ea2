"""One pipeline for all commands: an experiment computes results and their artifacts; the runner does the rest.

The runner names the folder, shows progress, writes everything into a temporary folder that then replaces the old one,
and prints the main result and the main tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from accept_reject import __version__
from accept_reject.errors import Spec
from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.files import write, write_csv
from accept_reject.experiments.folders import locked, make_folder, replace_folder
from accept_reject.experiments.manifest import keep_foreign_files, write_manifest
from accept_reject.experiments.reporting.html import render
from accept_reject.experiments.reporting.progress import OnProgress, stages
from accept_reject.experiments.reporting.style import write_figures
from accept_reject.experiments.reporting.tables import TextTable, to_rich

ConfigT = TypeVar("ConfigT", bound=Spec)
InputsT = TypeVar("InputsT")
ResultsT = TypeVar("ResultsT")


@dataclass(frozen=True)
class Artifacts:
    """The outputs of an experiment: files in its folder and tables in the terminal.

    Attributes:
        title: Title of the report.
        answer: The main result, in one to three sentences.
        frames: All numbers, as data frames by name; each becomes `NAME.csv`.
        figures: Figures by name; each becomes `NAME.svg`, `.png` and `.pdf`.
        key_figure: Name of the figure that shows the main result.
        context: Additional variables of the report's template.
        tables: The tables for the terminal.
        notes: Lines below these tables.
        simulated: Whether to mark figures as based on simulated participants.
        files: Other files by name.
        write_more: Callback that writes further files to the folder.
    """

    title: str
    answer: tuple[str, ...]
    frames: Mapping[str, pd.DataFrame]
    figures: Mapping[str, Figure]
    key_figure: str
    context: Mapping[str, Any]
    tables: tuple[TextTable, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: bool = False
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    write_more: Callable[[Path], None] = lambda folder: None


class Experiment(ABC, Generic[ConfigT, InputsT, ResultsT]):
    """Base class of experiments: the inputs, computation and artifacts of a command.

    Args:
        config: The config.

    Attributes:
        kind: The `kind` of its configs.
        config_type: The class of its configs.
        template: Name of its report's template; its kind by default.
        headline: The metric by which a sweep compares its runs: a file, and a function from that table to the metric's
            name and value; None if there is no such metric.
    """

    kind: ClassVar[str]
    config_type: ClassVar[type[Spec]]
    template: ClassVar[str] = ""
    headline: ClassVar[tuple[str, Callable[[pd.DataFrame], tuple[str, float]]] | None] = None

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @cached_property
    def inputs(self) -> InputsT:
        """The data that the experiment reads; None by default.

        Raises:
            InvalidInputError: With all problems of the data.
        """
        return None  # type: ignore[return-value]

    @property
    def fingerprint(self) -> str:
        """Identifier of the content of the inputs."""
        return ""

    @property
    def folder_name(self) -> str:
        """Name of the experiment's folder, determined by config, inputs and version of this package."""
        name: str = self.config.name  # type: ignore[attr-defined]
        return f"{name}-{content_hash(dump_config(self.config), self.fingerprint, __version__)}"

    @abstractmethod
    def run(self, folder: Path, on_progress: OnProgress) -> ResultsT:
        """Compute the results.

        Args:
            folder: The folder that its artifacts will be written to. A run that can be resumed keeps its state there.
            on_progress: Called with the stage and the share of it that is done.
        """

    @abstractmethod
    def artifacts(self, results: ResultsT) -> Artifacts:
        """Make tables, figures and the report from the results."""

    def can_resume(self, folder: Path) -> bool:
        """Return whether a folder contains the state of an interrupted run."""
        return False


def run_experiment(
    experiment: Experiment[Any, Any, Any], parent: Path, console: Console | None = None, folder: Path | None = None
) -> Path:
    """Run an experiment, write its folder and print its main results.

    Args:
        experiment: The experiment.
        parent: The folder in which the experiment's own folder is created.
        console: Where to print; the standard output by default.
        folder: The experiment's own folder, if not the one with its name in `parent`.

    Returns:
        The experiment's folder.

    Raises:
        InvalidInputError: If the inputs are invalid or the folder can't be written.
    """
    console = console or Console()
    make_folder(parent)  # fail early, not after hours of computation
    folder = folder or parent / experiment.folder_name
    with locked(folder), stages(console) as on_progress:
        results = experiment.run(folder, on_progress)
        on_progress("report", 0.0)
        artifacts = experiment.artifacts(results)
        write_artifacts(experiment, artifacts, folder)
        on_progress("report", 1.0)
    show(artifacts, console)
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False, markup=False)
    return folder


def write_artifacts(experiment: Experiment[Any, Any, Any], artifacts: Artifacts, folder: Path) -> None:
    """Write everything into a temporary folder, which then replaces the experiment's folder as a whole."""
    config = dump_config(experiment.config)
    with replace_folder(folder) as new:
        figures = write_figures(artifacts.figures, new, artifacts.simulated)
        for name, frame in artifacts.frames.items():
            write_csv(new / f"{name}.csv", frame)
        for name, content in artifacts.files.items():
            write(new / name, content)
        write(new / "config.yaml", config)
        report = render(
            f"{experiment.template or experiment.kind}.html",
            title=artifacts.title,
            answer=artifacts.answer,
            key_figure=artifacts.key_figure,
            config=experiment.config,
            config_text=config,
            figures=figures,
            simulated=artifacts.simulated,
            **artifacts.context,
        )
        write(new / "report.html", report)
        artifacts.write_more(new)
        write_manifest(new, experiment.kind, content_hash(config, experiment.fingerprint))
        keep_foreign_files(folder, new)  # after the manifest, which must not list them


def show(artifacts: Artifacts, console: Console) -> None:
    """Print the main result, the main tables and the notes."""
    console.print(" ".join(artifacts.answer), highlight=False, markup=False)
    for table in artifacts.tables:
        console.print(to_rich(table))
    for note in artifacts.notes:
        console.print(note, soft_wrap=True, highlight=False, markup=False)
