"""Tables in any format, read through a config that maps their columns."""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

import pandas as pd

from accept_reject.envs.choices import Choices
from accept_reject.experiments.data.cells import as_text, each_once, mark_missing, name_alike, normal, with_points
from accept_reject.experiments.data.config import ORDER, PART, DataConfig
from accept_reject.experiments.data.formats import read_files
from accept_reject.experiments.data.participants import read_participants
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.ratings_table import read_ratings
from accept_reject.experiments.data.reshape import ROUND, lengthen, number_rounds, select
from accept_reject.experiments.data.rounds import ONSETS, REPORTED, RoundsReader
from accept_reject.experiments.data.table_file import Cell
from accept_reject.experiments.data.text import unread_columns

HINTS = {
    "gaps": "a missed round needs a row without a choice; if rounds were left out, write `gaps: true`",
    "twice": "; if rounds are numbered anew in each session or block, add its column to `columns`",
    "comma": '; if commas are decimal, write `decimal: ","`',
}
"""What to write into the config."""

CODE = "; if it stands for a missing value, add it to `missing`"


NUMBERS = re.compile(rf"round|accepted|rank|spots|response_time|{'|'.join(ONSETS)}|(reward|valuation|acceptance)_\d+")
"""Columns with numbers, which may have decimal commas."""


class Table(NamedTuple):
    """What was read from a table, and from those with ratings and participants.

    Attributes:
        choices: The choices.
        notes: What was not read.
        rounds: What else is known about each round, see `Data.rounds`.
        participants: Properties of participants, see `Data.participants`.
        ratings: Ratings of partners, see `Data.ratings`.
    """

    choices: Choices
    notes: tuple[str, ...]
    rounds: pd.DataFrame
    participants: pd.DataFrame | None
    ratings: pd.DataFrame | None


def read_flat(config: DataConfig) -> Table:
    """Read a table.

    Args:
        config: The table and how to read it.

    Raises:
        InvalidInputError: With every problem, each with file, row and column.
    """
    problems, notes = DataProblems(), list[str]()
    wanted = config.columns.by_name
    wanted |= {
        f"part_{j + 1}": column for j, column in enumerate(config.parts_of_offers) if column not in wanted.values()
    }
    frames = []
    for name, whole in read_files(config, problems).items():
        table = lengthen(select(whole, name, config, problems, notes), name, config, problems, notes)
        missing = [column for column in wanted.values() if column not in table]
        header = [column for column in table if column not in whole.attrs.get("added", ())]
        for column in missing:
            near = difflib.get_close_matches(column, header, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.add(f"is required in the header, got {', '.join(header)}{hint}", name, 1, column)
        if missing:
            continue
        texts = pd.DataFrame({ours: each_once(table[column], str.strip) for ours, column in wanted.items()})
        frames.append(texts.assign(file=name, row=table.index))
        added = whole.attrs.get("added", ())
        read = {*wanted.values(), *config.where, *added, *([ROUND] if config.wide else [])}
        notes += unread_columns(name, table, read)
        if not whole.attrs.get("whole", True):
            notes.append(f"{name} ends without a line feed; the last row may be cut")
    problems.raise_if_any(config.file)
    frame = pd.concat(frames, ignore_index=True)
    origin = frame[["file", "row"]]
    frame = mark_missing(frame.drop(columns=["file", "row"]), config.missing).assign(file=origin.file, row=origin.row)
    frame = _exclude(frame, config, problems, notes)
    if config.offered is not None:
        for j, partner in enumerate(config.offered):
            frame[f"offered_{j + 1}"] = _offer(frame, partner, {column: ours for ours, column in wanted.items()})
    for level in ("session", "block"):
        if level in frame:
            problems.add_rows(
                wanted[level],
                ((row.file, int(row.row), "is required") for row in frame[frame[level].isna()].itertuples()),
            )
    _name_partners_alike(frame, config)
    numbers = [name for name in frame if NUMBERS.fullmatch(str(name))]
    frame[numbers] = with_points(frame[numbers], config.decimal)
    if config.unit == "ms":
        for name in frame.columns.intersection(["response_time", *ONSETS]):
            seconds = pd.to_numeric(frame[name], errors="coerce") / 1000
            frame[name] = seconds.map(repr).where(seconds.notna(), frame[name])
    if config.columns.accepted is not None:
        _recode_accepted(frame, config, problems)
    if config.reward is not None:
        _scale_reward(frame, config, problems)
    if config.choice != "partner":
        _recode_choice(frame, config, problems)
    number_rounds(frame, config.restarts, notes, config.columns.round == ORDER, config.gaps)
    game = config.game.resolve() if config.game else None
    titles = wanted | {"round": config.columns.round}
    titles |= dict.fromkeys(["reward", *({"accepted"} - set(wanted))], " + ".join(config.columns.reward))
    titles |= {
        f"offered_{j + 1}": ", ".join(PART.findall(partner))
        for j, partner in enumerate(config.offered or ())
        if isinstance(partner, str) and PART.search(partner)
    }
    reader = RoundsReader(
        frame, game.ranks if game else config.ranks, problems, lambda name: titles.get(name, name), HINTS
    )
    choices = reader.read(game)
    ids = choices.names() if choices else tuple(frame.participant.dropna().astype(str).unique())
    participants = _properties(frame, config, problems)
    if config.participants is not None:
        table = read_participants(config.participants.like(config), ids, problems, notes)
        both = [] if participants is None else sorted(set(participants) & set(table))
        if both:
            problems.add(f"must not be in columns.properties, too: {', '.join(both)}", config.participants.file)
        participants = table if participants is None else participants.join(table.drop(columns=both))
    ratings = None
    if config.ratings is not None and choices is not None:
        ratings = read_ratings(
            config.ratings.like(config), ids, reader.partners(), _units(frame, config), problems, notes
        )
    problems.raise_if_any(config.file)
    assert choices is not None and reader.rounds is not None  # else there was a problem
    return Table(choices, tuple(notes), reader.rounds, participants, ratings)


def _offer(frame: pd.DataFrame, partner: Cell, ours: dict[str, str]) -> pd.Series:
    """The name of a partner in each round; None where a column in it is missing."""
    if not isinstance(partner, str) or not PART.search(partner):
        return pd.Series(partner if isinstance(partner, str) else normal(partner), frame.index)
    pieces = PART.split(partner)  # text, column, text, column, ..., text
    name = pd.Series(pieces[0], frame.index, dtype=object)
    for column, text in zip(pieces[1::2], pieces[2::2], strict=True):
        name = name + frame[ours[column]] + text
    return name.where(name.notna(), None)


def _exclude(frame: pd.DataFrame, config: DataConfig, problems: DataProblems, notes: list[str]) -> pd.DataFrame:
    """Leave out participants."""
    if not config.exclude:
        return frame
    known = frame.participant.dropna().unique()
    named = name_alike(pd.Series([cell if isinstance(cell, str) else normal(cell) for cell in config.exclude]), known)
    unknown = [name for name in named if name not in set(known)]
    if unknown:
        some = ", ".join(known[:5])
        problems.add(f"must be participants ({some}, ...), got {', '.join(unknown)}", "exclude")
        problems.raise_if_any(config.file)
    kept = ~frame.participant.isin(named)
    notes.append(f"left out by `exclude`: {', '.join(named)}")
    if not kept.any():
        problems.add("must not name all participants", "exclude")
        problems.raise_if_any(config.file)
    return frame[kept].reset_index(drop=True)


def _properties(frame: pd.DataFrame, config: DataConfig, problems: DataProblems) -> pd.DataFrame | None:
    """The properties of participants in their rounds, which must be the same in all of them."""
    columns = {f"properties_{j + 1}": name for j, name in enumerate(config.columns.properties)}
    if not columns:
        return None
    cells = with_points(frame[list(columns)], config.decimal)
    first = cells.groupby(frame.participant.astype(str), sort=False).transform("first")
    for ours, name in columns.items():
        wrong = cells[ours].notna() & (cells[ours] != first[ours])
        problems.add_rows(
            name,
            (
                (frame.file[i], int(frame.row[i]), f"must be the same in all rows of {frame.participant[i]!r}, "
                 f"got {cells[ours][i]!r} after {first[ours][i]!r}")
                for i in frame.index[wrong]
            ),
        )  # fmt: skip
    found = first.groupby(frame.participant.astype(str), sort=False).first().rename(columns=columns)
    return found.astype(object).where(found.notna(), None)


def _units(frame: pd.DataFrame, config: DataConfig) -> pd.DataFrame | None:
    """The sessions and blocks in which partners are new, with their numbers."""
    if "unit" not in frame:
        return None
    return frame[[*config.restarts, "unit"]].drop_duplicates()


def _names(frame: pd.DataFrame) -> list[str]:
    """The columns with names of partners."""
    return [column for column in frame if column.startswith("offered_") or column == "choice"]


def _name_partners_alike(frame: pd.DataFrame, config: DataConfig) -> None:
    """Give numbers that are names of partners one form: exports have 7.0 instead of 7 where cells are missing."""
    names = _names(frame)
    if config.choice != "partner":
        return
    numbers = re.compile(r"-?(0|[1-9]\d*)(\.0+)?")
    if all(numbers.fullmatch(cell) for column in names for cell in frame[column].dropna().unique()):
        for column in names:
            frame[column] = as_text(frame[column])


def _scale_reward(frame: pd.DataFrame, config: DataConfig, problems: DataProblems) -> None:
    """Map rewards to 0..1; without a column of outcomes, those above the middle count as accepted."""
    assert config.reward is not None
    worst, best = config.reward
    cells = frame[[f"reward_{j + 1}" for j in range(len(config.columns.reward))]]
    given = cells.notna().all(axis=1)
    total = cells.apply(pd.to_numeric, errors="coerce").sum(axis=1, skipna=False)
    scaled = (total - worst) / (best - worst)
    wrong = given & ~((scaled >= 0) & (scaled <= 1))
    allowed = f"must be a number from {min(config.reward):g} to {max(config.reward):g}"
    texts = cells[wrong].apply(" + ".join, axis=1) if wrong.any() else pd.Series(dtype=object)
    problems.add_rows(
        " + ".join(config.columns.reward),
        (
            (frame.file[i], int(frame.row[i]), f"{allowed}, got {text!r}{HINTS['comma'] if ',' in text else CODE}")
            for i, text in texts.items()
        ),
    )
    frame["reward"] = None
    known = given & ~wrong
    if config.columns.accepted is None:
        frame["accepted"] = (scaled > 0.5).astype(int).astype(str).where(known, None).astype(object)
        frame.loc[wrong, "accepted"] = REPORTED
    frame["reward"] = scaled.map(repr).where(known, None).astype(object)
    frame.loc[wrong, "reward"] = REPORTED


def _recode_accepted(frame: pd.DataFrame, config: DataConfig, problems: DataProblems) -> None:
    assert config.columns.accepted is not None
    yes, no = (normal(cell) for cell in config.accepted)
    given = as_text(frame.accepted)
    wrong = given.notna() & ~given.isin([yes, no])
    problems.add_rows(
        config.columns.accepted,
        (
            (file, int(row), f"must be {yes} (accepted) or {no} (rejected), got {cell!r}{CODE}")
            for file, row, cell in zip(frame.file[wrong], frame.row[wrong], frame.accepted[wrong], strict=True)
        ),
    )
    frame["accepted"] = given.map({yes: "1", no: "0"}).astype(object).where(given.isin([yes, no]), None)
    frame.loc[wrong, "accepted"] = REPORTED


def _recode_choice(frame: pd.DataFrame, config: DataConfig, problems: DataProblems) -> None:
    """Put the chosen partner in the place of its place."""
    first = 0 if config.choice == "place from 0" else 1
    n = len(config.offered or config.columns.offered or ())
    cells = [str(first + j) for j in range(n)] if isinstance(config.choice, str) else list(map(normal, config.choice))
    expected = f"a place from {first} to {first + n - 1}" if isinstance(config.choice, str) else " or ".join(cells)
    given = as_text(frame.choice)
    wrong = given.notna() & ~given.isin(cells)
    problems.add_rows(
        config.columns.choice,
        (
            (file, int(row), f"must be {expected}, got {cell!r}")
            for file, row, cell in zip(frame.file[wrong], frame.row[wrong], frame.choice[wrong], strict=True)
        ),
    )
    for j, cell in enumerate(cells):
        frame.loc[given == cell, "choice"] = frame.loc[given == cell, f"offered_{j + 1}"].fillna(REPORTED)
    frame.loc[wrong, "choice"] = REPORTED
