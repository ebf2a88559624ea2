"""Sessions and runs of BIDS data sets, in the names of files such as `sub-01_ses-2_task-acceptreject_run-1_beh.tsv`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from accept_reject.errors import shorten
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.reshape import number_rounds

RESTARTS = {"session": ("session",), "run": ("session", "run"), "never": ()}
"""Where partners are new: values of `Restart` in the description of the task, and the columns of rounds."""


def files_of(participant: Path, task: str, notes: list[str]) -> dict[Path, dict[str, str]]:
    """List the tables of a participant.

    Args:
        participant: Its folder.
        task: Name of the task.
        notes: Where files with other names are listed.

    Returns:
        The session and the run of each file, as far as there are any. Without sessions and runs, there is one file,
        which may not exist.
    """
    label = participant.name
    name = re.compile(rf"{re.escape(label)}(?:_ses-([A-Za-z0-9]+))?_task-{task}(?:_run-([0-9]+))?_beh\.tsv")
    found: dict[Path, dict[str, str]] = {}
    for file in sorted([*participant.glob("beh/*_beh.tsv"), *participant.glob("ses-*/beh/*_beh.tsv")]):
        match = name.fullmatch(file.name)
        if match is None or (match[1] is None) == file.parent.parent.name.startswith("ses-"):
            notes.append(
                f"{file.relative_to(participant.parent)}: not read, because its name has parts other than ses and run"
            )
        else:
            parts = {"session": match[1], "run": match[2]}
            found[file] = {level: part for level, part in parts.items() if part is not None}
    return found or {participant / "beh" / f"{label}_task-{task}_beh.tsv": {}}


def number_sessions(frame: pd.DataFrame, content: dict[str, Any] | None, file: str, problems: DataProblems) -> None:
    """Number the rounds of each participant over its sessions and runs, and mark where partners are new.

    Args:
        frame: The rounds, with `session` or `run`; it gets `unit`, as in `number_rounds`.
        content: The description of the task, in which `Restart` is a key of `RESTARTS`, by default `session`.
        file: Name of its file in messages.
        problems: Where problems are added.
    """
    restart = (content or {}).get("Restart", "session")
    if not isinstance(restart, str) or restart not in RESTARTS:
        problems.add(f"Restart: must be {' or '.join(RESTARTS)}, got {shorten(restart)}", file)
        return
    for level in ("session", "run"):
        if level in frame and frame[level].isna().any():
            without = frame.file[frame[level].isna()].iloc[0]
            problems.add(f"must have a {level} in its name, as other files have one", without)
            return
    number_rounds(frame, [level for level in RESTARTS[restart] if level in frame], [])
