"""Folders: created, locked and replaced as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.files import write


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


def locked(folder: Path) -> FileLock:
    """Return a lock on a folder for one process at a time; it is released when the process ends for any reason."""
    folder = folder.resolve()
    locks = folder.parent / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / folder.name, is_singleton=True)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Create a new folder that replaces an existing one when everything has been written, unless there is an error.

    An interrupted call leaves the old folder unchanged. Leftovers of an earlier interrupted call are removed.
    """
    folder = folder.resolve()  # a link stays a link to the new content
    finish_replacement(folder)
    new, old = _siblings(folder)
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        if old.exists() and not folder.exists():  # interrupted between the two renames
            old.rename(folder)
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def finish_replacement(folder: Path) -> None:
    """Finish a replacement that was interrupted between its two renames, when the old folder had been moved away."""
    new, old = _siblings(folder)
    if old.exists() and not folder.exists():
        (new if new.exists() else old).rename(folder)


def _siblings(folder: Path) -> tuple[Path, Path]:
    """Return temporary names of the new and the old folder during a replacement."""
    prefix = f".{folder.name}.accept-reject"  # no name of a user's folder, as leftovers are removed
    return folder.with_name(f"{prefix}-new"), folder.with_name(f"{prefix}-old")
