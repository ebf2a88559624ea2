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

_BATCH_MASSES = 2_000_000
"""Number of densities at nodes that are computed together; it doesn't affect results beyond rounding."""

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
    """The prior of coordinates under maximum likelihood: 0, but differentiable."""
    return 0 * (coordinates**2).sum()


def log_likelihood(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """Compute the marginal log-likelihood of each participant, `(n,)`."""
    return log_posterior_masses(nodes, coordinates[None])[..., 0].logsumexp(dim=1)


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
    sd, terms = np.exp(start[means : means + sds]), _terms(nodes, log_prior)
    smallest = np.tile(sd.reshape(-1, d).min(axis=0), means // d)
    scale = np.concatenate([smallest, np.ones(sds + pairs)])
    bounds = [(-REACH[0], REACH[0])] * means
    bounds += [(max(math.log(MIN_SD / each), -REACH[1]), REACH[1]) for each in sd.tolist()]
    bounds += [(-_MAX_CORRELATION - at, _MAX_CORRELATION - at) for at in start[means + sds :].tolist()]

    def loss(step: Any) -> Any:
        x = torch.from_numpy(start + scale * step).requires_grad_()
        value, gradient = 0.0, np.zeros(len(start))
        for term in terms:
            loss_of_part = -term(x)
            value += loss_of_part.item()
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
    for term in _terms(nodes, log_prior):
        hessian += evaluate(partial(_in_batch, term), torch.from_numpy(coordinates)[None])[2][0].numpy()
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


def correlations(nodes: Nodes, coordinates: Floats, log_prior: LogDensity = flat_prior) -> Correlations:
    """Estimate the correlations of a group near one with the given coordinates that has none."""
    d = nodes.points.shape[-1]
    first = sum(nodes.design.sizes(d))
    pairs = np.tril_indices(d, -1)
    if d == 1:
        return Correlations(np.eye(1), np.eye(1), np.eye(1))
    best = maximize_near(nodes, coordinates, correlated=True, log_prior=log_prior)
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
    for batch in torch.split(torch.from_numpy(groups), batch_size(nodes)):
        weights += log_posterior_masses(nodes, batch).softmax(dim=1).sum(dim=2) / len(groups)
    mean = (weights[..., None] * constrain(nodes.points)).sum(dim=1)
    low, high = constrain(quantiles(nodes.points, weights, nodes.cell, INTERVAL))
    return Posteriors(mean.numpy(), low.numpy(), high.numpy())


def log_posterior_masses(nodes: Nodes, groups: Tensor) -> Tensor:
    """Compute the log-mass of each node times the density of groups, `(n, points, groups)`.

    Args:
        nodes: The nodes.
        groups: Coordinates of the groups, `(groups, k)`.
    """
    d = nodes.points.shape[-1]
    mean, sd, rest = nodes.design.of_each(groups, d)
    precision = (1 / sd)[..., :, None] * inverse_correlations(rest, d)[:, None] * (1 / sd)[..., None, :]
    pull = (precision @ mean[..., None])[..., 0]
    pairs = torch.tril_indices(d, d)
    doubled = torch.where(pairs[0] == pairs[1], 0.5, 1.0)
    coefficients = torch.cat([pull, -doubled * precision[..., pairs[0], pairs[1]]], dim=-1)
    constant = (torch.linalg.slogdet(precision)[1] - (pull * mean).sum(dim=-1) - d * math.log(2 * math.pi)) / 2
    log_density = nodes.features @ coefficients.permute(1, 2, 0) + constant.T[:, None]
    return nodes.log_mass[..., None] + log_density


def inverse_correlations(unconstrained: Tensor, d: int) -> Tensor:
    """Inverses of correlation matrices, `(groups, d, d)`; without parameters, `(groups, 0)`, identity matrices."""
    if not unconstrained.shape[-1]:
        return torch.eye(d, dtype=torch.float64).expand(len(unconstrained), d, d)
    return torch.cholesky_inverse(CorrCholeskyTransform()(unconstrained))


def batch_size(nodes: Nodes) -> int:
    """The number of groups for which densities at all nodes fit into a limited amount of memory."""
    return max(1, _BATCH_MASSES // nodes.log_mass.numel())


def correlation_matrix(unconstrained: Tensor) -> Tensor:
    """Return the correlation matrix, `(d, d)`, with the given unconstrained parameters, `(d (d - 1) / 2,)`."""
    factor = CorrCholeskyTransform()(unconstrained)
    return factor @ factor.T


def _terms(nodes: Nodes, log_prior: LogDensity) -> list[LogDensity]:
    """The terms of the log-posterior, each of which needs a limited amount of memory."""
    return [*(partial(_total, part) for part in nodes.split()), log_prior]


def _total(nodes: Nodes, coordinates: Tensor) -> Tensor:
    """The marginal log-likelihood of all participants, `()`."""
    return log_likelihood(nodes, coordinates).sum()


def _in_batch(log_density: LogDensity, coordinates: Tensor) -> Tensor:
    """The log-density of a batch of one group, `(1,)`, from `(1, coordinates)`."""
    return log_density(coordinates[0])[None]
