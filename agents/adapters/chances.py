"""What players answered one by one, as a batch of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.faults import InvalidInputError


def chances_of(answers: Sequence[Any], offered: int, subject: str) -> NDArray[np.float64]:
    """Probabilities, `(n, offered)`: 1 for a place of the offer, or those that were answered.

    Args:
        answers: For each player a place of the offer, from 0, or how probably each is chosen, `(offered,)`.
        offered: How many partners are offered.
        subject: Who answered, for messages.

    Raises:
        InvalidInputError: If an answer is neither; the message names the first player concerned.
    """
    chances = np.zeros((len(answers), offered))
    for row, answer in enumerate(answers):
        try:
            given = np.asarray(answer)
        except (RuntimeError, TypeError, ValueError):  # such as a ragged list, or a tensor with gradients
            given = np.asarray(None)
        if given.ndim == 0 and given.dtype.kind in "iu" and 0 <= given < offered:
            chances[row, given] = 1
        elif given.shape == (offered,) and given.dtype.kind in "iuf":
            chances[row] = given
        else:
            fault = (
                f"should give a place of the offer, from 0 to {offered - 1}, or {offered} probabilities, "
                f"but gave {answer!r} for player {row}"
            )
            raise InvalidInputError(subject, [fault])
    return chances
