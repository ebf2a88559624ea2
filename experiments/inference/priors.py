"""Priors that are stated in the range of a parameter: Beta and Gamma distributions."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from scipy import special
from torch import Tensor

from accept_reject.agents.learner import NormalPrior


class BetaPrior(NamedTuple):
    """A Beta distribution over the range between two bounds.

    Attributes:
        a: The first parameter.
        b: The second parameter.
    """

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Mean of the logit of the position in the range."""
        return float(special.digamma(self.a) - special.digamma(self.b))

    @property
    def sd(self) -> float:
        """Its standard deviation."""
        return float(special.polygamma(1, self.a) + special.polygamma(1, self.b)) ** 0.5

    def log_density(self, unbounded: Tensor) -> Tensor:
        """Log-density of that logit, `(...)`."""
        log_p, log_q = torch.nn.functional.logsigmoid(unbounded), torch.nn.functional.logsigmoid(-unbounded)
        return self.a * log_p + self.b * log_q - float(special.betaln(self.a, self.b))


class GammaPrior(NamedTuple):
    """A Gamma distribution of the distance from a single bound.

    Attributes:
        a: The shape.
        scale: The scale.
    """

    a: float
    scale: float

    @property
    def mean(self) -> float:
        """Mean of the logarithm of the distance."""
        return float(special.digamma(self.a)) + math.log(self.scale)

    @property
    def sd(self) -> float:
        """Its standard deviation."""
        return float(special.polygamma(1, self.a)) ** 0.5

    def log_density(self, unbounded: Tensor) -> Tensor:
        """Log-density of that logarithm, `(...)`."""
        z = unbounded - math.log(self.scale)
        return self.a * z - z.exp() - math.lgamma(self.a)


Prior = NormalPrior | BetaPrior | GammaPrior
"""A prior of a parameter. Its mean, SD and log-density are on the unbounded scale."""
