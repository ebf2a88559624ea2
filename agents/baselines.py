"""Players that learn nothing or next to nothing, and the oracle: the lines that every learner is measured by."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed, greedy
from accept_reject.envs.game import GameSpec


class RandomAgent(Agent):
    """Asks any offered partner with equal chances."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Nothing to get ready."""

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Equal chances, `(n_players, offered)`."""
        return np.full(offered.shape, 1 / offered.shape[1])

    def learn(self, feedback: Feedback) -> None:
        """Nothing to learn."""


class WinStayLoseShift(Agent):
    """Asks partners who accepted it last time, avoids those who rejected it; strangers stand between (Robbins 1952)."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Forget everyone."""
        self._last = np.zeros((n_players, game.n_partners))

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The best last outcome among the offered, `(n_players, offered)`."""
        return greedy(np.take_along_axis(self._last, offered, axis=1))

    def learn(self, feedback: Feedback) -> None:
        """Remember the last outcome: 1 accepted, -1 rejected."""
        self._last[feedback.players, feedback.partner] = np.where(feedback.accepted, 1, -1)


class Oracle(PrivilegedAgent):
    """Sees the hidden state and always asks the best partner offered.

    Args:
        target: What it counts as best: the highest `valuation` or the highest `acceptance` probability.
    """

    def __init__(self, target: Literal["valuation", "acceptance"]) -> None:
        if target not in ("valuation", "acceptance"):
            raise ValueError(f"target should be 'valuation' or 'acceptance', but is {target!r}")
        self.target = target

    def reveal(self, hidden: Revealed) -> None:
        """Take what each offered partner is worth."""
        self._worth = hidden.valuation if self.target == "valuation" else hidden.acceptance

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Begin with the first round."""
        self._round = 0

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The best of the offered, `(n_players, offered)`."""
        return greedy(self._worth[:, self._round])

    def learn(self, feedback: Feedback) -> None:
        """Go on to the next round."""
        self._round += 1
