"""Load choices, from whatever names them, and tell what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.config import is_shipped, kind_of, load_config
from accept_reject.experiments.data.bids import is_simulated, read_dataset
from accept_reject.experiments.data.flat import DataConfig, read_flat
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.simulate import simulate


class Data(NamedTuple):
    """Loaded choices.

    Attributes:
        choices: The choices.
        simulated: Whether they say of themselves that no people made them.
        game_known: Whether `choices.game` is the game that was played, and not one of the same size only.
        population: The population that was simulated, if that is what they come from.
    """

    choices: Choices
    simulated: bool
    game_known: bool
    population: PopulationConfig | None = None


def load(path: str, overrides: Sequence[str] = (), seen_from: Path = Path()) -> Data:
    """Load a BIDS data set from its folder, or a flat table through the config that maps its columns.

    A population's config is as good: its participants are simulated.

    Args:
        path: The folder or the config, or the name of a shipped config.
        overrides: Changes to the config.
        seen_from: The folder from which a relative path is seen.

    Raises:
        InvalidInputError: With every fault of the config or of the data.
    """
    if not is_shipped(path):
        path = str(seen_from / path)
    place = Path(path)
    if place.is_dir() and overrides:
        raise InvalidInputError(path, [f"is a data set: it takes no changes such as {overrides[0]!r}"])
    if place.is_dir():
        choices, game_known = read_dataset(place)
        return Data(choices, is_simulated(place), game_known)
    if place.suffix.lower() not in (".yaml", ".yml") and not is_shipped(path):
        kind = "does not exist" if not place.exists() else "is neither a folder nor a config"
        advice = (
            "give a BIDS folder, a YAML config with `kind: data`, `file` and `columns` for a table, or a population"
        )
        raise InvalidInputError(path, [f"{kind}; {advice}"])
    config_kind = kind_of(path)
    if config_kind not in (None, "data", "population"):
        raise InvalidInputError(path, [f"is a config of kind {config_kind!r}; data are of kind 'data' or 'population'"])
    if config_kind == "population":
        population = load_config(PopulationConfig, path, overrides)
        return Data(simulate(population)[0], simulated=True, game_known=True, population=population)
    config = load_config(DataConfig, path, overrides)
    return Data(read_flat(config, place.parent), simulated=False, game_known=config.game is not None)


def describe(data: Data) -> list[tuple[str, str]]:
    """What the choices hold, as pairs of what and how much."""
    choices = data.choices
    answered = ~choices.missed
    n, rounds = answered.shape
    recorded = np.full(n, rounds) if choices.recorded is None else choices.recorded
    missed = int(recorded.sum() - answered.sum())
    pairs = np.sort(choices.offered[answered], axis=1)
    shown = (choices.rank > 0) & answered
    times = choices.response_time
    return [
        ("participants", f"{len(choices)}" + (" (simulated)" if data.simulated else "")),
        ("rounds", f"{_span(recorded)} each, {int(recorded.sum()):,} in all"),
        ("missed", f"{missed:,} ({missed / recorded.sum():.1%})"),
        ("partners", f"{choices.game.n_partners}, {choices.game.offered} offered at a time"),
        ("different offers", f"{len(np.unique(pairs, axis=0)):,}"),
        (
            "accepted",
            f"{choices.accepted[answered].mean():.1%} of those asked" if answered.any() else "nobody was asked",
        ),
        ("ranks shown", f"{shown.sum() / max(answered.sum(), 1):.1%} of answers, of {choices.game.ranks}"),
        ("response times", "none" if times is None or np.isnan(times).all() else f"median {np.nanmedian(times):.2f} s"),
        ("hidden valuations", "known" if choices.valuation is not None else "not known"),
    ]


def _span(values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"
