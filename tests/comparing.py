"""A small comparison: of participants who are all alike with the player that they are, and with others."""

from pathlib import Path

import yaml

from accept_reject.experiments.compare.config import CompareConfig

ALIKE = {
    "kind": "population",
    "name": "alike",
    "agent": "bayes-hybrid",
    "participants": 9,
    "game": {"scenario": "orthogonal", "game": {"rounds": 60}},
    "parameters": {"w": 0.3, "inverse_temperature": 4},
}
TRUE = {"agent": "bayes-hybrid", "params": {"w": 0.3, "inverse_temperature": 4.0}, "label": "true"}


def alike(folder: Path) -> Path:
    """The config of `ALIKE` as a file in a folder."""
    path = folder / "alike.yaml"
    path.write_text(yaml.safe_dump(ALIKE), encoding="utf-8")
    return path


def config(people: Path | str, **changes: object) -> CompareConfig:
    shape = {"people": [str(people)], "agents": [TRUE, "random", "oracle-valuing"], "folds": 3}
    return CompareConfig.model_validate({**shape, **changes})
