"""Files: written to a temporary file that then replaces the target, their text, and their names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd


def write(path: Path, content: str | bytes) -> None:
    """Write a file atomically, with UTF-8 and line feeds for text; create its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk comes without a name
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table atomically as CSV, without the index.

    Texts that a spreadsheet would execute as formulas get an apostrophe in front, as in a folder named `=1+1`.
    """
    texts = frame.select_dtypes(["object", "string"]).columns
    safe = frame.assign(**{column: frame[column].map(without_formula) for column in texts})
    write(path, safe.to_csv(index=False, lineterminator="\n"))


def without_formula(cell: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would execute.

    See https://owasp.org/www-community/attacks/CSV_Injection.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", " ")  # it would end the row
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def tsv(table: pd.DataFrame, digits: int | None = None) -> str:
    """Return a table as BIDS requires: tab-separated, with `n/a` for missing values.

    Args:
        table: The table.
        digits: Number of significant digits; by default those that give the same numbers when they are read.
    """
    form = None if digits is None else f"%.{digits}g"
    return table.to_csv(sep="\t", index=False, na_rep="n/a", float_format=form, lineterminator="\n")


def indented_json(content: dict[str, Any]) -> str:
    """Return an object as JSON for people to read."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return unique names of files or folders for any names, such as those of models."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", name)
        found[name] = plain if plain not in found.values() else f"{plain}_{len(found) + 1}"
    return found
