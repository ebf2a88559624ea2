"""A sweep from its config to its table: one bar over the runs, whatever becomes of each."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.files import make_folder, write, write_csv
from accept_reject.experiments.sweep.config import Sweep, as_text, describe
from accept_reject.experiments.sweep.engines import carry_out_all
from accept_reject.experiments.sweep.one import Outcome, Place, carry_out
from accept_reject.experiments.tables import DASH, TextTable, to_rich


class Shard(NamedTuple):
    """A part of the runs.

    Attributes:
        part: Which one, from 1.
        parts: How many there are.
    """

    part: int = 1
    parts: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From a text such as `2/5`.

        Raises:
            InvalidInputError: If it is no such text.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise InvalidInputError("--shard", [f"should be i/n, from 1/n to n/n, but is {text!r}"])
        return cls(int(found[1]), int(found[2]))

    @property
    def suffix(self) -> str:
        """What the names of its files end with: shards leave files of their own."""
        return f"-{self.part}-of-{self.parts}" if self.parts > 1 else ""


WHOLE = Shard()


def run_sweep(sweep: Sweep, parent: Path, shard: Shard = WHOLE) -> bool:
    """Carry out the runs with a progress bar, write the sweep's own folder, show the table.

    Args:
        sweep: What to run.
        parent: Where the runs' own folders are made, and the sweep's.
        shard: Which of the runs: of five parts the second has the runs 2, 7, 12, ...

    Returns:
        Whether none failed.
    """
    runs = sweep.runs[shard.part - 1 :: shard.parts]
    folder = parent / sweep.folder
    make_folder(folder)
    write(folder / "sweep.yaml", sweep.text)
    task = partial(carry_out, place=Place(parent.absolute(), sweep.seen_from, Path.cwd()))
    outcomes: list[Outcome] = []
    console = Console(file=sys.stdout)  # this very one: a run in this process is silent, the bar is not
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False) as progress:
        row = progress.add_task("", total=len(runs))
        for outcome in carry_out_all(sweep.config, runs, task):
            outcomes.append(outcome)
            progress.update(row, advance=1, description=_count(outcomes))
    outcomes.sort(key=lambda outcome: outcome.run.number)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    write_csv(folder / f"sweep{shard.suffix}.csv", to_frame(outcomes))
    failures = folder / f"failures{shard.suffix}.txt"
    failures.unlink(missing_ok=True)
    console.print(to_rich(_to_text(outcomes)))
    for outcome in failed:
        told = f"Failed: {_name(outcome)}: {outcome.reason}"
        console.print(told, soft_wrap=True, highlight=False, markup=False)
    if failed:
        write(failures, "\n".join(f"{_name(outcome)}\n{outcome.details}\n" for outcome in failed))
        console.print(f"At length: {failures}", soft_wrap=True, highlight=False)
    console.print(f"Table: {folder / f'sweep{shard.suffix}.csv'}", soft_wrap=True, highlight=False)
    return not failed


def to_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row for each run: `run` (its folder), its changes by `key.path`, `status`, `score`, `value` and `reason`."""
    rows = []
    for outcome in outcomes:
        changes = {key: as_text(value) for key, value in outcome.run.changes.items()}
        score = dict(zip(("score", "value"), outcome.score or ("", None), strict=True))
        rows.append({"run": outcome.folder, **changes, "status": outcome.status, **score, "reason": outcome.reason})
    return pd.DataFrame(rows, columns=["run", *_keys(outcomes), "status", "score", "value", "reason"])


def _to_text(outcomes: Sequence[Outcome]) -> TextTable:
    keys = _keys(outcomes)
    scores = [outcome.score for outcome in outcomes if outcome.score]
    rows = []
    for outcome in outcomes:
        changes = [as_text(outcome.run.changes[key]) if key in outcome.run.changes else DASH for key in keys]
        score = [f"{outcome.score[1]:.4f}" if outcome.score else DASH] if scores else []
        rows.append((outcome.folder or DASH, *changes, outcome.status, *score))
    header = ("run", *keys, "status", *([scores[0][0]] if scores else []))
    return TextTable(f"Sweep: {_count(outcomes)}", header, tuple(rows))


def _keys(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(key for outcome in outcomes for key in outcome.run.changes))


def _count(outcomes: Sequence[Outcome]) -> str:
    statuses = [outcome.status for outcome in outcomes]
    return ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(sorted(statuses)))


def _name(outcome: Outcome) -> str:
    return f"{outcome.folder} ({describe(outcome.run.changes)})" if outcome.folder else describe(outcome.run.changes)
