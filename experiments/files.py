"""Atomic writing of files: to a temporary file that then replaces the target."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from accept_reject.errors import InvalidInputError


def write(path: Path, content: str | bytes) -> None:
    """Write a file atomically, with UTF-8 and line feeds for text; create its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table atomically as CSV, without the index."""
    write(path, frame.to_csv(index=False, lineterminator="\n"))


def make_folder(folder: Path) -> None:
    """Create a folder, unless it exists, and check that it is writable.

    Raises:
        InvalidInputError: If it can't be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / ".probe", "")
        (folder / ".probe").unlink()
    except OSError as error:
        raise InvalidInputError(str(folder), [f"can't create or write to this folder: {error.strerror}"]) from None
