"""Reading text tables strictly, without guesses about invalid rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Container
from pathlib import Path

import pandas as pd

from accept_reject.experiments.data.problems import DataProblems

MAX_BYTES, MAX_COLUMNS = 200_000_000, 1_000
"""Largest table: its cells take several times its size in memory."""

_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another ZIP file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "a compressed file",
    b"$FL": "an SPSS file",
    b"%PDF": "a PDF file",
    b"SQLite": "an SQLite database",
}
"""Formats by the first bytes of their files."""

_REMEDY = "save the table as CSV with the encoding UTF-8"


def read_table(path: Path, name: str, delimiter: str | None, problems: DataProblems) -> pd.DataFrame | None:
    """Read a table of text cells.

    The text is UTF-8 with or without a byte-order mark; line ends can be those of any system.

    Args:
        path: The file.
        name: Name of the file in messages.
        delimiter: The delimiter; by default the most frequent one in the header of tab, comma and semicolon.
        problems: Where problems are added.

    Returns:
        The cells as strings, indexed by the number of the row in the file (the header is row 1); empty rows at the end
        are left out. `attrs["whole"]` is whether the file ends with a line feed. None if there is a problem.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            problems.add(f"must have at most {MAX_BYTES:,} bytes, got {size:,}", name)
            return None
        raw = path.read_bytes()
    except OSError as error:
        problems.add(f"can't be read: {error.strerror}", name)
        return None
    for start, kind in _FORMATS.items():
        if raw.startswith(start):
            problems.add(f"must be a text table, got {kind}; {_REMEDY}", name)
            return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        problems.add(f"must be UTF-8 text, got the byte {raw[error.start]:#x}; {_REMEDY}", name, row)
        return None
    if "\0" in text:
        problems.add("must be a text table, got a NUL character", name, text[: text.index("\0")].count("\n") + 1)
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        problems.add("must have a header and rows, got an empty file", name)
        return None
    head = text.partition("\n")[0]
    delimiter = delimiter or max("\t,;", key=head.count)
    before = len(problems.lines)
    cells = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    numbers: list[int] = []
    invalid: list[tuple[str, int, str]] = []
    last = text.rstrip("\n").count("\n") + 1
    try:
        header = [cell.strip() for cell in next(cells)]
        for line in cells:
            if len(line) == len(header):
                rows.append(line)
                numbers.append(cells.line_num)
            elif line or cells.line_num < last:
                got = f"got {len(line)}" if line else "got an empty row"
                invalid.append((name, cells.line_num, f"must have {len(header)} cells like the header, {got}"))
    except csv.Error as error:
        problems.add(f"is not a valid table: {error}", name, cells.line_num)
        return None
    while rows and not any(cell.strip() for cell in rows[-1]):  # as spreadsheets export them
        rows.pop()
        numbers.pop()
    problems.add_rows(None, invalid)
    if len(header) > MAX_COLUMNS:
        problems.add(f"must have at most {MAX_COLUMNS:,} columns, got {len(header):,}", name, 1)
        return None
    if "" in header:
        problems.add("columns must have names, got an empty one", name, 1)
    for column in sorted({column for column in header if column and header.count(column) > 1}):
        problems.add("columns must be unique, got this one more than once", name, 1, column)
    if not rows and len(problems.lines) == before:
        problems.add("must have rows, got only a header", name)
    if len(problems.lines) > before:
        return None
    table = pd.DataFrame(rows, columns=header, index=numbers, dtype=object)
    table.attrs["whole"] = text.endswith("\n")
    return table


def unread_columns(name: str, table: pd.DataFrame, read: Container[str]) -> list[str]:
    """Return a note about the columns of a table that are not read, if there are any."""
    unread = [column for column in table if column not in read]
    shown = ", ".join(unread[:20]) + (f" and {len(unread) - 20:,} more" if len(unread) > 20 else "")
    return [f"{name}: columns that are not read: {shown}"] if unread else []
