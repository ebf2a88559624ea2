"""The scenarios: named games, each with a question about the player."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accept_reject.envs.game import GameSpec, OpenDoors, PartnerKind
from accept_reject.errors import InvalidInputError, parse, shorten, suggest

VALUES, INDIFFERENT = 3.0, 6.0
"""Mean ranks of partners that value the player highly (valuation 0.71) and little (0.29)."""

OFTEN, SELDOM = 0.8, 0.2
"""Acceptance probabilities of the two types of partners under the orthogonal rule."""


@dataclass(frozen=True)
class Scenario:
    """A named game with its question.

    Attributes:
        name: The name, in lower case with hyphens.
        question: What the scenario tests.
        game: The game.
    """

    name: str
    question: str
    game: GameSpec

    @property
    def env_id(self) -> str:
        """The Gymnasium id, such as `accept_reject/HiddenRanks-v0`."""
        return f"accept_reject/{self.name.title().replace('-', '')}-v0"


def _two_by_two(count: int, *, rank_shown: bool = True) -> tuple[PartnerKind, ...]:
    """Cross high and low valuation with frequent and rare acceptance: `count` partners of each of the four kinds."""
    return tuple(
        PartnerKind(mean_rank=mean_rank, acceptance=acceptance, rank_shown=rank_shown, count=count)
        for mean_rank in (VALUES, INDIFFERENT)
        for acceptance in (OFTEN, SELDOM)
    )


def _by_spots(*spots: tuple[int, int], count: int, rank_shown: bool = True) -> tuple[PartnerKind, ...]:
    """Cross high and low valuation with ranges of spots: `count` partners of each kind."""
    return tuple(
        PartnerKind(mean_rank=mean_rank, spots=each, rank_shown=rank_shown, count=count)
        for mean_rank in (VALUES, INDIFFERENT)
        for each in spots
    )


_ALL = (
    Scenario(
        "orthogonal",
        "The study: can you tell who values you from who accepts you?",
        GameSpec(rule="orthogonal", partners=_two_by_two(1) + _two_by_two(1, rank_shown=False)),
    ),
    Scenario(
        "scarce",
        "Nearly every answer is a rejection: can you tell from ranks alone who values you?",
        GameSpec(rule="causal", partners=_by_spots((0, 1), count=4)),
    ),
    Scenario(
        "hidden-ranks",
        "Ranks are never shown: can you infer from outcomes who values you?",
        GameSpec(rule="causal", partners=_by_spots((3, 6), count=4, rank_shown=False)),
    ),
    Scenario(
        "few-spots",
        "Some partners have few spots: can you tell a rejection due to a lack of spots from a lack of interest?",
        GameSpec(rule="causal", partners=_by_spots((1, 3), (5, 7), count=2)),
    ),
    Scenario(
        "open-doors",
        "Halfway through, everyone gets plenty of spots: did you learn from more than outcomes?",
        GameSpec(rule="orthogonal", partners=_two_by_two(2), open_doors=OpenDoors(at=0.5, spots=(4, 6))),
    ),
    Scenario(
        "drift",
        "Valuations change over time, and acceptance with them: can you keep track of who values you?",
        GameSpec(rule="causal", partners=_by_spots((3, 6), count=4), drift=0.3),
    ),
    Scenario(
        "newcomers",
        "Partners leave and newcomers replace them: how quickly do you learn where you stand?",
        GameSpec(rule="orthogonal", partners=_two_by_two(6), present=8),
    ),
    Scenario(
        "crowd",
        "32 partners and few encounters with each: how much do you learn from one answer?",
        GameSpec(rule="orthogonal", partners=_two_by_two(8)),
    ),
    Scenario(
        "noisy",
        "Ranks are noisy: can you give them the right weight?",
        GameSpec(rule="orthogonal", partners=_two_by_two(2), rank_sd=4.0),
    ),
)

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
"""The scenarios by name, in the order of tables and figures."""


def scenario(name: str) -> Scenario:
    """Return a scenario by name.

    Raises:
        ValueError: If there is no such scenario.
    """
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ValueError(f"unknown scenario {name!r}{suggest(str(name), SCENARIOS)}")
    return SCENARIOS[name]


def resolve_game(name: str, game: GameSpec | Mapping[str, Any] | None = None) -> GameSpec:
    """Return the game of a scenario, with changes or replaced by another one.

    Args:
        name: Name of the scenario.
        game: None for the scenario's game; a mapping of `GameSpec` keys to change; or a `GameSpec`, which replaces the
            scenario's game.

    Raises:
        InvalidInputError: If the scenario is unknown, or with every problem of the changed game.
    """
    try:
        base = scenario(name).game
    except ValueError as error:
        raise InvalidInputError("scenario", [str(error)]) from None
    if isinstance(game, GameSpec):
        return game
    if game is None:
        return base
    if not isinstance(game, Mapping):
        raise InvalidInputError("game", [f"must be a GameSpec or a mapping of its keys, got {shorten(game)}"])
    return parse(GameSpec, {**base.model_dump(), **game}, "game")
