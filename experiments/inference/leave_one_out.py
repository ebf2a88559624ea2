"""Leave-one-participant-out cross-validation of hierarchical models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from accept_reject.experiments.inference import sampling

Floats = NDArray[np.float64]

MAX_PARETO_K = 0.7
"""Participants whose weights in leave-one-out have a larger shape of their tail are flagged (Vehtari et al. 2024)."""


def leave_one_out(log_weight: Floats, log_likelihood: Floats) -> tuple[Floats, Floats]:
    """Compute the log-probability of each participant's choices given those of all others.

    With the participant's own parameters integrated out, its choices change the posterior of the group only little, so
    that draws of the group given all participants can be reweighted. Weights are smoothed (Vehtari et al. 2024).

    Args:
        log_weight: Log-weights of draws of the group, `(draws,)`.
        log_likelihood: Marginal log-likelihood of each participant given each draw, `(draws, n)`.

    Returns:
        Log-probabilities, `(n,)`, and the shapes of the tails of the weights, `(n,)`.
    """
    found, known = [], np.isfinite(log_weight)
    log_weight, log_likelihood = log_weight[known], log_likelihood[known]
    for each in log_likelihood.T:
        weights, pareto_k = sampling.smoothed(log_weight - each)
        found.append((special.logsumexp(weights + each) - special.logsumexp(weights), pareto_k))
    log_predictive, shapes = np.array(found).T
    return log_predictive, shapes
