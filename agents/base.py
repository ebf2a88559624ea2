"""The interface of agents: `start`, `policy`, `learn` and `valuations`, batched over players."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accept_reject.envs.game import GameSpec


@dataclass(frozen=True, eq=False)
class Feedback:
    """Feedback to the players after a round.

    It contains only the m players that answered, so that `self.count[feedback.players, feedback.partner] += 1` is
    correct with and without missed rounds. All arrays have the shape `(m,)`; `offered` has `(m, offered)`.

    Attributes:
        players: Row indices of the players that answered, in ascending order.
        offered: The partners that were offered.
        choice: Place in the offer of the chosen partner, from 0.
        partner: The chosen partner.
        rank: Its rank of the player, from 1; 0 where it is hidden.
        spots: Its spots; 0 where its rank is hidden, `UNKNOWN_SPOTS` where they are missing in recorded choices.
        accepted: Whether it accepted.
        reward: Graded reward, 0..1; None if there is only acceptance and rejection.
    """

    players: NDArray[np.int64]
    offered: NDArray[np.uint8]
    choice: NDArray[np.int64]
    partner: NDArray[np.uint8]
    rank: NDArray[np.uint8]
    spots: NDArray[np.uint8]
    accepted: NDArray[np.bool_]
    reward: NDArray[np.float64] | None = None

    @property
    def outcome(self) -> NDArray[np.float64]:
        """The outcome, 0..1, `(m,)`: the reward if it is graded, else 1 for an acceptance and 0 for a rejection."""
        return self.accepted.astype(np.float64) if self.reward is None else self.reward


class Agent(ABC):
    """Base class of agents. One object plays many games in parallel, one for each row.

    The order of calls is `start`, then `policy` and `learn` in every round. Agents have no access to the hidden state.

    Attributes:
        may_miss: Whether a row of NaN in the policy means that this player gives no answer and misses the round. Other
            agents must not return such a row.
        knows_game: Whether it makes use of how the game's partners are dealt, rather than of its size only. Such agents
            can't predict choices in a game that is not known.
    """

    may_miss: ClassVar[bool] = False
    knows_game: ClassVar[bool] = False

    def __str__(self) -> str:
        return type(self).__name__

    @abstractmethod
    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Forget everything and prepare for new games.

        Args:
            n_players: Number of games that are played in parallel.
            game: The game, with its number of partners, ranks and rounds.
            seed: Seed for agents with random numbers of their own. Choices are sampled from `policy` by the caller.
        """

    @abstractmethod
    def policy(self, offered: NDArray[np.uint8]) -> ArrayLike:
        """Return the probability of choosing each offered partner.

        Args:
            offered: The partners offered, `(n_players, offered)`.

        Returns:
            Probabilities, `(n_players, offered)`; each row sums to 1, or is all NaN if the agent `may_miss`.
        """

    @abstractmethod
    def learn(self, feedback: Feedback) -> None:
        """Learn from the feedback of a round."""

    def valuations(self) -> ArrayLike | None:
        """Return beliefs about how much each partner values each player, `(n_players, partners)`, 0..1, or None."""
        return None


class Revealed(NamedTuple):
    """The hidden state of the offered partners, `(n, rounds, offered)` each.

    Attributes:
        valuation: How much each offered partner values the player, 0..1.
        acceptance: Probability that each offered partner accepts the player.
    """

    valuation: NDArray[np.float32]
    acceptance: NDArray[np.float32]


class PrivilegedAgent(Agent):
    """Base class of agents with access to the hidden state, which serve as reference points for other agents."""

    @abstractmethod
    def reveal(self, hidden: Revealed) -> None:
        """Receive the hidden state of the rounds that are about to be played; called before `start`."""


def greedy(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the policy that chooses the offered partner with the highest value, with equal probabilities for ties.

    Args:
        values: Value of each offered partner, `(n, offered)`.

    Returns:
        Probabilities, `(n, offered)`.
    """
    best = values == values.max(axis=1, keepdims=True)
    return best / best.sum(axis=1, keepdims=True)
