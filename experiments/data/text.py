"""Reading tables of text strictly, without guesses about invalid rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from accept_reject.experiments.data.problems import DataProblems

MAX_BYTES, MAX_COLUMNS = 200_000_000, 1_000
"""Largest table: its cells take several times its size in memory."""

_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another ZIP file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a compressed file",
    b"$FL": "an SPSS file",
    b"%PDF": "a PDF file",
    b"SQLite": "an SQLite database",
}
"""Formats by the first bytes of their files."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATOR = re.compile(r"sep=(.)\s*$")

Row = tuple[int, list[str]]
"""A row of a table: its number in the file, and its cells."""


class TextFormat(NamedTuple):
    """How a table is written as text.

    Attributes:
        delimiter: The delimiter; by default the most frequent one in the header of tab, comma and semicolon.
        encoding: The encoding; by default UTF-8, or UTF-16 with a byte-order mark.
        comment: What lines begin with that are left out.
        skipped: Numbers of lines that are left out.
        remedy: What to do about another encoding or format.
    """

    delimiter: str | None = None
    encoding: str | None = None
    comment: str | None = None
    skipped: Container[int] = ()
    remedy: str = "save the table as CSV with the encoding UTF-8"


def read_table(path: Path, name: str, form: TextFormat, problems: DataProblems) -> pd.DataFrame | None:
    """Read a table of text cells.

    Args:
        path: The file; line ends can be those of any system.
        name: Name of the file in messages.
        form: How it is written.
        problems: Where problems are added.

    Returns:
        The cells as strings, indexed by the number of the row in the file; empty rows at the end are left out.
        `attrs["whole"]` is whether the file ends with a line feed. None if there is a problem.
    """
    raw = read_bytes(path, name, problems)
    return None if raw is None else parse_table(raw, name, form, problems)


def read_bytes(path: Path, name: str, problems: DataProblems) -> bytes | None:
    """Read a file of limited size; None if there is a problem."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            problems.add(f"must have at most {MAX_BYTES:,} bytes, got {size:,}", name)
            return None
        return path.read_bytes()
    except OSError as error:
        problems.add(f"can't be read: {error.strerror}", name)
        return None


def parse_table(raw: bytes, name: str, form: TextFormat, problems: DataProblems) -> pd.DataFrame | None:
    """Read the bytes of a table; see `read_table`."""
    for start, kind in _FORMATS.items():
        if raw.startswith(start):
            problems.add(f"must be a text table, got {kind}; save the table as CSV with the encoding UTF-8", name)
            return None
    before = len(problems.lines)
    text = _decode(raw, name, form, problems)
    if text is None:
        return None
    if not text.strip():
        problems.add("must have a header and rows, got an empty file", name)
        return None
    table = None if form.skipped or form.comment else _of_plain_text(text, form.delimiter, name, problems)
    if table is None and not len(problems.lines) > before:
        table = _of_lines(text, form, name, problems)
    if table is not None:
        table.attrs["whole"] = text.endswith("\n")
    return table


def _of_plain_text(text: str, delimiter: str | None, name: str, problems: DataProblems) -> pd.DataFrame | None:
    """Read a text without quotes in which all rows have as many cells, by a fast parser; None for others."""
    lines = text.removesuffix("\n").split("\n")
    if '"' in text or _SEPARATOR.match(f"{lines[0]}\n"):
        return None
    delimiter = delimiter or max("\t,;", key=lines[0].count)
    count = lines[0].count(delimiter)
    if len(delimiter) > 1 or not count or any(line.count(delimiter) != count for line in lines):
        return None
    if not lines[-1].replace(delimiter, "").strip() or len(lines) == 1:
        return None
    header = [cell.strip() for cell in lines[0].split(delimiter)]
    del lines
    if not _is_header(header, 1, name, problems):
        return None
    table = pd.read_csv(
        io.StringIO(text), sep=delimiter, header=None, names=header, skiprows=1, dtype=object, na_filter=False,
        quoting=csv.QUOTE_NONE, skip_blank_lines=False, index_col=False,
    )  # fmt: skip
    table.index = pd.RangeIndex(2, len(table) + 2)
    return table


def _of_lines(text: str, form: TextFormat, name: str, problems: DataProblems) -> pd.DataFrame | None:
    """Read any text line by line."""
    lines = [
        (number, f"{line}\n")
        for number, line in enumerate(text.removesuffix("\n").split("\n"), 1)
        if number not in form.skipped and not (form.comment and line.startswith(form.comment))
    ]
    delimiter = form.delimiter
    if lines and (match := _SEPARATOR.match(lines[0][1])):  # a line by which Excel knows the delimiter
        delimiter = delimiter or match[1]
        lines = lines[1:]
    if not lines:
        problems.add("must have a header and rows, got only rows that are left out", name)
        return None
    delimiter = delimiter or max("\t,;", key=lines[0][1].count)
    return assemble(_cells(lines, delimiter, name, problems), name, problems)


def _decode(raw: bytes, name: str, form: TextFormat, problems: DataProblems) -> str | None:
    encoding = form.encoding or ("utf-16" if raw.startswith(_UTF_16) else "utf-8-sig")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        what = "UTF-8" if encoding == "utf-8-sig" else encoding
        problems.add(f"must be {what} text, got the byte {raw[error.start]:#x}; {form.remedy}", name, row)
        return None
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        problems.add(f"must be a text table, got a NUL character; {form.remedy}", name, row)
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cells(lines: list[tuple[int, str]], delimiter: str, name: str, problems: DataProblems) -> Iterator[Row]:
    """The rows of a text, numbered by their last lines."""
    cells = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    try:
        for row in cells:
            yield lines[cells.line_num - 1][0], row
    except csv.Error as error:
        problems.add(f"is not a valid table: {error}", name, lines[max(cells.line_num - 1, 0)][0])


def assemble(rows: Iterable[Row], name: str, problems: DataProblems) -> pd.DataFrame | None:
    """Make a table of rows, the first of which is the header; None if there is a problem.

    Args:
        rows: The rows.
        name: Name of the file in messages.
        problems: Where problems are added.
    """
    before = len(problems.lines)
    kept: list[list[str]] = []
    numbers: list[int] = []
    invalid: list[tuple[str, int, str]] = []
    header: list[str] | None = None
    first = 1
    for number, cells in rows:
        if header is None:
            header, first = [cell.strip() for cell in cells], number
        elif len(cells) == len(header):
            kept.append(cells)
            numbers.append(number)
        else:
            got = f"got {len(cells)}" if cells else "got an empty row"
            invalid.append((name, number, f"must have {len(header)} cells like the header, {got}"))
    if header is None or len(problems.lines) > before:
        return None
    while kept and not any(cell.strip() for cell in kept[-1]):  # as spreadsheets export them
        kept.pop()
        numbers.pop()
    last = numbers[-1] if numbers else first
    problems.add_rows(None, (each for each in invalid if each[1] < last or not each[2].endswith("an empty row")))
    _is_header(header, first, name, problems)
    if not kept and len(problems.lines) == before:
        problems.add("must have rows, got only a header", name)
    if len(problems.lines) > before:
        return None
    table = pd.DataFrame(kept, columns=header, index=numbers, dtype=object)
    table.attrs["whole"] = True
    return table


def _is_header(header: list[str], row: int, name: str, problems: DataProblems) -> bool:
    """Check the names of columns."""
    before = len(problems.lines)
    if len(header) > MAX_COLUMNS:
        problems.add(f"must have at most {MAX_COLUMNS:,} columns, got {len(header):,}", name, row)
        return False
    if "" in header:
        problems.add("columns must have names, got an empty one", name, row)
    for column in sorted({column for column in header if column and header.count(column) > 1}):
        problems.add("columns must be unique, got this one more than once", name, row, column)
    return len(problems.lines) == before


def unread_columns(name: str, table: pd.DataFrame, read: Container[str]) -> list[str]:
    """Return a note about the columns of a table that are not read, if there are any."""
    unread = [column for column in table if column not in read]
    shown = ", ".join(unread[:20]) + (f" and {len(unread) - 20:,} more" if len(unread) > 20 else "")
    return [f"{name}: columns that are not read: {shown}"] if unread else []
