"""Learning curves of each player, and their means: whatever is laid over one another is made here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.experiments.intervals import Interval, mean_interval

Floats = NDArray[np.float64]

POINTS = 12
"""Points of a learning curve; each pools the rounds of its share of the game."""

CURVES = {"valuing": "Asked the more valuing partner (%)", "accepted": "Was accepted (%)"}
"""The learning curves, with what their axes say."""


def middle_rounds(rounds: int) -> Floats:
    """The middle of the rounds that each point of a curve pools, `(points,)`, counted from 1."""
    starts = _starts(rounds)
    return (starts + 1 + np.append(starts[1:], rounds)) / 2


def by_player(choices: Choices, outcomes: bool = True) -> dict[str, Floats]:
    """Learning curves of each player in percent, `(n, points)`, so far as they are known.

    Rounds in which the offered partners value the player alike don't count for `valuing`, and missed ones for neither;
    NaN where no round counts.

    Args:
        choices: The players' choices.
        outcomes: Whether the outcomes are those of these very choices.
    """
    starts = _starts(choices.game.rounds)

    def shares(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> Floats:
        total = np.add.reduceat(of.astype(float), starts, axis=1)
        with np.errstate(invalid="ignore"):
            return 100 * np.add.reduceat((hits & of).astype(float), starts, axis=1) / total

    found = {}
    worth = choices.valuation
    if worth is not None:
        differ = (worth.max(axis=2) > worth.min(axis=2)) & ~choices.missed
        found["valuing"] = shares(choices.of_chosen(worth) == worth.max(axis=2), differ)
    if outcomes:
        found["accepted"] = shares(choices.accepted, ~choices.missed)
    return found


def over_players(curve: Floats) -> Interval:
    """The mean of each point over the players who have it, with its 95% interval."""
    known = [mean_interval(point[~np.isnan(point)]) for point in curve.T]
    return Interval(*(np.array(each, np.float64) for each in zip(*known, strict=True)))


def _starts(rounds: int) -> NDArray[np.int64]:
    return np.arange(0, rounds, -(-rounds // POINTS))
