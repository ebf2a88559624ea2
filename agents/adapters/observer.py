"""The observations of the Gymnasium environment, computed from offers and feedback."""

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
    """The observations of several players.

    They equal those of the vector environment, in which rounds can't be missed. After a missed round the observation
    has no last round, as in the first round. Spots that are missing in recorded choices are 0.

    Args:
        n_players: Number of players.
        game: The game.
    """

    def __init__(self, n_players: int, game: GameSpec) -> None:
        self.rounds = game.rounds
        self.now = 0
        self._last = np.zeros((5, n_players), np.int64)

    def observe(self, offered: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return the observations of the current round, an element of the batched observation space.

        Args:
            offered: The partners offered, `(n_players, offered)`.
        """
        progress = np.full((len(offered), 1), np.float32(self.now) / np.float32(self.rounds), np.float32)
        return observation(offered.astype(np.int64), progress, *self._last.copy())

    def learn(self, feedback: Feedback) -> None:
        """Move on to the next round, whose observations contain this feedback."""
        self.now += 1
        self._last[:] = 0
        spots = np.where(feedback.spots == UNKNOWN_SPOTS, 0, feedback.spots)
        last = (np.ones_like(feedback.players), feedback.partner, feedback.rank, spots, feedback.accepted)
        self._last[:, feedback.players] = np.stack(last)


def flatten_rows(observations: dict[str, NDArray[Any]], space: spaces.Dict) -> NDArray[np.float64]:
    """Flatten a batch of observations as Gymnasium's `flatten` does, with discrete parts as one-hot vectors.

    Args:
        observations: The batch.
        space: The observation space of one row.

    Returns:
        The flattened observations, `(n, width)`.
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
