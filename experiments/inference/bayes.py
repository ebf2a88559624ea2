r"""Full posteriors of hierarchical models: the group and every participant.

The posterior of the group's coordinates $\theta$ (see `marginal`) has few dimensions, since participants' parameters
are integrated out, and a weakly informative prior (see `hyperprior`). Participants' parameters are then drawn given
each draw of the group.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from accept_reject.agents.learner import NormalPrior
from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference import nuts, sampling
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.hierarchical import Combination, find_group
from accept_reject.experiments.inference.hyperprior import hyperprior
from accept_reject.experiments.inference.individual import Fit
from accept_reject.experiments.inference.leave_one_out import leave_one_out
from accept_reject.experiments.inference.marginal import (
    MIN_SD,
    LogDensity,
    Posteriors,
    batch_size,
    correlation_matrix,
    covariance,
    log_posterior_masses,
    maximize_near,
    posteriors,
)
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.nodes import Nodes, place_nodes
from accept_reject.experiments.inference.quadrature import MAX_PARAMETERS
from accept_reject.experiments.inference.quantiles import INTERVAL
from accept_reject.random import Stream, generator

Floats = NDArray[np.float64]

AVERAGED = 1_000
"""Number of draws of the group over which participants' posteriors are averaged."""

_WIDEST = 3.0
"""Nodes are placed for a group with SDs at the upper end of their intervals, but not wider than this factor."""

_CLIMBS, _NEAR = 20, 1e-3
"""Maximum number of searches for the mode, each of which can move by `marginal.REACH`, and change in the last one."""


@dataclass(frozen=True, eq=False)
class Bayes:
    """The posterior of a group of d parameters and its n participants.

    Attributes:
        fit: Fits of the participants at the mode of the group, as if it were known.
        design: The design.
        coordinates: Draws of the group's coordinates, `(chains, draws, k)`.
        unbounded: Draws of the participants' parameters on the unbounded scale, `(chains, draws, n, d)`.
        log_likelihood: Marginal log-likelihood of each participant's choices given the group, `(chains, draws, n)`.
        log_predictive: Log-probability of each participant's choices given those of all others, `(n,)`
            (leave-one-participant-out).
        pareto_k: Shape of the tail of the weights in the estimate of `log_predictive`, `(n,)`.
        posteriors: Posterior means and intervals of the participants' parameters.
        sampler: Name of the sampler.
        divergences: Number of divergent transitions of NUTS.
    """

    fit: Fit
    design: Design
    coordinates: Floats
    unbounded: Floats
    log_likelihood: Floats
    log_predictive: Floats
    pareto_k: Floats
    posteriors: Posteriors
    sampler: str
    divergences: int = 0

    @property
    def coefficients(self) -> Floats:
        """Draws of the groups' means and covariates' slopes, `(chains, draws, groups + covariates, d)`."""
        means, _ = self.design.sizes(self._d)
        return self.coordinates[..., :means].reshape(*self.coordinates.shape[:2], -1, self._d)

    @property
    def sd(self) -> Floats:
        """Draws of the groups' standard deviations, `(chains, draws, groups, d)`."""
        means, sds = self.design.sizes(self._d)
        return np.exp(self.coordinates[..., means : means + sds]).reshape(*self.coordinates.shape[:2], -1, self._d)

    @property
    def correlations(self) -> Floats:
        """Draws of the correlation matrices, `(chains, draws, d, d)`."""
        rest = torch.from_numpy(self.coordinates[..., sum(self.design.sizes(self._d)) :])
        if not rest.shape[-1]:
            return np.ones((*rest.shape[:2], 1, 1))
        return torch.stack([torch.stack([correlation_matrix(x) for x in chain]) for chain in rest]).numpy()

    def combination(self, weights: Floats) -> Combination:
        """Summarize a linear combination of coordinates, such as a mean or a contrast of means.

        Args:
            weights: The weights of means and standard deviations, see `Design.mean_of`.

        Returns:
            Posterior mean, standard deviation and central 95% interval.
        """
        draws = self.coordinates[..., : len(weights)] @ weights
        return Combination(float(draws.mean()), float(draws.std()), *np.quantile(draws, INTERVAL).tolist())

    @cached_property
    def rhat(self) -> Floats:
        """R-hat of each coordinate, `(k,)`."""
        return sampling.rhat(self.coordinates)

    @cached_property
    def ess(self) -> Floats:
        """Effective sample size of each coordinate, `(k,)`, the smaller one of bulk and tail."""
        return sampling.ess(self.coordinates)

    @property
    def converged(self) -> bool:
        """Whether the diagnostics of the draws are within their limits."""
        return sampling.converged(self.rhat, self.ess) and not self.divergences

    @property
    def _d(self) -> int:
        return len(self.fit.model.parameters)


def evaluations(model: Model) -> int:
    """Return how often `fit_bayes` calls `on_drawn` at most, in units."""
    if len(model.parameters) > MAX_PARAMETERS:
        return nuts.WARMUP + nuts.DRAWS
    return sampling.ADAPTATION * sampling.ADAPTATIONS + sampling.CHAINS * (sampling.WARMUP + sampling.DRAWS)


def fit_bayes(
    model: Model,
    choices: Choices,
    design: Design,
    starts: int = 10,
    seed: int = 0,
    on_iteration: Callable[[int, float], None] = lambda _, __: None,
    on_drawn: Callable[[int], None] = lambda _: None,
) -> Bayes:
    """Draw from the posterior of a group and its participants.

    Models with up to three parameters are integrated over grids; for others NUTS is used.

    Args:
        model: The model, with the prior of a participant's parameters.
        choices: The choices of the participants.
        design: How the group depends on properties of the participants.
        starts: Number of starts of the search for the mode.
        seed: Seed of the starts and the draws.
        on_iteration: Called after each iteration of the search with its number and the change of the group.
        on_drawn: Called with the number of evaluations of the posterior since the last call.

    Raises:
        InvalidInputError: If fewer than two participants of a group made a choice, if the learner can't be fitted, or
            if NUTS is needed but NumPyro is not installed.
    """
    if len(model.parameters) > MAX_PARAMETERS:
        nuts.require(model)
    log_prior = hyperprior(model, design)
    found = find_group(model, choices, design, starts, seed, on_iteration, log_prior)
    errors = covariance(found.nodes.take(found.active), found.coordinates, log_prior)
    nodes = place_nodes(_widened(found.fit, design, errors), choices, design, seed)
    active, mode = nodes.take(found.active), found.coordinates
    for _ in range(_CLIMBS):
        before, mode = mode, maximize_near(active, mode, correlated=True, log_prior=log_prior)
        if len(before) == len(mode) and np.abs(mode - before).max() < _NEAR:
            break
    errors = covariance(active, mode, log_prior)
    peak = _Peak(found.fit, nodes, log_prior, mode, errors)
    if len(model.parameters) > MAX_PARAMETERS:
        return _draw_by_nuts(peak, choices, seed, on_drawn)
    return _draw_from_nodes(peak, seed, on_drawn)


class _Peak(NamedTuple):
    """The posterior of a group near its mode.

    Attributes:
        fit: Fits of the participants at the mode.
        nodes: Nodes that suit all draws of the group.
        log_prior: The prior of the group's coordinates.
        mode: The mode, with correlations, `(k,)`.
        covariance: Covariance of the coordinates by the Laplace approximation, `(k, k)`.
    """

    fit: Fit
    nodes: Nodes
    log_prior: LogDensity
    mode: Floats
    covariance: Floats


def _draw_from_nodes(peak: _Peak, seed: int, on_drawn: Callable[[int], None]) -> Bayes:
    """Draw the group, with sums over nodes as integrals, and then its participants from the nodes."""
    fit, nodes = peak.fit, peak.nodes
    rng, design = generator(seed, Stream.POSTERIOR_DRAWS), nodes.design
    log_likelihood = np.empty((0, 0))

    def log_density(points: Floats) -> Floats:
        nonlocal log_likelihood
        log_likelihood = _log_likelihood(nodes, points, on_drawn)
        with torch.no_grad():
            prior = peak.log_prior(torch.from_numpy(points)).numpy()
        total = log_likelihood[:, fit.choices > 0].sum(axis=1) + prior
        return np.where(_too_narrow(points, design, fit.model), -np.inf, total)

    draws = sampling.sample(log_density, peak.mode, peak.covariance, rng)
    log_predictive, pareto_k = leave_one_out(draws.log_weight, log_likelihood)
    return Bayes(
        fit=fit,
        design=design,
        coordinates=draws.x,
        unbounded=_draw_participants(nodes, draws.x, rng),
        log_likelihood=log_likelihood[draws.proposal],
        log_predictive=log_predictive,
        pareto_k=pareto_k,
        posteriors=posteriors(nodes, _thinned(draws.x, AVERAGED), fit.model.constrain),
        sampler="independence Metropolis",
    )


def _draw_by_nuts(peak: _Peak, choices: Choices, seed: int, on_drawn: Callable[[int], None]) -> Bayes:
    """Draw the group and its participants jointly; only marginal likelihoods are sums over nodes."""
    fit, nodes = peak.fit, peak.nodes
    draws = nuts.sample(
        fit, choices, nodes.design, peak.log_prior, peak.mode, peak.covariance, seed=seed, on_drawn=on_drawn
    )
    groups = draws.coordinates.reshape(-1, draws.coordinates.shape[-1])
    log_likelihood = _log_likelihood(nodes, groups)
    narrow = _too_narrow(groups, nodes.design, fit.model)
    log_predictive, pareto_k = leave_one_out(np.where(narrow, -np.inf, 0), log_likelihood)
    values = fit.model.constrain(torch.from_numpy(draws.unbounded)).flatten(0, 1).numpy()
    return Bayes(
        fit=fit,
        design=nodes.design,
        coordinates=draws.coordinates,
        unbounded=draws.unbounded,
        log_likelihood=log_likelihood.reshape(*draws.coordinates.shape[:2], -1),
        log_predictive=log_predictive,
        pareto_k=pareto_k,
        posteriors=Posteriors(values.mean(axis=0), *np.quantile(values, INTERVAL, axis=0)),
        sampler="NUTS",
        divergences=draws.divergences,
    )


def _log_likelihood(nodes: Nodes, groups: Floats, on_batch: Callable[[int], None] = lambda _: None) -> Floats:
    """Marginal log-likelihood of each participant's choices, `(groups, n)`."""
    found = np.empty((len(groups), len(nodes.points)))  # small pieces between large temporaries would fragment memory
    size = batch_size(nodes)
    for first in range(0, len(groups), size):
        batch = groups[first : first + size]
        with torch.no_grad():
            masses = log_posterior_masses(nodes, torch.from_numpy(batch))
            found[first : first + size] = masses.logsumexp(dim=1).T.numpy()
        on_batch(len(batch))
    return found


def _draw_participants(nodes: Nodes, groups: Floats, rng: np.random.Generator) -> Floats:
    """Draw each participant's parameters given draws of the group, `(chains, draws, n, d)`."""
    flat, size = torch.from_numpy(groups).flatten(0, 1), batch_size(nodes)
    found = np.empty((len(flat), *nodes.points.shape[::2]))
    for first in range(0, len(flat), size):
        batch = flat[first : first + size]
        cumulative = log_posterior_masses(nodes, batch).permute(2, 0, 1).softmax(dim=2).cumsum(dim=2)
        uniform = torch.from_numpy(rng.random((*cumulative.shape[:2], 1))) * cumulative[..., -1:]
        node = torch.searchsorted(cumulative, uniform).clamp(max=cumulative.shape[2] - 1)[..., 0]
        chosen = nodes.points[torch.arange(len(nodes.points)), node]
        found[first : first + size] = chosen + nodes.cell * torch.from_numpy(rng.standard_normal(chosen.shape))
    return found.reshape(*groups.shape[:2], *found.shape[1:])


def _thinned(draws: Floats, n: int) -> Floats:
    """Return n of the draws of all chains, evenly spaced, `(n, k)`."""
    flat = draws.reshape(-1, draws.shape[-1])
    return flat[np.linspace(0, len(flat) - 1, n).astype(np.int64)]


def _too_narrow(points: Floats, design: Design, model: Model) -> NDArray[np.bool_]:
    """Whether groups have a standard deviation for which the nodes are too sparse, `(groups,)`."""
    return np.asarray((points[:, _sds(design, model)] < math.log(MIN_SD)).any(axis=1))


def _sds(design: Design, model: Model) -> slice:
    """Where the logarithms of standard deviations are among the coordinates."""
    means, sds = design.sizes(len(model.parameters))
    return slice(means, means + sds)


def _widened(fit: Fit, design: Design, errors: Floats) -> Fit:
    """Return the fit with SDs of the group at the upper ends of their intervals, so that nodes suit all draws."""
    sds = _sds(design, fit.model)
    log_sd_se = np.sqrt(np.diag(errors))[sds].reshape(-1, len(fit.model.parameters)).max(axis=0)
    factor = torch.from_numpy(np.minimum(np.exp(2 * log_sd_se), _WIDEST))
    priors = {
        name: NormalPrior(prior.mean, prior.sd * float(f))
        for (name, prior), f in zip(fit.model.priors.items(), factor, strict=True)
    }
    each = fit.model.prior_of_each
    own = None if each is None else (each[0], each[1] * factor)
    return replace(fit, model=replace(fit.model, priors=priors, prior_of_each=own))
