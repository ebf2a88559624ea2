r"""Mixed-effects logistic regression: effects that vary between participants.

The probability of $y_{it} = 1$ for participant $i$ is the logistic function of $x_{it}^\top (\beta + \sigma \odot v_i)$
with $v_i \sim \mathcal N(0, I)$: each effect has a mean $\beta_k$ and a standard deviation $\sigma_k$ between
participants. Both maximize the likelihood with the integrals over $v_i$ by the Laplace approximation, as in `glmer` of
lme4 with the formula `y ~ x + (x || participant)`:

$$\log L = \sum_i \ell_i(\hat v_i) - \tfrac12 \hat v_i^\top \hat v_i - \tfrac12 \log \det H_i, \qquad
H_i = I + S X_i^\top W_i X_i S,$$

with the mode $\hat v_i$, $S = \operatorname{diag} \sigma$, and the variances $W_i$ of the answers at the mode.

Bates, D., Mächler, M., Bolker, B., & Walker, S. (2015). Fitting linear mixed-effects models using lme4. *Journal of
Statistical Software*, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import optimize, stats
from torch import Tensor

_NEWTON_STEPS, _TOLERANCE = 50, 1e-10
_LARGEST_STEP = 5.0
"""Longest step of Newton's method, in standard deviations."""

_LARGEST_GRADIENT = 1e-3
"""With a larger gradient of the log-likelihood at the end, the maximum was not found."""


def mixed_logit(answers: NDArray[np.bool_], predictors: pd.DataFrame, groups: NDArray[np.integer]) -> pd.DataFrame:
    """Fit a mixed-effects logistic regression.

    Args:
        answers: The answers, `(rows,)`.
        predictors: The predictors, a column for each, with a constant if there is to be an intercept.
        groups: The participant of each row, `(rows,)`.

    Returns:
        A row for each predictor with `estimate` (mean of the effect in log odds), `se`, `z`, `p`, the 95% interval
        `low`, `high`, and `sd`, the standard deviation of the effect between participants. NaN if the model can't be
        estimated: predictors are collinear, answers are separated, or there is only one participant.
    """
    columns = ["estimate", "se", "z", "p", "low", "high", "sd"]
    found = pd.DataFrame(np.nan, index=predictors.columns, columns=columns)
    x = predictors.to_numpy(np.float64)
    d = x.shape[1]
    players, at = np.unique(groups, return_inverse=True)
    if len(players) < 2 or len(x) <= d or np.linalg.matrix_rank(x) < d or len(np.unique(answers)) < 2:
        return found
    objective = _Laplace(answers, x, at)
    start = np.concatenate([np.zeros(d), np.full(d, 0.5)])
    fit = optimize.minimize(objective, start, jac=True, method="BFGS", options={"gtol": _LARGEST_GRADIENT / 10})
    hessian = torch.autograd.functional.hessian(objective.value, torch.from_numpy(fit.x)).numpy()  # type: ignore[no-untyped-call]
    used = np.concatenate([np.ones(d, bool), np.abs(fit.x[d:]) > 1e-3])  # at 0, the likelihood may be flat
    curvature = hessian[np.ix_(used, used)]
    if not np.abs(fit.jac).max() < _LARGEST_GRADIENT or not np.linalg.eigvalsh(curvature)[0] > 1e-8:
        return found
    estimate, se = fit.x[:d], np.sqrt(np.diag(np.linalg.inv(curvature)))[:d]
    z = estimate / se
    reach = stats.norm.ppf(0.975) * se
    values = [estimate, se, z, 2 * stats.norm.sf(np.abs(z)), estimate - reach, estimate + reach, np.abs(fit.x[d:])]
    found[:] = np.stack(values, axis=1)
    return found


class _Laplace:
    """The negative log-likelihood of means and standard deviations, with its derivatives."""

    def __init__(self, answers: NDArray[np.bool_], x: NDArray[np.float64], player: NDArray[np.integer]) -> None:
        n, d = int(player.max()) + 1, x.shape[1]
        place = pd.Series(player).groupby(player).cumcount().to_numpy()
        shape = (n, int(place.max()) + 1)
        padded_x, padded_y = np.zeros((*shape, d)), np.full(shape, 0.5)
        padded_x[player, place], padded_y[player, place] = x, answers
        self.padding = float(shape[0] * shape[1] - len(x)) * np.log(0.5)  # rows of zeros have the probability 1/2
        self.x, self.y = torch.from_numpy(padded_x), torch.from_numpy(padded_y)
        self.mode = torch.zeros(n, d, dtype=torch.float64)

    def __call__(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        at = torch.from_numpy(theta).requires_grad_()
        value = self.value(at)
        (gradient,) = torch.autograd.grad(value, at)
        return float(value.detach()), gradient.numpy()

    def value(self, theta: Tensor) -> Tensor:
        """The negative log-likelihood, from `(2 d,)`, twice differentiable."""
        with torch.no_grad():
            mode = self.mode
            for _ in range(_NEWTON_STEPS):
                step = self._step(theta, mode)
                mode = mode + step.clamp(-_LARGEST_STEP, _LARGEST_STEP)
                if step.abs().max() < _TOLERANCE:
                    break
            self.mode = mode
        # Derivatives of the mode: a step of Newton's method from it is exact to first order, two to third order.
        for _ in range(2):
            mode = mode + self._step(theta, mode)
        eta, curvature, _ = self._parts(theta, mode)
        likelihood = (self.y * eta - torch.nn.functional.softplus(eta)).sum() - self.padding
        return -(likelihood - (mode**2).sum() / 2 - torch.linalg.slogdet(curvature).logabsdet.sum() / 2)

    def _parts(self, theta: Tensor, mode: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The linear predictor, `(n, m)`, the curvature of a participant's log-density, and its gradient."""
        d = self.mode.shape[1]
        mean, sd = theta[:d], theta[d:]
        eta = (self.x * (mean + sd * mode)[:, None]).sum(dim=-1)
        p = torch.sigmoid(eta)
        scaled = self.x * sd
        curvature = torch.eye(d, dtype=torch.float64) + torch.einsum("nmi,nm,nmj->nij", scaled, p * (1 - p), scaled)
        gradient = torch.einsum("nmi,nm->ni", scaled, self.y - p) - mode
        return eta, curvature, gradient

    def _step(self, theta: Tensor, mode: Tensor) -> Tensor:
        _, curvature, gradient = self._parts(theta, mode)
        return torch.linalg.solve(curvature, gradient[..., None])[..., 0]
