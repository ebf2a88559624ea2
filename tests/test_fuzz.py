"""Mutations of a data set and of a config; see `fuzz.py`."""

from pathlib import Path

import pytest
from fuzz import CONFIG, fuzz, make_dataset, try_config, try_dataset

from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import load


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "original"
    make_dataset(folder)
    return folder


@pytest.mark.slow
def test_mutations_of_a_data_set(original: Path, tmp_path: Path) -> None:
    assert load(str(original)).choices.missed.any()
    outcomes = fuzz(lambda seed: try_dataset(original, tmp_path / "copy", seed), 300, 0)
    assert outcomes["right"] > 20
    assert outcomes["refused"] > 100


@pytest.mark.slow
def test_mutations_of_a_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    load_config(BenchmarkConfig, str(path))
    outcomes = fuzz(lambda seed: try_config(path, seed), 200, 0)
    assert outcomes["right"] > 10
    assert outcomes["refused"] > 100
