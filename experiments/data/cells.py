"""Cells of tables as text, in one form for the same content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

_WHOLE = re.compile(r"0*(\d+)(?:\.0+)?")


def normal(cell: Any) -> str:
    """Return a cell as text, in the same form for -999 and -999.0, and for TRUE and true."""
    if str(cell).lower() in ("true", "false"):
        return str(cell).lower()
    try:
        number = float(cell)
    except ValueError:
        return str(cell)
    return str(cell) if number != number else f"{number:.17g}"


def as_text(cells: pd.Series) -> pd.Series:
    """Apply `normal` to every cell that is not missing."""
    return cells.map({cell: normal(cell) for cell in cells.dropna().unique()})


def mark_missing(table: pd.DataFrame, missing: Iterable[Any]) -> pd.DataFrame:
    """Replace the cells that stand for a missing value by None."""
    codes = {normal(cell) for cell in missing}
    marked = {}
    for column in table:
        cells = table[column].mask(as_text(table[column]).isin(codes), None)
        marked[column] = cells.astype(object).where(cells.notna(), None)
    return pd.DataFrame(marked, index=table.index)


def with_points(table: pd.DataFrame, decimal: str) -> pd.DataFrame:
    """Replace decimal commas by points, in cells that are numbers."""
    return table if decimal == "." else table.replace(r"^([-+]?\d*),(\d+)$", r"\1.\2", regex=True)


def name_alike(cells: pd.Series, names: Sequence[str]) -> pd.Series:
    """Write names as in another table, where they differ only as spreadsheets change numbers: 1 and 1.0 are 01.

    Names that would fit several ones, such as 7 where there are 07 and 007, stay as they are.
    """
    known, forms = set(names), unique_forms(names)
    return cells.map(lambda cell: cell if cell is None or cell in known else forms.get(number_form(cell), cell))


def number_form(name: str) -> str:
    """Return a whole number without leading zeros and decimals, as text, so that long ones keep all digits."""
    match = _WHOLE.fullmatch(name)
    return match[1] if match else name


def unique_forms(names: Iterable[str]) -> dict[str, str]:
    """Return the names by their forms as numbers, without forms that several names have."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(number_form(name), []).append(name)
    return {form: same[0] for form, same in found.items() if len(same) == 1}
