"""Conversion of choices, made one player at a time, to a batch of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.errors import InvalidInputError, shorten


def as_probabilities(answers: Sequence[Any], offered: int, subject: str) -> NDArray[np.float64]:
    """Convert choices or probabilities of choices to a batch of probabilities.

    Args:
        answers: For each player a place in the offer, from 0, or the probability of each place, `(offered,)`.
        offered: Number of partners offered.
        subject: Source of the answers, for messages.

    Returns:
        Probabilities, `(n, offered)`; 1 for a place in the offer.

    Raises:
        InvalidInputError: If an answer is neither; the message names the first such player.
    """
    probabilities = np.zeros((len(answers), offered))
    for row, answer in enumerate(answers):
        try:
            given = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
        except (TypeError, ValueError):  # such as a ragged list
            given = np.asarray(None)
        if given.ndim == 0 and given.dtype.kind in "iu" and 0 <= given < offered:
            probabilities[row, given] = 1
        elif given.shape == (offered,) and given.dtype.kind in "iuf":
            probabilities[row] = given
        else:
            wanted = f"a place in the offer, from 0 to {offered - 1}, or {offered} probabilities"
            raise InvalidInputError(subject, [f"must be {wanted}, got {shorten(answer)} for player {row}"])
    return probabilities
