"""Hierarchical fits: participants come from a group, Normal on the unbounded scale, that is estimated with them.

The group maximizes the marginal likelihood of all participants (see `marginal`). Its integrals are sums over nodes, so
that the likelihood of the choices is only computed when nodes are placed (see `nodes`). As nodes suit one group, they
are placed anew when the best group is at some distance from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from accept_reject.agents.learner import NormalPrior
from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.inference.individual import OPTIMUM_TOLERANCE, Fit, fit_from, fit_individually
from accept_reject.experiments.inference.marginal import (
    Correlations,
    Posteriors,
    correlations,
    covariance,
    maximize_near,
    posteriors,
)
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.nodes import place_nodes
from accept_reject.random import Stream, generator

Floats = NDArray[np.float64]

MAX_ITERATIONS = 20
"""Maximum number of times that nodes are placed."""

NEAR = 0.1
"""Nodes suit a group whose means differ by less than this from those of the group for which they were placed, in
standard deviations, and whose standard deviations differ by less than this share."""

GROUP_DRAWS = 100
"""Number of draws of the group over which participants' posteriors are averaged."""


@dataclass(frozen=True, eq=False)
class Group:
    """A group of d parameters that was estimated from n participants.

    Attributes:
        fit: Fits of the participants; the prior of `fit.model` is the group.
        covariance: Covariance of the estimates of the d means and the d logarithms of standard deviations, from the
            curvature of the marginal likelihood, `(2 d, 2 d)`. Variances are infinite where it is flat.
        correlations: Correlations of parameters between participants. They are estimated together with means and
            standard deviations, but the prior of the participants does not contain them.
        posteriors: Posterior means and intervals of the participants' parameters, averaged over the uncertainty about
            the group: with a single group, intervals would be too narrow (Laird & Louis 1987, Journal of the American
            Statistical Association 82, 739-750).
        converged: Whether the group is the maximum of the marginal likelihood, for nodes that suit it.
        iterations: Number of times that nodes were placed.
        last_change: The largest change in the last iteration, of a mean in standard deviations or of the logarithm of
            a standard deviation.
    """

    fit: Fit
    covariance: Floats
    correlations: Correlations
    posteriors: Posteriors
    converged: bool
    iterations: int
    last_change: float

    @property
    def mean_se(self) -> Floats:
        """Standard error of the group's mean of each parameter on the unbounded scale, `(d,)`."""
        return np.asarray(np.sqrt(np.diag(self.covariance))[: len(self.fit.model.parameters)])

    @property
    def log_sd_se(self) -> Floats:
        """Standard error of the logarithm of the group's standard deviation of each parameter, `(d,)`."""
        return np.asarray(np.sqrt(np.diag(self.covariance))[len(self.fit.model.parameters) :])

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
        group_parameters = 2 * len(self.fit.model.parameters)
        return float(-2 * log_evidence.sum() + group_parameters * np.log(self.fit.choices.sum()))


def fit_hierarchically(
    model: Model,
    choices: Choices,
    starts: int = 10,
    seed: int = 0,
    on_iteration: Callable[[int, float], None] = lambda _, __: None,
) -> Group:
    """Estimate a group and its participants.

    The iterations begin with the model's own prior. When they have converged, all starts are tried again with the group
    as the prior, and if a participant has a better optimum there the iterations continue from it.

    Args:
        model: The model; its prior is the initial group.
        choices: The choices of the participants.
        starts: Number of starts.
        seed: Seed of the starts and of random draws.
        on_iteration: Called after each iteration with its number and the change of the group.

    Raises:
        InvalidInputError: If fewer than two participants made a choice, or if the learner can't be fitted.
    """
    active = np.asarray((~choices.missed).any(axis=1))
    if active.sum() < 2:
        problem = f"must have at least 2 participants with choices, got {active.sum()}"
        raise InvalidInputError("hierarchical fit", [problem])
    fit, converged = fit_individually(model, choices, starts=starts, seed=seed), False
    for iteration in range(1, MAX_ITERATIONS + 1):
        nodes = place_nodes(fit, choices, seed)
        before = torch.cat([fit.model.prior_mean, fit.model.prior_sd.log()]).numpy()
        best = maximize_near(nodes.take(active), before)
        change = _change(before, best)
        on_iteration(iteration, change)
        group = _with_group(model, best)
        fit = fit_from(group, choices, fit.unbounded[:, None, :])
        if change < NEAR:
            again = fit_individually(group, choices, starts=starts, seed=seed)
            gain = again.log_likelihood + again.log_prior - fit.log_likelihood - fit.log_prior
            fit, converged = again, bool(gain.max() < OPTIMUM_TOLERANCE)
            if converged:
                break
    errors = covariance(nodes.take(active), best)
    draws = _draws(best, errors, generator(seed, Stream.GROUP_UNCERTAINTY))
    return Group(
        fit=fit,
        covariance=errors,
        correlations=correlations(nodes.take(active), best),
        posteriors=posteriors(nodes, draws, model.constrain),
        converged=converged,
        iterations=iteration,
        last_change=change,
    )


def _change(before: Floats, after: Floats) -> float:
    """The largest change of coordinates, of a mean in standard deviations."""
    mean, log_sd = np.split(after - before, 2)
    return float(max(np.abs(mean / np.exp(np.split(before, 2)[1])).max(), np.abs(log_sd).max()))


def _with_group(model: Model, coordinates: Floats) -> Model:
    """Return the model with a group as its prior."""
    mean, log_sd = np.split(coordinates, 2)
    priors = [NormalPrior(float(m), float(np.exp(s))) for m, s in zip(mean, log_sd, strict=True)]
    return replace(model, priors=dict(zip(model.parameters, priors, strict=True)))


def _draws(coordinates: Floats, errors: Floats, rng: np.random.Generator) -> Floats:
    """Draw coordinates from their Normal distribution, `(draws, 2 d)`; those with infinite errors are not varied."""
    known = np.isfinite(np.diag(errors))
    values, axes = np.linalg.eigh(np.where(np.outer(known, known), errors, 0))
    z = rng.standard_normal((GROUP_DRAWS, len(coordinates)))
    return np.asarray(coordinates + (z * np.sqrt(np.maximum(values, 0))) @ axes.T)
