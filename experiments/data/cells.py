"""Cells of tables as text, in one form for the same content."""

from __future__ import annotations

from typing import Any

import pandas as pd


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
