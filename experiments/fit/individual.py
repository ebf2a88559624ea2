"""Fits of each participant by itself: maximum a posteriori with Laplace's evidence, or maximum likelihood."""

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
from accept_reject.envs.episodes import generator
from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.fit.likelihood import FEW, Likelihood
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.fit.newton import Objective, maximise

Floats = NDArray[np.float64]

ROWS_AT_ONCE = 2_000
"""Participants times starts that climb together: more need more memory and are no faster."""

FLAT = 0.1
"""A parameter is flat where the choices take away less than this share of its prior variance."""

SAME = 1e-6
"""Optima whose objectives differ by less than this are the same one."""

Z95 = float(stats.norm.ppf(0.975))
"""How many standard deviations to both sides of the mean hold 95% of a Normal distribution."""

STRAIGHT = 1e-9
"""An objective whose curvature along an axis is less than this does not bend there."""

_START_LUCK = 4


@dataclass(frozen=True, eq=False)
class Fit:
    """One model fitted to n participants with d parameters each.

    Attributes:
        model: The model; its prior is the one that was used, or under maximum likelihood the one that was not.
        names: The participants' names.
        bayesian: Whether the prior counts: maximum a posteriori, not maximum likelihood.
        free: The estimates in free space, `(n, d)`.
        precision: The objective's curvature there, minus its Hessian, `(n, d, d)`.
        log_likelihood: Of all choices of each participant at its estimate, `(n,)`.
        choices: How many choices each participant made, `(n,)`.
        offered: How many partners were offered at a time.
        converged: Whether the best start converged, `(n,)`.
        agreeing: How many of the starts found the best optimum, `(n,)`.
        starts: How many starts there were.
    """

    model: Model
    names: tuple[str, ...]
    bayesian: bool
    free: Tensor
    precision: Tensor
    log_likelihood: Floats
    choices: NDArray[np.int64]
    offered: int
    converged: NDArray[np.bool_]
    agreeing: NDArray[np.int64]
    starts: int

    @property
    def estimates(self) -> Floats:
        """The estimates in the parameters' own ranges, `(n, d)`."""
        return self.model.constrain(self.free).numpy()

    @cached_property
    def covariance(self) -> Tensor:
        """Covariance of the estimates in free space by Laplace's approximation, `(n, d, d)`.

        Under maximum likelihood the objective may not bend in some direction: what lies along it does not count here.
        """
        bend, axes = torch.linalg.eigh(self.precision)
        return (axes * torch.where(bend > STRAIGHT, 1 / bend, 0.0)[:, None, :]) @ axes.mT

    @cached_property
    def free_sd(self) -> Floats:
        """Standard deviation of each estimate in free space, `(n, d)`; infinite where the objective does not bend."""
        bend, axes = torch.linalg.eigh(self.precision)
        loose = ((axes**2) * (bend <= STRAIGHT)[:, None, :]).sum(dim=-1) > STRAIGHT
        return torch.where(loose, torch.inf, self.covariance.diagonal(dim1=-2, dim2=-1).sqrt()).numpy()

    def interval(self) -> tuple[Floats, Floats]:
        """95% intervals of the estimates, by Laplace's approximation in free space, `(n, d)` each.

        Where the objective does not bend, an interval is the whole range of the parameter.
        """
        sd = torch.from_numpy(np.minimum(self.free_sd, 1e3))  # beyond that, the ends of every range are reached
        low, high = (self.model.constrain(self.free + z * sd).numpy() for z in (-Z95, Z95))
        return low, high

    @property
    def laplace_mean(self) -> Floats:
        """Posterior means of the parameters in their own ranges under Laplace's approximation, `(n, d)`."""
        z, weight = np.polynomial.hermite_e.hermegauss(32)
        sd = torch.from_numpy(self.free_sd)
        values = self.model.constrain(self.free + sd * torch.from_numpy(z)[:, None, None]).numpy()
        return np.tensordot(weight / weight.sum(), values, axes=1)

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Parameters in free space drawn from each participant's posterior under Laplace's approximation, `(n, d)`.

        Under maximum likelihood there is no posterior: it gives the estimates.
        """
        if not self.bayesian:
            return self.free
        z = torch.from_numpy(rng.standard_normal(self.free.shape))
        return self.free + (torch.linalg.cholesky(self.covariance) @ z[..., None])[..., 0]

    @property
    def learned(self) -> Floats:
        """The share of a parameter's prior variance that the choices take away, `(n, d)`: 0 if they tell nothing.

        Under maximum likelihood, the share that they would take away.
        """
        prior, found = self.model.prior_sd.numpy() ** 2, self.free_sd**2
        if self.bayesian:
            return np.clip(1 - found / prior, 0, 1)
        return prior / (prior + found)

    @property
    def log_prior(self) -> Floats:
        """Log-density of the prior at the estimates, in free space, `(n,)`."""
        return self.model.log_prior(self.free).numpy()

    @property
    def log_evidence(self) -> Floats:
        """Laplace's approximation to the log-evidence, `(n,)`; for fits with a prior only."""
        assert self.bayesian
        d = self.free.shape[1]
        log_volume = d / 2 * math.log(2 * math.pi) - torch.linalg.slogdet(self.precision)[1].numpy() / 2
        return self.log_likelihood + self.log_prior + log_volume

    @property
    def aic(self) -> Floats:
        """Akaike's information criterion at the estimates, `(n,)`; lower is better."""
        return 2 * self.free.shape[1] - 2 * self.log_likelihood

    @property
    def bic(self) -> Floats:
        """The Bayesian information criterion at the estimates, `(n,)`; lower is better."""
        return self.free.shape[1] * np.log(np.maximum(self.choices, 1)) - 2 * self.log_likelihood

    @property
    def log_likelihood_per_choice(self) -> Floats:
        """Mean log-probability of a choice, `(n,)`; that of chance for a participant without choices."""
        return np.where(self.choices, self.log_likelihood / np.maximum(self.choices, 1), -np.log(self.offered))

    @property
    def pseudo_r2(self) -> Floats:
        """McFadden's pseudo-R squared, `(n,)`: 0 for chance, 1 for certainty; 0 for a participant without choices."""
        return pseudo_r2(self.log_likelihood_per_choice, self.offered)

    @property
    def flags(self) -> list[str]:
        """What is wrong with each participant's fit, or `ok`."""
        found = []
        for i in range(len(self.names)):
            flat = [name for name, share in zip(self.model.parameters, self.learned[i], strict=True) if share < FLAT]
            said = [] if self.choices[i] else ["no choices"]
            said += [] if self.converged[i] else ["not converged"]
            said += [f"flat: {', '.join(flat)}"] if flat and self.choices[i] else []
            found.append("; ".join(said) or "ok")
        return found

    @classmethod
    def join(cls, parts: Sequence[Fit], names: tuple[str, ...]) -> Fit:
        """Fits of one model to several groups of participants, side by side, with the names of all of them."""
        arrays = ("log_likelihood", "choices", "converged", "agreeing")
        joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
        return replace(
            parts[0],
            names=names,
            free=torch.cat([part.free for part in parts]),
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
    """Fit a model to each participant, all participants and starts side by side.

    The first start is the mean of the prior, the others are drawn from it; they are the same for every participant.

    Args:
        model: The model.
        choices: The participants' choices.
        bayesian: Whether the prior counts.
        starts: How many starts.
        seed: Seed of the starts.
        on_fitted: Is told how many participants more have been fitted.

    Raises:
        InvalidInputError: If a participant has no choices and no prior to go by, or the learner can't be fitted.
    """
    check_choices(choices, bayesian)
    busiest = np.argsort(choices.missed.sum(axis=1), kind="stable")[:FEW]  # who made no choice tells of no gradient
    Likelihood(model, choices.take(busiest)).check_gradients()
    begin = starting_points(model, starts, seed)
    parts = []
    at_once = max(1, ROWS_AT_ONCE // starts)
    for first in range(0, len(choices), at_once):
        part = choices.take(slice(first, first + at_once))
        parts.append(fit_from(model, part, begin.expand(len(part), -1, -1), bayesian))
        on_fitted(len(part))
    return Fit.join(parts, choices.names())


def starting_points(model: Model, starts: int, seed: int) -> Tensor:
    """Where optima are looked for in free space, `(starts, parameters)`: at the prior's mean, and at draws from it."""
    z = generator(seed, _START_LUCK).standard_normal((starts, len(model.parameters)))
    z[0] = 0
    return model.prior_mean + model.prior_sd * torch.from_numpy(z)


def fit_from(model: Model, choices: Choices, begin: Tensor, bayesian: bool = True) -> Fit:
    """Fit a model to each participant from given starts.

    Args:
        model: The model.
        choices: The choices of n participants.
        begin: Starts in free space, `(n, starts, parameters)`.
        bayesian: Whether the prior counts.
    """
    n, starts, d = begin.shape
    likelihood = Likelihood(model, choices)

    def objective_of(rows: NDArray[np.int64]) -> Objective:
        log_likelihood = likelihood.of(rows // starts)
        return (lambda x: log_likelihood(x) + model.log_prior(x)) if bayesian else log_likelihood

    try:
        maxima = maximise(objective_of, begin.reshape(n * starts, d))
    except FloatingPointError:
        fault = "the log-likelihood or its derivatives are no finite numbers at some parameters that the prior allows"
        raise InvalidInputError(f"model {model.name}", [fault]) from None
    value = maxima.value.reshape(n, starts)
    best = torch.arange(n) * starts + value.argmax(dim=1)
    free = maxima.x[best]
    log_likelihood = maxima.value[best] - (model.log_prior(free) if bayesian else 0)
    precision = -maxima.hessian[best]
    lost = (torch.linalg.eigvalsh(precision)[:, 0] <= STRAIGHT).tolist() if bayesian else []
    if any(lost):
        nobody = [name for name, is_lost in zip(choices.names(), lost, strict=True) if is_lost]
        fault = f"no maximum was found for participants {', '.join(nobody)}; more starts or narrower priors may help"
        raise InvalidInputError(f"model {model.name}", [fault])
    return Fit(
        model=model,
        names=choices.names(),
        bayesian=bayesian,
        free=free,
        precision=precision,
        log_likelihood=log_likelihood.numpy(),
        choices=(~choices.missed).sum(axis=1),
        offered=choices.game.offered,
        converged=maxima.converged[best.numpy()],
        agreeing=(value > value.max(dim=1, keepdim=True).values - SAME).sum(dim=1).numpy(),
        starts=starts,
    )


def check_choices(choices: Choices, bayesian: bool, subject: str = "data") -> None:
    """Refuse choices that can't be fitted.

    Args:
        choices: The choices.
        bayesian: Whether a prior counts, which fits those who made no choice.
        subject: What a message calls them.

    Raises:
        InvalidInputError: If nobody made a choice, or somebody did not and there is no prior; with every name.
    """
    made = (~choices.missed).sum(axis=1) > 0
    if not made.any():
        raise InvalidInputError(subject, ["nobody made a choice"])
    if not bayesian and not made.all():
        fault = "made no choice: maximum likelihood has nothing to go by; leave them out, or fit with a prior"
        nobody = [name for name, each in zip(choices.names(), made, strict=True) if not each]
        raise InvalidInputError(subject, [f"participant {name} {fault}" for name in nobody])


def pseudo_r2(log_likelihood_per_choice: Any, offered: int) -> Any:
    """McFadden's pseudo-R squared, from the mean log-probability of a choice and how many partners were offered."""
    return 1 + log_likelihood_per_choice / np.log(offered)
