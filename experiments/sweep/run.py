"""Run a sweep with one progress bar over all runs, and write and print its table."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.files import write, write_csv
from accept_reject.experiments.folders import make_folder
from accept_reject.experiments.reporting.tables import to_rich
from accept_reject.experiments.sweep.config import Sweep, describe
from accept_reject.experiments.sweep.engines import run_all
from accept_reject.experiments.sweep.one import Outcome, Place, run_one
from accept_reject.experiments.sweep.tables import count, to_frame, to_text


class Shard(NamedTuple):
    """A part of the runs.

    Attributes:
        part: Its number, from 1.
        parts: The number of parts.
    """

    part: int = 1
    parts: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Parse a text such as `2/5`.

        Raises:
            InvalidInputError: If the text is not valid.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise InvalidInputError("--shard", [f"must be i/n, from 1/n to n/n, got {text!r}"])
        return cls(int(match[1]), int(match[2]))

    @property
    def suffix(self) -> str:
        """Suffix of the names of its files, different for each shard."""
        return f"-{self.part}-of-{self.parts}" if self.parts > 1 else ""


ALL_RUNS = Shard()


def run_sweep(sweep: Sweep, parent: Path, shard: Shard = ALL_RUNS) -> bool:
    """Execute the runs with a progress bar, write the sweep's own folder and print the table.

    Args:
        sweep: The sweep.
        parent: The folder in which the runs' own folders and the sweep's are created.
        shard: The part of the runs to execute: the second of five parts has the runs 2, 7, 12, ...

    Returns:
        Whether no run failed.
    """
    runs = sweep.runs[shard.part - 1 :: shard.parts]
    folder = parent / sweep.folder
    make_folder(folder)
    write(folder / "sweep.yaml", sweep.text)
    task = partial(run_one, place=Place(parent.absolute(), Path.cwd()))
    outcomes: list[Outcome] = []
    console = Console(file=sys.stdout)  # bound now: runs in this process redirect the standard output
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False) as progress:
        row = progress.add_task("", total=len(runs))
        for outcome in run_all(sweep.config, runs, task):
            outcomes.append(outcome)
            progress.update(row, advance=1, description=count(outcomes))
    outcomes.sort(key=lambda outcome: outcome.run.number)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    table = folder / f"sweep{shard.suffix}.csv"
    write_csv(table, to_frame(outcomes))
    failures = folder / f"failures{shard.suffix}.txt"
    failures.unlink(missing_ok=True)
    console.print(to_rich(to_text(outcomes)))
    for outcome in failed:
        line = f"Failed: {_name(outcome)}: {outcome.reason}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if failed:
        write(failures, "\n".join(f"{_name(outcome)}\n{outcome.details}\n" for outcome in failed))
        console.print(f"Details: {failures}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Table: {table}", soft_wrap=True, highlight=False, markup=False)
    return not failed


def _name(outcome: Outcome) -> str:
    changes = describe(outcome.run.changes)
    return f"{outcome.folder} ({changes})" if outcome.folder else changes
