"""Draws from a distribution with few dimensions, by independence Metropolis sampling with an adapted proposal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

CHAINS, DRAWS = 4, 1000
"""Number of chains, and of draws in each."""

WARMUP = 100
"""Number of draws at the beginning of a chain that are discarded."""

THINNING = (1, 4, 16)
"""Which share of draws is kept, the first of these that is enough for convergence."""

MAX_RHAT, MIN_ESS = 1.01, 400
"""Draws have converged if R-hat and effective sample sizes are within these limits (Vehtari et al. 2021, Bayesian
Analysis 16, 667-718)."""

DEGREES_OF_FREEDOM, INFLATION = 5, 1.5
"""Degrees of freedom of proposals, and their scale matrix relative to the covariance: their tails are heavier than
those of most distributions."""

ADAPTATION, ADAPTATIONS = 1000, 6
"""Number of draws for the adaptation of the proposal, and how often it is adapted at most."""

EFFICIENT = 0.4
"""The proposal is not adapted further if the effective share of its draws is larger than this."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of k coordinates.

    Attributes:
        x: `(CHAINS, DRAWS, k)`.
        proposal: Index of the proposal that each draw is, `(CHAINS, DRAWS)`; a proposal can be drawn repeatedly.
        log_weight: Log-density of the distribution minus that of the proposal, for each proposal, `(proposals,)`.
        acceptance: Share of proposals that were accepted.
    """

    x: Floats
    proposal: NDArray[np.int64]
    log_weight: Floats
    acceptance: float


def sample(
    log_density: Callable[[Floats], Floats],
    center: Floats,
    covariance: Floats,
    rng: np.random.Generator,
) -> Draws:
    """Draw from a distribution.

    Proposals come from a multivariate t distribution with the given location and covariance, which are first adapted to
    those of weighted draws. As proposals don't depend on the state of a chain, chains need no long warm-up. Chains that
    have not converged are drawn anew, longer, and thinned.

    Args:
        log_density: Log-density up to a constant, from points `(m, k)` to `(m,)`. The last call is that for the
            proposals of the draws.
        center: Mode of the distribution, `(k,)`.
        covariance: Approximate covariance, `(k, k)`.
        rng: The generator.
    """
    for _ in range(ADAPTATIONS):
        x, log_q = _propose(center, covariance, ADAPTATION, rng)
        log_weight = log_density(x) - log_q
        weight = special.softmax(log_weight)
        if 1 / (weight**2).sum() > EFFICIENT * ADAPTATION:
            break
        weight = special.softmax(np.minimum(log_weight, np.quantile(log_weight, 0.95)))  # no draw may dominate
        center = weight @ x
        covariance = (weight[:, None] * (x - center)).T @ (x - center) + 1e-8 * np.eye(len(center))
    for thinning in THINNING:
        steps = WARMUP + DRAWS * thinning
        x, log_q = _propose(center, covariance, CHAINS * steps, rng)
        log_weight = log_density(x) - log_q
        proposal, accepted = _metropolis(log_weight.reshape(CHAINS, steps), rng)
        proposal = proposal[:, ::thinning]
        if converged(rhat(x[proposal]), ess(x[proposal])):
            break
    return Draws(
        x=x[proposal],
        proposal=proposal,
        log_weight=log_weight,
        acceptance=accepted,
    )


def smoothed(log_weight: Floats) -> tuple[Floats, float]:
    """Smooth the tail of weights; return the log-weights, `(draws,)`, and the tail's shape.

    Results are reliable if the shape is below 0.7 (Vehtari et al. 2024, Journal of Machine Learning Research 25, 72).
    """
    statistics: Any = array_stats
    log_weight, pareto_k = statistics.psislw(-log_weight)
    return log_weight, float(pareto_k)


def converged(rhats: Floats, sizes: Floats) -> bool:
    """Return whether R-hat and effective sample sizes are within their limits."""
    return bool((rhats < MAX_RHAT).all() and (sizes > MIN_ESS).all())


def rhat(draws: Floats) -> Floats:
    """Rank-normalized split R-hat of each variable, `(k,)`, from `(chains, draws, k)`."""
    return _by_variable(array_stats.rhat, draws)


def ess(draws: Floats) -> Floats:
    """The smaller of bulk and tail effective sample sizes of each variable, `(k,)`, from `(chains, draws, k)`."""
    bulk = _by_variable(array_stats.ess, draws, method="bulk")
    return np.minimum(bulk, _by_variable(array_stats.ess, draws, method="tail", prob=(0.05, 0.95)))


def _by_variable(statistic: Callable[..., Any], draws: Floats, **options: Any) -> Floats:
    return np.array([float(statistic(each, chain_axis=0, draw_axis=1, **options)) for each in np.moveaxis(draws, 2, 0)])


def _propose(center: Floats, covariance: Floats, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw n points from the proposal, `(n, k)`, with their log-densities, `(n,)`."""
    proposal = stats.multivariate_t(center, INFLATION * covariance, DEGREES_OF_FREEDOM, allow_singular=True)
    x = proposal.rvs(n, random_state=rng).reshape(n, len(center))
    return x, np.asarray(proposal.logpdf(x)).reshape(n)


def _metropolis(log_weight: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int64], float]:
    """Accept or reject proposals in turn; return the proposal in each state after the warm-up, and the share accepted.

    Args:
        log_weight: Log-weights of the proposals of each chain, `(chains, steps)`.
        rng: The generator.
    """
    chains, steps = log_weight.shape
    threshold = np.log(rng.random((chains, steps)))
    states = np.zeros((chains, steps), np.int64)
    states[:, 0] = np.isfinite(log_weight).argmax(axis=1)
    each = np.arange(chains)
    for step in range(1, steps):
        accept = threshold[:, step] < log_weight[:, step] - log_weight[each, states[:, step - 1]]
        states[:, step] = np.where(accept, step, states[:, step - 1])
    kept = states[:, WARMUP:]
    moved = float((np.diff(kept, axis=1) != 0).mean())
    return kept + steps * each[:, None], moved
