"""Split-half reliability of estimates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy import stats

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.individual import Z95, Fit, fit_from

FEWEST = 4
"""With fewer participants, a correlation has no interval."""


class Reliability(NamedTuple):
    """The reliability of the estimates of a parameter.

    Attributes:
        parameter: Name of the parameter.
        correlation: Correlation between participants of the estimates from both halves, on the unbounded scale.
        reliability: Reliability of the estimates from all rounds.
        low: Lower end of its 95% interval.
        high: Upper end.
        participants: Number of participants with choices in both halves.
    """

    parameter: str
    correlation: float
    reliability: float
    low: float
    high: float
    participants: int


def split_half(fit: Fit, choices: Choices) -> list[Reliability]:
    r"""Estimate each parameter from the odd and from the even rounds, and correlate both.

    In both halves, what a participant has learned comes from all rounds before a choice; only the choices are divided.
    With the correlation $r$ of the halves, the reliability of the whole is $2 r / (1 + r)$. The interval comes from
    that of $r$ on Fisher's z scale.

    Args:
        fit: A fit with a prior.
        choices: The choices to which the model was fitted.

    Returns:
        One for each parameter; NaN where a correlation or its interval is not defined.

    References:
        Spearman, C. (1910). Correlation calculated from faulty data. *British Journal of Psychology*, 3(3), 271-295.
    """
    begin = torch.stack([fit.unbounded, fit.model.prior_mean.expand_as(fit.unbounded)], dim=1)
    halves = [fit_from(fit.model, choices, begin, rounds=slice(first, None, 2)) for first in (0, 1)]
    known = (halves[0].choices > 0) & (halves[1].choices > 0)
    n = int(known.sum())
    found = []
    for j, parameter in enumerate(fit.model.parameters):
        one, other = (half.unbounded[known, j].numpy() for half in halves)
        varies = n >= FEWEST and min(one.std(), other.std()) > _ROUNDING
        r = float(stats.pearsonr(one, other).statistic) if varies else np.nan
        ends = np.tanh(np.arctanh(min(r, 1 - 1e-12)) + np.array([0, -Z95, Z95]) / np.sqrt(max(n - 3, 1)))
        whole, low, high = (_whole(float(each)) for each in ends)
        found.append(Reliability(parameter, r, whole, low, high, n))
    return found


_ROUNDING = 1e-6
"""Estimates that vary less are the same, such as those of the prior where there is no information."""


def _whole(half: float) -> float:
    """Spearman and Brown's formula; the reliability of halves that are negatively correlated is 0."""
    return half if np.isnan(half) else max(0.0, 2 * half / (1 + half))
