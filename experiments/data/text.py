"""Reading text tables strictly: as they are, or not at all."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from accept_reject.experiments.data.faults import DataFaults


def read_table(path: Path, name: str, delimiter: str | None, faults: DataFaults) -> pd.DataFrame | None:
    """Read a table of text cells.

    UTF-8 with or without a byte-order mark; line ends of any system.

    Args:
        path: The file.
        name: What messages call it.
        delimiter: What separates cells; None to take what the header has most of: tab, comma or semicolon.
        faults: Gains the file's faults.

    Returns:
        A column of texts for each one in the file, indexed by the row's number in the file, the header's being 1. None
        if there is a fault.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        faults.add(f"can't be read: {error.strerror}", name)
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        faults.add(f"is not UTF-8 text (byte {raw[error.start]:#x}); save it as UTF-8", name, row)
        return None
    if "\0" in text:
        faults.add("holds NUL characters: it is no text table", name, text[: text.index("\0")].count("\n") + 1)
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        faults.add("is empty", name)
        return None
    head = text.partition("\n")[0]
    delimiter = delimiter or max("\t,;", key=head.count)
    before = len(faults.lines)
    cells = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    numbers: list[int] = []
    odd: list[tuple[str, int, str]] = []
    last = text.rstrip("\n").count("\n") + 1
    try:
        header = [cell.strip() for cell in next(cells)]
        for line in cells:
            if len(line) == len(header):
                rows.append(line)
                numbers.append(cells.line_num)
            elif line or cells.line_num < last:
                has = f"has {len(line)} cells where the header has {len(header)}" if line else "is empty"
                odd.append((name, cells.line_num, has))
    except csv.Error as error:
        faults.add(f"is no well-formed table: {error}", name, cells.line_num)
        return None
    faults.add_rows(None, odd)
    twice = sorted({column for column in header if header.count(column) > 1})
    for column in twice:
        faults.add("stands twice in the header" if column else "the header has empty names", name, 1, column or None)
    if not rows and len(faults.lines) == before:
        faults.add("has a header and no rows", name)
    if len(faults.lines) > before:
        return None
    return pd.DataFrame(rows, columns=header, index=numbers, dtype=object)
