"""Ratings of simulated participants: how much they believe that each partner values them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.experiments.simulation.population import PopulationConfig, learner_class
from accept_reject.experiments.simulation.replay import evidence_at_end
from accept_reject.random import Stream, generator


def rate(
    population: PopulationConfig,
    choices: Choices,
    parameters: Mapping[str, NDArray[np.float64]],
    seed: int | None = None,
) -> NDArray[np.float64]:
    r"""Simulate ratings of all partners after the last round.

    The rating of partner $j$ by participant $i$ is its belief plus noise,

    $$r_{ij} = w'_i R_{ij} + (1 - w'_i) O_{ij} + \varepsilon_{ij}, \qquad \varepsilon_{ij} \sim \mathcal N(0, \sigma^2),
    \qquad \frac{w'_i}{1 - w'_i} = k \frac{w_i}{1 - w_i},$$

    with the learner's rank value $R$, its outcome value $O$ and its weight $w$ of ranks. With $k > 1$, ranks count more
    in ratings than in choices. For other learners, the rating is the learner's value plus noise.

    Args:
        population: The population with `ratings`: the noise and $k$.
        choices: The choices of the participants.
        parameters: Their parameters.
        seed: Seed of the noise; by default that of the population.

    Returns:
        The ratings, `(participants, partners)`. Beliefs are from 0 to 1.
    """
    assert population.ratings is not None
    given = dict(parameters)
    if population.ratings.rank_odds != 1:
        default = learner_class(population.agent).parameters["w"].default
        w = np.asarray(given.get("w", np.full(len(choices), default)))
        given["w"] = population.ratings.rank_odds * w / (population.ratings.rank_odds * w + 1 - w)
    learner = learner_class(population.agent)(**given)
    with torch.no_grad():
        belief = learner.value(evidence_at_end(learner, choices)).numpy()
    noise = generator(population.seed if seed is None else seed, Stream.RATINGS).standard_normal(belief.shape)
    return np.asarray(belief + population.ratings.noise * noise)
