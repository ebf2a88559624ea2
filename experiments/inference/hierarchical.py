"""Hierarchical fits: participants come from a group, Normal on the unbounded scale, that is estimated with them.

The group maximizes the marginal likelihood of all participants (see `marginal`), with a prior that keeps its standard
deviations away from 0. The integrals are sums over nodes, so that the likelihood of the choices is only computed when
nodes are placed (see `nodes`). As nodes suit one group, they are placed anew when the best group is at some distance
from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from accept_reject.agents.learner import NormalPrior
from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.hyperprior import boundary_avoiding
from accept_reject.experiments.inference.individual import OPTIMUM_TOLERANCE, Z95, Fit, fit_from, fit_individually
from accept_reject.experiments.inference.marginal import (
    Correlations,
    LogDensity,
    Posteriors,
    correlations,
    covariance,
    maximize_near,
    posteriors,
)
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.nodes import Nodes, place_nodes
from accept_reject.random import Stream, generator

Floats = NDArray[np.float64]

MAX_ITERATIONS = 20
"""Maximum number of times that nodes are placed."""

NEAR = 0.1
"""Nodes suit a group whose means differ by less than this from those of the group for which they were placed, in
standard deviations, and whose standard deviations differ by less than this share."""

GROUP_DRAWS = 100
"""Number of draws of the group over which participants' posteriors are averaged."""


class Combination(NamedTuple):
    """An estimate of a combination of a group's coordinates, its standard error, and its 95% interval."""

    estimate: float
    se: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Group:
    """A group of d parameters that was estimated from n participants.

    Attributes:
        fit: Fits of the participants; the prior of `fit.model` is the group.
        design: The design.
        coordinates: The estimated group, see `marginal`.
        covariance: Covariance of these estimates, from the curvature of the marginal likelihood. Variances are infinite
            where it is flat.
        correlations: Correlations of parameters between participants. They are estimated together with means and
            standard deviations, but the prior of the participants does not contain them.
        posteriors: Posterior means and intervals of the participants' parameters, averaged over the uncertainty about
            the group: with a single group, intervals would be too narrow (Laird & Louis 1987, Journal of the American
            Statistical Association 82, 739-750).
        converged: Whether the group is the maximum, for nodes that suit it.
        iterations: Number of times that nodes were placed.
        last_change: The largest change in the last iteration, of a mean in standard deviations or of the logarithm of
            a standard deviation.
    """

    fit: Fit
    design: Design
    coordinates: Floats
    covariance: Floats
    correlations: Correlations
    posteriors: Posteriors
    converged: bool
    iterations: int
    last_change: float

    @property
    def coefficients(self) -> Floats:
        """The means of the groups and the slopes of the covariates, `(groups + covariates, d)`."""
        return self._split(self.coordinates)[0]

    @property
    def coefficient_se(self) -> Floats:
        """Their standard errors."""
        return self._split(np.sqrt(np.diag(self.covariance)))[0]

    @property
    def log_sd(self) -> Floats:
        """Logarithms of the groups' standard deviations, `(groups, d)`."""
        return self._split(self.coordinates)[1]

    @property
    def log_sd_se(self) -> Floats:
        """Their standard errors."""
        return self._split(np.sqrt(np.diag(self.covariance)))[1]

    def combination(self, weights: Floats) -> Combination:
        """Estimate a linear combination of coordinates, such as a mean or a contrast of means.

        Maximum likelihood underestimates SDs, and with them the errors of means, in small groups. As in linear
        regression, standard errors of means are multiplied by `sqrt(n / df)` with `df = n - groups - covariates`, and
        intervals are those of Student's t.

        Args:
            weights: `(k,)`; see `Design.mean_of`.
        """
        used = weights != 0
        covariance = self.covariance[np.ix_(used, used)]
        known = bool(np.isfinite(covariance).all())
        se = float(np.sqrt(weights[used] @ covariance @ weights[used])) if known else np.inf
        reach = Z95
        if used[: self.coefficients.size].any():
            n = int((self.fit.choices > 0).sum())
            df = max(n - len(self.coefficients), 1)
            se, reach = se * (n / df) ** 0.5, float(stats.t.ppf(0.975, df))
        estimate = float(weights @ self.coordinates)
        return Combination(estimate, se, estimate - reach * se, estimate + reach * se)

    def _split(self, coordinates: Floats) -> tuple[Floats, Floats]:
        means, sds, _ = self.design.split(torch.from_numpy(coordinates), len(self.fit.model.parameters))
        return means.numpy(), sds.numpy()

    def integrated_bic(self, log_evidence: Floats) -> float:
        """Compute the integrated BIC of the model; lower is better.

        Args:
            log_evidence: Log-evidence of each participant with the group as its prior, `(n,)`.

        References:
            Huys, Q. J. M., Cools, R., Gölzer, M., Friedel, E., Heinz, A., Dolan, R. J., & Dayan, P. (2011).
            Disentangling the roles of approach, activation and valence in instrumental and Pavlovian responding. *PLoS
            Computational Biology*, 7(4), e1002028.
            [doi:10.1371/journal.pcbi.1002028](https://doi.org/10.1371/journal.pcbi.1002028)
        """
        return float(-2 * log_evidence.sum() + len(self.coordinates) * np.log(self.fit.choices.sum()))


def fit_hierarchically(
    model: Model,
    choices: Choices,
    starts: int = 10,
    seed: int = 0,
    on_iteration: Callable[[int, float], None] = lambda _, __: None,
    design: Design | None = None,
) -> Group:
    """Estimate a group and its participants.

    Args:
        model: The model; its prior is the initial group.
        choices: The choices of the participants.
        starts: Number of starts.
        seed: Seed of the starts and of random draws.
        on_iteration: Called after each iteration with its number and the change of the group.
        design: How the group depends on properties of the participants; by default it does not.

    Raises:
        InvalidInputError: If fewer than two participants of a group made a choice, or if the learner can't be fitted.
    """
    design = design or Design.common(len(choices))
    log_prior = boundary_avoiding(model, design)
    found = find_group(model, choices, design, starts, seed, on_iteration, log_prior)
    active = found.nodes.take(found.active)
    errors = covariance(active, found.coordinates, log_prior)
    draws = _draws(found.coordinates, errors, generator(seed, Stream.GROUP_UNCERTAINTY))
    return Group(
        fit=found.fit,
        design=design,
        coordinates=found.coordinates,
        covariance=errors,
        correlations=correlations(active, found.coordinates, log_prior),
        posteriors=posteriors(found.nodes, draws, model.constrain),
        converged=found.converged,
        iterations=found.iterations,
        last_change=found.last_change,
    )


@dataclass(frozen=True, eq=False)
class Maximum:
    """The group with the highest posterior density.

    Attributes:
        fit: Fits of the participants; the prior of `fit.model` is the group.
        nodes: Nodes that suit the group.
        active: Whether each participant made a choice, `(n,)`.
        coordinates: The group.
        converged: Whether it is a maximum, for nodes that suit it.
        iterations: Number of times that nodes were placed.
        last_change: The largest change in the last iteration.
    """

    fit: Fit
    nodes: Nodes
    active: NDArray[np.bool_]
    coordinates: Floats
    converged: bool
    iterations: int
    last_change: float


def find_group(
    model: Model,
    choices: Choices,
    design: Design,
    starts: int,
    seed: int,
    on_iteration: Callable[[int, float], None],
    log_prior: LogDensity,
) -> Maximum:
    """Find the group without correlations that maximizes the marginal likelihood times a prior.

    The iterations begin with the model's own prior. When they have converged, all starts are tried again with the group
    as the prior, and if a participant has a better optimum there the iterations continue from it.

    Raises:
        InvalidInputError: If fewer than two participants of a group made a choice, or if the learner can't be fitted.
    """
    active = np.asarray((~choices.missed).any(axis=1))
    problems = []
    for i, name in enumerate(design.groups):
        members = int(active[design.member == i].sum())
        if members < 2:
            of_group = "" if len(design.groups) == 1 else f" in group {name!r}"
            problems.append(f"must have at least 2 participants with choices{of_group}, got {members}")
    if problems:
        raise InvalidInputError("hierarchical fit", problems)
    fit, converged = fit_individually(model, choices, starts=starts, seed=seed), False
    rows = len(design.groups), len(design.covariates)
    slopes = np.zeros(rows[1] * len(model.parameters))
    best = np.concatenate(
        [np.tile(model.prior_mean.numpy(), rows[0]), slopes, np.tile(model.prior_sd.log().numpy(), rows[0])]
    )
    for iteration in range(1, MAX_ITERATIONS + 1):
        nodes, before = place_nodes(fit, choices, design, seed), best
        best = maximize_near(nodes.take(active), before, log_prior=log_prior)
        change = _change(design, len(model.parameters), before, best)
        on_iteration(iteration, change)
        group = with_group(model, design, best)
        fit = fit_from(group, choices, fit.unbounded[:, None, :])
        if change < NEAR:
            again = fit_individually(group, choices, starts=starts, seed=seed)
            gain = again.log_likelihood + again.log_prior - fit.log_likelihood - fit.log_prior
            fit, converged = again, bool(gain.max() < OPTIMUM_TOLERANCE)
            if converged:
                break
    return Maximum(fit, nodes, active, best, converged, iteration, change)


def with_group(model: Model, design: Design, coordinates: Floats) -> Model:
    """Return the model with a group as its prior; correlations are ignored."""
    d = len(model.parameters)
    mean, sd, _ = design.of_each(torch.from_numpy(coordinates), d)
    pooled = mean.mean(dim=0), ((sd**2).mean(dim=0) + mean.var(dim=0, correction=0)).sqrt()
    both, each = ((mean[0], sd[0]), None) if design.is_common else (pooled, (mean, sd))
    priors = [NormalPrior(float(m), float(s)) for m, s in zip(*both, strict=True)]
    return replace(model, priors=dict(zip(model.parameters, priors, strict=True)), prior_of_each=each)


def _change(design: Design, d: int, before: Floats, after: Floats) -> float:
    """The largest change of coordinates, of a mean in standard deviations."""
    log_sd = design.split(torch.from_numpy(before), d)[1]
    coefficients, logs, _ = design.split(torch.from_numpy(after - before), d)
    return float(max((coefficients.abs() / log_sd.exp().amin(dim=0)).max(), logs.abs().max()))


def _draws(coordinates: Floats, errors: Floats, rng: np.random.Generator) -> Floats:
    """Draw coordinates from their Normal distribution, `(draws, k)`; those with infinite errors are not varied."""
    known = np.isfinite(np.diag(errors))
    values, axes = np.linalg.eigh(np.where(np.outer(known, known), errors, 0))
    z = rng.standard_normal((GROUP_DRAWS, len(coordinates)))
    return np.asarray(coordinates + (z * np.sqrt(np.maximum(values, 0))) @ axes.T)
