"""Thompson sampling: ask each partner as probably as it is the best one, given what is believed (Thompson 1933).

The probability is computed, not sampled, so that the agent answers with probabilities as every agent does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr, ndtri

from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.game import GameSpec

EDGES = np.sin(np.linspace(0, np.pi / 2, 257)) ** 2
"""Edges of the cells in which Beta beliefs are laid out: closer where such beliefs are narrower, near 0 and 1."""

QUANTILES = ndtri((np.arange(128) + 0.5) / 128)
"""Quantiles of a standard Normal that stand for all of it."""


class ThompsonOutcome(Agent):
    """Thompson sampling on outcomes alone: a Beta(1, 1) belief about each partner's acceptance probability."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._counts = np.zeros((n_players, game.n_partners, 2), np.int64)

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """How probably each offered partner is the most accepting, `(n_players, offered)`."""
        return best_of_betas(1 + np.take_along_axis(self._counts, offered[..., None], axis=1))

    def learn(self, feedback: Feedback) -> None:
        """Count acceptances and rejections."""
        self._counts[feedback.players, feedback.partner, np.where(feedback.accepted, 0, 1)] += 1


class ThompsonRank(Agent):
    """Thompson sampling on ranks alone: a Normal belief about each partner's mean rank; hidden ranks leave it alone.

    Args:
        prior_sd: SD of the belief about a stranger, as a share of the ladder; its mean is the middle of the ladder.
        noise_sd: SD of the ranks around their mean that it assumes, as a share of the ladder.
    """

    def __init__(self, prior_sd: float = 0.25, noise_sd: float = 0.15) -> None:
        if not (prior_sd > 0 and noise_sd > 0):
            raise ValueError(f"prior_sd and noise_sd should be above 0, but are {prior_sd} and {noise_sd}")
        self.prior_sd = prior_sd
        self.noise_sd = noise_sd

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._ranks = game.ranks
        self._precision = np.full((n_players, game.n_partners), (self.prior_sd * game.ranks) ** -2)
        self._mean = np.full((n_players, game.n_partners), (game.ranks + 1) / 2)

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """How probably each offered partner has the best mean rank, `(n_players, offered)`."""
        mean, precision = (np.take_along_axis(each, offered, axis=1) for each in (self._mean, self._precision))
        return best_of_normals(-mean, precision**-0.5)

    def learn(self, feedback: Feedback) -> None:
        """Update the Normal belief with the rank, where one was shown."""
        shown = feedback.rank > 0
        at = (feedback.players[shown], feedback.partner[shown])
        noise_precision = (self.noise_sd * self._ranks) ** -2
        self._precision[at] += noise_precision
        self._mean[at] += noise_precision / self._precision[at] * (feedback.rank[shown] - self._mean[at])

    def valuations(self) -> NDArray[np.float64]:
        """The believed mean rank as a valuation, `(n_players, partners)`."""
        return np.clip((self._ranks - self._mean) / (self._ranks - 1), 0, 1)


def best_of_betas(shapes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probability that each of some independent Beta variables is the highest.

    Each is laid out in cells by its exact distribution function; within a cell a tie goes either way.

    Args:
        shapes: Both shape parameters, whole numbers, `(n, variables, 2)`.

    Returns:
        `(n, variables)`; each row sums to 1.
    """
    pairs, which = np.unique(shapes.reshape(-1, 2), axis=0, return_inverse=True)  # few: the function is costly
    at_edges = betainc(pairs[:, :1], pairs[:, 1:], EDGES)[which.reshape(shapes.shape[:2])]
    mass = np.diff(at_edges, axis=2)
    below = at_edges[..., :-1] + mass / 2
    best = (mass * _product_of_others(below)).sum(axis=2)
    return best / best.sum(axis=1, keepdims=True)


def best_of_normals(mean: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability that each of some independent Normal variables is the highest.

    Averages, over quantiles of each, the exact probability that all others lie below.

    Args:
        mean: `(n, variables)`.
        sd: `(n, variables)`.

    Returns:
        `(n, variables)`; each row sums to 1.
    """
    best = np.ones((*mean.shape, len(QUANTILES)))
    for i in range(mean.shape[1]):
        values = mean[:, i, None] + sd[:, i, None] * QUANTILES
        for j in range(mean.shape[1]):
            if j != i:
                best[:, i] *= ndtr((values - mean[:, j, None]) / sd[:, j, None])
    probability = best.mean(axis=2)
    return probability / probability.sum(axis=1, keepdims=True)


def _product_of_others(below: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each variable the product over all others, `(n, variables, cells)`."""
    return np.stack([np.delete(below, i, axis=1).prod(axis=1) for i in range(below.shape[1])], axis=1)
