"""Bringing tables into the form of one row for each round: which rows, from wide to long, and numbers of rounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from accept_reject.envs.rendering import plural
from accept_reject.experiments.data.cells import as_numbers, as_text, normal
from accept_reject.experiments.data.config import DataConfig
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.rounds import MAX_ROUND

ROUND = "round"
"""Name of the column of rounds in a table that was wide."""


def select(
    table: pd.DataFrame, name: str, config: DataConfig, problems: DataProblems, notes: list[str]
) -> pd.DataFrame:
    """Keep the rows that are rounds, by `where`."""
    kept = np.ones(len(table), bool)
    for column, cells in config.where.items():
        if column not in table:
            problems.add(f"is required by `where`, got {', '.join(table.columns)}", name, None, column)
            return table
        allowed = {normal(cell) for cell in cells}
        found = as_text(table[column].str.strip())
        if not found.isin(allowed).any():
            some = ", ".join(map(repr, found.dropna().unique()[:10]))
            problems.add(
                f"must be {' or '.join(map(str, cells))} in some row, as in `where`, got {some}", name, None, column
            )
        kept &= found.isin(allowed).to_numpy()
    if not kept.all():
        notes.append(f"{name}: {kept.sum():,} of {len(table):,} rows are rounds, by `where`")
    return table[kept]


def lengthen(
    table: pd.DataFrame, name: str, config: DataConfig, problems: DataProblems, notes: list[str]
) -> pd.DataFrame:
    """Give each round a row, in a table in which each has columns; rounds without any cell at the end are left out."""
    pattern = config.wide_columns
    if pattern is None:
        return table
    matches = {column: match for column in table if (match := pattern.fullmatch(str(column)))}
    if not matches:
        problems.add(f"must match `wide` ({config.wide}) in some column, got {', '.join(table.columns)}", name)
        return table
    seen: dict[tuple[str, int], str] = {}
    for column, match in matches.items():
        if (other := seen.setdefault((match["name"], int(match["round"])), column)) != column:
            problems.add(f"is of the same round as {other}", name, 1, column)
    rounds = sorted({number for _, number in seen})
    names = list(dict.fromkeys(match["name"] for match in matches.values()))
    others = [column for column in table if column not in matches]
    parts = []
    for number in rounds:
        of_round = {match["name"]: column for column, match in matches.items() if int(match["round"]) == number}
        part = table[others].assign(**{each: table[of_round[each]] if each in of_round else "" for each in names})
        parts.append(part.assign(**{ROUND: str(number)}))
    long = pd.concat(parts)
    filled = (long[names].apply(lambda cells: cells.str.strip()) != "").any(axis=1).to_numpy()
    last = pd.Series(np.where(filled, long[ROUND].astype(int), -1)).groupby(long.index.to_numpy()).transform("max")
    if empty := len(table) - len(set(long.index[filled])):
        notes.append(f"{name}: {plural(empty, 'row')} without any round")
    return long[long[ROUND].astype(int).to_numpy() <= last.to_numpy()].sort_index(kind="stable")


def number_rounds(
    frame: pd.DataFrame, restarts: Sequence[str], notes: list[str], in_order: bool = False, gaps: bool = False
) -> None:
    """Number the rounds of each participant from 1, in the order of sessions, blocks and rounds.

    Numbers that are no integers, occur twice or have gaps stay as they are, and are reported with the others. Sessions
    and blocks are in the order of their numbers, or of their rows.

    Args:
        frame: The rounds; it gets `unit`, the number of the part of a participant's rounds with partners of its own.
        restarts: The columns in which a change makes partners new: such as `session` and `block`.
        notes: Where it is said how numbers of rounds were understood.
        in_order: Whether the rows are in the order of the rounds, which have no numbers.
        gaps: Whether numbers may be missing.
    """
    levels = [name for name in ("session", "block", "run") if name in frame]
    order = [_ranked(frame[name]) for name in levels]
    participant = pd.factorize(frame.participant)[0]
    if restarts:
        parts = pd.MultiIndex.from_arrays([_ranked(frame[name]) for name in restarts])
        frame["unit"] = parts.factorize()[0]
    if in_order:
        position = np.arange(len(frame), dtype=np.float64)
    else:
        number = as_numbers(frame["round"])
        if not (np.abs(number) <= MAX_ROUND).all() or (number != np.floor(number)).any():
            return
        within = pd.DataFrame({"participant": participant, "number": number})
        for name, ranked in zip(levels, order, strict=True):
            if within.duplicated().any():  # numbered anew in each session or block
                within[name] = ranked
        if within.duplicated().any():
            return
        of_part = within.groupby([name for name in within if name != "number"]).number
        start = number.min()
        left_out = int((of_part.max() - start + 1 - of_part.count()).sum())
        if left_out and not gaps:
            return
        if left_out:
            notes.append(f"{left_out:,} numbers of rounds are missing; the others are numbered anew")
        elif start != 1:
            notes.append(f"rounds are numbered from {start:.0f}")
        position = number
    sorted_rows = np.lexsort((position, *reversed(order), participant))
    sorted_by = participant[sorted_rows]
    of_sorted = pd.Series(sorted_by).groupby(sorted_by).cumcount().to_numpy() + 1
    numbered = np.empty(len(frame), np.int64)
    numbered[sorted_rows] = of_sorted
    frame["round"] = numbered.astype(str)


def _ranked(cells: pd.Series) -> np.ndarray:
    """The order of a session or block: by number, or else by first row."""
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers.to_numpy(np.float64) if numbers.notna().all() else pd.factorize(cells)[0].astype(np.float64)
