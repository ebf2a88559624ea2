r"""The marginal likelihood of a group: participants' parameters are integrated out.

The *coordinates* of a group with d parameters are the coefficients of the means $\mu_i$ of its participants (see
`design`), the logarithms of the standard deviations $\sigma_i$, and optionally unconstrained parameters of the
correlation matrix $R$, all on the unbounded scale. Without groups and covariates they are d means, d logarithms, and
d (d - 1) / 2 parameters of correlations. The log-likelihood of the choices of all participants is

$$\sum_i \log \int e^{\ell_i(x)} \; \mathcal N(x; \mu_i, S_i R S_i) \; dx, \qquad S_i = \operatorname{diag} \sigma_i,$$

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
LogDensity = Callable[[Tensor], Tensor]
"""The log-density of coordinates, from `(k,)` to `()`."""

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


def flat_prior(coordinates: Tensor) -> Tensor:
    """The prior of coordinates under maximum likelihood."""
    return coordinates.new_zeros(())


def log_likelihood(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """Compute the marginal log-likelihood of each participant, `(n,)`."""
    return log_posterior_mass(nodes, coordinates).logsumexp(dim=1)


def maximize_near(
    nodes: Nodes, coordinates: Floats, correlated: bool = False, log_prior: LogDensity = flat_prior
) -> Floats:
    """Maximize the marginal likelihood, or the posterior, within reach of a group.

    Args:
        nodes: Nodes that suit the group.
        coordinates: The group's coordinates, without or with correlations.
        correlated: Whether to estimate correlations, too; without any in `coordinates`, the search begins at 0.
        log_prior: The prior of the coordinates.

    Returns:
        The coordinates of the best group.
    """
    d = nodes.points.shape[-1]
    means, sds = nodes.design.sizes(d)
    pairs = d * (d - 1) // 2 if correlated else 0
    start = np.concatenate([coordinates, np.zeros(means + sds + pairs - len(coordinates))])
    sd, parts = np.exp(start[means : means + sds]), nodes.split()
    smallest = np.tile(sd.reshape(-1, d).min(axis=0), means // d)
    scale = np.concatenate([smallest, np.ones(sds + pairs)])
    bounds = [(-REACH[0], REACH[0])] * means
    bounds += [(max(math.log(MIN_SD / each), -REACH[1]), REACH[1]) for each in sd.tolist()]
    bounds += [(-_MAX_CORRELATION - at, _MAX_CORRELATION - at) for at in start[means + sds :].tolist()]

    def loss(step: Any) -> Any:
        x = torch.from_numpy(start + scale * step).requires_grad_()
        value, gradient = 0.0, np.zeros(len(start))
        for term in (*(partial(_total, part) for part in parts), log_prior):
            loss_of_part = -term(x)
            value += loss_of_part.item()
            if loss_of_part.requires_grad:
                gradient += torch.autograd.grad(loss_of_part, x)[0].numpy() * scale
        return value, gradient

    options: Any = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 500}
    origin: Any = np.zeros(len(start))
    found = optimize.minimize(loss, origin, method="L-BFGS-B", jac=True, bounds=bounds, options=options)
    return np.asarray(start + scale * found.x)


def covariance(nodes: Nodes, coordinates: Floats, log_prior: LogDensity = flat_prior) -> Floats:
    """Invert the curvature of the marginal likelihood, or of the posterior, at its maximum, `(k, k)`.

    Variances of coordinates along flat directions are infinite. A standard deviation at its minimum counts as known.
    """
    hessian = np.zeros((len(coordinates), len(coordinates)))
    terms = (*(partial(_total, part) for part in nodes.split()), lambda x: log_prior(x) + 0 * (x**2).sum())
    for term in terms:
        hessian += evaluate(lambda x, term=term: term(x[0])[None], torch.from_numpy(coordinates)[None])[2][0].numpy()
    means, sds = nodes.design.sizes(nodes.points.shape[-1])
    free = np.ones(len(coordinates), bool)
    free[means : means + sds] = coordinates[means : means + sds] > math.log(MIN_SD) + 1e-9
    curvature, axes = np.linalg.eigh(-hessian[np.ix_(free, free)])
    steep = curvature > _FLAT
    inverse = (axes[:, steep] / curvature[steep]) @ axes[:, steep].T
    flat = (axes[:, ~steep] ** 2).sum(axis=1) > _FLAT
    inverse[flat, flat] = np.inf
    result = np.zeros_like(hessian)
    result[np.ix_(free, free)] = inverse
    return result


def correlations(nodes: Nodes, coordinates: Floats) -> Correlations:
    """Estimate the correlations of a group near one with the given coordinates that has none."""
    d = nodes.points.shape[-1]
    first = sum(nodes.design.sizes(d))
    pairs = np.tril_indices(d, -1)
    if d == 1:
        return Correlations(np.eye(1), np.eye(1), np.eye(1))
    best = maximize_near(nodes, coordinates, correlated=True)
    x = torch.from_numpy(best[first:]).requires_grad_()
    z = torch.atanh(correlation_matrix(x)[pairs])
    slope = np.array([torch.autograd.grad(each, x, retain_graph=True)[0].numpy() for each in z]).reshape(len(z), len(x))
    variance = covariance(nodes, best)[first:, first:]
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
        weights += log_posterior_mass(nodes, group).softmax(dim=1) / len(groups)
    mean = (weights[..., None] * constrain(nodes.points)).sum(dim=1)
    low, high = constrain(quantiles(nodes.points, weights, nodes.cell, INTERVAL))
    return Posteriors(mean.numpy(), low.numpy(), high.numpy())


def log_posterior_mass(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """Compute the log-mass of each node times the group's density, `(n, points)`."""
    d = nodes.points.shape[-1]
    mean, sd = nodes.design.of_each(coordinates, d)
    rest = nodes.design.split(coordinates, d)[2]
    z = (nodes.points - mean[:, None]) / sd[:, None]
    log_volume = sd.log().sum(dim=1, keepdim=True) + d / 2 * math.log(2 * math.pi)
    if len(rest):
        factor = CorrCholeskyTransform()(rest)
        z = torch.linalg.solve_triangular(factor, z.flatten(0, 1).T, upper=False).T.reshape(z.shape)
        log_volume = log_volume + factor.diagonal().log().sum()
    return nodes.log_mass - (z**2).sum(dim=-1) / 2 - log_volume


def correlation_matrix(unconstrained: Tensor) -> Tensor:
    """Return the correlation matrix, `(d, d)`, with the given unconstrained parameters, `(d (d - 1) / 2,)`."""
    factor = CorrCholeskyTransform()(unconstrained)
    return factor @ factor.T


def _total(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """The marginal log-likelihood of all participants, `()`."""
    return log_likelihood(nodes, coordinates).sum()
