"""Thompson sampling: ask each partner as probably as it is the best one, given what is believed (Thompson 1933).

The probability is computed, not sampled, so that the agent answers with probabilities as every agent does. Each belief
is laid on a grid; then the probability that partner i is the best of the offered is the sum over the grid of its
density times the probability that all others lie below.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.game import GameSpec

GRID = (np.arange(128) + 0.5) / 128
"""Points at which beliefs are laid out, in 0..1."""


class _ThompsonSampling(Agent):
    """What the two share: a belief about each partner's value on a grid from 0 to 1."""

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """How probably each offered partner is the best, `(n_players, offered)`."""
        return probability_best(self._log_density(offered))

    @abstractmethod
    def _log_density(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Log density, up to a constant, of each offered partner's value: `(n_players, offered, grid)`."""


class ThompsonOutcome(_ThompsonSampling):
    """Thompson sampling on outcomes alone: a Beta(1, 1) belief about each partner's acceptance probability."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._counts = np.zeros((n_players, game.n_partners, 2))

    def learn(self, feedback: Feedback) -> None:
        """Count acceptances and rejections."""
        self._counts[feedback.players, feedback.partner, np.where(feedback.accepted, 0, 1)] += 1

    def _log_density(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        counts = np.take_along_axis(self._counts, offered[..., None], axis=1)
        return counts @ np.stack([np.log(GRID), np.log1p(-GRID)])


class ThompsonRank(_ThompsonSampling):
    """Thompson sampling on ranks alone: a Normal belief about each partner's mean rank; hidden ranks leave it alone.

    Args:
        prior_sd: Standard deviation of the belief about a stranger, in ranks; its mean is the middle of the ladder.
        noise_sd: Standard deviation of the ranks around their mean that it assumes, in ranks.
    """

    def __init__(self, prior_sd: float = 2.0, noise_sd: float = 1.2) -> None:
        if not (prior_sd > 0 and noise_sd > 0):
            raise ValueError(f"prior_sd and noise_sd should be above 0, but are {prior_sd} and {noise_sd}")
        self.prior_sd = prior_sd
        self.noise_sd = noise_sd

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._ranks = game.ranks
        self._precision = np.full((n_players, game.n_partners), self.prior_sd**-2)
        self._mean = np.full((n_players, game.n_partners), (game.ranks + 1) / 2)

    def learn(self, feedback: Feedback) -> None:
        """Update the Normal belief with the rank, where one was shown."""
        shown = feedback.rank > 0
        at = (feedback.players[shown], feedback.partner[shown])
        self._precision[at] += self.noise_sd**-2
        self._mean[at] += self.noise_sd**-2 / self._precision[at] * (feedback.rank[shown] - self._mean[at])

    def valuations(self) -> NDArray[np.float64]:
        """The believed mean rank as a valuation, `(n_players, partners)`."""
        return np.clip((self._ranks - self._mean) / (self._ranks - 1), 0, 1)

    def _log_density(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        # From three prior SDs on one side of the ladder's middle to three on the other; good ranks at the upper end.
        value = (self._ranks + 1) / 2 + self.prior_sd * (3 - 6 * GRID)
        mean = np.take_along_axis(self._mean, offered, axis=1)[..., None]
        precision = np.take_along_axis(self._precision, offered, axis=1)[..., None]
        return -0.5 * precision * (value - mean) ** 2


def probability_best(log_density: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability that each of some independent quantities is the highest.

    Args:
        log_density: Log densities on a grid in ascending order, up to a constant each, `(n, quantities, grid)`.

    Returns:
        `(n, quantities)`; each row sums to 1.
    """
    density = np.exp(log_density - log_density.max(axis=2, keepdims=True))
    density /= density.sum(axis=2, keepdims=True)
    below = density.cumsum(axis=2) - density / 2  # half of a grid point's own mass: a tie goes either way
    product = below.prod(axis=1, keepdims=True)
    best = (density * product / np.maximum(below, np.finfo(float).tiny)).sum(axis=2)
    return best / best.sum(axis=1, keepdims=True)
