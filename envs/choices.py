"""Choices: what was offered, chosen and seen, for agents and people alike."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.envs.game import GameSpec

MISSED = -1
"""The choice of a player who did not answer in a round."""

UNKNOWN_SPOTS = 255
"""The spots where they were not shown, or are not known."""


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices of n players, a row for each of them.

    Attributes:
        game: The game that they played.
        offered: The partners that were offered, `(n, rounds, offered)`.
        choice: Place in the offer of the partner that was asked, `(n, rounds)`; `MISSED` where it gave no answer.
        rank: The rank that the player saw, from 1, `(n, rounds)`; 0 where hidden or missed.
        spots: The spots that the player saw, `(n, rounds)`; `UNKNOWN_SPOTS` where it saw none.
        accepted: Whether the player was accepted, `(n, rounds)`; False where missed.
        valuation: Hidden from the player: how much each offered partner values it, 0..1, `(n, rounds, offered)`; None
            where it is not known.
        acceptance: Hidden from the player: how probably each offered partner accepts it, `(n, rounds, offered)`; None
            where it is not known.
        response_time: Seconds from offer to answer, `(n, rounds)`, NaN where there is none; None where nobody timed it.
        ids: The players' names, `n` of them, or none.
        recorded: How many rounds there is a record of, `(n,)`; those after them, marked as missed, were never played.
            None where all rounds were.
    """

    game: GameSpec
    offered: NDArray[np.uint8]
    choice: NDArray[np.int8]
    rank: NDArray[np.uint8]
    spots: NDArray[np.uint8]
    accepted: NDArray[np.bool_]
    valuation: NDArray[np.float32] | None = None
    acceptance: NDArray[np.float32] | None = None
    response_time: NDArray[np.float64] | None = None
    ids: tuple[str, ...] = ()
    recorded: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.choice)

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Whether the player gave no answer, `(n, rounds)`."""
        return self.choice == MISSED

    def take(self, rows: slice | NDArray[np.integer]) -> Choices:
        """The choices of some of the players, by a slice or by row numbers, which may repeat."""
        parts: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("game", "ids")
        }
        parts = {name: None if part is None else part[rows] for name, part in parts.items()}
        ids = tuple(np.array(self.ids, dtype=object)[rows]) if self.ids else ()
        return Choices(self.game, ids=ids, **parts)

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

    def names(self) -> tuple[str, ...]:
        """The players' names; numbers from 1 where they have none."""
        return self.ids or tuple(str(i + 1) for i in range(len(self)))

    def to_frame(self) -> pd.DataFrame:
        """One tidy table, a row for each round of each player.

        Columns: `participant` (name) and `round` (from 1); `offered_1`, ... and `choice` (partner numbers from 0);
        `rank`, `spots`, `accepted`, `response_time`; of the offered partners `valuation_1`, ..., `acceptance_1`, ....
        What was hidden or missed is NA; what is not known at all has no column.
        """
        n, rounds = self.choice.shape
        missed = self.missed.ravel()
        unseen = missed | (self.rank.ravel() == 0)
        columns: dict[str, Any] = {
            "participant": np.repeat(np.array(self.names(), dtype=object), rounds),
            "round": np.tile(np.arange(1, rounds + 1), n),
        }
        columns |= {f"offered_{j + 1}": self.offered[..., j].ravel() for j in range(self.game.offered)}
        columns["choice"] = _masked(np.nan_to_num(self.of_chosen(self.offered)), missed, "UInt8")
        columns["rank"] = _masked(self.rank, unseen, "UInt8")
        columns["spots"] = _masked(self.spots, unseen | (self.spots.ravel() == UNKNOWN_SPOTS), "UInt8")
        columns["accepted"] = _masked(self.accepted, missed, "UInt8")
        if self.response_time is not None:
            columns["response_time"] = self.response_time.ravel()
        for name, hidden in (("valuation", self.valuation), ("acceptance", self.acceptance)):
            if hidden is not None:
                columns |= {f"{name}_{j + 1}": hidden[..., j].ravel() for j in range(self.game.offered)}
        return pd.DataFrame(columns)


def _masked(values: NDArray[Any], mask: NDArray[np.bool_], dtype: str) -> pd.Series:
    return pd.Series(values.ravel()).astype(dtype).mask(mask)
