"""Thompson sampling: choose each partner with the probability that it is the best one on offer (Thompson 1933).

The probability is computed and not sampled, because every agent's policy is a probability for each offered partner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr, ndtri

from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.game import GameSpec

EDGES = np.sin(np.linspace(0, np.pi / 2, 257)) ** 2
"""Edges of the cells over which Beta beliefs are integrated; they are closer near 0 and 1, where beliefs are narrow."""

DENSE = 8
"""All pairs of distributions are computed at once, unless that is more than this many times the pairs needed."""

QUANTILES = ndtri((np.arange(128) + 0.5) / 128)
"""Quantiles of a standard Normal over which Normal beliefs are averaged."""


class ThompsonOutcome(Agent):
    r"""Thompson sampling on outcomes alone, with a Beta belief about each partner's acceptance probability.

    After $a_j$ acceptances and $b_j$ rejections the belief about partner $j$ is $\theta_j \sim
    \mathrm{Beta}(1 + a_j, 1 + b_j)$, with density $f_j$ and distribution function $F_j$. Among the offered partners

    $$P(c) = P(\theta_c = \max_j \theta_j) = \int_0^1 f_c(x) \prod_{j \neq c} F_j(x) \, dx.$$

    Registered as `thompson-outcome`. It has no parameters.

    Examples:
        >>> import accept_reject as ar
        >>> agent = ar.make_agent("thompson-outcome")
        >>> choices = ar.play(agent, ar.draw(ar.scenario("few-spots").game, seed=0, n=500))
        >>> print(f"{ar.score(choices, 'accepted').value:.2f}")
        0.80

    References:
        Thompson, W. R. (1933). On the likelihood that one unknown probability exceeds another in view of the evidence
        of two samples. *Biometrika*, 25(3/4), 285-294.
        [doi:10.1093/biomet/25.3-4.285](https://doi.org/10.1093/biomet/25.3-4.285)
    """

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._counts = np.zeros((n_players, game.n_partners, 2), np.int64)
        self._beliefs = BetaBeliefs()

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the probability that each offered partner is the most accepting, `(n_players, offered)`."""
        return self._beliefs.best(1 + np.take_along_axis(self._counts, offered[..., None], axis=1))

    def learn(self, feedback: Feedback) -> None:
        """Count acceptances and rejections."""
        self._counts[feedback.players, feedback.partner, np.where(feedback.accepted, 0, 1)] += 1


class ThompsonRank(Agent):
    r"""Thompson sampling on ranks alone, with a Normal belief about each partner's mean rank.

    With $K$ ranks the belief about a new partner has the mean $m_0 = (K + 1) / 2$ and the SD $s_0$ (`prior_sd` times
    $K$). After the ranks $r_1, \dots, r_n$ of partner $j$ the belief is $\mu_j \sim \mathrm{Normal}(m_j, s_j^2)$ with

    $$\frac{1}{s_j^2} = \frac{1}{s_0^2} + \frac{n}{\sigma^2}, \qquad
    m_j = s_j^2 (m_0 / s_0^2 + \sum_{i=1}^{n} r_i / \sigma^2),$$

    where $\sigma$ is the noise SD (`noise_sd` times $K$). Hidden ranks do not change it. Low ranks are good, so among
    the offered partners

    $$P(c) = P(\mu_c = \min_j \mu_j).$$

    Registered as `thompson-rank`.

    Args:
        prior_sd: SD of the belief about a new partner, as a share of the number of ranks.
        noise_sd: Assumed SD of a partner's ranks around their mean, as a share of the number of ranks.

    Raises:
        ValueError: If an SD is not above 0.

    Examples:
        >>> import accept_reject as ar
        >>> agent = ar.make_agent("thompson-rank", {"noise_sd": 0.2})
        >>> choices = ar.play(agent, ar.draw(ar.scenario("few-spots").game, seed=0, n=500))
        >>> print(f"{ar.score(choices, 'valuing').value:.2f}")
        0.90

    References:
        Thompson (1933), as for `ThompsonOutcome`.
    """

    def __init__(self, prior_sd: float = 0.25, noise_sd: float = 0.15) -> None:
        if not (prior_sd > 0 and noise_sd > 0):
            raise ValueError(f"prior_sd and noise_sd must be numbers > 0, got {prior_sd} and {noise_sd}")
        self.prior_sd = prior_sd
        self.noise_sd = noise_sd

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._ranks = game.ranks
        self._precision = np.full((n_players, game.n_partners), (self.prior_sd * game.ranks) ** -2)
        self._mean = np.full((n_players, game.n_partners), (game.ranks + 1) / 2)

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the probability that each offered partner has the best mean rank, `(n_players, offered)`."""
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
        """Return the expected mean rank as a valuation, `(n_players, partners)`."""
        return np.clip((self._ranks - self._mean) / (self._ranks - 1), 0, 1)


class BetaBeliefs:
    """Beta distributions with integer shapes on a grid of cells, each computed once.

    The distribution function, which is slow, is evaluated when a pair of shapes occurs for the first time.
    """

    def __init__(self) -> None:
        self._ids = np.full((0, 0), -1)
        self._mass = self._below = np.empty((0, len(EDGES) - 1))

    def best(self, shapes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Compute the probability that each of several independent Beta variables is the largest.

        The exact distribution function of each variable is evaluated on a grid of cells; ties within a cell are split.

        Args:
            shapes: Both shape parameters, integers, `(n, variables, 2)`.

        Returns:
            `(n, variables)`; each row sums to 1.
        """
        which = self._look_up(shapes[..., 0], shapes[..., 1])
        if shapes.shape[1] == 2:
            first = self._first_of_two(which[:, 0], which[:, 1])
            return np.stack([first, 1 - first], axis=1)
        mass, below = self._mass[which], self._below[which]
        best = (mass * _product_of_others(below)).sum(axis=2)
        return np.asarray(best / best.sum(axis=1, keepdims=True))

    def _look_up(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of distributions, after adding those that are new."""
        size = int(max(a.max(), b.max())) + 1
        if size > len(self._ids):
            self._ids = np.pad(self._ids, (0, 2 * size - len(self._ids)), constant_values=-1)
        new = self._ids[a, b] < 0
        if new.any():
            new_a, new_b = np.divmod(np.unique(a[new] * len(self._ids) + b[new]), len(self._ids))
            at_edges = betainc(new_a[:, None], new_b[:, None], EDGES)
            mass = np.diff(at_edges, axis=1)
            self._ids[new_a, new_b] = len(self._mass) + np.arange(len(new_a))
            self._mass = np.concatenate([self._mass, mass])
            self._below = np.concatenate([self._below, at_edges[:, :-1] + mass / 2])
        return self._ids[a, b]

    def _first_of_two(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability that the first of two is larger, by a matrix product over those that occur."""
        used = np.zeros(len(self._mass), bool)
        used[one] = used[other] = True
        rows, place = np.flatnonzero(used), np.cumsum(used) - 1
        if len(rows) ** 2 > DENSE * len(one):
            return np.einsum("nk,nk->n", self._mass[one], self._below[other])
        return np.asarray((self._mass[rows] @ self._below[rows].T)[place[one], place[other]])


def best_of_normals(mean: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the probability that each of several independent Normal variables is the largest.

    Averages, over quantiles of each variable, the exact probability that all others are smaller.

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
    """Return for each variable the product over all others, `(n, variables, cells)`."""
    return np.stack([np.delete(below, i, axis=1).prod(axis=1) for i in range(below.shape[1])], axis=1)
