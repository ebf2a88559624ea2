"""Tables with ratings of partners."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import field_validator, model_validator

from accept_reject.envs.rendering import plural
from accept_reject.errors import Spec
from accept_reject.experiments.data.cells import (
    as_text,
    mark_missing,
    name_alike,
    normal,
    number_form,
    unique_forms,
    with_points,
)
from accept_reject.experiments.data.formats import read_files
from accept_reject.experiments.data.participants import note_others
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.table_file import Cell, Name, TableFile
from accept_reject.experiments.data.text import unread_columns

LARGEST = 1e9
"""Largest absolute value of a rating."""


class RatingColumns(Spec):
    """Names of the columns of a table of ratings.

    Attributes:
        participant: Name of the participant, as in the table of rounds.
        partner: Name of the partner, as in the table of rounds, unless each partner has a column.
        rating: The rating, unless each partner has a column.
        session: Name of the session, if partners are new in each.
        block: Name of the block, if partners are new in each.
        time: When the partner was rated, such as `before` and `after`, if it was rated several times.
        rank: Whether the partner's ranks are good or bad, if there is such a column; see `RatingsTable.rank`.
        outcome: Whether the partner accepts often or seldom, if there is such a column.
    """

    participant: Name
    partner: Name | None = None
    rating: Name | None = None
    session: Name | None = None
    block: Name | None = None
    time: Name | None = None
    rank: Name | None = None
    outcome: Name | None = None

    @model_validator(mode="after")
    def _check_unique(self) -> RatingColumns:
        given = [column for name in type(self).model_fields if (column := getattr(self, name)) is not None]
        if again := sorted({column for column in given if given.count(column) > 1}):
            raise ValueError(f"must be different columns, got {', '.join(again)} more than once")
        return self


class RatingsTable(TableFile):
    """A table with ratings of partners.

    Attributes:
        columns: Names of its columns.
        wide: If each partner has a column of its own: their names, such as `liking_{partner}`.
        rank: The cells of `columns.rank` for partners with good and with bad ranks.
        outcome: The cells of `columns.outcome` for partners that accept often and seldom.
    """

    columns: RatingColumns
    wide: Name | None = None
    rank: tuple[Cell, Cell] = ("high", "low")
    outcome: tuple[Cell, Cell] = ("high", "low")

    @field_validator("wide")
    @classmethod
    def _check_wide(cls, pattern: str | None) -> str | None:
        if pattern is not None and pattern.count("{partner}") != 1:
            raise ValueError(f"must contain {{partner}}, such as 'liking_{{partner}}', got {pattern!r}")
        return pattern

    @model_validator(mode="after")
    def _check(self) -> RatingsTable:
        single = ("partner", "rating")
        given = [name for name in single if getattr(self.columns, name) is not None]
        if self.wide is None and len(given) < len(single):
            missing = next(name for name in single if name not in given)
            raise ValueError(f".columns.{missing}: is required, unless each partner has a column, see `wide`")
        for name in ("rank", "outcome"):
            high, low = getattr(self, name)
            if normal(high) == normal(low):
                raise ValueError(f".{name}: must be two different cells, got {high!r} twice")
        if self.wide is not None and given:
            raise ValueError(f".columns.{given[0]}: must not be given with `wide`")
        return self


def read_ratings(
    config: RatingsTable,
    ids: Sequence[str],
    partners: pd.DataFrame,
    units: pd.DataFrame | None,
    problems: DataProblems,
    notes: list[str],
) -> pd.DataFrame:
    """Read ratings of partners.

    Args:
        config: The table and how to read it.
        ids: The participants with rounds.
        partners: Numbers of partners, see `names_of_partners`.
        units: The sessions and blocks in which partners are new, with their numbers in the column `unit`.
        problems: Where problems are added.
        notes: Where it is said what was not read.

    Returns:
        The ratings, see `Data.ratings`.
    """
    levels = [] if units is None else [name for name in units if name != "unit"]
    for level in levels:
        if getattr(config.columns, level) is None:
            problems.add(f"columns.{level}: is required, as partners are new in each {level}", config.file)
    wanted = {name: column for name in RatingColumns.model_fields if (column := getattr(config.columns, name))}
    parts = []
    for name, table in read_files(config, problems).items():
        absent = [column for column in wanted.values() if column not in table]
        for column in absent:
            problems.add(f"is required in the header, got {', '.join(map(str, table))}", name, 1, column)
        if absent:
            continue
        long, read = _long(table, name, config, wanted, problems)
        notes += unread_columns(name, table, read | set(table.attrs.get("added", ())))
        parts.append(long.assign(file=name, row=long.index))
    if problems.lines or not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    origin = whole[["file", "row", "column"]]
    cells = with_points(mark_missing(whole.drop(columns=list(origin)), config.missing), config.decimal)
    cells = cells[cells.rating.notna()]

    def report(name: str, wrong: pd.Series, message: str, got: bool) -> None:
        at = cells.index[wrong.to_numpy(bool)]
        for column, same in origin.loc[at].groupby("column", sort=False):
            rows = ((i, f"{message}, got {cells[name][i]!r}" if got else message) for i in same.index)
            found = ((str(origin.file[i]), int(origin.row[i]), text) for i, text in rows)
            problems.add_rows(wanted.get(name, str(column)), found)

    return _checked(cells, config, ids, partners, units, report, notes)


def _long(
    table: pd.DataFrame, name: str, config: RatingsTable, wanted: dict[str, str], problems: DataProblems
) -> tuple[pd.DataFrame, set[str]]:
    """Return a row for each rating with our names, and the columns that were read."""
    texts = pd.DataFrame({ours: table[column].str.strip() for ours, column in wanted.items()}, index=table.index)
    if config.wide is None:
        return texts.assign(column=""), set(wanted.values())
    others = {*wanted.values(), *table.attrs.get("added", ())}
    pattern = re.compile(re.escape(config.wide).replace(r"\{partner\}", "(.+)"))
    matches = {
        column: match[1] for column in table if column not in others and (match := pattern.fullmatch(str(column)))
    }
    if not matches:
        problems.add(f"must match `wide` ({config.wide}) in some column, got {', '.join(map(str, table))}", name)
        return texts.assign(partner=None, rating=None, column=""), set(table)
    each = [
        texts.assign(partner=partner, rating=table[column].str.strip(), column=column)
        for column, partner in matches.items()
    ]
    return pd.concat(each), {*wanted.values(), *matches}


def _checked(
    cells: pd.DataFrame,
    config: RatingsTable,
    ids: Sequence[str],
    partners: pd.DataFrame,
    units: pd.DataFrame | None,
    report: Callable[[str, pd.Series, str, bool], None],
    notes: list[str],
) -> pd.DataFrame:
    """Convert the cells of rated partners, whose problems are reported by column."""
    for name in cells.columns.difference(["rank", "outcome", "rating"]):
        report(name, cells[name].isna(), "is required", False)
    rating = pd.to_numeric(cells.rating, errors="coerce")
    report("rating", ~np.isfinite(rating), "must be a number", True)
    report("rating", rating.abs().between(LARGEST, np.inf, "neither"), f"must be at most {LARGEST:,.0f}", True)
    who = name_alike(cells.participant, ids)
    note_others("ratings", who.dropna().unique(), ids, notes)
    unit = pd.Series(0, cells.index)
    if units is not None:
        levels = [name for name in units if name != "unit"]
        of_unit = dict(zip(_keys(units, levels), units.unit, strict=True))
        unit = pd.Series([of_unit.get(key, -1) for key in _keys(cells, levels)], cells.index)
        some = ", ".join(map(str, units[levels[-1]].unique()[:5]))
        report(levels[-1], unit < 0, f"must be one of those with rounds ({some})", True)
    partner = _numbers(who, unit, cells.partner, partners)
    present = who.isin(list(ids))
    never = present & partner.isna() & (unit >= 0)
    some = ", ".join(partners.name.unique()[:5])
    if never.any() and never.sum() == present.sum():
        report("partner", never, f"must be a partner on offer ({some})", True)
    elif never.any():
        notes.append(f"{config.file}: {plural(int(never.sum()), 'rating')} of partners that were never on offer")
    found = pd.DataFrame({"player": who.map({name: i for i, name in enumerate(ids)}), "partner": partner})
    found["name"], found["rating"] = cells.partner, rating
    for level in ("session", "block"):
        if level in cells:
            found[level] = cells[level]
    if "time" in cells:
        found["time"] = cells.time
    for name in ("rank", "outcome"):
        if name in cells:
            high, low = (normal(cell) for cell in getattr(config, name))
            given = as_text(cells[name])
            report(name, ~given.isin([high, low]), f"must be {high} or {low}, see `{name}` of `ratings`", True)
            found[name] = (given == high).to_numpy()
    again = found.duplicated(["player", "partner", *(["time"] if "time" in found else [])]) & found.partner.notna()
    hint = "" if "time" in found else "; if it was rated several times, add `time` to `columns`"
    report("partner", again, f"must be rated once by a participant{hint}", True)
    kept = found[found.player.notna() & found.partner.notna()]
    return kept.astype({"player": int, "partner": int}).reset_index(drop=True)


def _numbers(who: pd.Series, unit: pd.Series, names: pd.Series, partners: pd.DataFrame) -> pd.Series:
    """Return the numbers of partners by their names, NaN where they were never on offer."""
    known = {}
    for key, same in partners.groupby(["participant", "unit"], sort=False):
        by_name = dict(zip(same.name, same.partner, strict=True))
        forms = {form: by_name[name] for form, name in unique_forms(by_name).items()}
        known[key] = forms | by_name
    asked = zip(who, unit, names, strict=True)
    found = [
        (of_player := known.get((one, part), {})).get(name, of_player.get(number_form(str(name)), np.nan))
        for one, part, name in asked
    ]
    return pd.Series(found, names.index, dtype=float)


def _keys(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(as_text(table[name]) for name in columns), strict=True)
