"""Models: a learner some of whose parameters are estimated, and what is expected of them beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from accept_reject.agents.learner import Learner, NormalPrior


@dataclass(frozen=True, eq=False)
class Model:
    """A learner some of whose parameters are estimated.

    Estimation moves in *free* space, where every parameter may be any number; a parameter's link takes it to its range:
    logistic between two bounds, `exp` above one, none without bounds.

    Attributes:
        name: What tables and figures call it.
        learner: The learner.
        priors: A Normal prior in free space for each parameter that is estimated, by name.
        fixed: Values of other parameters; those not named have the learner's defaults.
    """

    name: str
    learner: type[Learner]
    priors: Mapping[str, NormalPrior]
    fixed: Mapping[str, float]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that are estimated, in the order of the last axis of free space."""
        return tuple(self.priors)

    @property
    def prior_mean(self) -> Tensor:
        """Mean of the prior in free space, `(parameters,)`."""
        return torch.tensor([prior.mean for prior in self.priors.values()], dtype=torch.float64)

    @property
    def prior_sd(self) -> Tensor:
        """Standard deviation of the prior in free space, `(parameters,)`."""
        return torch.tensor([prior.sd for prior in self.priors.values()], dtype=torch.float64)

    def log_prior(self, free: Tensor) -> Tensor:
        """Log-density of the prior in free space, `(...)` for points `(..., parameters)`."""
        z = (free - self.prior_mean) / self.prior_sd
        return -(z**2 / 2 + self.prior_sd.log() + math.log(2 * math.pi) / 2).sum(dim=-1)

    def constrain(self, free: Tensor) -> Tensor:
        """Take parameters from free space to their ranges; `(..., parameters)` both."""
        known = self.learner.free_parameters()
        return torch.stack([known[name].constrain(x) for name, x in zip(self.priors, free.unbind(-1), strict=True)], -1)

    def agent(self, free: Tensor) -> Learner:
        """The learner with parameters of its own for each player, `(n, parameters)` in free space."""
        return self.learner(**self.fixed, **dict(zip(self.priors, self.constrain(free).unbind(-1), strict=True)))
