"""Full posteriors by the No-U-Turn sampler, for models with too many parameters for a grid.

The sampler is NumPyro's. The log-density and its gradient are computed by torch, like all likelihoods, and called from
JAX; all chains are evaluated together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.individual import Fit
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.marginal import LogDensity, inverse_correlations
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.quadrature import MAX_PARAMETERS

Floats = NDArray[np.float64]

CHAINS, WARMUP, DRAWS = 4, 300, 700
"""Number of chains, and of draws in each during and after the adaptation of the sampler."""

_FARTHEST = 50.0
"""Points with a larger standardized variable count as impossible."""


@dataclass(frozen=True, eq=False)
class NutsDraws:
    """Draws of k coordinates of a group and of the d parameters of its n participants.

    Attributes:
        coordinates: `(CHAINS, DRAWS, k)`.
        unbounded: Parameters on the unbounded scale, `(CHAINS, DRAWS, n, d)`.
        divergences: Number of divergent transitions.
    """

    coordinates: Floats
    unbounded: Floats
    divergences: int


def available() -> bool:
    """Return whether NumPyro is installed."""
    try:
        import numpyro  # noqa: F401
    except ImportError:
        return False
    return True


def require(model: Model) -> None:
    """Check that NumPyro is installed.

    Raises:
        InvalidInputError: If not.
    """
    if not available():
        problem = (
            f"method bayes needs NumPyro for models with more than {MAX_PARAMETERS} parameters, got "
            f"{len(model.parameters)}: pip install 'accept-reject[nuts]', or use method hierarchical"
        )
        raise InvalidInputError(f"model {model.name}", [problem])


def sample(
    fit: Fit,
    choices: Choices,
    design: Design,
    log_prior: LogDensity,
    mode: Floats,
    covariance: Floats,
    seed: int,
    on_drawn: Callable[[int], None] = lambda _: None,
) -> NutsDraws:
    """Draw from the joint posterior of a group and its participants.

    Variables are standardized: the group's coordinates by their covariance, and each participant's parameters by their
    approximate distribution given the group. Chains begin near the mode.

    Args:
        fit: Fits of the participants at the mode of the group.
        choices: The choices of the participants.
        design: How the group depends on properties of the participants.
        log_prior: The prior of the group's coordinates.
        mode: The mode of the group, with correlations, `(k,)`.
        covariance: Approximate covariance of the group's coordinates, `(k, k)`.
        seed: Seed of the sampler.
        on_drawn: Called with the number of draws in each chain since the last call.
    """
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)  # callbacks run in a thread of their own, where a context would not hold
    try:
        return _run(_Joint(fit, choices, design, log_prior, mode, covariance), seed, on_drawn)
    finally:
        jax.config.update("jax_enable_x64", before)


def _run(joint: _Joint, seed: int, on_drawn: Callable[[int], None]) -> NutsDraws:
    """Run all chains; NumPyro is installed."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer import NUTS

    shape: Any = jax.ShapeDtypeStruct
    shapes = shape((), jnp.float64), shape((joint.size,), jnp.float64)

    def forward(x: Any) -> Any:
        return jax.pure_callback(joint, shapes, x, vmap_method="expand_dims")

    potential: Any = jax.custom_vjp(lambda x: forward(x)[0])
    potential.defvjp(forward, lambda gradient, upstream: (upstream * gradient,))
    kernel = NUTS(potential_fn=potential)
    begin = np.random.default_rng(seed).uniform(-0.5, 0.5, (CHAINS, joint.size))
    keys = jax.random.split(jax.random.PRNGKey(seed % 2**32), CHAINS)
    state: Any = kernel.init(keys, WARMUP, jnp.asarray(begin), (), {})
    step = jax.jit(lambda current: kernel.sample(current, (), {}))  # a step of all chains
    found, divergences = [], 0
    for i in range(WARMUP + DRAWS):
        state = step(state)
        if i >= WARMUP:
            found.append(np.asarray(state.z))
            divergences += int(state.diverging.sum())
        on_drawn(1)
    coordinates, unbounded = joint.split(torch.from_numpy(np.stack(found, axis=1)))
    return NutsDraws(coordinates.numpy(), unbounded.numpy(), divergences)


class _Joint:
    r"""Minus the joint log-density of a group and its participants in standardized variables, with its gradient.

    With the gradient $g_i$ and the negative Hessian $\Lambda_i$ of the log-likelihood at a participant's estimate
    $\hat x_i$, its parameters given a group with mean $\mu_i$ and covariance $\Sigma_i$ are nearly Normal with the
    precision $Q_i = \Lambda_i + \Sigma_i^{-1}$ and the mean
    $Q_i^{-1} (g_i + \Lambda_i \hat x_i + \Sigma_i^{-1} \mu_i)$.
    """

    def __init__(
        self, fit: Fit, choices: Choices, design: Design, log_prior: LogDensity, mode: Floats, covariance: Floats
    ) -> None:
        self.n, self.d = fit.unbounded.shape
        self.size = len(mode) + self.n * self.d
        self.likelihood, self.design, self.log_prior = Likelihood(fit.model, choices), design, log_prior
        self._likelihoods: dict[int, Callable[[Tensor], Tensor]] = {}
        self.mode, self.scale = torch.from_numpy(mode), torch.linalg.cholesky(torch.from_numpy(covariance))
        prior_mean, prior_sd = fit.model.prior_of_each or (fit.model.prior_mean, fit.model.prior_sd)
        precision = fit.precision - torch.diag_embed((prior_sd**-2).expand(self.n, -1))
        curvature, axes = torch.linalg.eigh(precision)
        self.precision = (axes * curvature.clamp(min=0)[:, None, :]) @ axes.mT
        gradient = (fit.unbounded - prior_mean) / prior_sd**2  # at the estimate, it balances that of the prior
        self.pull = gradient + (self.precision @ fit.unbounded[..., None])[..., 0]

    def _log_likelihood(self, points: int) -> Callable[[Tensor], Tensor]:
        """Return the log-likelihood of all participants at some points, which is the same function for each call."""
        if points not in self._likelihoods:
            self._likelihoods[points] = self.likelihood.of(np.tile(np.arange(self.n), points))
        return self._likelihoods[points]

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the group's coordinates, `(..., k)`, and its participants, `(..., n, d)`, from variables."""
        coordinates, participants, _ = self._standardized(x.reshape(-1, self.size))
        return coordinates.reshape(*x.shape[:-1], -1), participants.reshape(*x.shape[:-1], self.n, self.d)

    def _standardized(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute coordinates, `(m, k)`, participants, `(m, n, d)`, and the log-density given the group, `(m,)`.

        The log-density is that of the participants in the group, times the volume of the standardized variables.
        """
        k = len(self.mode)
        coordinates = self.mode + x[:, :k] @ self.scale.T
        mean, sd, pairs = self.design.of_each(coordinates, self.d)
        inverse = inverse_correlations(pairs, self.d)
        precision = inverse[:, None] / (sd[..., :, None] * sd[..., None, :])
        factor = torch.linalg.cholesky(self.precision + precision)
        center = torch.cholesky_solve((self.pull + (precision @ mean[..., None])[..., 0])[..., None], factor)
        u = x[:, k:].reshape(-1, self.n, self.d, 1)
        participants = (center + torch.linalg.solve_triangular(factor.mT, u, upper=True))[..., 0]
        deviation = participants - mean
        distance = (deviation * (precision @ deviation[..., None])[..., 0]).sum(dim=-1)
        log_volume = factor.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
        log_density = (torch.linalg.slogdet(precision)[1] - distance) / 2 - log_volume
        return coordinates, participants, log_density.sum(dim=1)

    def __call__(self, x: Any) -> tuple[Floats, Floats]:
        """Compute values, `(...)`, and gradients, `(..., size)`."""
        shape = np.shape(x)
        variables = torch.from_numpy(np.array(x, np.float64).reshape(-1, self.size))
        far = ~(variables.abs() < _FARTHEST).all(dim=1)  # too far for floating-point numbers, or not a number
        variables = variables.masked_fill(far[:, None], 0).requires_grad_()
        coordinates, participants, log_density = self._standardized(variables)
        log_likelihood = self._log_likelihood(len(variables))(participants.reshape(-1, self.d))
        potential = -log_density - log_likelihood.reshape(-1, self.n).sum(dim=1) - self.log_prior(coordinates)
        (gradient,) = torch.autograd.grad(potential.sum(), variables)
        potential = potential.detach().masked_fill(far, torch.inf)
        return potential.numpy().reshape(shape[:-1]), gradient.numpy().reshape(shape)
