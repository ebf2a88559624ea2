"""Cells of tables as text, in one form for the same content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


def each_once(cells: pd.Series, function: Callable[[str], Any]) -> pd.Series:
    """Apply a function to every cell that is not missing, once for the same content; others become None."""
    codes, unique = pd.factorize(cells)
    values = np.array([*map(function, unique), None], dtype=object)
    return pd.Series(values[codes], cells.index, dtype=object, name=cells.name)


def as_numbers(cells: pd.Series) -> NDArray[np.float64]:
    """Convert cells to numbers, with NaN where they are missing or not numbers."""
    codes, unique = pd.factorize(cells)
    values = pd.to_numeric(pd.Series(unique, dtype=object), errors="coerce").to_numpy(np.float64)
    return np.append(values, np.nan)[codes]


def as_text(cells: pd.Series) -> pd.Series:
    """Apply `normal` to every cell that is not missing."""
    return each_once(cells, normal)


def mark_missing(table: pd.DataFrame, missing: Iterable[Any]) -> pd.DataFrame:
    """Replace the cells that stand for a missing value by None."""
    codes = {normal(cell) for cell in missing}
    return table.apply(each_once, function=lambda cell: None if normal(cell) in codes else cell)


def with_points(table: pd.DataFrame, decimal: str) -> pd.DataFrame:
    """Replace decimal commas by points, in cells that are numbers."""
    return table if decimal == "." else table.replace(r"^([-+]?\d*),(\d+)$", r"\1.\2", regex=True)


def name_alike(cells: pd.Series, names: Sequence[str]) -> pd.Series:
    """Write names as in another table, where they differ only as spreadsheets change numbers: 1 and 1.0 match 01.

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
