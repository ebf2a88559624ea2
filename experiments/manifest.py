"""The manifest of a run's folder: its files with their hashes, by which a finished run is recognized."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from accept_reject import __version__
from accept_reject.experiments.files import write

MANIFEST = "manifest.json"

TENSORBOARD = "tensorboard"
"""Folder of TensorBoard's event files, which contain timestamps and therefore are not part of the manifest."""

TRANSIENT = ("config.yaml", "checkpoint*", ".*")
"""Patterns of files that an interrupted run leaves in its folder."""


def write_manifest(folder: Path, kind: str, origin: str) -> None:
    """Write the manifest of a complete folder.

    Args:
        folder: The folder.
        kind: The kind of experiment.
        origin: Hash of its config and inputs.
    """
    files = {name: _digest(folder / name) for name in sorted(_names(folder))}
    content = {"version": __version__, "kind": kind, "origin": origin, "files": files}
    write(folder / MANIFEST, json.dumps(content, indent=1) + "\n")


def is_finished(folder: Path) -> bool:
    """Return whether a folder contains a finished run of this version of the package, with all its files intact."""
    manifest = _read(folder)
    return manifest.get("version") == __version__ and all(
        (folder / name).is_file() and _digest(folder / name) == digest for name, digest in manifest["files"].items()
    )


def keep_foreign_files(folder: Path, new: Path) -> None:
    """Copy files that users added to a run's folder, such as notes, to the folder that replaces it.

    Files of an earlier run of the same folder are not copied: its manifest lists them.
    """
    own = {MANIFEST, *_read(folder).get("files", {})}
    for name in _names(folder):
        path = Path(name)
        transient = len(path.parts) == 1 and any(path.match(pattern) for pattern in TRANSIENT)
        if name not in own and not transient and not (new / name).exists():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, new / name, follow_symlinks=False)


def _names(folder: Path) -> list[str]:
    """List the files in a folder and its subfolders, without the manifest and TensorBoard's, relative to the folder."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    return [path.as_posix() for path in files if path.parts[0] not in (MANIFEST, TENSORBOARD)]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    """Read a folder's manifest; return an empty one if it is missing or invalid."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    valid = isinstance(content, dict) and isinstance(content.get("files"), dict)
    return content if valid else {}
