"""Priors of a group.

That of full posteriors is weakly informative: the mean of each parameter has the prior of a participant's parameter;
slopes of covariates are Normal around 0 with the same SD; group SDs are half-Normal with the same SD; and correlation
matrices have the LKJ(2) distribution. That of hierarchical fits only keeps group SDs away from 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import CorrCholeskyTransform, HalfNormal, LKJCholesky, Normal

from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.marginal import LogDensity
from accept_reject.experiments.inference.model import Model

CONCENTRATION = 2.0
"""Concentration of the LKJ prior of correlation matrices; with 2, correlations near -1 and 1 are improbable."""


def hyperprior(model: Model, design: Design) -> LogDensity:
    """Return the log-density of the prior of the group's coordinates, with or without correlations.

    Args:
        model: The model, with the prior of a participant's parameters.
        design: The design.
    """
    d = len(model.parameters)
    center = torch.zeros(len(design.groups) + len(design.covariates), d, dtype=torch.float64)
    center[: len(design.groups)] = model.prior_mean
    means: Any = Normal(center, model.prior_sd)
    sds: Any = HalfNormal(model.prior_sd)
    to_factor: Any = CorrCholeskyTransform()

    def log_density(coordinates: Tensor) -> Tensor:
        coefficients, log_sd, rest = design.split(coordinates, d)
        total = means.log_prob(coefficients).sum(dim=(-2, -1)) + (sds.log_prob(log_sd.exp()) + log_sd).sum(dim=(-2, -1))
        if rest.shape[-1]:
            factor = to_factor(rest)
            lkj: Any = LKJCholesky(d, CONCENTRATION)
            total = total + lkj.log_prob(factor) + to_factor.log_abs_det_jacobian(rest, factor)
        return torch.as_tensor(total)

    return log_density


def boundary_avoiding(model: Model, design: Design) -> LogDensity:
    """Return the log-density of a prior of the group's coordinates that is flat but for the group SDs.

    Each SD has a gamma distribution of shape 2 with its mode at the SD of the model's own prior. Without it, the SD
    with the largest likelihood is 0 in a fifth of studies with 30 participants, and intervals of means and slopes are
    much too short then.

    References:
        Chung, Y., Rabe-Hesketh, S., Dorie, V., Gelman, A., & Liu, J. (2013). A nondegenerate penalized likelihood
        estimator for variance parameters in multilevel models. *Psychometrika*, 78(4), 685-709.
        [doi:10.1007/s11336-013-9328-2](https://doi.org/10.1007/s11336-013-9328-2)
    """
    d = len(model.parameters)

    def log_density(coordinates: Tensor) -> Tensor:
        log_sd = design.split(coordinates, d)[1]
        return (log_sd - log_sd.exp() / model.prior_sd).sum(dim=(-2, -1))

    return log_density
