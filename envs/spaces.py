"""Observation and action spaces and options, shared by the scalar and the vector environment."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError, shorten

Reward = Literal["acceptance", "valuation"]
REWARDS = ("acceptance", "valuation")

RENDER_MODES = ("ansi", "rgb_array")
RENDER_METADATA = {"render_modes": list(RENDER_MODES), "render_fps": 2}


def observation_space(game: GameSpec) -> spaces.Dict:
    """Return the observation space of one player; all discrete parts start at 0, as RL libraries expect."""
    return spaces.Dict(
        {
            "offered": spaces.MultiDiscrete([game.n_partners] * game.offered),
            "progress": spaces.Box(0.0, 1.0, (1,), np.float32),
            "has_last": spaces.Discrete(2),
            "last_partner": spaces.Discrete(game.n_partners),
            "last_rank": spaces.Discrete(game.ranks + 1),
            "last_spots": spaces.Discrete(game.ranks + 1),
            "last_accepted": spaces.Discrete(2),
        },
        sort_keys=False,
    )


def observation(
    offered: Any, progress: Any, has_last: Any, partner: Any, rank: Any, spots: Any, accepted: Any
) -> dict[str, Any]:
    """Return an observation of one player, or a batch of observations.

    Args:
        offered: The partners offered now.
        progress: Share of the episode that is over.
        has_last: Whether there is a last round, in which the player gave an answer; if not, the rest is 0.
        partner: The partner chosen in the last round.
        rank: Its rank of the player; 0 if it is hidden.
        spots: Its spots; 0 if its rank is hidden.
        accepted: Whether it accepted.
    """
    return {
        "offered": offered,
        "progress": progress,
        "has_last": has_last,
        "last_partner": partner,
        "last_rank": rank,
        "last_spots": spots,
        "last_accepted": accepted,
    }


def split_rows(observations: dict[str, NDArray[Any]]) -> NDArray[np.object_]:
    """Split a batch of observations into an object array with the observation of each row."""
    columns = [column.tolist() if column.ndim == 1 else list(column) for column in observations.values()]
    split = np.empty(len(columns[0]), dtype=object)
    split[:] = [dict(zip(observations, row, strict=True)) for row in zip(*columns, strict=True)]
    return split


def action_space(game: GameSpec) -> spaces.Discrete:
    """Return the action space: the place of the chosen partner in the offer, from 0."""
    return spaces.Discrete(game.offered)


def check_options(reward: str, reveal: object, render_mode: str | None) -> None:
    """Check options of environments.

    Raises:
        InvalidInputError: With every problem.
    """
    problems = []
    if reward not in REWARDS:
        problems.append(f"reward: must be 'acceptance' or 'valuation', got {shorten(reward)}")
    if not isinstance(reveal, bool):
        problems.append(f"reveal: must be True or False, got {shorten(reveal)}")
    if render_mode is not None and render_mode not in RENDER_MODES:
        problems.append(f"render_mode: must be None, 'ansi' or 'rgb_array', got {shorten(render_mode)}")
    if problems:
        raise InvalidInputError("environment", problems)


def fresh_seed(env: gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any]) -> int:
    """Return the seed of an environment's episodes: that of its last reset, or a new one from its own generator."""
    seed = env.np_random_seed
    if isinstance(seed, int) and seed >= 0:
        return seed
    return int(env.np_random.integers(2**63))  # the generator was set directly, without a seed


class PlainSpec:
    """Mixin of environments whose `spec` can be written as JSON: it contains a `GameSpec` as a mapping."""

    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """The specification with which Gymnasium made the environment; None if it was made directly."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if spec is not None and isinstance(game := spec.kwargs.get("game"), GameSpec):
            spec.kwargs = {**spec.kwargs, "game": game.model_dump(mode="json")}
        self._spec = spec
