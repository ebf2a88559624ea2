"""Checks of the hidden state in a table: a partner's valuation and its probability of accepting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.envs.episodes import draw
from accept_reject.envs.game import GameSpec

ROUNDING = 0.005
"""Largest difference of hidden values that is due to rounding."""


class Inconsistency(NamedTuple):
    """Rows whose hidden state is wrong: the place in the offer, which rows, and the message for a row."""

    place: int
    rows: NDArray[np.bool_]
    message: Callable[[int], str]


def inconsistencies(
    values: NDArray[np.float64],
    participant: NDArray[np.int64],
    partners: NDArray[np.int64],
    game: GameSpec,
    name: str,
) -> Iterator[Inconsistency]:
    """Find where the hidden state of a partner changes, or is none of the game's; nothing if the game allows this.

    Args:
        values: The hidden state of each offered partner, `(rows, offered)`.
        participant: The participant of each row, `(rows,)`.
        partners: The offered partners, `(rows, offered)`.
        game: The game.
        name: `valuation` or `acceptance`.
    """
    if game.drift or game.open_doors:
        return
    valid = valid_hidden(game, name)
    keys = [np.repeat(participant, values.shape[1]), partners.ravel()]
    first = pd.Series(values.ravel()).groupby(keys).transform("first").to_numpy().reshape(values.shape)
    for place in range(values.shape[1]):
        given, before = values[:, place], first[:, place]

        def changed(i: int, given: Any = given, before: Any = before) -> str:
            return f"must be the same in all rounds with a partner, got {given[i]:g} after {before[i]:g}"

        def unknown(i: int, given: Any = given) -> str:
            return f"must be one of the game's ({', '.join(f'{v:.3g}' for v in valid)}), got {given[i]:g}"

        other = np.abs(given - before) > ROUNDING
        yield Inconsistency(place, other, changed)
        yield Inconsistency(place, ~other & (np.abs(given[:, None] - valid).min(axis=1) > ROUNDING), unknown)


def valid_hidden(game: GameSpec, name: str) -> NDArray[np.float64]:
    """Return the valuations or acceptance probabilities of a game's kinds of partners, which must be constant."""
    state = draw(game, 0, 1)
    found = state.partner_valuation if name == "valuation" else state.partner_acceptance
    return np.unique(found.astype(np.float64))
