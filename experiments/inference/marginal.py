r"""The marginal likelihood of a group: participants' parameters are integrated out.

The *coordinates* of a group are the means $\mu$ of its d parameters, the logarithms of their standard deviations
$\sigma$, and optionally unconstrained parameters of their correlation matrix $R$, all on the unbounded scale. The
log-likelihood of the choices of all participants is

$$\sum_i \log \int e^{\ell_i(x)} \; \mathcal N(x; \mu, S R S) \; dx, \qquad S = \operatorname{diag} \sigma,$$

with the integrals as sums over nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor
from torch.distributions import CorrCholeskyTransform

from accept_reject.experiments.inference.individual import Z95
from accept_reject.experiments.inference.newton import evaluate
from accept_reject.experiments.inference.nodes import Nodes
from accept_reject.experiments.inference.quantiles import INTERVAL, quantiles

Floats = NDArray[np.float64]

MIN_SD = 0.05
"""Smallest standard deviation of a group; participants of such a group are practically the same."""

REACH = (1.0, math.log(2))
"""Maximum change, with the same nodes, of a mean (in standard deviations) and of the log of a standard deviation."""

_MAX_CORRELATION = 3.0
"""Limit of the unconstrained parameters of correlations; `tanh(3)` is 0.995."""

_FLAT = 1e-6
"""A marginal likelihood with a smaller curvature in some direction counts as flat there."""


class Correlations(NamedTuple):
    """Correlations of d parameters between participants, `(d, d)`, with 95% intervals on Fisher's z scale."""

    estimate: Floats
    low: Floats
    high: Floats


class Posteriors(NamedTuple):
    """Posterior means of participants' parameters in their ranges, `(n, d)`, with the ends of central 95% intervals."""

    mean: Floats
    low: Floats
    high: Floats


def log_likelihood(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """Compute the marginal log-likelihood of all participants, `()`."""
    return _log_posterior_mass(nodes, coordinates).logsumexp(dim=1).sum()


def maximize_near(nodes: Nodes, coordinates: Floats, correlated: bool = False) -> Floats:
    """Maximize the marginal likelihood within reach of a group.

    Args:
        nodes: Nodes that suit the group.
        coordinates: The group's coordinates, `(2 d,)`.
        correlated: Whether to estimate correlations, too.

    Returns:
        The coordinates of the best group, `(2 d,)`, or `(2 d + d (d - 1) / 2,)` with correlations.
    """
    d = len(coordinates) // 2
    pairs = d * (d - 1) // 2 if correlated else 0
    sd, parts = np.exp(coordinates[d:]), nodes.split()
    start = np.concatenate([coordinates, np.zeros(pairs)])
    scale = np.concatenate([sd, np.ones(d + pairs)])
    bounds = [(-REACH[0], REACH[0])] * d
    bounds += [(max(math.log(MIN_SD / each), -REACH[1]), REACH[1]) for each in sd.tolist()]
    bounds += [(-_MAX_CORRELATION, _MAX_CORRELATION)] * pairs

    def loss(step: Any) -> Any:
        x = torch.from_numpy(start + scale * step).requires_grad_()
        value, gradient = 0.0, np.zeros(len(start))
        for part in parts:
            loss_of_part = -log_likelihood(part, x)
            value += loss_of_part.item()
            gradient += torch.autograd.grad(loss_of_part, x)[0].numpy() * scale
        return value, gradient

    options: Any = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 500}
    origin: Any = np.zeros(len(start))
    found = optimize.minimize(loss, origin, method="L-BFGS-B", jac=True, bounds=bounds, options=options)
    return np.asarray(start + scale * found.x)


def covariance(nodes: Nodes, coordinates: Floats) -> Floats:
    """Invert the curvature of the marginal likelihood at its maximum, `(k, k)`.

    Variances of coordinates along flat directions are infinite. A standard deviation at its minimum counts as known.
    """
    hessian = np.zeros((len(coordinates), len(coordinates)))
    for part in nodes.split():
        hessian += evaluate(partial(_in_batch, part), torch.from_numpy(coordinates)[None])[2][0].numpy()
    d = nodes.points.shape[-1]
    free = np.ones(len(coordinates), bool)
    free[d : 2 * d] = coordinates[d : 2 * d] > math.log(MIN_SD) + 1e-9
    curvature, axes = np.linalg.eigh(-hessian[np.ix_(free, free)])
    steep = curvature > _FLAT
    inverse = (axes[:, steep] / curvature[steep]) @ axes[:, steep].T
    flat = (axes[:, ~steep] ** 2).sum(axis=1) > _FLAT
    inverse[flat, flat] = np.inf
    result = np.zeros_like(hessian)
    result[np.ix_(free, free)] = inverse
    return result


def correlations(nodes: Nodes, coordinates: Floats) -> Correlations:
    """Estimate the correlations of a group near one with the given coordinates, `(2 d,)`, that has none."""
    d = len(coordinates) // 2
    pairs = np.tril_indices(d, -1)
    if d == 1:
        return Correlations(np.eye(1), np.eye(1), np.eye(1))
    best = maximize_near(nodes, coordinates, correlated=True)
    x = torch.from_numpy(best[2 * d :]).requires_grad_()
    z = torch.atanh((_factor(x) @ _factor(x).T)[pairs])
    slope = np.array([torch.autograd.grad(each, x, retain_graph=True)[0].numpy() for each in z]).reshape(len(z), len(x))
    variance = covariance(nodes, best)[2 * d :, 2 * d :]
    known = bool(np.isfinite(np.diag(variance)).all())
    se = np.sqrt(np.diag(slope @ variance @ slope.T)) if known else np.full(len(z), np.inf)
    matrices = []
    for shift in (0, -Z95, Z95):
        matrix = np.eye(d)
        matrix[pairs] = np.tanh(z.detach().numpy() + (shift * se if shift else 0))
        matrices.append(matrix + np.tril(matrix, -1).T)
    return Correlations(*matrices)


def posteriors(nodes: Nodes, groups: Floats, constrain: Callable[[Tensor], Tensor]) -> Posteriors:
    """Compute participants' posteriors, averaged over groups.

    Args:
        nodes: Nodes of the participants.
        groups: Coordinates of equally probable groups, `(groups, coordinates)`.
        constrain: Maps parameters from the unbounded scale to their ranges.
    """
    weights = torch.zeros_like(nodes.log_mass)
    for group in torch.from_numpy(groups):
        weights += _log_posterior_mass(nodes, group).softmax(dim=1) / len(groups)
    mean = (weights[..., None] * constrain(nodes.points)).sum(dim=1)
    low, high = constrain(quantiles(nodes.points, weights, nodes.cell, INTERVAL))
    return Posteriors(mean.numpy(), low.numpy(), high.numpy())


def _in_batch(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """The marginal log-likelihood of a batch of one group, `(1,)`, from `(1, coordinates)`."""
    return log_likelihood(nodes, coordinates[0])[None]


def _log_posterior_mass(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """Compute the log-mass of each node times the group's density, `(n, points)`."""
    d = nodes.points.shape[-1]
    mean, log_sd, rest = coordinates[:d], coordinates[d : 2 * d], coordinates[2 * d :]
    z = (nodes.points - mean) / log_sd.exp()
    log_volume = log_sd.sum() + d / 2 * math.log(2 * math.pi)
    if len(rest):
        factor = _factor(rest)
        z = torch.linalg.solve_triangular(factor, z.flatten(0, 1).T, upper=False).T.reshape(z.shape)
        log_volume = log_volume + factor.diagonal().log().sum()
    return nodes.log_mass - (z**2).sum(dim=-1) / 2 - log_volume


def _factor(unconstrained: Tensor) -> Tensor:
    """Cholesky factor of a correlation matrix, `(d, d)`, from `(d (d - 1) / 2,)`."""
    return CorrCholeskyTransform()(unconstrained)
