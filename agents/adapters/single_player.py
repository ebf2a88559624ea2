"""A player written for one game at a time, as an agent: subclass it, and batches are taken care of."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accept_reject.agents.adapters.chances import chances_of
from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.episodes import generator
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec


class Answer(NamedTuple):
    """What a player learns from a round.

    Attributes:
        offered: The partners that were offered.
        partner: The partner that was asked.
        rank: Its rank of the player, from 1; 0 where it is hidden.
        spots: Its spots; 0 where its rank is hidden, `UNKNOWN_SPOTS` where recorded choices do not tell them.
        accepted: Whether it accepted.
    """

    offered: list[int]
    partner: int
    rank: int
    spots: int
    accepted: bool


class SinglePlayer(Agent):
    """A player of one game. The order of calls is `begin`, then for every round `choose` and `hear`.

    As an agent it plays many games side by side by copies of itself, one for each game, which share nothing.
    """

    @abstractmethod
    def begin(self, game: GameSpec, rng: np.random.Generator) -> None:
        """Get ready for a new game.

        Args:
            game: How many partners, ranks and rounds there are, and how they are made.
            rng: For players with randomness of their own.
        """

    @abstractmethod
    def choose(self, offered: list[int]) -> int | ArrayLike:
        """Whom to ask.

        Args:
            offered: The numbers of the partners offered, from 0.

        Returns:
            The place in `offered` of the partner to ask, from 0; or how probably it asks each of them, `(offered,)`.
        """

    @abstractmethod
    def hear(self, answer: Answer) -> None:
        """Take in the answer of the partner that was asked; it is not called for rounds that are missed."""

    def values(self) -> ArrayLike | None:
        """How much it believes that each partner values it, `(partners,)`, 0..1; None without an opinion."""
        return None

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Begin `n_players` games, each with luck of its own."""
        self._copies = [copy.deepcopy(self._blank()) for _ in range(n_players)]
        for number, player in enumerate(self._copies):
            player.begin(game, generator(seed, number))

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What each player chooses, as probabilities, `(n_players, offered)`.

        Raises:
            InvalidInputError: If a player chooses no place of the offer, and gives no probabilities either.
        """
        chosen = [player.choose(row) for player, row in zip(self._copies, offered.tolist(), strict=True)]
        return chances_of(chosen, offered.shape[1], f"{type(self).__name__}.choose")

    def learn(self, feedback: Feedback) -> None:
        """Tell each player who answered what it learned."""
        columns = (feedback.offered, feedback.partner, feedback.rank, feedback.spots, feedback.accepted)
        for player, *told in zip(feedback.players.tolist(), *(column.tolist() for column in columns), strict=True):
            self._copies[player].hear(Answer(*told))

    def valuations(self) -> NDArray[np.float64] | None:
        """What each player believes, `(n_players, partners)`; None without an opinion.

        Raises:
            InvalidInputError: If only some players have one.
        """
        found = [player.values() for player in self._copies]
        if all(each is None for each in found):
            return None
        if any(each is None for each in found):
            raise InvalidInputError(f"{type(self).__name__}.values", ["is None for some players, but not for all"])
        return np.array(found, np.float64)

    def _blank(self) -> SinglePlayer:
        """Itself without the players of an earlier start."""
        blank = copy.copy(self)
        blank.__dict__.pop("_copies", None)
        return blank
