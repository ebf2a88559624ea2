"""Choices: what was offered, chosen and seen, for agents and people alike."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.envs.game import GameSpec

MISSED = -1
"""The choice of a player who did not answer in a round."""


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices of n players, a row for each of them.

    Attributes:
        game: The game that they played.
        offered: The partners that were offered, `(n, rounds, offered)`.
        choice: Place in the offer of the partner that was asked, `(n, rounds)`; `MISSED` where it gave no answer.
        rank: The rank that the player saw, from 1, `(n, rounds)`; 0 where hidden or missed.
        spots: The spots that the player saw, `(n, rounds)`; meaningless where the rank is 0.
        accepted: Whether the player was accepted, `(n, rounds)`; False where missed.
        valuation: Hidden from the player: how much each offered partner values it, 0..1, `(n, rounds, offered)`.
        acceptance: Hidden from the player: how probably each offered partner accepts it, `(n, rounds, offered)`.
    """

    game: GameSpec
    offered: NDArray[np.uint8]
    choice: NDArray[np.int8]
    rank: NDArray[np.uint8]
    spots: NDArray[np.uint8]
    accepted: NDArray[np.bool_]
    valuation: NDArray[np.float32]
    acceptance: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.choice)

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Whether the player gave no answer, `(n, rounds)`."""
        return self.choice == MISSED

    def take(self, rows: slice) -> Choices:
        """The choices of some of the players."""
        arrays = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name != "game"}
        return Choices(game=self.game, **arrays)

    def of_chosen(self, of_offered: NDArray[np.generic]) -> NDArray[np.float64]:
        """What holds of the chosen partner, given it for each offered one; NaN where missed.

        Args:
            of_offered: Such as `valuation`, `(n, rounds, offered)`.

        Returns:
            `(n, rounds)`.
        """
        place = np.where(self.missed, 0, self.choice)[..., None]
        chosen = np.take_along_axis(of_offered, place, axis=2)[..., 0].astype(np.float64)
        return np.where(self.missed, np.nan, chosen)

    def to_frame(self) -> pd.DataFrame:
        """One tidy table, a row for each round of each player.

        Columns: `player`, `round` (both from 1); `offered_1`, ... and `partner` (numbers from 0); `rank`, `spots` and
        `accepted`; `valuation` and `acceptance` of the partner that was asked. What was hidden or missed is NA.
        """
        n, rounds = self.choice.shape
        missed = self.missed.ravel()
        unseen = missed | (self.rank.ravel() == 0)
        columns: dict[str, object] = {
            "player": np.repeat(np.arange(1, n + 1), rounds),
            "round": np.tile(np.arange(1, rounds + 1), n),
        }
        for place in range(self.game.offered):
            columns[f"offered_{place + 1}"] = self.offered[..., place].ravel()
        columns |= {
            "partner": pd.array(self.of_chosen(self.offered).ravel(), dtype="UInt8"),
            "rank": _masked(self.rank, unseen, "UInt8"),
            "spots": _masked(self.spots, unseen, "UInt8"),
            "accepted": _masked(self.accepted, missed, "boolean"),
            "valuation": self.of_chosen(self.valuation).ravel(),
            "acceptance": self.of_chosen(self.acceptance).ravel(),
        }
        return pd.DataFrame(columns)


def _masked(values: NDArray[np.generic], mask: NDArray[np.bool_], dtype: str) -> pd.Series:
    return pd.Series(values.ravel()).astype(dtype).mask(mask)
