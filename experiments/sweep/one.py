"""One run of a sweep, in any process: a finished run is skipped, an interrupted one is resumed."""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
import torch
from rich.console import Console

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.manifest import is_finished
from accept_reject.experiments.runner import Experiment, locked, run_experiment
from accept_reject.experiments.sweep.config import Run
from accept_reject.experiments.sweep.kinds import make_experiment

_ONE_AT_A_TIME = threading.Lock()
"""Figures, the standard output and the current folder belong to a process: its threads take turns."""

Score = tuple[str, float]
"""The name of the number that runs are compared by, and its value."""


class Place(NamedTuple):
    """Where runs find and leave their files: absolute folders that every worker can access.

    Attributes:
        parent: The folder in which the runs' own folders are created.
        current: The folder that relative paths in configs start from, and that is searched for the user's modules.
    """

    parent: Path
    current: Path


class Outcome(NamedTuple):
    """The outcome of a run.

    Attributes:
        run: The run.
        status: `done` for a complete run, `resumed` for one that continued an interrupted run, `skipped` for one that
            was finished before, or `failed`.
        folder: Name of its folder; empty if it is not known.
        score: The number that runs are compared by; None if there is no such number.
        reason: Why it failed, on one line.
        details: The same with all details.
    """

    run: Run
    status: Literal["done", "resumed", "skipped", "failed"]
    folder: str = ""
    score: Score | None = None
    reason: str = ""
    details: str = ""


def run_one(run: Run, place: Place) -> Outcome:
    """Run one job quietly on one thread; block while another process holds its lock.

    The lock belongs to the operating system: it ends with the process that holds it, however that ends.
    """
    name = ""
    try:
        with _ONE_AT_A_TIME, contextlib.chdir(place.current), Path(os.devnull).open("w") as nowhere:
            torch.set_num_threads(1)
            experiment = make_experiment(run.config)
            name = experiment.folder_name
            folder = place.parent / name
            with locked(folder), contextlib.redirect_stdout(nowhere):
                status: Literal["done", "resumed", "skipped"] = "skipped"
                if not is_finished(folder):
                    status = "resumed" if experiment.can_resume(folder) else "done"
                    run_experiment(experiment, place.parent, Console(file=nowhere))
                return Outcome(run, status, name, _score(experiment, folder))
    except InvalidInputError as error:
        return Outcome(run, "failed", name, reason="; ".join(error.problems), details=str(error))
    except Exception as error:  # whatever it is, the other runs continue
        reason = traceback.format_exception_only(error)[-1].strip()
        return Outcome(run, "failed", name, reason=reason.splitlines()[0], details=traceback.format_exc())


def _score(experiment: Experiment[Any, Any, Any], folder: Path) -> Score | None:
    if experiment.headline is None:
        return None
    file, score = experiment.headline
    return score(pd.read_csv(folder / file))
