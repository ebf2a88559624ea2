"""Players of one game at a time, which need no batches, and the agent that plays with copies of them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accept_reject.agents.adapters.probabilities import as_probabilities
from accept_reject.agents.base import Agent, Feedback
from accept_reject.agents.calls import as_array
from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError
from accept_reject.random import Stream, generator


class PlayerFeedback(NamedTuple):
    """Feedback to one player after a round.

    Attributes:
        offered: The partners that were offered.
        partner: The partner that was chosen.
        rank: Its rank of the player, from 1; 0 if it is hidden.
        spots: Its spots; 0 if its rank is hidden, `UNKNOWN_SPOTS` if they are missing in recorded choices.
        accepted: Whether it accepted.
    """

    offered: list[int]
    partner: int
    rank: int
    spots: int
    accepted: bool


class SinglePlayer(ABC):
    """Base class of agents that play one game at a time.

    It has the methods of an `Agent` without batches: `start`, then `policy` and `learn` in every round, and optionally
    `valuations`. A `SinglePlayer` can be used in place of any agent: each game is played by a separate copy.
    """

    @abstractmethod
    def start(self, game: GameSpec, rng: np.random.Generator) -> None:
        """Prepare for a new game.

        Args:
            game: The game, with its number of partners, ranks and rounds.
            rng: Random numbers, for agents that need them.
        """

    @abstractmethod
    def policy(self, offered: list[int]) -> int | ArrayLike:
        """Choose a partner.

        Args:
            offered: The partners offered, as numbers from 0.

        Returns:
            Place in `offered` of the chosen partner, from 0; or the probability of each place, `(offered,)`.
        """

    @abstractmethod
    def learn(self, feedback: PlayerFeedback) -> None:
        """Learn from the feedback of a round. It is not called for missed rounds."""

    def valuations(self) -> ArrayLike | None:
        """Return beliefs about how much each partner values the player, `(partners,)`, 0..1, or None."""
        return None


class SinglePlayers(Agent):
    """Plays each game with a copy of a player.

    Args:
        player: The player. Copies share no memory.
    """

    def __init__(self, player: SinglePlayer) -> None:
        self.player = player

    def __str__(self) -> str:
        return type(self.player).__name__

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Start a copy of the player for each game, with its own random numbers."""
        self._copies = [copy.deepcopy(self.player) for _ in range(n_players)]
        for number, player in enumerate(self._copies):
            player.start(game, generator(seed, Stream.PLAYER, number))

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the players' choices as probabilities, `(n_players, offered)`.

        Raises:
            InvalidInputError: If a player returns neither a place in the offer nor probabilities.
        """
        chosen = [player.policy(row) for player, row in zip(self._copies, offered.tolist(), strict=True)]
        return as_probabilities(chosen, offered.shape[1], f"{self}.policy")

    def learn(self, feedback: Feedback) -> None:
        """Pass its feedback to each player that answered."""
        columns = (feedback.offered, feedback.partner, feedback.rank, feedback.spots, feedback.accepted)
        for player, *values in zip(feedback.players.tolist(), *(column.tolist() for column in columns), strict=True):
            self._copies[player].learn(PlayerFeedback(*values))

    def valuations(self) -> Any:
        """Return the beliefs of the players, `(n_players, partners)`, or None.

        Raises:
            InvalidInputError: If only some players return None.
        """
        found = [player.valuations() for player in self._copies]
        if all(each is None for each in found):
            return None
        if any(each is None for each in found):
            raise InvalidInputError(f"{self}.valuations", ["must be None for all players or for none"])
        return [as_array(each) for each in found]  # of any shapes, which the caller checks


def as_agent(player: Agent | SinglePlayer) -> Agent:
    """Return an agent as it is, and a single player as an agent that plays with copies of it."""
    return SinglePlayers(player) if isinstance(player, SinglePlayer) else player
