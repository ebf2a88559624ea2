"""Random-effects Bayesian model selection: how frequent each model is in a population, and whether frequencies differ.

Stephan et al. (2009), NeuroImage 46, 1004-1017: variational Dirichlet posterior over model frequencies. Rigoux et al.
(2014), NeuroImage 84, 971-985: Bayesian omnibus risk and protected exceedance probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

Floats = NDArray[np.float64]

_NEGLIGIBLE, _NODES = 1e-18, 4_001
"""Probability at which tails are cut off, and nodes between them."""


@dataclass(frozen=True, eq=False)
class ModelSelection:
    """What the evidence of all participants tells of some models; arrays are `(models,)`.

    Attributes:
        prior: Prior counts, 1 for each model as in SPM, or 1 over the number of models as in the VBA toolbox.
        alpha: Posterior counts of the Dirichlet distribution over model frequencies.
        frequencies: Expected frequency of each model.
        exceedance: Probability that each model is the most frequent one.
        omnibus_risk: Probability that all models are equally frequent, so that differences are due to chance.
        protected: Exceedance probabilities, protected against that chance.
        responsibilities: Probability that each participant's data come from each model, `(participants, models)`.
        iterations: How many iterations it took.
    """

    prior: Floats
    alpha: Floats
    frequencies: Floats
    exceedance: Floats
    omnibus_risk: float
    protected: Floats
    responsibilities: Floats
    iterations: int


def select_models(
    log_evidence: ArrayLike, prior: float = 1.0, tolerance: float = 1e-10, most_iterations: int = 100_000
) -> ModelSelection:
    """Infer model frequencies from each participant's log-evidence of each model.

    Args:
        log_evidence: `(participants, models)`; only differences within a participant count, so any size will do.
        prior: Prior count of each model; 1 by default, as in SPM. The VBA toolbox takes 1 over the number of models.
        tolerance: It ends when the posterior counts move by less than this (Euclidean norm). SPM takes 1e-4.
        most_iterations: After so many iterations it gives up.

    Raises:
        ValueError: If the evidence is no table of finite numbers with two models or more, or the prior is not above 0.
        RuntimeError: If it has not converged.
    """
    evidence = np.asarray(log_evidence, np.float64)
    if evidence.ndim != 2 or evidence.shape[1] < 2 or not len(evidence):
        raise ValueError(f"log_evidence should have shape (participants, two or more models), but has {evidence.shape}")
    if not np.isfinite(evidence).all():
        row, model = np.argwhere(~np.isfinite(evidence))[0]
        raise ValueError(
            f"log_evidence should be finite, but is {evidence[row, model]} for participant {row}, model {model}"
        )
    models = evidence.shape[1]
    if not prior > 0:
        raise ValueError(f"prior should be above 0, but is {prior}")
    start = np.full(models, float(prior))
    alpha, moved, iterations = start, np.inf, 0
    while moved >= tolerance:
        if iterations == most_iterations:
            raise RuntimeError(f"not converged after {iterations} iterations: the counts still move by {moved:.2g}")
        log_share = special.digamma(alpha) - special.digamma(alpha.sum())
        responsibilities = special.softmax(evidence + log_share, axis=1)
        before, alpha = alpha, start + responsibilities.sum(axis=0)
        moved = float(np.linalg.norm(alpha - before))
        iterations += 1
    risk = _omnibus_risk(evidence, start, alpha)
    exceedance = exceedance_probabilities(alpha)
    return ModelSelection(
        prior=start,
        alpha=alpha,
        frequencies=alpha / alpha.sum(),
        exceedance=exceedance,
        omnibus_risk=risk,
        protected=(1 - risk) * exceedance + risk / models,
        responsibilities=responsibilities,
        iterations=iterations,
    )


def exceedance_probabilities(alpha: ArrayLike) -> Floats:
    """The probability that each share of a Dirichlet distribution is the greatest, by exact integration.

    Shares of a Dirichlet distribution are independent Gamma variables over their sum, so that this is the probability
    that each Gamma variable is the greatest: the integral of its density times the others' distribution functions. Over
    the variable's logarithm the integrand is smooth and vanishes at both ends, where the trapezoidal rule converges
    exponentially.

    Args:
        alpha: Parameters of the Dirichlet distribution, `(models,)`.
    """
    alpha = np.asarray(alpha, np.float64)
    found = []
    for k, a in enumerate(alpha):
        lowest = (np.log(_NEGLIGIBLE) + special.gammaln(a + 1)) / a  # P(a, x) <= x ** a / Gamma(a + 1)
        log_x = np.linspace(lowest, np.log(special.gammainccinv(a, _NEGLIGIBLE)), _NODES)
        x = np.exp(log_x)
        density = np.exp(a * log_x - x - special.gammaln(a))
        others_below = np.prod([special.gammainc(other, x) for other in np.delete(alpha, k)], axis=0)
        found.append(integrate.trapezoid(density * others_below, log_x))
    return np.array(found) / np.sum(found)


def _omnibus_risk(evidence: Floats, start: Floats, alpha: Floats) -> float:
    """Bayesian omnibus risk: the probability of equal frequencies against that of any (Rigoux et al. 2014, eq. 7)."""
    equal = float(special.logsumexp(evidence - np.log(evidence.shape[1]), axis=1).sum())
    log_share = special.digamma(alpha) - special.digamma(alpha.sum())
    responsibilities = special.softmax(evidence + log_share, axis=1)
    log_joint = (
        special.gammaln(start.sum())
        - special.gammaln(start).sum()
        + ((start - 1) * log_share).sum()
        + (responsibilities * (evidence + log_share)).sum()
    )
    entropy_of_shares = special.gammaln(alpha).sum() - special.gammaln(alpha.sum()) - ((alpha - 1) * log_share).sum()
    entropy_of_models = special.entr(responsibilities).sum()
    different = log_joint + entropy_of_shares + entropy_of_models
    return float(special.expit(equal - different))
