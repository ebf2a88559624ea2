"""A study and its server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Clock, opened
from starlette.testclient import TestClient

from accept_reject.web.server import create_app
from accept_reject.web.sessions import Sessions


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "study.sqlite"


@pytest.fixture
def sessions(file: Path, clock: Clock) -> Sessions:
    return opened(file, clock)


@pytest.fixture
def client(sessions: Sessions) -> Iterator[TestClient]:
    with TestClient(create_app(sessions, secret="secret")) as client:
        yield client
