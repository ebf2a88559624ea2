"""Sessions and runs of BIDS data sets, in the names of files such as `sub-01_ses-2_task-acceptreject_run-1_beh.tsv`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from accept_reject.errors import shorten
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.reshape import number_rounds

RESTARTS = {"session": ("session",), "run": ("session", "block"), "never": ()}
"""Where partners are new: values of `Restart` in the description of the task, and the columns of rounds."""


def files_of(participant: Path, task: str) -> dict[Path, dict[str, str]]:
    """List the tables of a participant.

    Args:
        participant: Its folder.
        task: Name of the task.

    Returns:
        The session and the run (as `block`) of each file, as far as there are any. Without sessions and runs, there is
        one file, which may not exist.
    """
    label = participant.name
    name = re.compile(rf"{label}(?:_ses-([A-Za-z0-9]+))?_task-{task}(?:_run-([0-9]+))?_beh\.tsv")
    found: dict[Path, dict[str, str]] = {}
    for file in sorted([*participant.glob("beh/*.tsv"), *participant.glob("ses-*/beh/*.tsv")]):
        if match := name.fullmatch(file.name):
            parts = {"session": match[1], "block": match[2]}
            found[file] = {level: part for level, part in parts.items() if part is not None}
    return found or {participant / "beh" / f"{label}_task-{task}_beh.tsv": {}}


def number_sessions(frame: pd.DataFrame, content: dict[str, Any] | None, file: str, problems: DataProblems) -> None:
    """Number the rounds of each participant over its sessions and runs, and mark where partners are new.

    Args:
        frame: The rounds, with `session` or `block`; it gets `unit`, as in `number_rounds`.
        content: The description of the task, in which `Restart` is a key of `RESTARTS`, by default `session`.
        file: Name of its file in messages.
        problems: Where problems are added.
    """
    restart = (content or {}).get("Restart", "session")
    if restart not in RESTARTS:
        problems.add(f"Restart: must be {' or '.join(RESTARTS)}, got {shorten(restart)}", file)
        return
    for level in ("session", "block"):
        if level in frame and frame[level].isna().any():
            title = "session" if level == "session" else "run"
            without = frame.file[frame[level].isna()].iloc[0]
            problems.add(f"must have a {title} in its name, as other files have one", without)
            return
    number_rounds(frame, [level for level in RESTARTS[restart] if level in frame], [])
