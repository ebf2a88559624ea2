"""The named scenarios: each a game with one question to the player."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accept_reject.envs.faults import InvalidInputError, parse, suggest
from accept_reject.envs.game import GameSpec, OpenDoors, PartnerKind

VALUES, INDIFFERENT = 3.0, 6.0
"""Mean ranks of partners who value the player much (valuation 0.71) and little (0.29)."""

OFTEN, SELDOM = 0.8, 0.2
"""How probably the two sorts of partners of the orthogonal rule accept."""


@dataclass(frozen=True)
class Scenario:
    """A named game and the question that it asks.

    Attributes:
        name: Its name, in lower case with hyphens.
        question: What a player has to find out.
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
    """Values or not, accepts often or seldom: `count` partners of each of the four kinds."""
    return tuple(
        PartnerKind(mean_rank=mean_rank, acceptance=acceptance, rank_shown=rank_shown, count=count)
        for mean_rank in (VALUES, INDIFFERENT)
        for acceptance in (OFTEN, SELDOM)
    )


def _by_spots(*spots: tuple[int, int], count: int, rank_shown: bool = True) -> tuple[PartnerKind, ...]:
    """Values or not, with each of some ranges of spots: `count` partners of each kind."""
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
        "Nearly everyone rejects nearly always: can you tell from ranks alone who values you?",
        GameSpec(rule="causal", partners=_by_spots((0, 1), count=4)),
    ),
    Scenario(
        "hidden-ranks",
        "No ranks are ever shown: can you read from outcomes who values you?",
        GameSpec(rule="causal", partners=_by_spots((3, 6), count=4, rank_shown=False)),
    ),
    Scenario(
        "few-spots",
        "Some partners have few spots: can you tell a rejection for want of spots from one for want of liking?",
        GameSpec(rule="causal", partners=_by_spots((1, 3), (5, 7), count=2)),
    ),
    Scenario(
        "open-doors",
        "Half way, spots become plenty for everyone: did you learn from more than outcomes?",
        GameSpec(rule="orthogonal", partners=_two_by_two(2), open_doors=OpenDoors(at=0.5, spots=(4, 6))),
    ),
    Scenario(
        "drift",
        "Valuations wander, and acceptance with them: can you keep up with who values you now?",
        GameSpec(rule="causal", partners=_by_spots((3, 6), count=4), drift=0.3),
    ),
    Scenario(
        "newcomers",
        "Partners leave and strangers replace them: how soon do you know where you stand with them?",
        GameSpec(rule="orthogonal", partners=_two_by_two(6), present=8),
    ),
    Scenario(
        "crowd",
        "32 partners, few meetings with each: how much do you learn from one answer?",
        GameSpec(rule="orthogonal", partners=_two_by_two(8)),
    ),
    Scenario(
        "noisy",
        "Ranks are poor evidence: can you weigh them for what they are worth?",
        GameSpec(rule="orthogonal", partners=_two_by_two(2), rank_sd=4.0),
    ),
)

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
"""The scenarios by name, in the order in which tables and figures show them."""


def scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        ValueError: If there is none; the message lists them.
    """
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ValueError(f"unknown scenario {name!r}{suggest(str(name), SCENARIOS)}")
    return SCENARIOS[name]


def resolve_game(name: str, game: GameSpec | Mapping[str, Any] | None = None) -> GameSpec:
    """The game that a caller asks for: a scenario's, a scenario's with changes, or one of the caller's own.

    Args:
        name: A scenario's name.
        game: None for the scenario as it is; a mapping of `GameSpec` keys to the values that replace the
            scenario's; or a whole `GameSpec`, which is taken instead of the scenario's.

    Raises:
        InvalidInputError: If the scenario is unknown, or with every fault of the changed game.
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
        raise InvalidInputError("game", [f"should be a GameSpec or a mapping of its keys, but is {game!r}"])
    return parse(GameSpec, {**base.model_dump(), **game}, "game")
