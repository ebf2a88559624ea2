"""Simulate: a population of learners plays its game."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.config import load_config
from accept_reject.experiments.simulation.memory import require_memory
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig, draw_parameters, learner_class


def simulate(
    population: PopulationConfig | str, seed: int | None = None
) -> tuple[Choices, dict[str, NDArray[np.float64]]]:
    r"""Simulate participants: each plays one episode of the game with parameters of its own.

    The parameters of participant $i$ are drawn from the population, and its choices from its policy given them:

    $$\theta_i \sim p(\theta), \qquad c_{it} \sim \pi_{\theta_i}(\cdot \mid \text{rounds } 1, \ldots, t - 1).$$

    Args:
        population: A config, or the path or name of one.
        seed: Seed of parameters, episodes and choices; by default that of the config. Another seed gives another study
            with the same population.

    Returns:
        The choices, one row for each participant, and the parameters by name, `(participants,)` each.

    Raises:
        InvalidInputError: If the config is invalid, or if the choices don't fit into memory.

    Examples:
        >>> import accept_reject as ar
        >>> choices, parameters = ar.simulate("population_babur2024")
        >>> choices.choice.shape
        (42, 144)
        >>> sorted(parameters)
        ['inverse_temperature', 'w']

    References:
        Wilson, R. C., & Collins, A. G. E. (2019). Ten simple rules for the computational modeling of behavioral data.
        *eLife*, 8, e49547. [doi:10.7554/eLife.49547](https://doi.org/10.7554/eLife.49547)
    """
    if isinstance(population, str):
        population = load_config(PopulationConfig, population)
    seed = population.seed if seed is None else seed
    game = population.game.resolve()
    require_memory(f"{population.name}: participants", population.participants, game)
    parameters = draw_parameters(population, seed=seed)
    agent = learner_class(population.agent)(**parameters)
    return play(agent, draw(game, seed, population.participants)), parameters
