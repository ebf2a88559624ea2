"""What a player sees and does: the spaces that the scalar and the vector environment share."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from accept_reject.envs.faults import InvalidInputError, suggest
from accept_reject.envs.game import GameSpec

Reward = Literal["acceptance", "valuation"]
REWARDS = ("acceptance", "valuation")

RENDER_MODES = ("ansi", "rgb_array")
RENDER_METADATA = {"render_modes": list(RENDER_MODES), "render_fps": 2}


def observation_space(game: GameSpec) -> spaces.Dict:
    """The space of one player's observations; every part starts from 0, as learning libraries expect."""
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
    """What a player sees, or what many players see: an element of `observation_space`, or of a batch of such spaces.

    Args:
        offered: The partners offered now.
        progress: Share of the episode played.
        has_last: Whether there was a round before in which the player answered; if not, what follows is 0.
        partner: The partner that was asked in it.
        rank: Its rank of the player; 0 where hidden.
        spots: Its spots; 0 where its rank is hidden.
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
    """An object array with the observation dict of each row of a batch."""
    columns = [column.tolist() if column.ndim == 1 else list(column) for column in observations.values()]
    split = np.empty(len(columns[0]), dtype=object)
    split[:] = [dict(zip(observations, row, strict=True)) for row in zip(*columns, strict=True)]
    return split


def action_space(game: GameSpec) -> spaces.Discrete:
    """Which of the offered partners to ask, counted from 0 in the order in which they are offered."""
    return spaces.Discrete(game.offered)


def check_options(reward: str, reveal: object, render_mode: str | None) -> None:
    """Refuse an unknown reward or render mode, and a `reveal` that only looks like yes or no.

    Raises:
        InvalidInputError: With every fault.
    """
    faults = []
    if reward not in REWARDS:
        faults.append(f"reward: unknown {reward!r}{suggest(str(reward), REWARDS)}")
    if not isinstance(reveal, bool):
        faults.append(f"reveal: should be True or False, but is {reveal!r}")
    if render_mode is not None and render_mode not in RENDER_MODES:
        faults.append(f"render_mode: unknown {render_mode!r}{suggest(str(render_mode), RENDER_MODES)}")
    if faults:
        raise InvalidInputError("environment", faults)


def fresh_seed(env: gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any]) -> int:
    """The seed of an environment's luck: the one that it was reset with, or one from its own generator."""
    seed = env.np_random_seed
    if isinstance(seed, int) and seed >= 0:
        return seed
    return int(env.np_random.integers(2**63))  # somebody set the generator by hand: Gymnasium knows no seed of it
