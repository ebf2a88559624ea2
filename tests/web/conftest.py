"""A study and its server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import FOUND
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND, args=["--no-sandbox"])
        yield browser
        browser.close()
