"""Atomic writing of files: to a temporary file that then replaces the target."""

from __future__ import annotations

import os
from pathlib import Path

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
