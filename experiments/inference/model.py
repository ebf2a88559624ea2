"""Models: a learner with the parameters to estimate and their priors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.learner import Learner, NormalPrior
from accept_reject.experiments.inference.priors import Prior


@dataclass(frozen=True, eq=False)
class Model:
    r"""A learner with the parameters to estimate and their priors.

    Parameters are estimated on an *unbounded* scale, on which priors are Normal by default. A parameter $\theta$ with
    the unbounded value $x$ is

    $$\theta = l + \frac{h - l}{1 + e^{-x}}, \qquad \theta = l + e^x, \qquad \theta = h - e^x, \qquad \theta = x$$

    with two bounds $l$ and $h$, a lower bound, an upper bound, and no bounds.

    Attributes:
        name: Name in tables and figures.
        learner: Class of the learner.
        priors: Prior of each parameter to estimate.
        fixed: Values of other parameters; the rest have the learner's defaults.
        in_range: Whether estimates are modes of the density of the parameters in their own ranges. Modes depend on the
            scale; by default they are those on the unbounded scale.
        prior_of_each: Means and standard deviations of the prior of each participant, `(participants, parameters)`, on
            the unbounded scale, if it depends on the participant.
    """

    name: str
    learner: type[Learner]
    priors: Mapping[str, Prior]
    fixed: Mapping[str, float]
    in_range: bool = False
    prior_of_each: tuple[Tensor, Tensor] | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters to estimate, in the order of the last axis of all arrays of parameters."""
        return tuple(self.priors)

    @property
    def prior_mean(self) -> Tensor:
        """Mean of the prior on the unbounded scale, `(parameters,)`."""
        return torch.tensor([prior.mean for prior in self.priors.values()], dtype=torch.float64)

    @property
    def prior_sd(self) -> Tensor:
        """Standard deviation of the prior on the unbounded scale, `(parameters,)`."""
        return torch.tensor([prior.sd for prior in self.priors.values()], dtype=torch.float64)

    def take(self, rows: NDArray[np.int64] | slice) -> Model:
        """Return the model with the priors of some participants, by their indices, which may repeat."""
        if self.prior_of_each is None:
            return self
        mean, sd = self.prior_of_each
        return replace(self, prior_of_each=(mean[rows], sd[rows]))

    def log_prior(self, unbounded: Tensor) -> Tensor:
        """Compute the log-density of the prior at points on the unbounded scale; that in the ranges if `in_range`.

        Args:
            unbounded: `(..., parameters)`; the first axis is that of the participants if their priors differ.

        Returns:
            `(...)`.
        """
        if not all(isinstance(prior, NormalPrior) for prior in self.priors.values()) or self.in_range:
            columns = zip(self.priors.values(), unbounded.unbind(-1), strict=True)
            density = torch.stack([prior.log_density(column) for prior, column in columns]).sum(dim=0)
            return density - self.log_slope(unbounded) if self.in_range else density
        mean, sd = self.prior_mean, self.prior_sd
        if self.prior_of_each is not None:
            shape = (-1, *[1] * (unbounded.ndim - 2), unbounded.shape[-1])
            mean, sd = (each.reshape(shape) for each in self.prior_of_each)
        z = (unbounded - mean) / sd
        return -(z**2 / 2 + sd.log() + math.log(2 * math.pi) / 2).sum(dim=-1)

    def log_slope(self, unbounded: Tensor) -> Tensor:
        """Compute the log-determinant of the derivatives of `constrain`, `(...)`, from `(..., parameters)`."""
        known = self.learner.free_parameters()
        columns = zip(self.priors, unbounded.unbind(-1), strict=True)
        return torch.stack([known[name].log_slope(column) for name, column in columns]).sum(dim=0)

    def constrain(self, unbounded: Tensor) -> Tensor:
        """Map parameters from the unbounded scale to their ranges; both `(..., parameters)`."""
        known = self.learner.free_parameters()
        columns = zip(self.priors, unbounded.unbind(-1), strict=True)
        return torch.stack([known[name].constrain(column) for name, column in columns], dim=-1)

    def agent(self, unbounded: Tensor) -> Learner:
        """Create the learner with parameters for each of n players, `(n, parameters)` on the unbounded scale."""
        return self.learner(**self.fixed, **dict(zip(self.priors, self.constrain(unbounded).unbind(-1), strict=True)))
