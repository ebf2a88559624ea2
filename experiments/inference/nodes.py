"""Weighted points that represent the likelihood of each participant, for integrals under any prior close to a fit's.

For models with few parameters the points are a grid over the box of the posterior (see `quadrature`). For others half
of them are drawn from a multivariate t distribution around the optimum and half from the prior, and they are weighted
by the density of this mixture (importance sampling; Hesterberg 1995, Technometrics 37, 185-194). Draws are
quasi-random, and different for each participant, so that their errors hardly add up over participants.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.individual import Fit
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.quadrature import (
    MAX_PARAMETERS,
    evaluate,
    find_box,
    make_grid,
    to_unbounded,
)
from accept_reject.random import Stream, generator

NODES = {1: 65, 2: 41, 3: 25}
"""Number of nodes along each axis, by the number of parameters."""

MAX_POINTS = 10_000_000
"""Importance sampling, which needs fewer points, is also used where grids would have more points than this in total."""

BATCH_POINTS = 500_000
"""Number of points for which derivatives are computed together; it doesn't affect results beyond rounding."""

SAMPLES = 2_048
"""Number of points of each participant in importance sampling, a power of 2 as Sobol sequences require."""

NEGLIGIBLE = 22.0
"""Points with a mass lower than that of the best one by this many nats are left out."""

DEGREES_OF_FREEDOM, INFLATION = 5, 1.5
"""Degrees of freedom of the t distribution, and its scale matrix relative to the covariance of the Laplace
approximation: its tails are heavier than those of the posterior."""

SMOOTHING = 0.1
"""Standard deviation of the cell of a point in importance sampling, relative to that of the posterior."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Weighted points of n participants.

    Attributes:
        points: Points on the unbounded scale, `(n, points, d)`.
        log_mass: Log-likelihood at each point plus the logarithm of the volume that the point represents,
            `(n, points)`.
        cell: Standard deviation of the volume of a point along each parameter, `(n, d)`.
        design: The design of the participants' hierarchical model.
    """

    points: Tensor
    log_mass: Tensor
    cell: Tensor
    design: Design

    @cached_property
    def features(self) -> Tensor:
        """Coordinates of the points and their products, of which Normal log-densities are linear combinations.

        `(n, points, d + d (d + 1) / 2)`, with the products in the order of the lower triangle of a matrix.
        """
        pairs = torch.tril_indices(*self.points.shape[-1:] * 2)
        return torch.cat([self.points, self.points[..., pairs[0]] * self.points[..., pairs[1]]], dim=-1)

    def take(self, participants: NDArray[np.bool_] | NDArray[np.int64]) -> Nodes:
        """Return the nodes of some participants, by a mask `(n,)` or their indices."""
        at = torch.from_numpy(participants)
        return Nodes(self.points[at], self.log_mass[at], self.cell[at], self.design.take(participants))

    def split(self) -> list[Nodes]:
        """Divide the participants into parts with a limited number of points, to limit the memory of derivatives."""
        n, size = len(self.points), max(1, BATCH_POINTS // self.log_mass.shape[1])
        return [self] if n <= size else [self.take(rows) for rows in np.split(np.arange(n), range(size, n, size))]


def place_nodes(fit: Fit, choices: Choices, design: Design, seed: int) -> Nodes:
    """Place the nodes of each participant where its posterior is.

    Args:
        fit: A fit with a prior; the nodes are valid for priors that are similar to it.
        choices: The choices to which the model was fitted.
        design: The design of the hierarchical model.
        seed: Seed of importance sampling; the same seed gives the same draws, relative to the fit.
    """
    n, d = fit.unbounded.shape
    likelihood, rows = Likelihood(fit.model, choices), np.arange(n)
    if d > MAX_PARAMETERS or n * NODES[d] ** d > MAX_POINTS:
        draws = [_draws(fit, row, generator(seed, Stream.IMPORTANCE_DRAWS, row)) for row in range(n)]
        points, log_density = (torch.stack(part) for part in zip(*draws, strict=True))
        log_volume = -log_density - np.log(SAMPLES)
        cell = SMOOTHING * fit.covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    else:
        axes = torch.linalg.cholesky(fit.covariance)
        low, high = find_box(fit, likelihood, axes)
        points = to_unbounded(fit.unbounded, axes, make_grid(low, high, NODES[d]))
        step = (high - low) / (NODES[d] - 1)
        log_volume = (step.log().sum(dim=1) + _log_determinant(axes))[:, None]
        cell = ((axes * step[:, None, :]) ** 2).sum(dim=2).div(12).sqrt()
    log_mass = evaluate(likelihood, points, rows) + log_volume
    log_posterior = log_mass + fit.model.log_prior(points)
    kept = (log_posterior > log_posterior.amax(dim=1, keepdim=True) - NEGLIGIBLE).sum(dim=1).max()
    best = log_posterior.argsort(dim=1, descending=True, stable=True)[:, :kept]
    return Nodes(points.take_along_dim(best[..., None], dim=1), log_mass.take_along_dim(best, dim=1), cell, design)


def _log_determinant(triangular: Tensor) -> Tensor:
    return triangular.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)


def _draws(fit: Fit, row: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw points of a participant, `(SAMPLES, d)`, with the logarithms of their densities, `(SAMPLES,)`."""
    d, half = fit.unbounded.shape[1], SAMPLES // 2
    model = fit.model.take(np.array([row]))
    mean, sd = model.prior_of_each or (model.prior_mean, model.prior_sd)
    around = stats.multivariate_t(
        fit.unbounded[row].numpy(), INFLATION * fit.covariance[row].numpy(), DEGREES_OF_FREEDOM
    )
    uniform = stats.qmc.Sobol(d + 1, rng=rng).random(SAMPLES)
    z = torch.from_numpy(stats.norm.ppf(uniform[:, :-1]))
    chi2 = torch.from_numpy(stats.chi2(DEGREES_OF_FREEDOM).ppf(uniform[:half, -1:]) / DEGREES_OF_FREEDOM)
    scale = torch.linalg.cholesky(INFLATION * fit.covariance[row])
    points = torch.cat([fit.unbounded[row] + z[:half] / chi2.sqrt() @ scale.T, mean + sd * z[half:]])
    log_density = torch.logaddexp(torch.from_numpy(around.logpdf(points.numpy())), model.log_prior(points[None])[0])
    return points, log_density - np.log(2)
