"""The table of a sweep: as numbers, and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accept_reject.experiments.reporting.tables import DASH, TextTable
from accept_reject.experiments.sweep.config import as_text
from accept_reject.experiments.sweep.one import Outcome


def to_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row for each run: `run` (its folder), its changes by `key.path`, `status`, `score`, `value` and `reason`."""
    rows = []
    for outcome in outcomes:
        changes = {key: as_text(value) for key, value in outcome.run.changes.items()}
        score = dict(zip(("score", "value"), outcome.score or ("", None), strict=True))
        rows.append({"run": outcome.folder, **changes, "status": outcome.status, **score, "reason": outcome.reason})
    return pd.DataFrame(rows, columns=["run", *_keys(outcomes), "status", "score", "value", "reason"])


def to_text(outcomes: Sequence[Outcome]) -> TextTable:
    """The same for the terminal, without reasons."""
    keys = _keys(outcomes)
    scores = [outcome.score for outcome in outcomes if outcome.score]
    rows = []
    for outcome in outcomes:
        changes = [as_text(outcome.run.changes[key]) if key in outcome.run.changes else DASH for key in keys]
        score = [f"{outcome.score[1]:.4f}" if outcome.score else DASH] if scores else []
        rows.append((outcome.folder or DASH, *changes, outcome.status, *score))
    header = ("run", *keys, "status", *([scores[0][0]] if scores else []))
    return TextTable(f"Sweep: {count(outcomes)}", header, tuple(rows))


def count(outcomes: Sequence[Outcome]) -> str:
    """The number of runs of each status, such as `3 done, 1 failed`."""
    statuses = [outcome.status for outcome in outcomes]
    return ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(sorted(statuses)))


def _keys(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(key for outcome in outcomes for key in outcome.run.changes))
