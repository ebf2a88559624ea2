"""Reading tables in the formats that laboratories export, as text cells."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.table_file import FILE_NAME, TableFile
from accept_reject.experiments.data.text import MAX_BYTES, Row, TextFormat, assemble, parse_table, read_bytes
from accept_reject.extras import require

STATISTICS = (".sav", ".zsav", ".dta")
"""Endings of files of SPSS and Stata."""

MAX_FILES = 10_000
"""Number of files of one table."""

_REMEDY = "write its encoding into the config, such as `encoding: cp1252` for files of Windows or `encoding: utf-16-le`"
_ENTITY = re.compile(r"(?:^|_)([a-zA-Z]+)-([a-zA-Z0-9]+)")
_SPACE = re.compile(r"[\s,]*")


def read_files(config: TableFile, problems: DataProblems) -> dict[str, pd.DataFrame]:
    """Read the files of a config, by their names in messages.

    Args:
        config: The config.
        problems: Where problems are added; then files are missing.
    """
    paths = matching(config.file)
    if not paths:
        problems.add("there is no such file", config.file)
    if len(paths) > MAX_FILES:
        problems.add(f"must match at most {MAX_FILES:,} files, got {len(paths):,}", config.file)
        return {}
    found = {}
    for path in paths:
        name = path.name if len({each.name for each in paths}) == len(paths) else str(path)
        table = read_file(path, name, config, problems)
        if table is not None:
            found[name] = _with_parts_of_name(table, path)
    return found


def matching(file: str) -> list[Path]:
    """The files that a path with `*` stands for, or the single file."""
    pattern = Path(file)
    if pattern.exists() or not any(mark in file for mark in "*?["):
        return [pattern]
    folder = Path(pattern.anchor)
    return sorted(folder.glob(str(pattern.relative_to(folder))))


def read_file(path: Path, name: str, config: TableFile, problems: DataProblems) -> pd.DataFrame | None:
    """Read a file in any format that is known, as text cells; None if there is a problem."""
    raw = read_bytes(path, name, problems)
    if raw is not None and raw.startswith(b"\x1f\x8b"):
        raw = decompressed(raw, name, problems)
    if raw is None:
        return None
    ending = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    if raw.startswith(b"PK\x03\x04"):
        return _of_workbook(raw, name, config, problems)
    if ending.lower() in STATISTICS:
        return _of_statistics(path, name, ending.lower(), problems)
    form = TextFormat(config.delimiter, config.encoding, config.comment, config.skipped, _REMEDY)
    if raw[:100].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        return _of_json(raw, name, config, problems)
    return parse_table(raw, name, form, problems)


def decompressed(raw: bytes, name: str, problems: DataProblems) -> bytes | None:
    """Decompress a file of limited size; None if there is a problem."""
    try:
        with gzip.open(io.BytesIO(raw)) as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        problems.add(f"can't be decompressed: {error}", name)
        return None
    if len(text) > MAX_BYTES:
        problems.add(f"must have at most {MAX_BYTES:,} bytes when decompressed", name)
        return None
    return text


def _of_workbook(raw: bytes, name: str, config: TableFile, problems: DataProblems) -> pd.DataFrame | None:
    """The sheet of an Excel workbook."""
    import openpyxl  # takes a while, and is rarely needed

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(info.file_size for info in archive.infolist()) > 10 * MAX_BYTES:
                problems.add(f"must have at most {10 * MAX_BYTES:,} bytes when decompressed", name)
                return None
        workbook = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheets = [each.title for each in workbook.worksheets]
        if config.sheet is not None and config.sheet not in sheets:
            problems.add(f"must have a sheet {config.sheet!r}, got {', '.join(sheets)}", name)
            return None
        found = list(workbook[config.sheet or sheets[0]].iter_rows(values_only=True))
    except Exception as error:  # openpyxl raises whatever a damaged file leads to
        problems.add(f"can't be read as an Excel workbook: {error}", name)
        return None
    rows = ((number, [_text(cell) for cell in row]) for number, row in enumerate(found, 1))
    return assemble(_without_empty(each for each in rows if each[0] not in config.skipped), name, problems)


def largest_sheet(raw: bytes) -> dict[str, str]:
    """Return which sheet of a workbook has most rows, as a setting; nothing if it is the first one."""
    import openpyxl

    try:
        sheets = openpyxl.load_workbook(io.BytesIO(raw), read_only=True).worksheets
    except Exception:  # it is reported when the workbook is read
        return {}
    largest = max(sheets, key=lambda each: each.max_row or 0)
    return {} if largest is sheets[0] else {"sheet": largest.title}


def _of_statistics(path: Path, name: str, ending: str, problems: DataProblems) -> pd.DataFrame | None:
    """A file of SPSS or Stata: codes, not their labels."""
    if ending != ".dta":
        require("reading SPSS files", "spss", "pyreadstat")
    try:
        frame = (
            pd.read_stata(path, convert_categoricals=False)
            if ending == ".dta"
            else pd.read_spss(path, convert_categoricals=False)
        )
    except Exception as error:  # pyreadstat raises errors of its own
        problems.add(f"can't be read as a file of {'Stata' if ending == '.dta' else 'SPSS'}: {error}", name)
        return None
    return _of_frame(frame, name, problems)


def _of_json(raw: bytes, name: str, config: TableFile, problems: DataProblems) -> pd.DataFrame | None:
    """Trials of jsPsych: a list of objects, or several, one after the other, as JATOS exports them."""
    try:
        text = raw.decode(config.encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(f"must be UTF-8 text, got the byte {raw[error.start]:#x}; {_REMEDY}", name)
        return None
    decoder, at, records = json.JSONDecoder(), 0, list[Any]()
    while (match := _SPACE.match(text, at)) and match.end() < len(text):
        try:
            value, at = decoder.raw_decode(text, match.end())
        except (json.JSONDecodeError, RecursionError):
            problems.add("must be complete JSON", name, text.count("\n", 0, match.end()) + 1)
            return None
        records += value if isinstance(value, list) else [value]
    if not records or not all(isinstance(each, dict) for each in records):
        problems.add("must be a list of objects, one for each trial", name)
        return None
    frame = pd.DataFrame([dict(_flat(each)) for each in records], dtype=object)
    return _of_frame(frame, name, problems)


def _flat(record: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of an object, with dots in the names of inner ones."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", json.dumps(value) if isinstance(value, list) else value


def _of_frame(frame: pd.DataFrame, name: str, problems: DataProblems) -> pd.DataFrame | None:
    """Rows are numbered from 1: there is no header."""
    header: Row = (0, [str(column) for column in frame.columns])
    rows = ((number, [_text(cell) for cell in row]) for number, row in enumerate(frame.itertuples(index=False), 1))
    return assemble([header, *rows], name, problems)


def _text(cell: Any) -> str:
    """A cell as it would stand in a table of text."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def _without_empty(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out columns without a name and without cells, and empty rows above the header."""
    found = list(rows)
    width = max((len(cells) for _, cells in found), default=0)
    found = [(number, cells + [""] * (width - len(cells))) for number, cells in found]
    while found and not any(cell.strip() for cell in found[0][1]):
        found.pop(0)
    used = [any(row[1][j].strip() for row in found) for j in range(len(found[0][1]))] if found else []
    for number, cells in found:
        yield number, [cell for cell, is_used in zip(cells, used, strict=True) if is_used]


def _with_parts_of_name(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add the name of the file and its parts such as `sub-01` as columns, unless the table has such columns."""
    stem = Path(path.name.removesuffix(".gz")).stem
    parts = {FILE_NAME: stem} | dict(_ENTITY.findall(stem))
    extra = {key: value for key, value in parts.items() if key not in table}
    whole = table.attrs.get("whole", True)
    table = table.assign(**extra)
    table.attrs = {"whole": whole, "added": tuple(extra)}
    return table
