"""What players of the Gymnasium environment would see, put together from offers and feedback."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import flatdim
from numpy.typing import NDArray

from accept_reject.agents.base import Feedback
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.envs.game import GameSpec
from accept_reject.envs.spaces import observation


class Observer:
    """The observations of many players side by side.

    They equal those of the vector environment. There nobody can miss a round; here the round after a missed one is
    seen like the first one: nothing is told of a round before. Spots that recorded choices do not tell are seen as 0.

    Args:
        n_players: How many players.
        game: The game.
    """

    def __init__(self, n_players: int, game: GameSpec) -> None:
        self.rounds = game.rounds
        self.now = 0
        self._last = np.zeros((5, n_players), np.int64)

    def observe(self, offered: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The observations of the present round, an element of the batched observation space.

        Args:
            offered: The partners offered, `(n_players, offered)`.
        """
        progress = np.full((len(offered), 1), np.float32(self.now) / np.float32(self.rounds), np.float32)
        return observation(offered.astype(np.int64), progress, *self._last.copy())

    def learn(self, feedback: Feedback) -> None:
        """Go on to the next round, in which the answers of this one are seen."""
        self.now += 1
        self._last[:] = 0
        spots = np.where(feedback.spots == UNKNOWN_SPOTS, 0, feedback.spots)
        told = (feedback.partner, feedback.rank, spots, feedback.accepted)
        self._last[:, feedback.players] = np.stack([np.ones_like(feedback.players), *told])


def flatten_rows(observations: dict[str, NDArray[Any]], space: spaces.Dict) -> NDArray[np.float64]:
    """What Gymnasium's `flatten` makes of each row of a batch, `(n, width)`: one-hots for all that is counted.

    Args:
        observations: An element of a batch of such spaces.
        space: The space of one row.
    """
    parts = []
    for key, part in space.items():
        column = observations[key].reshape(len(observations[key]), -1)
        if isinstance(part, spaces.Box):
            parts.append(column)
        else:
            sizes = part.nvec if isinstance(part, spaces.MultiDiscrete) else [flatdim(part)]
            parts += [np.eye(size)[column[:, j]] for j, size in enumerate(sizes)]
    return np.concatenate(parts, axis=1)
