"""Simulate: a population plays its game."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig, draw_parameters, learner_class


def simulate(config: PopulationConfig, seed: int | None = None) -> tuple[Choices, dict[str, NDArray[np.float64]]]:
    """Let every participant play one episode of the game.

    Args:
        config: The population.
        seed: Instead of the config's: another study of the same population.

    Returns:
        The choices, and each participant's parameters, `(participants,)` by name.
    """
    seed = config.seed if seed is None else seed
    parameters = draw_parameters(config, seed=seed)
    agent = learner_class(config.agent)(**parameters)
    return play(agent, draw(config.game.resolve(), seed, config.participants)), parameters
