"""Held-out prediction: predictive accuracy for participants that were not used for fitting.

Everything here is measured as negative log-likelihood (NLL): minus the mean log-probability of a participant's choices,
each predicted from the participant's preceding rounds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.hierarchical import fit_hierarchically
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.simulation.population import PopulationConfig, draw_parameters, learner_class
from accept_reject.experiments.simulation.replay import replay

Floats = NDArray[np.float64]

DRAWS = 1000
"""Draws from a population or a group that are averaged in a mixture."""

DRAWS_SEED = 8_999
"""Seed of these draws; participants that are fitted or scored have other seeds."""

STARTS = 3
"""Starting points of each fit of a group."""


def nll_per_choice(log_probability: Floats, choices: Choices) -> Floats:
    """Minus the mean log-probability of each participant's choices, `(n,)`; NaN for participants without choices."""
    made = (~choices.missed).sum(axis=1)
    return -np.divide(log_probability.sum(axis=1), made, where=made > 0, out=np.full(len(made), np.nan))


def mixture(log_probabilities: Iterable[Floats]) -> Floats:
    """Log-probability of each choice under a Bayesian mixture of players, given the choices before it.

    It is the ratio of successive marginal likelihoods, each averaged over the players.

    Args:
        log_probabilities: Log-probability of each choice under each player, `(n, rounds)` each.

    Returns:
        `(n, rounds)`.
    """
    marginal, players = np.float64(-np.inf), 0
    for each in log_probabilities:
        marginal = np.logaddexp(marginal, each.cumsum(axis=1))
        players += 1
    return np.diff(marginal, axis=1, prepend=np.log(players))


def noise_ceiling(population: PopulationConfig, choices: Choices) -> Floats:
    """Log-probability of each choice under the mixture over the population that made them, `(n, rounds)`.

    No predictor that does not know a participant's parameters can be expected to predict better.
    """
    learner = learner_class(population.agent)
    parameters = draw_parameters(population, DRAWS, DRAWS_SEED)
    players = (learner(**{name: values[i] for name, values in parameters.items()}) for i in range(DRAWS))
    return mixture(replay(player, choices).numpy() for player in players)


def predict_with_group(model: Model, train: Choices, test: Choices) -> Floats:
    """Log-probability of each choice under the mixture over a group that was fitted to other participants.

    Args:
        model: The model; its group is fitted hierarchically.
        train: Choices that the group is fitted to.
        test: Choices to predict.

    Returns:
        `(n, rounds)`, for the participants in `test`.
    """
    group = fit_hierarchically(model, train, starts=STARTS).fit.model
    z = np.random.default_rng(DRAWS_SEED).standard_normal((DRAWS, len(group.parameters)))
    unbounded = group.prior_mean + group.prior_sd * torch.from_numpy(z)
    log_probability = Likelihood(group, test).by_round(np.arange(len(test)))
    return mixture(log_probability(draw.expand(len(test), -1)).numpy() for draw in unbounded)


LAPSE_RATES: tuple[float, ...] = tuple(np.linspace(0.01, 1, 100).tolist())
"""Lapse rates that are compared."""


def with_lapses(probability: Floats, choices: Choices, rate: float) -> Floats:
    """Log-probability of each choice under a player that sometimes lapses into choosing uniformly at random.

    Args:
        probability: The probability of each choice when the player does not lapse, `(n, rounds)`.
        choices: The choices.
        rate: Probability of a lapse, 0..1.

    Returns:
        `(n, rounds)`; 0 where the round was missed.
    """
    return np.log(np.where(choices.missed, 1.0, (1 - rate) * probability + rate / choices.game.offered))


def lapse_rate(probability: Floats, choices: Choices) -> float:
    """The lapse rate of `LAPSE_RATES` that maximizes the likelihood of choices; arguments as for `with_lapses`."""
    return max(LAPSE_RATES, key=lambda rate: with_lapses(probability, choices, rate).sum())
