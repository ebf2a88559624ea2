"""What all tests share: one thread each, since they run side by side, the same examples every time, and SVG figures."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from accept_reject.experiments.reporting import style

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

KINDS = style.KINDS


@pytest.fixture(scope="session", autouse=True)
def only_svg() -> Iterator[None]:
    """Write figures only as SVG: the other two formats take most of the time of a small run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "KINDS", {"svg": KINDS["svg"]})
        yield


@pytest.fixture
def all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write figures in all file formats."""
    monkeypatch.setattr(style, "KINDS", KINDS)
