"""The evidence of each participant by adaptive quadrature, as a check on Laplace's approximation.

Around each optimum, in axes that make Laplace's approximation round, a box is found outside of which the posterior is
negligible. It may be long on one side, as where choices that follow no value at all can't be excluded. Over the box
runs the trapezoidal rule, which converges exponentially for smooth functions that vanish at both ends (Trefethen and
Weideman 2014, SIAM Review 56, 385-458), with more and more nodes until the evidence stands still.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.experiments.fit.individual import Fit
from accept_reject.experiments.fit.likelihood import Likelihood

MOST_PARAMETERS = 3
"""Models of more parameters would need too many nodes."""

TOLERANCE = 1e-5
"""A participant is done when a pass moves its log-evidence by less than this; what is left is far smaller by then."""

UNSOUND = 1e-3
"""A participant whose log-evidence the last pass still moved by more than this is flagged."""

NODES = {1: (33, 65, 129, 257), 2: (25, 37, 55, 83, 125), 3: (19, 29, 43, 65, 97)}
"""Nodes along each axis, pass by pass, for models of so many parameters."""

_NEGLIGIBLE = 25.0
"""Nats below the optimum at which the posterior is negligible."""

_SCAN = 17
"""Nodes along each axis where the box is looked for: at first one for each standard deviation."""

_MOST_SCANS = 12
_POINTS_AT_ONCE, _ROWS_AT_ONCE = 500_000, 1_000
"""Points that are kept at once, and of which the likelihood is computed at once: more need more memory only."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What quadrature tells of n participants' posteriors.

    Attributes:
        log_evidence: Log-evidence of the model, `(n,)`.
        error: How far the last pass moved it, `(n,)`.
        mean: Posterior means of the parameters in their own ranges, `(n, parameters)`.
    """

    log_evidence: NDArray[np.float64]
    error: NDArray[np.float64]
    mean: NDArray[np.float64]


def integrate(fit: Fit, choices: Choices, on_done: Callable[[int], None] = lambda _: None) -> Posterior:
    """Integrate each participant's posterior.

    Args:
        fit: A fit with a prior of a model of at most `MOST_PARAMETERS` parameters.
        choices: The choices that it was fitted to.
        on_done: Is told how many participants more are done.
    """
    n, d = fit.free.shape
    if not fit.bayesian or d > MOST_PARAMETERS:
        raise ValueError(f"quadrature needs a prior and at most {MOST_PARAMETERS} parameters, but there are {d}")
    likelihood = Likelihood(fit.model, choices)
    axes = torch.linalg.cholesky(fit.covariance)
    log_unit = axes.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
    low, high = _box(fit, likelihood, axes)
    log_evidence = torch.full((n,), torch.inf, dtype=torch.float64)
    error, mean = torch.full_like(log_evidence, torch.inf), torch.empty_like(fit.free)
    for nodes in NODES[d]:
        for rows in _split(torch.nonzero(error > TOLERANCE)[:, 0], nodes**d):
            points = _points(fit.free[rows], axes[rows], _grid(low[rows], high[rows], nodes))
            log_step = ((high - low)[rows] / (nodes - 1)).log().sum(dim=1) + log_unit[rows]
            log_mass = _log_joint(fit, likelihood, points, rows.numpy()) + log_step[:, None]
            error[rows] = (log_mass.logsumexp(dim=1) - log_evidence[rows]).abs()
            log_evidence[rows] = log_mass.logsumexp(dim=1)
            mean[rows] = (log_mass.softmax(dim=1)[..., None] * fit.model.constrain(points)).sum(dim=1)
            on_done(int((error[rows] <= TOLERANCE).sum()) if nodes < NODES[d][-1] else len(rows))
    return Posterior(log_evidence.numpy(), error.numpy(), mean.numpy())


def _box(fit: Fit, likelihood: Likelihood, axes: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of each participant's box along each axis, `(n, d)` each, in units of Laplace's standard deviations."""
    n, d = fit.free.shape
    low, high = torch.full((n, d), -8.0, dtype=torch.float64), torch.full((n, d), 8.0, dtype=torch.float64)
    for block in _split(torch.arange(n), _SCAN**d):
        rows = block
        for _ in range(_MOST_SCANS):
            grid = _grid(low[rows], high[rows], _SCAN)
            log_density = _log_joint(fit, likelihood, _points(fit.free[rows], axes[rows], grid), rows.numpy())
            counts = (log_density > log_density.max(dim=1, keepdim=True).values - _NEGLIGIBLE)[..., None]
            first, last = grid.where(counts, torch.inf).amin(dim=1), grid.where(counts, -torch.inf).amax(dim=1)
            step = (high - low)[rows] / (_SCAN - 1)
            short = (first <= low[rows]) | (last >= high[rows])
            low[rows] = torch.where(first <= low[rows], 1.5 * low[rows], first - step)
            high[rows] = torch.where(last >= high[rows], 1.5 * high[rows], last + step)
            rows = rows[short.any(dim=1)]
            if not len(rows):
                break
    return low, high


def _split(rows: Tensor, points: int) -> list[Tensor]:
    """Rows of participants in parts, so that not too many points are kept at once."""
    return list(torch.split(rows, max(1, _POINTS_AT_ONCE // points))) if len(rows) else []


def _grid(low: Tensor, high: Tensor, nodes: int) -> Tensor:
    """Even grids over boxes, `(m, nodes ** d, d)`, from their ends, `(m, d)`."""
    unit = torch.linspace(0, 1, nodes, dtype=torch.float64)
    corners = torch.cartesian_prod(*[unit] * low.shape[1]).reshape(-1, low.shape[1])
    return low[:, None, :] + (high - low)[:, None, :] * corners


def _points(centre: Tensor, axes: Tensor, grid: Tensor) -> Tensor:
    """Points in free space, `(m, points, d)`, from those along the axes around a centre."""
    return centre[:, None, :] + grid @ axes.mT


def _log_joint(fit: Fit, likelihood: Likelihood, points: Tensor, participants: NDArray[np.int64]) -> Tensor:
    """Log-density of choices and parameters at some points of each participant, `(m, points)`."""
    m, k, d = points.shape
    flat, owner = points.reshape(m * k, d), np.repeat(participants, k)
    with torch.no_grad():
        parts = [
            likelihood.of(owner[first : first + _ROWS_AT_ONCE])(flat[first : first + _ROWS_AT_ONCE])
            for first in range(0, m * k, _ROWS_AT_ONCE)
        ]
    return torch.cat(parts).reshape(m, k) + fit.model.log_prior(points)
