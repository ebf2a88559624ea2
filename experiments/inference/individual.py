"""Fits of individual participants: maximum a posteriori with the Laplace evidence, or maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.inference.likelihood import ALL_ROUNDS, Likelihood
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.newton import Objective, maximize
from accept_reject.random import Stream, generator

Floats = NDArray[np.float64]

BATCH_SIZE = 2_000
"""Optimizations, participants times starts, that run in parallel. More need more memory and are not faster."""

CHECKED_PARTICIPANTS = 4
"""Number of participants whose gradients are checked before a fit."""

MIN_CONTRACTION = 0.1
"""A parameter with a smaller posterior contraction is flagged as flat."""

OPTIMUM_TOLERANCE = 1e-6
"""Optima whose objectives differ by less than this are the same."""

MIN_CURVATURE = 1e-9
"""An objective with a smaller curvature in some direction counts as flat there."""

Z95 = float(stats.norm.ppf(0.975))
"""Half the width of the central 95% of a Normal distribution, in standard deviations."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A model with d parameters fitted to n participants.

    Attributes:
        model: The model. Its prior was used if `bayesian`.
        names: Names of the participants.
        bayesian: Whether the estimates are maximum a posteriori, rather than maximum likelihood.
        unbounded: Estimates on the unbounded scale, `(n, d)`.
        precision: The negative Hessian of the objective at the estimates, `(n, d, d)`.
        log_likelihood: Log-likelihood of all choices of each participant at its estimates, `(n,)`.
        choices: Number of choices of each participant, `(n,)`.
        offered: Number of partners in each offer.
        converged: Whether the best start converged, `(n,)`.
        agreeing: Number of starts that reached the best optimum, `(n,)`.
        starts: Number of starts.
    """

    model: Model
    names: tuple[str, ...]
    bayesian: bool
    unbounded: Tensor
    precision: Tensor
    log_likelihood: Floats
    choices: NDArray[np.int64]
    offered: int
    converged: NDArray[np.bool_]
    agreeing: NDArray[np.int64]
    starts: int

    @property
    def estimates(self) -> Floats:
        """Estimates of the parameters, `(n, d)`."""
        return self.model.constrain(self.unbounded).numpy()

    @cached_property
    def covariance(self) -> Tensor:
        """Covariance of the estimates on the unbounded scale by the Laplace approximation, `(n, d, d)`.

        Directions in which the objective is flat, as may happen under maximum likelihood, are left out.
        """
        curvature, axes = torch.linalg.eigh(self.precision)
        return (axes * torch.where(curvature > MIN_CURVATURE, 1 / curvature, 0.0)[:, None, :]) @ axes.mT

    @cached_property
    def unbounded_sd(self) -> Floats:
        """Standard deviations of the estimates on the unbounded scale, `(n, d)`; infinite in flat directions."""
        curvature, axes = torch.linalg.eigh(self.precision)
        flat = ((axes**2) * (curvature <= MIN_CURVATURE)[:, None, :]).sum(dim=-1) > MIN_CURVATURE
        return torch.where(flat, torch.inf, self.covariance.diagonal(dim1=-2, dim2=-1).sqrt()).numpy()

    def interval(self) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of 95% intervals of the estimates, `(n, d)` each.

        They come from the Laplace approximation on the unbounded scale. Where the objective is flat, an interval covers
        the whole range of the parameter.
        """
        sd = torch.from_numpy(np.minimum(self.unbounded_sd, 1e3))  # this reaches both ends of every range
        low, high = (self.model.constrain(self.unbounded + z * sd).numpy() for z in (-Z95, Z95))
        return low, high

    @property
    def laplace_mean(self) -> Floats:
        """Posterior means of the parameters under the Laplace approximation, `(n, d)`."""
        z, weight = np.polynomial.hermite_e.hermegauss(32)
        sd = torch.from_numpy(self.unbounded_sd)
        values = self.model.constrain(self.unbounded + sd * torch.from_numpy(z)[:, None, None]).numpy()
        return np.tensordot(weight / weight.sum(), values, axes=1)

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Draw parameters on the unbounded scale from the Laplace approximation of each posterior, `(n, d)`.

        A maximum-likelihood fit has no posterior, and returns the estimates.
        """
        if not self.bayesian:
            return self.unbounded
        z = torch.from_numpy(rng.standard_normal(self.unbounded.shape))
        return self.unbounded + (torch.linalg.cholesky(self.covariance) @ z[..., None])[..., 0]

    @property
    def contraction(self) -> Floats:
        """Posterior contraction by the Laplace approximation, `(n, d)`."""
        return self.contraction_of(self.unbounded_sd)

    def contraction_of(self, unbounded_sd: Floats) -> Floats:
        """Compute the posterior contraction, `(n, d)`: `1 - posterior variance / prior variance`, unbounded scale.

        It is 0 if the choices are uninformative about the parameter, and 1 if they determine it. For a
        maximum-likelihood fit it is what the choices would give if the prior had been used.

        Args:
            unbounded_sd: Posterior standard deviations on the unbounded scale, `(n, d)`.
        """
        sd = self.model.prior_sd if self.model.prior_of_each is None else self.model.prior_of_each[1]
        prior, variance = sd.numpy() ** 2, unbounded_sd**2
        if self.bayesian:
            return np.clip(1 - variance / prior, 0, 1)
        return prior / (prior + variance)

    @property
    def log_prior(self) -> Floats:
        """Log-density of the prior at the estimates, on the unbounded scale, `(n,)`."""
        return self.model.log_prior(self.unbounded).numpy()

    @property
    def log_evidence(self) -> Floats:
        """Log-evidence by the Laplace approximation, `(n,)`; only valid for fits with a prior.

        If the estimates are modes in the parameters' ranges, so is the approximation: the negative Hessian there is the
        one on the unbounded scale divided by the derivatives of the transformation, as gradients are 0 at a mode.
        """
        assert self.bayesian
        d = self.unbounded.shape[1]
        log_volume = d / 2 * math.log(2 * math.pi) - torch.linalg.slogdet(self.precision)[1].numpy() / 2
        slope = self.model.log_slope(self.unbounded).numpy() if self.model.in_range else 0
        return self.log_likelihood + self.log_prior + log_volume + slope

    @property
    def aic(self) -> Floats:
        """Akaike information criterion, `(n,)`; lower is better."""
        return 2 * self.unbounded.shape[1] - 2 * self.log_likelihood

    @property
    def bic(self) -> Floats:
        """Bayesian information criterion, `(n,)`; lower is better."""
        return self.unbounded.shape[1] * np.log(np.maximum(self.choices, 1)) - 2 * self.log_likelihood

    @property
    def log_likelihood_per_choice(self) -> Floats:
        """Mean log-probability of a choice, `(n,)`; that of a random choice for participants without choices."""
        return np.where(self.choices, self.log_likelihood / np.maximum(self.choices, 1), -np.log(self.offered))

    @property
    def pseudo_r2(self) -> Floats:
        """McFadden's pseudo-R squared, `(n,)`: 0 for chance, 1 for certainty; 0 for participants without choices."""
        return pseudo_r2(self.log_likelihood_per_choice, self.offered)

    @property
    def flags(self) -> list[str]:
        """Problems of each participant's fit, or `ok`."""
        return self.flags_of(self.contraction)

    def flags_of(self, contraction: Floats) -> list[str]:
        """Return problems of each participant's fit, or `ok`, given the contraction, `(n, d)`."""
        flags = []
        for choices, converged, shares in zip(self.choices, self.converged, contraction, strict=True):
            parameters = zip(self.model.parameters, shares, strict=True)
            flat = [name for name, share in parameters if share < MIN_CONTRACTION]
            problems = [] if choices else ["no choices"]
            problems += [] if converged else ["not converged"]
            problems += [f"flat: {', '.join(flat)}"] if flat and choices else []
            flags.append("; ".join(problems) or "ok")
        return flags

    @classmethod
    def join(cls, parts: Sequence[Fit], model: Model, names: tuple[str, ...]) -> Fit:
        """Join fits of one model to several parts of the participants.

        Args:
            parts: The fits.
            model: The model.
            names: Names of all participants.
        """
        arrays = ("log_likelihood", "choices", "converged", "agreeing")
        joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
        return replace(
            parts[0],
            model=model,
            names=names,
            unbounded=torch.cat([part.unbounded for part in parts]),
            precision=torch.cat([part.precision for part in parts]),
            **joined,
        )


def fit_individually(
    model: Model,
    choices: Choices,
    bayesian: bool = True,
    starts: int = 10,
    seed: int = 0,
    on_fitted: Callable[[int], None] = lambda _: None,
) -> Fit:
    """Fit a model to each participant, all participants and starts in parallel.

    The first start is the mean of the prior, the others are drawn from it. They are the same for every participant.

    Args:
        model: The model.
        choices: The choices of the participants.
        bayesian: Whether to use the prior.
        starts: Number of starts.
        seed: Seed of the starts.
        on_fitted: Called with the number of participants that have been fitted since the last call.

    Raises:
        InvalidInputError: If a participant has no choices and the prior is not used, or if the learner can't be fitted.
    """
    check_choices(choices, bayesian)
    fewest_missed = np.argsort(choices.missed.sum(axis=1), kind="stable")[:CHECKED_PARTICIPANTS]
    Likelihood(model, choices.take(fewest_missed)).check_gradients()
    begin = starting_points(model, starts, seed)
    parts = []
    size = max(1, BATCH_SIZE // starts)
    for first in range(0, len(choices), size):
        rows = slice(first, first + size)
        part = choices.take(rows)
        parts.append(fit_from(model.take(rows), part, begin.expand(len(part), -1, -1), bayesian))
        on_fitted(len(part))
    return Fit.join(parts, model, choices.names())


def starting_points(model: Model, starts: int, seed: int) -> Tensor:
    """Return the mean of the prior and draws from it, on the unbounded scale, `(starts, parameters)`."""
    z = generator(seed, Stream.FIT_STARTS).standard_normal((starts, len(model.parameters)))
    z[0] = 0
    return model.prior_mean + model.prior_sd * torch.from_numpy(z)


def fit_from(model: Model, choices: Choices, begin: Tensor, bayesian: bool = True, rounds: slice = ALL_ROUNDS) -> Fit:
    """Fit a model to each participant from given starts.

    Args:
        model: The model.
        choices: The choices of n participants.
        begin: Starts on the unbounded scale, `(n, starts, parameters)`.
        bayesian: Whether to use the prior.
        rounds: The rounds whose choices count.

    Raises:
        InvalidInputError: If the log-likelihood is not finite, or has no maximum.
    """
    n, starts, d = begin.shape
    likelihood = Likelihood(model, choices)

    def objective_of(rows: NDArray[np.int64]) -> Objective:
        log_likelihood = likelihood.of(rows // starts, rounds)
        prior = model.take(rows // starts)
        return (lambda x: log_likelihood(x) + prior.log_prior(x)) if bayesian else log_likelihood

    try:
        maxima = maximize(objective_of, begin.reshape(n * starts, d))
    except FloatingPointError:
        problem = "log-likelihood and derivatives must be finite for all parameters in the prior's range"
        raise InvalidInputError(f"model {model.name}", [problem]) from None
    value = maxima.value.reshape(n, starts)
    best = torch.arange(n) * starts + value.argmax(dim=1)
    unbounded = maxima.x[best]
    log_likelihood = maxima.value[best] - (model.log_prior(unbounded) if bayesian else 0)
    precision = -maxima.hessian[best]
    flat = (torch.linalg.eigvalsh(precision)[:, 0] <= MIN_CURVATURE).tolist() if bayesian else []
    if any(flat):
        names = [name for name, is_flat in zip(choices.names(), flat, strict=True) if is_flat]
        problem = f"found no maximum for participants {', '.join(names)}; try more starts or narrower priors"
        raise InvalidInputError(f"model {model.name}", [problem])
    return Fit(
        model=model,
        names=choices.names(),
        bayesian=bayesian,
        unbounded=unbounded,
        precision=precision,
        log_likelihood=log_likelihood.numpy(),
        choices=(~choices.missed)[:, rounds].sum(axis=1),
        offered=choices.game.offered,
        converged=maxima.converged[best.numpy()],
        agreeing=(value > value.max(dim=1, keepdim=True).values - OPTIMUM_TOLERANCE).sum(dim=1).numpy(),
        starts=starts,
    )


def check_choices(choices: Choices, bayesian: bool, subject: str = "data") -> None:
    """Check that choices can be fitted.

    Args:
        choices: The choices.
        bayesian: Whether a prior is used, so that participants without choices can be fitted, too.
        subject: Name of the choices, for messages.

    Raises:
        InvalidInputError: If there are no choices, or if participants without choices can't be fitted.
    """
    made = np.asarray((~choices.missed).any(axis=1))
    if not made.any():
        raise InvalidInputError(subject, ["must have at least one choice, got none"])
    if not bayesian and not made.all():
        problem = "must have made a choice for maximum likelihood; leave it out, or fit with a prior"
        names = [name for name, each in zip(choices.names(), made, strict=True) if not each]
        raise InvalidInputError(subject, [f"participant {name}: {problem}" for name in names])


def pseudo_r2(log_likelihood_per_choice: Any, offered: int) -> Any:
    """Compute McFadden's pseudo-R squared.

    Args:
        log_likelihood_per_choice: Mean log-probability of a choice.
        offered: Number of partners in each offer.
    """
    return 1 + log_likelihood_per_choice / np.log(offered)
