"""Serve a study."""

from __future__ import annotations

import secrets
from pathlib import Path

from accept_reject.experiments.config import load_config
from accept_reject.web.play import listen
from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store
from accept_reject.web.study import Study

_VOLATILE = ("tmpfs", "ramfs", "overlay")
"""File systems that are lost with the machine or the container."""


def load_study(path: str) -> Study:
    """Read the config of a study.

    Raises:
        InvalidInputError: With all its problems.
    """
    return load_config(Study, path)


def serve(study: Study, file: Path, host: str, port: int, kind: str, secret: str | None) -> None:
    """Serve a study until the program is interrupted.

    Args:
        study: The study.
        file: Its file.
        host: The address to listen on.
        port: The port.
        kind: Kind of the sessions that begin now: `real`, `pilot` or `simulated`.
        secret: The secret in the address of the monitor; by default a new one.

    Raises:
        InvalidInputError: If the port is in use, or if the file can't be used.
    """
    from accept_reject.web.server import create_app, run  # needs the extra `web`

    listening = listen(host, port)
    sessions = Sessions(study, Store(file, study.model_dump_json()), kind)
    secret = secret or secrets.token_urlsafe(12)
    address = f"http://{host}:{listening.getsockname()[1]}"
    languages = ", ".join(f"{address}/?lang={language}" for language in study.languages)
    print(f"Study {study.name}: {languages}")
    print(f"Monitor: {address}/monitor?secret={secret}")
    for note in study.notes:
        print(f"Note: {note}")
    print(f"Data: {file} ({len(sessions)} sessions so far; new ones are {kind})")
    if volatile := file_system(file):
        print(f"Warning: {file} is on {volatile}, which may be lost with the machine; use a disk that is kept")
    run(create_app(sessions, secret=secret), listening)


def file_system(path: Path) -> str | None:
    """Return the file system of a path if it may be lost with the machine, else None."""
    import psutil

    folder = path.resolve().parent
    mounts = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    for parent in (folder, *folder.parents):
        if parent in mounts:
            return mounts[parent] if mounts[parent] in _VOLATILE else None
    return None
