"""Hierarchical fits: participants come from a group, Normal on the unbounded scale, that is estimated with them.

Expectation-maximization with the Laplace approximation (Huys et al. 2011, PLoS Computational Biology 7, e1002028)
alternates between fitting each participant with the group as its prior, and matching the group to the moments of the
participants' posteriors.
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
from accept_reject.experiments.inference.individual import (
    MIN_CURVATURE,
    OPTIMUM_TOLERANCE,
    Fit,
    fit_from,
    fit_individually,
)
from accept_reject.experiments.inference.model import Model

MAX_ITERATIONS = 1_000
"""Maximum number of iterations."""

TOLERANCE = 1e-3
"""Default tolerance of convergence."""


@dataclass(frozen=True, eq=False)
class Group:
    """A group that was estimated from n participants.

    Attributes:
        fit: Fits of the participants; the prior of `fit.model` is the group.
        converged: Whether the last iteration changed the group by less than the tolerance.
        iterations: Number of iterations.
        last_change: The largest change in the last iteration, of a mean in standard deviations or of the logarithm of
            a standard deviation.
    """

    fit: Fit
    converged: bool
    iterations: int
    last_change: float

    @property
    def mean_se(self) -> NDArray[np.float64]:
        r"""Standard error of the group's mean of each parameter on the unbounded scale, `(parameters,)`.

        With the group's covariance $V$ and the covariance $S_i$ of the likelihood of participant $i$, its posterior
        covariance is $P_i = (V^{-1} + S_i^{-1})^{-1}$, and the precision of the group's mean is

        $$\sum_i (V + S_i)^{-1} = \sum_i V^{-1} (V - P_i) V^{-1}.$$

        The uncertainty about $V$ is not included. The error is infinite where the choices are uninformative.
        """
        variance = self.fit.model.prior_sd.numpy() ** 2
        reduction = (np.diag(variance) - self.fit.covariance.numpy()).sum(axis=0)
        precision = reduction / np.outer(variance, variance)
        values, axes = np.linalg.eigh(precision)
        inverse = np.divide(1, values, where=values > MIN_CURVATURE, out=np.full_like(values, np.inf))
        return np.sqrt(np.where(axes**2 > MIN_CURVATURE, axes**2 * inverse, 0).sum(axis=1))

    def integrated_bic(self, log_evidence: NDArray[np.float64]) -> float:
        """Compute the integrated BIC of the model (Huys et al. 2011); lower is better.

        Args:
            log_evidence: Log-evidence of each participant with the group as its prior, `(n,)`.
        """
        group_parameters = 2 * len(self.fit.model.parameters)
        return float(-2 * log_evidence.sum() + group_parameters * np.log(self.fit.choices.sum()))


def fit_hierarchically(
    model: Model,
    choices: Choices,
    starts: int = 10,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    on_iteration: Callable[[int, float], None] = lambda _, __: None,
) -> Group:
    """Estimate a group and its participants.

    The iterations begin with the model's own prior. When they have converged, all starts are tried again with the group
    as the prior, and if a participant has a better optimum there the iterations continue from it.

    Args:
        model: The model; its prior is the initial group.
        choices: The choices of the participants.
        starts: Number of starts.
        seed: Seed of the starts.
        tolerance: The iterations end when no mean changes by more than this share of its standard deviation, and no
            standard deviation by more than this share of itself.
        on_iteration: Called after each iteration with its number and the change of the group.

    Raises:
        InvalidInputError: If fewer than two participants made a choice, or if the learner can't be fitted.
    """
    active = int((~choices.missed).any(axis=1).sum())
    if active < 2:
        raise InvalidInputError("hierarchical fit", [f"must have at least 2 participants with choices, got {active}"])
    fit = fit_individually(model, choices, starts=starts, seed=seed)
    change = np.inf
    for iteration in range(1, MAX_ITERATIONS + 1):
        group = _matched(fit)
        change = max(
            float(((group.prior_mean - fit.model.prior_mean) / fit.model.prior_sd).abs().max()),
            float((group.prior_sd / fit.model.prior_sd).log().abs().max()),
        )
        on_iteration(iteration, change)
        fit = fit_from(group, choices, fit.unbounded[:, None, :])
        if change < tolerance:
            again = fit_individually(group, choices, starts=starts, seed=seed)
            gain = again.log_likelihood + again.log_prior - fit.log_likelihood - fit.log_prior
            fit = again
            if gain.max() < OPTIMUM_TOLERANCE:
                return Group(fit, True, iteration, change)
    return Group(fit, False, MAX_ITERATIONS, change)


def _matched(fit: Fit) -> Model:
    """Return the model with the mean and variance of the participants' posteriors as its prior."""
    mean = fit.unbounded.mean(dim=0)
    variance = (fit.unbounded**2 + torch.from_numpy(fit.unbounded_sd) ** 2).mean(dim=0) - mean**2
    priors = [NormalPrior(float(m), float(sd)) for m, sd in zip(mean, variance.sqrt(), strict=True)]
    return replace(fit.model, priors=dict(zip(fit.model.parameters, priors, strict=True)))
