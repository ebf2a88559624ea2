"""Problems in data files, collected so that all are reported together, with file, row and column."""

from __future__ import annotations

from collections.abc import Iterable

from accept_reject.errors import InvalidInputError

MAX_LISTED, MAX_LINES = 20, 200
"""Number of rows with the same problem, and of all problems, that are listed; the others are counted."""


class DataProblems:
    """The problems found so far.

    Rows are numbered as in a spreadsheet or an editor: the header is row 1.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, message: str, file: str, row: int | None = None, column: str | None = None) -> None:
        """Add a problem."""
        where = [file]
        where += [f"row {row}"] if row is not None else []
        where += [f"column {column}"] if column is not None else []
        self.lines.append(f"{', '.join(where)}: {message}")

    def add_rows(self, column: str | None, found: Iterable[tuple[str, int, str]]) -> None:
        """Add a problem of many rows.

        Args:
            column: The column, if the problem is in one.
            found: File, row and message of each.
        """
        rows = list(found)
        for file, row, message in rows[:MAX_LISTED]:
            self.add(message, file, row, column)
        if len(rows) > MAX_LISTED:
            file, row, _ = rows[-1]
            self.add(f"is the last of {len(rows):,} rows with this problem", file, row, column)

    def raise_if_any(self, subject: str) -> None:
        """Raise an error if there are problems.

        Raises:
            InvalidInputError: With every problem.
        """
        if self.lines:
            more = len(self.lines) - MAX_LINES
            raise InvalidInputError(subject, self.lines[:MAX_LINES] + ([f"{more:,} more problems"] if more > 0 else []))
