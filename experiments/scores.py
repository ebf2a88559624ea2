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

AnchoredName = Literal["valuing", "accepted"]
ANCHORED: tuple[AnchoredName, ...] = ("valuing", "accepted")
"""How much the partners asked value the player (the headline), and how probably they accept it."""

ScoreName = Literal["valuing", "accepted", "insight"]
SCORES: tuple[ScoreName, ...] = (*ANCHORED, "insight")
"""The anchored scores, and how well an agent's beliefs order its partners by their hidden valuations."""


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


def anchored(choices: Choices, name: AnchoredName, rounds: slice = slice(None)) -> Anchored:
    """A score with its anchors.

    Args:
        choices: Who was asked; where the hidden state is not known, the score is NaN.
        name: Which score.
        rounds: Only these rounds (from 0); all by default.
    """
    hidden = choices.valuation if name == "valuing" else choices.acceptance
    choice = choices.choice[:, rounds]
    answered = choice >= 0
    if hidden is None or not answered.any():
        return Anchored(float("nan"), float("nan"), float("nan"))
    worth = hidden[:, rounds][answered].astype(np.float64)
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
        counts, or where the valuations are not known.
    """
    worth = choices.valuation
    starts = np.arange(0, choices.game.rounds, width)
    if worth is None:
        return np.full(len(starts), np.nan)
    counts = (worth.max(axis=2) > worth.min(axis=2)) & ~choices.missed
    right = counts & (choices.of_chosen(worth) == worth.max(axis=2))
    total = np.add.reduceat(counts.sum(axis=0), starts).astype(np.float64)
    total[total == 0] = np.nan
    return np.add.reduceat(right.sum(axis=0), starts) / total


def insight(
    beliefs: NDArray[np.floating], offered: NDArray[np.integer], valuation: NDArray[np.floating]
) -> NDArray[np.float64]:
    """How well beliefs order the partners by their hidden valuations: Kendall's tau-b (Kendall 1945).

    Only partners who have been offered so far are ordered. Beliefs that make no difference between them order nothing
    and count as 0. Where partners value the player alike and beliefs differ all the same, 1 is out of reach: with two
    levels of valuation among 8 partners, beliefs without ties reach 0.76 at most.

    Args:
        beliefs: An agent's `valuations()` after each round, `(n, rounds, partners)`.
        offered: The partners that were offered, `(n, rounds, offered)`.
        valuation: Their hidden valuations, `(n, rounds or 1, partners)`.

    Returns:
        For each player and round, `(n, rounds)`; NaN where the partners offered so far value the player alike.
    """
    n, rounds, partners = beliefs.shape
    met = np.zeros((n, rounds, partners), bool)
    np.put_along_axis(met, offered.astype(np.int64), True, axis=2)
    met = np.logical_or.accumulate(met, axis=1)
    first, second = np.triu_indices(partners, k=1)
    both = met[..., first] & met[..., second]
    in_truth = np.sign(valuation[..., first] - valuation[..., second]) * both
    in_belief = np.sign(beliefs[..., first] - beliefs[..., second]) * both
    ordered, believed = np.abs(in_truth).sum(axis=2), np.abs(in_belief).sum(axis=2)
    tau = (in_truth * in_belief).sum(axis=2) / np.sqrt(np.maximum(ordered * believed, 1))
    return np.where(ordered > 0, tau, np.nan)
