"""Tables of text, for the terminal, Markdown and reports."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from accept_reject.experiments.analysis.intervals import Interval

DASH = "–"


class TextTable(NamedTuple):
    """A table of text cells.

    Attributes:
        title: The title.
        header: Names of the columns.
        rows: The rows; the first cell is the name of the row.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def only(self, *columns: str) -> TextTable:
        """Return the table with some of its columns."""
        at = [self.header.index(column) for column in columns]
        return TextTable(self.title, columns, tuple(tuple(row[i] for i in at) for row in self.rows))


def cell(interval: Interval, digits: int = 2) -> str:
    """Format an interval, such as `0.46 [0.45, 0.47]`."""
    if np.isnan(interval.mean):
        return DASH
    mean, low, high = (f"{round(each, digits) + 0.0:.{digits}f}" for each in interval)  # + 0.0: no -0.00
    return mean if np.isnan(interval.low) else f"{mean} [{low}, {high}]"


def percent_cell(shares: Interval, digits: int = 0) -> str:
    """Format an interval of shares in percent, such as `46 [45, 47]`."""
    return cell(Interval(*(100 * each for each in shares)), digits)


def probability(p: float) -> str:
    """Format a probability with three digits, or as an inequality if it is close to 0 or 1."""
    return "> 0.999" if p > 0.999 else "< 0.001" if p < 0.001 else f"{p:.3f}"


def to_rich(table: TextTable) -> Table:
    """Format a table for the terminal, without intervals if it has many columns."""
    shown = Table(
        title=escape(table.title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for i, name in enumerate(table.header):
        words = [row[i] for row in table.rows if " " not in row[i]]  # numbers and names
        longest = max(len(word) for word in [*words, *name.split()])
        width = {"no_wrap": True} if i == 0 else {"overflow": "fold", "min_width": min(longest, 12)}
        shown.add_column(escape(name), justify="left" if i == 0 else "right", vertical="bottom", **width)
    for row in table.rows:
        shown.add_row(*(escape(text.partition(" [")[0] if len(row) > 4 else text) for text in row))
    return shown


def to_markdown(table: TextTable) -> str:
    """Format a table as Markdown."""
    lines = [_line(table.header), "| --- " + "| ---: " * (len(table.header) - 1) + "|"]
    return "\n".join([f"## {table.title}", "", *lines, *(_line(row) for row in table.rows), ""])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape_markdown, cells)) + " |"


def escape_markdown(text: str) -> str:
    """Escape what Markdown would take for HTML, code, links or the end of a cell, such as in a label of an agent."""
    return re.sub(r"([\\`|\[\]])", r"\\\1", html.escape(text, quote=False)).replace("\n", " ")
