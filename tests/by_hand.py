"""Repetition of an agent's episodes in the Gymnasium environment."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import FlattenObservation

from accept_reject.envs import scenario
from accept_reject.envs.choices import Choices

SHORT = {"rounds": 12}
GAME = scenario("orthogonal").game.model_copy(update=SHORT)


def env(flat: bool = False, **game: Any) -> gym.Env[Any, Any]:
    made = gym.make("accept_reject.envs:accept_reject/Orthogonal-v0", game=SHORT | game)
    return FlattenObservation(made) if flat else made


def by_hand(step: Any, made: gym.Env[Any, Any], choices: Choices, row: int) -> Iterator[Any]:
    """Yield the result of `step` for each observation of the environment while the choices of a row are repeated."""
    observation, _ = made.reset(seed=0)
    for _ in range(row):
        observation, _ = made.reset()
    for choice in choices.choice[row]:
        yield step(observation)
        observation, *_ = made.step(int(choice))
