"""What an agent is: four methods, batched over players."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accept_reject.envs.game import GameSpec


@dataclass(frozen=True, eq=False)
class Feedback:
    """What the players learn from a round.

    It speaks only of the players who answered, so that `self.met[feedback.players, feedback.partner] += 1` is right
    whether or not some missed the round. All arrays have shape `(m,)`, or `(m, offered)` for `offered`.

    Attributes:
        players: Row numbers of the players who answered; all of them, in order, where none missed.
        offered: The partners that were offered.
        choice: Place in the offer of the one that was asked.
        partner: The partner that was asked.
        rank: Its rank of the player, from 1; 0 where it is hidden.
        spots: Its spots; 0 where its rank is hidden, `UNKNOWN_SPOTS` where recorded choices do not tell them.
        accepted: Whether it accepted.
    """

    players: NDArray[np.int64]
    offered: NDArray[np.uint8]
    choice: NDArray[np.int64]
    partner: NDArray[np.uint8]
    rank: NDArray[np.uint8]
    spots: NDArray[np.uint8]
    accepted: NDArray[np.bool_]


class Agent(ABC):
    """A player of the game; one object plays many games side by side, one for each row.

    The order of calls is `start`, then for every round `policy` and `learn`. An agent never sees hidden state.

    Attributes:
        may_miss: Whether a row of NaN in its policy means that this player gives no answer: it misses the round. For
            all other agents such a row is a fault.
    """

    may_miss: ClassVar[bool] = False

    @abstractmethod
    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Forget everything and get ready for `n_players` new games.

        Args:
            n_players: How many games are played side by side.
            game: The game: how many partners, ranks and rounds there are, and how they are made.
            seed: For agents with randomness of their own; the choices themselves are drawn from `policy` by the caller.
        """

    @abstractmethod
    def policy(self, offered: NDArray[np.uint8]) -> ArrayLike:
        """How probably each player asks each of the offered partners.

        Args:
            offered: The partners offered, `(n_players, offered)`.

        Returns:
            Probabilities, `(n_players, offered)`; each row sums to 1, or is all NaN if the agent `may_miss`.
        """

    @abstractmethod
    def learn(self, feedback: Feedback) -> None:
        """Take in what the players learned from the round."""

    def valuations(self) -> ArrayLike | None:
        """How much the agent believes that each partner values each player.

        Returns:
            `(n_players, partners)`, 0..1; or None if the agent has no opinion.
        """
        return None


class Revealed(NamedTuple):
    """The hidden state of the offered partners, `(n, rounds, offered)` each.

    Attributes:
        valuation: How much each offered partner values the player, 0..1.
        acceptance: How probably each offered partner accepts the player.
    """

    valuation: NDArray[np.float32]
    acceptance: NDArray[np.float32]


class PrivilegedAgent(Agent):
    """An agent that is shown the hidden state: a line to measure others by, not a competitor."""

    @abstractmethod
    def reveal(self, hidden: Revealed) -> None:
        """See the hidden state of the rounds that are about to be played; called before `start`."""


def greedy(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """The policy that asks the offered partner of the highest value, and any of them with equal chances on a tie.

    Args:
        values: `(n, offered)`.
    """
    best = values == values.max(axis=1, keepdims=True)
    return best / best.sum(axis=1, keepdims=True)
