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
    """Write a table atomically as CSV, without the index."""
    write(path, frame.to_csv(index=False, lineterminator="\n"))
