"""Choices of players, agents or people: offers, choices and feedback."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.episodes import Episodes
from accept_reject.envs.game import GameSpec

if TYPE_CHECKING:
    import pandas as pd

MISSED = -1
"""The choice in a round that was missed."""

UNKNOWN_SPOTS = 255
"""The spots where they were not shown or are not known."""


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices of n players.

    Attributes:
        game: The game.
        offered: The partners that were offered, `(n, rounds, offered)`.
        choice: Place of the chosen partner in the offer, from 0, `(n, rounds)`; `MISSED` where the round was missed.
        rank: The rank that was shown, from 1, `(n, rounds)`; 0 where hidden or missed.
        spots: The spots that were shown, `(n, rounds)`; `UNKNOWN_SPOTS` where hidden or missed.
        accepted: Whether the player was accepted, `(n, rounds)`; False where missed.
        valuation: Hidden state: how much each offered partner values the player, 0..1, `(n, rounds, offered)`; None if
            it is not known.
        acceptance: Hidden state: probability that each offered partner accepts, `(n, rounds, offered)`; None if it is
            not known.
        response_time: Seconds between offer and choice, `(n, rounds)`, NaN where missing; None if not
            recorded.
        ids: The names of the players, or an empty tuple.
        recorded: Number of rounds with a record, `(n,)`; later rounds, marked as missed, were not played. None if all
            rounds were played.
        reward: Graded reward for the choice, 0..1, `(n, rounds)`, NaN where missed; None if there is only acceptance
            and rejection.
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
    reward: NDArray[np.float64] | None = None

    @classmethod
    def record(
        cls,
        episodes: Episodes,
        choice: NDArray[np.integer],
        response_time: NDArray[np.float64] | None = None,
        ids: tuple[str, ...] = (),
        recorded: NDArray[np.int64] | None = None,
    ) -> Choices:
        """Return choices in drawn episodes, with the feedback that they led to and the hidden state.

        Args:
            episodes: The episodes, one for each player.
            choice: Place of the chosen partner, or `MISSED`, `(n, rounds)`.
            response_time: Seconds between offer and choice, `(n, rounds)`.
            ids: The names of the players.
            recorded: Number of rounds that were played, `(n,)`; later ones must be marked as missed.
        """
        missed = choice == MISSED
        place = np.where(missed, 0, choice)[..., None]

        def of_chosen(of_offered: NDArray[Any], otherwise: int) -> NDArray[Any]:
            return np.where(missed, otherwise, np.take_along_axis(of_offered, place, axis=2)[..., 0])

        shown = of_chosen(episodes.rank_shown, 0) > 0
        return cls(
            game=episodes.game,
            offered=episodes.offered,
            choice=choice.astype(np.int8),
            rank=np.where(shown, of_chosen(episodes.rank, 0), 0).astype(np.uint8),
            spots=np.where(shown, of_chosen(episodes.spots, 0), UNKNOWN_SPOTS).astype(np.uint8),
            accepted=of_chosen(episodes.accepted, 0) > 0,
            valuation=episodes.valuation,
            acceptance=episodes.acceptance,
            response_time=response_time,
            ids=ids,
            recorded=recorded,
        )

    def __len__(self) -> int:
        return len(self.choice)

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Whether the round was missed, `(n, rounds)`."""
        return self.choice == MISSED

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of rounds with a record of each player, `(n,)`."""
        return np.full(len(self), self.game.rounds) if self.recorded is None else self.recorded

    @property
    def played(self) -> NDArray[np.bool_]:
        """Whether the round has a record, `(n, rounds)`."""
        return np.arange(self.game.rounds) < self.lengths[:, None]

    @property
    def outcome(self) -> NDArray[np.float64]:
        """The outcome, 0..1, `(n, rounds)`: the reward if it is graded, else 1 for an acceptance; 0 where missed."""
        return self.accepted.astype(np.float64) if self.reward is None else np.where(self.missed, 0.0, self.reward)

    def take(self, rows: slice | NDArray[np.integer]) -> Choices:
        """Select players by a slice or by row indices, which may repeat."""
        parts: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("game", "ids")
        }
        parts = {name: None if part is None else part[rows] for name, part in parts.items()}
        ids = tuple(np.array(self.ids, dtype=object)[rows]) if self.ids else ()
        return Choices(self.game, ids=ids, **parts)

    def of_chosen(self, of_offered: NDArray[np.generic]) -> NDArray[np.float64]:
        """Select the values of the chosen partners.

        Args:
            of_offered: A value for each offered partner, such as `valuation`, `(n, rounds, offered)`.

        Returns:
            The values of the chosen partners, `(n, rounds)`; NaN where missed.
        """
        place = np.where(self.missed, 0, self.choice)[..., None]
        chosen = np.take_along_axis(of_offered, place, axis=2)[..., 0].astype(np.float64)
        return np.where(self.missed, np.nan, chosen)

    @property
    def fingerprint(self) -> str:
        """A SHA-256 digest of everything that players saw and did."""
        digest = hashlib.sha256(self.game.model_dump_json().encode())
        digest.update("\n".join(self.names()).encode())
        hidden = self.valuation, self.acceptance
        for part in (self.offered, self.choice, self.rank, self.spots, self.accepted, *hidden, self.reward):
            if part is not None:
                digest.update(part.tobytes())
        return digest.hexdigest()

    def names(self) -> tuple[str, ...]:
        """Return the names of the players, by default numbers from 1."""
        return self.ids or tuple(str(i + 1) for i in range(len(self)))

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy table with a row for each round of each player.

        Returns:
            Columns `participant` (name), `round` (from 1), `offered_1`, ... and `choice` (partner numbers from 0),
            `rank`, `spots`, `accepted`, `reward`, `response_time`, and `valuation_1`, ... and `acceptance_1`, ... of
            the offered partners. Hidden or missed values are NA; columns without any known value are omitted.
        """
        import pandas as pd  # not at the top: environments don't require pandas

        n, rounds = self.choice.shape
        missed = self.missed.ravel()

        def masked(values: NDArray[Any], mask: NDArray[np.bool_]) -> pd.Series:
            return pd.Series(values.ravel()).astype("UInt8").mask(mask)

        hidden = missed | (self.rank.ravel() == 0)
        columns: dict[str, Any] = {
            "participant": np.repeat(np.array(self.names(), dtype=object), rounds),
            "round": np.tile(np.arange(1, rounds + 1), n),
        }
        columns |= {f"offered_{j + 1}": self.offered[..., j].ravel() for j in range(self.game.offered)}
        columns["choice"] = masked(np.nan_to_num(self.of_chosen(self.offered)), missed)
        columns["rank"] = masked(self.rank, hidden)
        columns["spots"] = masked(self.spots, hidden | (self.spots.ravel() == UNKNOWN_SPOTS))
        columns["accepted"] = masked(self.accepted, missed)
        if self.reward is not None:
            columns["reward"] = self.reward.ravel()
        if self.response_time is not None:
            columns["response_time"] = self.response_time.ravel()
        for name, state in (("valuation", self.valuation), ("acceptance", self.acceptance)):
            if state is not None:
                columns |= {f"{name}_{j + 1}": state[..., j].ravel() for j in range(self.game.offered)}
        return pd.DataFrame(columns)
