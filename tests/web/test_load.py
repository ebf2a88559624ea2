"""A small version of `benchmarks/web_load.py`."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "benchmarks" / "web_load.py"


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_changed_when_the_server_is_killed() -> None:
    spec = importlib.util.spec_from_file_location("web_load", DRIVER)
    assert spec
    assert spec.loader
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    found = asyncio.run(driver.measure(participants=40, rounds=20, kills=2, think=0.05))
    assert found["rows"] == found["expected rows"] == 800
    assert found["sessions"] == 40
    for problem in ("participants with other rows than sent", "replies that differ between copies", "database damaged"):
        assert found[problem] == 0, problem
