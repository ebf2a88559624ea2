"""Numbers of partners, in data where they have names."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_PARTNERS = 256
"""Largest number of partners of a participant, over all sessions and blocks."""


def in_order_of_offers(rounds: pd.DataFrame, offers: pd.DataFrame, number: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number the partners of each participant from 0, in the order in which they are offered first.

    Args:
        rounds: Column `participant`, and optionally `unit`: the same name in another unit is another partner.
        offers: The names of the offered partners, a column for each place.
        number: The number of each round, `(rows,)`.

    Returns:
        `(rows, places)`.
    """
    participant = pd.factorize(rounds.participant)[0]
    unit = pd.factorize(rounds.unit)[0] if "unit" in rounds else np.zeros(len(rounds), np.int64)
    name, unique = pd.factorize(offers.to_numpy().ravel())
    key = ((participant * (unit.max() + 1) + unit) * len(unique))[:, None] + name.reshape(offers.shape)
    order = np.lexsort((number, participant))
    # In the order of participants and rounds, the partners of a participant have consecutive codes.
    codes = pd.factorize(key[order].ravel())[0].reshape(offers.shape)
    starts = np.flatnonzero(np.diff(participant[order], prepend=-2))
    first = np.repeat(codes[starts, 0], np.diff([*starts, len(order)]))
    numbers = np.empty(offers.shape, np.int64)
    numbers[order] = codes - first[:, None]
    return numbers


def names_of_partners(rounds: pd.DataFrame, offers: pd.DataFrame, numbers: NDArray[np.int64]) -> pd.DataFrame:
    """Return the number of each partner.

    Args:
        rounds: As for `in_order_of_offers`.
        offers: As for `in_order_of_offers`.
        numbers: The numbers of the offered partners, `(rows, places)`.

    Returns:
        Columns `participant`, `unit` (0 if there are none), `name` and `partner`, each partner once.
    """
    each = offers.shape[1]
    units = rounds.unit.to_numpy() if "unit" in rounds else np.zeros(len(rounds), np.int64)
    columns = {
        "participant": np.repeat(rounds.participant.astype(str).to_numpy(), each),
        "unit": np.repeat(units, each),
        "name": offers.to_numpy().ravel(),
        "partner": numbers.ravel(),
    }
    return pd.DataFrame(columns).drop_duplicates().reset_index(drop=True)
