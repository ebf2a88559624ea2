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
from accept_reject.experiments.folders import locked
from accept_reject.experiments.manifest import is_finished
from accept_reject.experiments.runner import Experiment, run_experiment
from accept_reject.experiments.sweep.config import Run
from accept_reject.experiments.sweep.kinds import make_experiment

_PROCESS_LOCK = threading.Lock()
"""Lock for threads of one process, which share its figures, standard output and current folder."""

Score = tuple[str, float]
"""Name and value of the metric by which runs are compared."""


class Place(NamedTuple):
    """Folders of runs, as absolute paths that every worker can access.

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
        score: The metric by which runs are compared; None if there is no such metric.
        reason: Why it failed, on one line.
        details: The full error message.
    """

    run: Run
    status: Literal["done", "resumed", "skipped", "failed"]
    folder: str = ""
    score: Score | None = None
    reason: str = ""
    details: str = ""


def run_one(run: Run, place: Place) -> Outcome:
    """Run one job quietly on one thread; block while another process holds its lock.

    The operating system releases the lock when the process that holds it ends, for any reason.
    """
    name = ""
    try:
        with _PROCESS_LOCK, contextlib.chdir(place.current), Path(os.devnull).open("w") as devnull:
            torch.set_num_threads(1)
            experiment = make_experiment(run.config)
            name = experiment.folder_name
            folder = place.parent / name
            with locked(folder), contextlib.redirect_stdout(devnull):
                status: Literal["done", "resumed", "skipped"] = "skipped"
                if not is_finished(folder):
                    status = "resumed" if experiment.can_resume(folder) else "done"
                    run_experiment(experiment, place.parent, Console(file=devnull))
                return Outcome(run, status, name, _score(experiment, folder))
    except InvalidInputError as error:
        if error.__cause__:  # an agent's exception: its subject says which agent
            reason = "; ".join(str(error).splitlines())
            return Outcome(run, "failed", name, reason=reason, details=traceback.format_exc())
        return Outcome(run, "failed", name, reason="; ".join(error.problems), details=str(error))
    except (Exception, SystemExit) as error:  # after any error, the other runs continue
        reason = traceback.format_exception_only(error)[-1].strip()
        return Outcome(run, "failed", name, reason=reason.splitlines()[0], details=traceback.format_exc())


def _score(experiment: Experiment[Any, Any, Any], folder: Path) -> Score | None:
    if experiment.headline is None:
        return None
    file, score = experiment.headline
    return score(pd.read_csv(folder / file))
