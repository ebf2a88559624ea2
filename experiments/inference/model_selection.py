"""Random-effects Bayesian model selection: the frequency of each model in a population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

Floats = NDArray[np.float64]

SelectionPrior = Literal[1, "1/models"]
"""Prior count of each model: 1 as in SPM, or 1 over the number of models as in the VBA toolbox."""

_NEGLIGIBLE, _NODES = 1e-18, 4_001
"""Probability of the tails that are cut off, and number of nodes between them."""


DECIDED = 0.95
"""Evidence for a model is decisive if its protected exceedance probability is above this."""


@dataclass(frozen=True, eq=False)
class ModelSelection:
    """Result of model selection; arrays are `(models,)` unless stated otherwise.

    Attributes:
        prior: Prior counts of the Dirichlet distribution over model frequencies.
        alpha: Posterior counts.
        frequencies: Expected frequency of each model.
        exceedance: Probability that each model is the most frequent one.
        omnibus_risk: Bayesian omnibus risk: probability that all models are equally frequent.
        protected: Protected exceedance probabilities, which take the omnibus risk into account.
        responsibilities: Probability of each model given a participant's data, `(participants, models)`.
        iterations: Number of iterations.
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
    log_evidence: ArrayLike, prior: float = 1.0, tolerance: float = 1e-10, max_iterations: int = 1_000
) -> ModelSelection:
    r"""Select between models by random-effects Bayesian model selection.

    Participant $n$ uses model $k$ with probability $r_k$, and $r \sim \mathrm{Dirichlet}(\alpha_0)$. With the
    log-evidence $L_{nk}$, the variational posterior $\mathrm{Dirichlet}(\alpha)$ is a fixed point of

    $$g_{nk} \propto \exp\Big(L_{nk} + \psi(\alpha_k) - \psi\big(\textstyle\sum_j \alpha_j\big)\Big), \qquad
    \alpha_k = \alpha_0 + \sum_n g_{nk}$$

    (Stephan et al. 2009), which maximizes the free energy $F(\alpha)$. Fixed-point iterations always increase it, but
    can take thousands of steps if models have nearly equal evidence; after some of them, each step is one of Newton's
    method if that increases the free energy more. The exceedance probability of model $k$ is
    $\varphi_k = P(r_k > r_j \; \forall j \neq k)$. With the Bayesian omnibus risk $\mathrm{BOR}$, the probability of
    equal frequencies, the protected exceedance probability is

    $$\tilde\varphi_k = (1 - \mathrm{BOR}) \, \varphi_k + \mathrm{BOR} / K$$

    for $K$ models (Rigoux et al. 2014). Exceedance probabilities are exact given the Dirichlet distribution, which is a
    variational approximation.

    Args:
        log_evidence: Log-evidence of each model for each participant, `(participants, models)`.
        prior: Prior count $\alpha_0$ of each model; 1 as in SPM by default. The VBA toolbox uses 1 over the number of
            models.
        tolerance: The iterations end when no component of the gradient of the free energy is larger than this.
        max_iterations: Maximum number of iterations.

    Raises:
        ValueError: If an argument is invalid.
        RuntimeError: If the iterations don't converge.

    Examples:
        >>> import accept_reject as ar
        >>> log_evidence = [[-80.0, -84.0, -83.0], [-91.0, -93.0, -97.0], [-60.0, -58.5, -64.0], [-75.0, -79.0, -78.0]]
        >>> found = ar.select_models(log_evidence)
        >>> found.frequencies.round(2).tolist()
        [0.62, 0.23, 0.15]
        >>> found.exceedance.round(2).tolist()
        [0.86, 0.1, 0.04]
        >>> found.protected.round(2).tolist()
        [0.65, 0.2, 0.16]

    References:
        Stephan, K. E., Penny, W. D., Daunizeau, J., Moran, R. J., & Friston, K. J. (2009). Bayesian model selection for
        group studies. *NeuroImage*, 46(4), 1004-1017.
        [doi:10.1016/j.neuroimage.2009.03.025](https://doi.org/10.1016/j.neuroimage.2009.03.025)

        Rigoux, L., Stephan, K. E., Friston, K. J., & Daunizeau, J. (2014). Bayesian model selection for group studies:
        Revisited. *NeuroImage*, 84, 971-985.
        [doi:10.1016/j.neuroimage.2013.08.065](https://doi.org/10.1016/j.neuroimage.2013.08.065)
    """
    evidence = np.asarray(log_evidence, np.float64)
    if evidence.ndim != 2 or evidence.shape[1] < 2 or not len(evidence):
        raise ValueError(f"log_evidence must have the shape (participants, 2 or more models), got {evidence.shape}")
    if not np.isfinite(evidence).all():
        row, model = np.argwhere(~np.isfinite(evidence))[0]
        raise ValueError(
            f"log_evidence must be finite, got {evidence[row, model]} for participant {row} and model {model}"
        )
    models = evidence.shape[1]
    if not prior > 0:
        raise ValueError(f"prior must be a number > 0, got {prior}")
    start = np.full(models, float(prior))
    evidence = evidence - evidence.max(axis=1, keepdims=True)  # changes nothing below but rounding errors
    alpha, iterations = start, 0
    step = _Step.at(alpha, evidence, start)
    while np.abs(step.gradient).max() > tolerance:
        if iterations == max_iterations:
            size = np.abs(step.gradient).max()
            raise RuntimeError(f"not converged after {iterations} iterations: the gradient is still {size:.2g}")
        if iterations < _FIRST:
            alpha = alpha + step.residual
            step = _Step.at(alpha, evidence, start)
        else:
            alpha, step = _improved(alpha, step, evidence, start, follow=iterations < _FOLLOWED)
        iterations += 1
    responsibilities = step.responsibilities
    equal = float(special.logsumexp(evidence - np.log(models), axis=1).sum())
    risk = float(special.expit(equal - step.free_energy))  # Rigoux et al. (2014), eq. 7
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


@dataclass(frozen=True, eq=False)
class _Step:
    r"""The free energy at posterior counts $\alpha$, and its derivatives.

    With $e_k = \psi(\alpha_k) - \psi(\sum_j \alpha_j)$ and its Jacobian $J$, it is

    $$F(\alpha) = \sum_n \log \sum_k \exp(L_{nk} + e_k) - \mathrm{KL}(\mathrm{Dir}(\alpha) \| \mathrm{Dir}(\alpha_0)),
    \qquad \nabla F = J \, \Big(\alpha_0 + \textstyle\sum_n g_n - \alpha\Big).$$

    Attributes:
        free_energy: The free energy.
        residual: Change of the counts in a fixed-point iteration, `(models,)`.
        jacobian: The Jacobian $J$, `(models, models)`.
        responsibilities: Probability of each model given a participant's data, `(participants, models)`.
    """

    free_energy: float
    residual: Floats
    jacobian: Floats
    responsibilities: Floats

    @classmethod
    def at(cls, alpha: Floats, evidence: Floats, start: Floats) -> _Step:
        """Compute the free energy and its derivatives at some counts."""
        total = alpha.sum()
        log_share = special.digamma(alpha) - special.digamma(total)
        joint = evidence + log_share
        normalizer = special.logsumexp(joint, axis=1, keepdims=True)
        responsibilities = np.exp(joint - normalizer)
        divergence = (
            special.gammaln(total)
            - special.gammaln(start.sum())
            + (special.gammaln(start) - special.gammaln(alpha)).sum()
            + ((alpha - start) * log_share).sum()
        )
        return cls(
            free_energy=float(normalizer.sum() - divergence),
            residual=start + responsibilities.sum(axis=0) - alpha,
            jacobian=np.diag(special.polygamma(1, alpha)) - special.polygamma(1, total),
            responsibilities=responsibilities,
        )

    @property
    def gradient(self) -> Floats:
        """The gradient of the free energy, `(models,)`."""
        return self.jacobian @ self.residual

    def direction(self, alpha: Floats, follow: bool) -> Floats:
        """Return a step uphill in the logarithms of the counts, `(models,)`.

        It is the step of Newton's method. Where the free energy is not concave, such as around equal counts below 1, it
        is a long step in the direction of the fixed-point iteration if `follow` is true; if not, it is a step of
        Newton's method for the absolute curvatures, which leaves such regions faster but in another direction.
        """
        shares, total = self.responsibilities, alpha.sum()
        covariance = np.diag(shares.sum(axis=0)) - shares.T @ shares
        curvature = np.diag(special.polygamma(2, alpha) * self.residual)
        curvature -= special.polygamma(2, total) * self.residual.sum()
        hessian = self.jacobian @ (covariance @ self.jacobian - np.eye(len(alpha))) + curvature
        slope = alpha * self.gradient
        values, vectors = np.linalg.eigh(alpha[:, None] * hessian * alpha + np.diag(slope))
        if follow and values.max() >= 0:
            step: Floats = np.log1p(self.residual / alpha)
            return step * _LONGEST / np.abs(step).max()
        step = vectors @ (vectors.T @ slope / np.maximum(np.abs(values), np.finfo(float).tiny))
        return step * min(1.0, _LONGEST / np.abs(step).max())


_FIRST, _FOLLOWED = 16, 40
"""Number of fixed-point iterations, and of all steps in their direction, which decide between several maxima as other
software does."""

_LONGEST = 3.0
"""Largest change of the logarithm of a count in a step."""


def _improved(alpha: Floats, step: _Step, evidence: Floats, start: Floats, follow: bool) -> tuple[Floats, _Step]:
    """Return the counts after a fixed-point iteration, or after a longer step if it is better."""
    fixed_point = alpha + step.residual
    best = fixed_point, _Step.at(fixed_point, evidence, start)
    direction = step.direction(alpha, follow)
    for share in (1.0, 0.1, 0.01):
        counts = alpha * np.exp(share * direction)
        found = _Step.at(counts, evidence, start)
        rounding = 1e-12 * (1 + abs(found.free_energy))
        nearer = np.abs(found.gradient).max() < np.abs(best[1].gradient).max()
        if found.free_energy > best[1].free_energy + rounding:
            return counts, found
        if found.free_energy > best[1].free_energy - rounding and nearer:
            return counts, found
    return best


def exceedance_probabilities(alpha: ArrayLike) -> Floats:
    r"""Compute the probability that each share of a Dirichlet distribution is the largest, by numerical integration.

    Shares of a Dirichlet distribution are independent Gamma variables divided by their sum, so that

    $$\varphi_k = \int_0^\infty f_k(x) \prod_{j \neq k} F_j(x) \, dx$$

    with their densities $f$ and distribution functions $F$. As a function of $\log x$ the integrand is smooth and
    vanishes at both ends, where the trapezoidal rule converges exponentially.

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


def prior_count(prior: SelectionPrior, models: int) -> float:
    """Return the prior count of each model."""
    return 1.0 if prior == 1 else 1 / models
