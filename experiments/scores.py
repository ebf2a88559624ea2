"""Scores of choices: 0 for a player who asks anyone with equal chances, 1 for the oracle who knows the hidden state.

Both anchors are computed from the rounds that were played, not assumed. The scores judge the choice, not the luck that
followed it: what counts is the hidden state of the partner that was asked. Missed rounds count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices

ScoreName = Literal["valuing", "accepted"]
SCORES: tuple[ScoreName, ...] = ("valuing", "accepted")
"""How much the partners asked value the player (the headline), and how probably they accept it."""


@dataclass(frozen=True)
class Anchored:
    """A quantity of the partners that were asked, and what chance and the oracle would have made of the same rounds.

    Attributes:
        mean: Mean over the partners that were asked.
        chance: Mean of a player who asks anyone with equal chances.
        best: Mean of the oracle.
    """

    mean: float
    chance: float
    best: float

    @property
    def score(self) -> float:
        """`(mean - chance) / (best - chance)`; NaN where every choice is as good as any other."""
        room = self.best - self.chance
        return (self.mean - self.chance) / room if room > 1e-9 else float("nan")


def anchored(choices: Choices, name: ScoreName, rounds: slice = slice(None)) -> Anchored:
    """A score with its anchors.

    Args:
        choices: Who was asked.
        name: Which score.
        rounds: Only these rounds (from 0); all by default.
    """
    worth = (choices.valuation if name == "valuing" else choices.acceptance)[:, rounds].astype(np.float64)
    choice = choices.choice[:, rounds]
    answered = choice >= 0
    if not answered.any():
        return Anchored(float("nan"), float("nan"), float("nan"))
    worth = worth[answered]
    asked = np.take_along_axis(worth, choice[answered][:, None], axis=1)
    return Anchored(float(asked.mean()), float(worth.mean()), float(worth.max(axis=1).mean()))


def learning_curve(choices: Choices, width: int = 1) -> NDArray[np.float64]:
    """Share of choices that fell on the most valuing partner offered, as the game went on.

    Rounds in which the offered partners value the player alike, and missed ones, count for nothing.

    Args:
        choices: Who was asked.
        width: How many successive rounds make a point.

    Returns:
        A point for each `width` rounds, the last of which may have fewer: `(ceil(rounds / width),)`; NaN where no round
        counts.
    """
    worth = choices.valuation
    counts = (worth.max(axis=2) > worth.min(axis=2)) & ~choices.missed
    right = counts & (choices.of_chosen(worth) == worth.max(axis=2))
    starts = np.arange(0, choices.game.rounds, width)
    total = np.add.reduceat(counts.sum(axis=0), starts).astype(np.float64)
    total[total == 0] = np.nan
    return np.add.reduceat(right.sum(axis=0), starts) / total
