"""Faults of data files, gathered so that all of them can be told at once, each with file, row and column."""

from __future__ import annotations

from collections.abc import Iterable

from accept_reject.envs.faults import InvalidInputError

LISTED = 50
"""How many rows with the same fault are listed one by one; the rest are counted."""


class DataFaults:
    """The faults found so far.

    Rows are counted as a spreadsheet or an editor shows them: the header is row 1.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, message: str, file: str, row: int | None = None, column: str | None = None) -> None:
        """Note a fault."""
        where = [file]
        where += [f"row {row}"] if row is not None else []
        where += [f"column {column}"] if column is not None else []
        self.lines.append(f"{', '.join(where)}: {message}")

    def add_rows(self, column: str | None, found: Iterable[tuple[str, int, str]]) -> None:
        """Note the same sort of fault in many rows (of a column, if it is one's), each as file, row and message."""
        several = list(found)
        for file, row, message in several[:LISTED]:
            self.add(message, file, row, column)
        if len(several) > LISTED:
            file, row, _ = several[-1]
            where = f"column {column}" if column else file
            more = f"{len(several) - LISTED:,} more rows with a fault of this sort"
            self.lines.append(f"{where}: {more}, the last being row {row} of {file}")

    def raise_if_any(self, subject: str) -> None:
        """Refuse the data if there is a fault.

        Raises:
            InvalidInputError: With every fault.
        """
        if self.lines:
            raise InvalidInputError(subject, self.lines)
