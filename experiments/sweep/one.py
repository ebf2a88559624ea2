"""One run of a sweep, in whatever process: what has ended is skipped, what was begun is gone on with."""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from filelock import FileLock

from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.sweep.config import Run
from accept_reject.experiments.sweep.kinds import KINDS, Score

_ONE_AT_A_TIME = threading.Lock()
"""A run has its process to itself: figures, the standard output and the current folder are not made for threads."""


class Place(NamedTuple):
    """Where runs find and leave their files: absolute folders, which every worker has to see.

    Attributes:
        parent: Where the runs' own folders are made.
        seen_from: The folder from which a path to data in a config is seen.
        current: The folder from which other paths are seen, and where modules of one's own are looked for.
    """

    parent: Path
    seen_from: Path
    current: Path


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        run: The run.
        status: `done` if it ran as a whole, `resumed` if it was gone on with, `skipped` if it had ended before.
        folder: Name of its folder; empty if that is not known.
        score: What it is judged by, if by a single number.
        reason: Why it failed, on one line.
        details: The same at length.
    """

    run: Run
    status: Literal["done", "resumed", "skipped", "failed"]
    folder: str = ""
    score: Score | None = None
    reason: str = ""
    details: str = ""


def carry_out(run: Run, place: Place) -> Outcome:
    """Carry out a run in silence, on one thread; wait for whoever is at it.

    The lock is the operating system's: it ends with the process that holds it, however that ends.
    """
    kind, folder = KINDS[run.kind], ""
    try:
        with _ONE_AT_A_TIME, contextlib.chdir(place.current), Path(os.devnull).open("w") as nowhere:
            torch.set_num_threads(1)
            folder = kind.folder(run.config, place.seen_from)
            locks = place.parent / ".locks"
            locks.mkdir(exist_ok=True)
            with FileLock(locks / folder), contextlib.redirect_stdout(nowhere):
                where = place.parent / folder
                status: Literal["done", "resumed", "skipped"] = "skipped"
                if not (where / kind.last).exists():
                    status = "resumed" if kind.begun(where) else "done"
                    kind.run(run.config, place.seen_from, place.parent)
                return Outcome(run, status, folder, kind.score(where))
    except InvalidInputError as error:
        return Outcome(run, "failed", folder, reason="; ".join(error.faults), details=str(error))
    except Exception as error:  # whatever it is, the other runs go on
        reason = traceback.format_exception_only(error)[-1].strip()
        return Outcome(run, "failed", folder, reason=reason.splitlines()[0], details=traceback.format_exc())
