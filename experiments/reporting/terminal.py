"""Plain tables and lists in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20
"""Number of rows of a table that are printed."""


def print_table(frame: pd.DataFrame, what: str) -> None:
    """Print the first rows of a table.

    Args:
        frame: The table.
        what: What its rows are, in the plural.
    """
    shown = frame.head(SHOWN)
    table = Table(*(column.replace("_", " ") for column in shown), box=None, header_style="bold")
    for row in shown.itertuples(index=False):
        table.add_row(*(f"{cell:.2f}" if isinstance(cell, float) else escape(str(cell)) for cell in row))
    console = Console()
    console.print(table)
    if len(frame) > SHOWN:
        console.print(f"... and {len(frame) - SHOWN:,} more {what}", markup=False, highlight=False)


def print_list(entries: dict[str, str]) -> None:
    """Print names with their descriptions."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, description in entries.items():
        table.add_row(escape(name), escape(description))
    Console().print(table)
