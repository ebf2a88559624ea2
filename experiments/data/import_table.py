"""From a table to a config that says how to read it, with comments on what a person should check."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.data.column_names import where_of, wide_of
from accept_reject.experiments.data.config import DataConfig
from accept_reject.experiments.data.flat import read_flat
from accept_reject.experiments.data.formats import STATISTICS, decompressed, largest_sheet, matching, read_files
from accept_reject.experiments.data.guess import Guess, guess, stem
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.reshape import lengthen
from accept_reject.experiments.data.text import read_bytes
from accept_reject.experiments.files import write
from accept_reject.experiments.yaml_text import dump_line

LOOKED_AT = 200
"""Number of lines at the top of a text that are looked at."""


class Imported(NamedTuple):
    """A config that was written.

    Attributes:
        path: The config.
        found: What was guessed.
        examples: The first cells of each column that is read, by our name.
        problems: What is wrong with the table when it is read in this way.
    """

    path: Path
    found: Guess
    examples: dict[str, list[str]]
    problems: tuple[str, ...]


def import_table(file: str, out: Path | None) -> Imported:
    """Write a config for a table.

    Args:
        file: The table; with `*`, several files are parts of one table.
        out: The config; by default NAME.yaml in the current folder.

    Raises:
        InvalidInputError: If the table can't be read at all, or if the config exists.
    """
    out = out or Path(f"{stem(file)}.yaml")
    if out.exists():
        raise InvalidInputError(str(out), ["exists; give another name with --out"])
    form = _form(file)
    tables = _read(file, form)
    table = pd.concat(tables.values(), ignore_index=True).fillna("")
    wide = wide_of(table)
    where = {} if wide else where_of(table)
    if wide:
        form["wide"] = wide
        table = lengthen(table, file, DataConfig.model_construct(None, wide=wide), DataProblems(), [])
    if where:
        form["where"] = where
        ((column, kind),) = where.items()
        table = table[table[column].str.strip() == kind]
        table = table.loc[:, (table != "").any()]
    found = guess(table, len(tables) > 1)
    if not {"choice", "accepted", "reward"} & set(found.columns):
        found.lacking.append(
            "any rounds: a table of ratings or of participants belongs in the config of the rounds, as `ratings` or "
            "`participants`"
        )
    settings = form | {"columns": found.columns} | found.settings
    problems: tuple[str, ...] = tuple(found.lacking)
    if not problems:
        try:
            config = DataConfig.model_validate({"file": file, **settings})
            found.unsure += [note for note in read_flat(config).notes if "not read" not in note]
        except InvalidInputError as error:
            problems = tuple(error.problems)
    relative = _relative(file, out)
    write(out, _text(out, relative, settings, found))
    examples = {}
    for name, column in found.columns.items():
        for each in column if isinstance(column, list) else [column]:
            if each in table:
                examples[f"{name}: {each}"] = [cell for cell in table[each].str.strip().unique()[:4] if cell]
    return Imported(out, found, examples, problems)


def _relative(file: str, out: Path) -> str:
    path = Path(file)
    if path.is_absolute():
        return file
    try:
        return path.resolve().relative_to(out.parent.resolve()).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _read(file: str, form: dict[str, Any]) -> dict[str, pd.DataFrame]:
    problems = DataProblems()
    known = {"encoding", "skip_rows", "comment", "sheet"}
    defaults = {name: field.default for name, field in DataConfig.model_fields.items() if not field.is_required()}
    given = {name: value for name, value in form.items() if name in known}
    tables = read_files(DataConfig.model_construct(None, **{**defaults, **given, "file": file}), problems)
    problems.raise_if_any(file)
    return tables


def _form(file: str) -> dict[str, Any]:
    """How a text is written: its encoding, and lines that are no rows."""
    problems = DataProblems()
    paths = matching(file)
    raw = read_bytes(paths[0], file, problems) if paths else None
    problems.raise_if_any(file)
    if raw is not None and raw.startswith(b"PK\x03\x04"):
        return largest_sheet(raw)
    if raw is None or raw.startswith(b"\xd0\xcf") or paths[0].suffix.lower() in STATISTICS:
        return {}
    if raw.startswith(b"\x1f\x8b"):
        raw = decompressed(raw, file, problems)
        problems.raise_if_any(file)
    assert raw is not None  # else there was a problem
    found: dict[str, Any] = {}
    text = None
    for encoding in ("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "utf-16-le", "cp1252"):
        if encoding == "utf-16-le" and raw[1:40:2].strip(b"\0"):
            continue  # every second byte of Latin text is 0 there
        if encoding == "utf-8-sig" and raw[1:40:2].count(b"\0") > 10:
            continue
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding in ("utf-16-le", "cp1252"):
            found["encoding"] = encoding
        break
    if text is None or text.lstrip("\ufeff \r\n\t").startswith(("[", "{")):
        return found
    lines = text.splitlines()[:LOOKED_AT]
    if any(line.startswith("#") for line in lines):
        found["comment"] = "#"
    return found | _skipped(lines)


def _skipped(lines: list[str]) -> dict[str, Any]:
    """Lines above the header have fewer cells; below it, Qualtrics has its questions and ids."""
    counted = [(number, line) for number, line in enumerate(lines, 1) if not line.startswith("#")]
    delimiter = max("\t,;", key=lambda each: sum(line.count(each) for _, line in counted))
    rows, reader, begin = [], csv.reader((f"{line}\n" for _, line in counted), delimiter=delimiter), 0
    try:
        for cells in reader:  # a row can have several lines
            rows.append((counted[begin][0], len(cells), cells))
            begin = reader.line_num
    except csv.Error:
        return {}
    usual = Counter(count for _, count, _ in rows if count > 1).most_common(1)
    if not usual:
        return {}
    first = next(number for number, count, _ in rows if count >= usual[0][0])
    if first > 1 and not (first == 2 and lines[0].startswith("sep=")):
        return {"skip_rows": first - 1}
    ids = [number for number, _, cells in rows[:6] if any("ImportId" in cell for cell in cells)]
    return {"skip_rows": list(range(2, ids[0] + 1))} if ids and ids[0] > 1 else {}


def _text(out: Path, file: str, settings: dict[str, Any], found: Guess) -> str:
    """The config, with a comment after each guess."""
    lines = ["# How to read the table. All of this is a guess: look at it, and then run"]
    lines += [f"#   accept-reject check {out}", *(f"# Not found: {each}" for each in found.lacking)]
    lines += [f"# Please check: {each}" for each in found.unsure]
    lines += ["kind: data", dump_line("file", file)]
    for name, value in settings.items():
        if name != "columns":
            lines.append(_commented(dump_line(name, _plain(value)), found.why.get(name)))
    lines.append("columns:")
    for name, value in found.columns.items():
        lines.append(f"  {_commented(dump_line(name, value), found.why.get(name))}")
    return "\n".join([*lines, ""])


def _plain(value: Any) -> Any:
    """Numbers as numbers."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,15})", value) else value


def _commented(line: str, why: str | None) -> str:
    return line.strip() + (f"  # {why}" if why else "")
