"""Baselines: a random agent, win-stay lose-shift, and the oracle."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed, greedy
from accept_reject.envs.game import GameSpec


class RandomAgent(Agent):
    r"""Chooses uniformly at random: the lower anchor of the scores, at 0.

    $$P(c) = 1 / \text{number of offered partners}$$

    Registered as `random`.

    Examples:
        >>> import accept_reject as ar
        >>> choices = ar.play(ar.make_agent("random"), ar.draw(ar.scenario("orthogonal").game, seed=0, n=500))
        >>> abs(ar.score(choices, "accepted").value) < 0.02
        True
    """

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Do nothing."""

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return equal probabilities, `(n_players, offered)`."""
        return np.full(offered.shape, 1 / offered.shape[1])

    def learn(self, feedback: Feedback) -> None:
        """Do nothing."""


class WinStayLoseShift(Agent):
    r"""Win-stay, lose-shift: prefers partners that accepted it last time, avoids those that rejected it.

    The last outcome of partner $j$ is $L_j = 1$ if it accepted, $-1$ if it rejected, and $0$ if it was never chosen.
    The agent chooses the offered partner with the highest $L_j$; ties are broken with equal probabilities.

    Registered as `win-stay-lose-shift`.

    Examples:
        >>> import accept_reject as ar
        >>> agent = ar.make_agent("win-stay-lose-shift")
        >>> choices = ar.play(agent, ar.draw(ar.scenario("orthogonal").game, seed=0, n=500))
        >>> print(f"{ar.score(choices, 'accepted').value:.2f}")
        0.52

    References:
        Robbins, H. (1952). Some aspects of the sequential design of experiments. *Bulletin of the American Mathematical
        Society*, 58(5), 527-535.
        [doi:10.1090/S0002-9904-1952-09620-8](https://doi.org/10.1090/S0002-9904-1952-09620-8)
    """

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Forget all outcomes."""
        self._last = np.zeros((n_players, game.n_partners))

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Choose the offered partner with the best last outcome, `(n_players, offered)`."""
        return greedy(np.take_along_axis(self._last, offered, axis=1))

    def learn(self, feedback: Feedback) -> None:
        """Remember the last outcome: 1 accepted, -1 rejected."""
        self._last[feedback.players, feedback.partner] = np.where(feedback.accepted, 1, -1)


class Oracle(PrivilegedAgent):
    r"""Sees the hidden state and always chooses the best partner on offer: the upper anchor of the scores, at 1.

    $$c = \arg\max_j \text{target}_j$$

    Registered as `oracle-valuing` and `oracle-accepted`.

    Args:
        target: What counts as best: the highest `valuation` or the highest `acceptance` probability.

    Raises:
        ValueError: If the target is neither of the two.

    Examples:
        >>> import accept_reject as ar
        >>> choices = ar.play(ar.make_agent("oracle-valuing"), ar.draw(ar.scenario("drift").game, seed=0, n=100))
        >>> print(f"{ar.score(choices, 'valuing').value:.2f}")
        1.00
    """

    def __init__(self, target: Literal["valuation", "acceptance"]) -> None:
        if target not in ("valuation", "acceptance"):
            raise ValueError(f"target: must be 'valuation' or 'acceptance', got {target!r}")
        self.target = target

    def reveal(self, hidden: Revealed) -> None:
        """Keep the target of each offered partner."""
        self._worth = hidden.valuation if self.target == "valuation" else hidden.acceptance

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Start with the first round."""
        self._round = 0

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Choose the best offered partner, `(n_players, offered)`."""
        return greedy(self._worth[:, self._round])

    def learn(self, feedback: Feedback) -> None:
        """Move on to the next round."""
        self._round += 1
