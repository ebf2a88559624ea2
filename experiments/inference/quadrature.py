"""The evidence of each participant by adaptive quadrature, more accurate than the Laplace approximation.

A search finds a box around each optimum, along axes in which the Laplace approximation is a standard Normal, outside of
which the posterior is negligible; it may extend further to one side. The trapezoidal rule over the box converges
exponentially for smooth functions that vanish at both ends (Trefethen and Weideman 2014, SIAM Review 56, 385-458). The
number of nodes is increased until the evidence no longer changes.

Intervals come from the same nodes, with each node's mass spread over its cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.individual import Fit
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.quantiles import INTERVAL, quantiles

MAX_PARAMETERS = 3
"""Models with more parameters would need too many nodes."""

TOLERANCE = 1e-5
"""A participant is finished when a pass changes its log-evidence by less than this; the remaining error is smaller."""

MAX_ERROR = 1e-3
"""Participants whose log-evidence changed by more than this in the last pass are flagged."""

NODES = {1: (33, 65, 129, 257), 2: (25, 37, 55, 83, 125), 3: (19, 29, 43, 65, 97)}
"""Number of nodes along each axis in each pass, by the number of parameters."""

_NEGLIGIBLE = 25.0
"""The posterior is negligible where its log-density is lower than at the optimum by this many nats."""

_SEARCH_NODES = 17
"""Number of nodes along each axis in the search for the box; at first one for each standard deviation."""

_MAX_SEARCHES = 12
"""Maximum number of grids in the search for the box."""

_MAX_POINTS, _BATCH_SIZE = 500_000, 1_000
"""Number of points in memory, and of points in one evaluation of the likelihood; they don't affect results."""

_MANY = 100
"""With this many points, those of a participant are evaluated together, without copies of its evidence."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Posteriors of n participants by quadrature.

    Attributes:
        log_evidence: Log-evidence of the model, `(n,)`.
        error: Absolute change of the log-evidence in the last pass, `(n,)`.
        mean: Posterior means of the parameters, `(n, parameters)`.
        low: Lower ends of their central 95% posterior intervals, `(n, parameters)`.
        high: Upper ends, `(n, parameters)`.
        unbounded_sd: Posterior standard deviations on the unbounded scale, `(n, parameters)`.
    """

    log_evidence: NDArray[np.float64]
    error: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    unbounded_sd: NDArray[np.float64]


def integrate(fit: Fit, choices: Choices, on_done: Callable[[int], None] = lambda _: None) -> Posterior:
    """Integrate the posterior of each participant.

    Args:
        fit: A fit with a prior, of a model with at most `MAX_PARAMETERS` parameters.
        choices: The choices to which the model was fitted.
        on_done: Called with the number of participants that have been finished since the last call.

    Raises:
        ValueError: If the fit has no prior, or too many parameters.
    """
    n, d = fit.unbounded.shape
    if not fit.bayesian:
        raise ValueError("quadrature needs a prior, got a maximum-likelihood fit")
    if d > MAX_PARAMETERS:
        raise ValueError(f"quadrature is only valid for models with at most {MAX_PARAMETERS} parameters, got {d}")
    fit = replace(fit, model=replace(fit.model, in_range=False))  # integrals don't depend on the scale, but sums do
    likelihood = Likelihood(fit.model, choices)
    axes = torch.linalg.cholesky(fit.covariance)
    log_unit = axes.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
    low, high = find_box(fit, likelihood, axes)
    log_evidence = torch.full((n,), torch.inf, dtype=torch.float64)
    error, mean = torch.full_like(log_evidence, torch.inf), torch.empty_like(fit.unbounded)
    unbounded_sd = torch.empty_like(mean)
    ends = torch.empty((2, n, d), dtype=torch.float64)
    for nodes in NODES[d]:
        for rows in _split(torch.nonzero(error > TOLERANCE)[:, 0], nodes**d):
            points = to_unbounded(fit.unbounded[rows], axes[rows], make_grid(low[rows], high[rows], nodes))
            step = (high - low)[rows] / (nodes - 1)
            log_cell = step.log().sum(dim=1) + log_unit[rows]
            log_likelihood = evaluate(likelihood, points, rows.numpy())
            log_mass = log_likelihood + fit.model.take(rows.numpy()).log_prior(points) + log_cell[:, None]
            error[rows] = (log_mass.logsumexp(dim=1) - log_evidence[rows]).abs()
            log_evidence[rows] = log_mass.logsumexp(dim=1)
            weights = log_mass.softmax(dim=1)
            mean[rows] = (weights[..., None] * fit.model.constrain(points)).sum(dim=1)
            center = (weights[..., None] * points).sum(dim=1, keepdim=True)
            unbounded_sd[rows] = (weights[..., None] * (points - center) ** 2).sum(dim=1).sqrt()
            done = error[rows] <= TOLERANCE if nodes < NODES[d][-1] else torch.ones(len(rows), dtype=torch.bool)
            cell = ((axes[rows] * step[:, None, :]) ** 2).sum(dim=2).div(12).sqrt()
            ends[:, rows[done]] = quantiles(points[done], weights[done], cell[done], INTERVAL)
            on_done(int(done.sum()))
    ends = fit.model.constrain(ends)
    return Posterior(*(each.numpy() for each in (log_evidence, error, mean, *ends, unbounded_sd)))


def find_box(fit: Fit, likelihood: Likelihood, axes: Tensor) -> tuple[Tensor, Tensor]:
    """Find a box around each optimum outside of which the posterior is negligible.

    Args:
        fit: A fit with a prior.
        likelihood: The likelihood of its participants.
        axes: Axes of each participant's box, `(n, d, d)`.

    Returns:
        The ends of each participant's box along each axis, `(n, d)` each, in lengths of the axes.
    """
    n, d = fit.unbounded.shape
    low, high = torch.full((n, d), -8.0, dtype=torch.float64), torch.full((n, d), 8.0, dtype=torch.float64)
    for rows in _split(torch.arange(n), _SEARCH_NODES**d):
        for _ in range(_MAX_SEARCHES):
            grid = make_grid(low[rows], high[rows], _SEARCH_NODES)
            points = to_unbounded(fit.unbounded[rows], axes[rows], grid)
            log_prior = fit.model.take(rows.numpy()).log_prior(points)
            log_density = evaluate(likelihood, points, rows.numpy()) + log_prior
            inside = (log_density > log_density.max(dim=1, keepdim=True).values - _NEGLIGIBLE)[..., None]
            first, last = grid.where(inside, torch.inf).amin(dim=1), grid.where(inside, -torch.inf).amax(dim=1)
            step = (high - low)[rows] / (_SEARCH_NODES - 1)
            short = (first <= low[rows]) | (last >= high[rows])
            low[rows] = torch.where(first <= low[rows], 1.5 * low[rows], first - step)
            high[rows] = torch.where(last >= high[rows], 1.5 * high[rows], last + step)
            rows = rows[short.any(dim=1)]
            if not len(rows):
                break
    return low, high


def _split(rows: Tensor, points: int) -> list[Tensor]:
    """Split rows of participants into parts with a limited number of points in total."""
    return list(torch.split(rows, max(1, _MAX_POINTS // points))) if len(rows) else []


def make_grid(low: Tensor, high: Tensor, nodes: int) -> Tensor:
    """Make regular grids over boxes, `(m, nodes ** d, d)`, from their ends, `(m, d)`."""
    unit = torch.linspace(0, 1, nodes, dtype=torch.float64)
    corners = torch.cartesian_prod(*[unit] * low.shape[1]).reshape(-1, low.shape[1])
    return low[:, None, :] + (high - low)[:, None, :] * corners


def to_unbounded(center: Tensor, axes: Tensor, grid: Tensor) -> Tensor:
    """Map grids along axes around centers to the unbounded scale, `(m, points, d)`."""
    return center[:, None, :] + grid @ axes.mT


def evaluate(likelihood: Likelihood, points: Tensor, participants: NDArray[np.int64]) -> Tensor:
    """Compute the log-likelihood at points of each of m participants, `(m, points)`, from `(m, points, d)`."""
    m, k, d = points.shape
    result = torch.empty(m, k, dtype=torch.float64)  # small parts between large temporary arrays would fragment memory
    with torch.no_grad():
        if likelihood.shares_evidence and k >= _MANY:
            for row, participant in enumerate(participants.tolist()):
                for first in range(0, k, _BATCH_SIZE):
                    batch = slice(first, first + _BATCH_SIZE)
                    result[row, batch] = likelihood.at_points(participant, points[row, batch])
            return result
        flat, owner = points.reshape(m * k, d), np.repeat(participants, k)
        for first in range(0, m * k, _BATCH_SIZE):
            batch = slice(first, first + _BATCH_SIZE)
            result.view(-1)[batch] = likelihood.of(owner[batch])(flat[batch])
    return result
