"""Hierarchical fits: participants come from a group, Normal in free space, which is learned with them.

Expectation-maximisation with Laplace's approximation (Huys et al. 2011, PLoS Computational Biology 7, e1002028): each
participant is fitted under the group as its prior, then the group is matched to the participants' posteriors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from accept_reject.agents.learner import NormalPrior
from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.fit.individual import SAME, STRAIGHT, Fit, fit_from, fit_individually
from accept_reject.experiments.fit.model import Model

MOST_ITERATIONS = 1_000
"""After so many iterations it gives up, and says so."""

TOLERANCE = 1e-3
"""When a group counts as found, unless told otherwise."""


@dataclass(frozen=True, eq=False)
class Group:
    """A group learned from n participants.

    Attributes:
        fit: The participants' fits under the group as their prior, which is `fit.model`'s.
        converged: Whether the group stood still to within the tolerance.
        iterations: How many iterations it took.
        moved: How far the last iteration moved the group's means, in standard deviations, and the logarithms of these.
    """

    fit: Fit
    converged: bool
    iterations: int
    moved: float

    @property
    def mean_se(self) -> NDArray[np.float64]:
        """Standard error of the group's mean of each parameter in free space, `(parameters,)`.

        The choices of participant i tell its parameters with some covariance `S_i`, so that its posterior covariance is
        `P_i = inv(inv(V) + inv(S_i))` for a group of covariance V. The group's mean is then known to a precision of
        `sum(inv(V + S_i)) = sum(inv(V) (V - P_i) inv(V))`; that V is not known exactly is left out of account. It is
        infinite where the choices tell nothing.
        """
        variance = self.fit.model.prior_sd.numpy() ** 2
        told = (np.diag(variance) - self.fit.covariance.numpy()).sum(axis=0)
        precision = told / np.outer(variance, variance)
        bend, axes = np.linalg.eigh(precision)
        inverse = np.divide(1, bend, where=bend > STRAIGHT, out=np.full_like(bend, np.inf))
        return np.sqrt(np.where(axes**2 > STRAIGHT, axes**2 * inverse, 0).sum(axis=1))

    def integrated_bic(self, log_evidence: NDArray[np.float64]) -> float:
        """Integrated BIC of the model (Huys et al. 2011): lower is better.

        Args:
            log_evidence: Each participant's log-evidence under the group, `(n,)`.
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
    """Learn a group and its participants.

    It begins with the model's own prior. Where it ends, all starts are tried once more under the group that was found;
    if a participant has a better optimum there, it goes on from it.

    Args:
        model: The model; its prior is where the group begins.
        choices: The participants' choices.
        starts: How many starts.
        seed: Seed of the starts.
        tolerance: It ends when no mean moves by more than this share of its standard deviation, and no standard
            deviation by more than this share of itself: a group that is still collapsing does not count as found.
        on_iteration: Is told how many iterations have been made, and how far the last one moved the group.

    Raises:
        InvalidInputError: If fewer than two made a choice, or the learner can't be fitted.
    """
    if (~choices.missed).any(axis=1).sum() < 2:
        raise InvalidInputError("hierarchical fit", ["needs two or more participants who made a choice"])
    fit = fit_individually(model, choices, starts=starts, seed=seed)
    moved = np.inf
    for iteration in range(1, MOST_ITERATIONS + 1):
        group = _matched(fit)
        moved = max(
            float(((group.prior_mean - fit.model.prior_mean) / fit.model.prior_sd).abs().max()),
            float((group.prior_sd / fit.model.prior_sd).log().abs().max()),
        )
        on_iteration(iteration, moved)
        fit = fit_from(group, choices, fit.free[:, None, :])
        if moved < tolerance:
            again = fit_individually(group, choices, starts=starts, seed=seed)
            gained = again.log_likelihood + again.log_prior - fit.log_likelihood - fit.log_prior
            fit = again
            if gained.max() < SAME:
                return Group(fit, True, iteration, moved)
    return Group(fit, False, MOST_ITERATIONS, moved)


def _matched(fit: Fit) -> Model:
    """The model with the group that matches the mean and variance of its participants' posteriors as its prior."""
    mean = fit.free.mean(dim=0)
    variance = (fit.free**2 + torch.from_numpy(fit.free_sd) ** 2).mean(dim=0) - mean**2
    priors = [NormalPrior(float(m), float(sd)) for m, sd in zip(mean, variance.sqrt(), strict=True)]
    return replace(fit.model, priors=dict(zip(fit.model.parameters, priors, strict=True)))
