"""Scores of choices: 0 for choosing uniformly at random, 1 for the oracle that knows the hidden state.

Both anchors are computed from the rounds that were played. A score judges the choice and not the outcome that happened
to follow: what counts is the hidden state of the chosen partner. Missed rounds don't count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.experiments.analysis.curves import offers_so_far
from accept_reject.experiments.analysis.intervals import Interval, ratio_interval

AnchoredName = Literal["valuing", "accepted"]
ScoreName = AnchoredName | Literal["insight"]

QUALITY: dict[AnchoredName, Callable[[Choices], NDArray[np.floating] | None]] = {
    "valuing": lambda choices: choices.valuation,
    "accepted": lambda choices: choices.acceptance,
}
"""The hidden quality of the offered partners that each anchored score averages, `(n, rounds, offered)`, if known: how
much they value the player (the headline score), and how likely they are to accept it."""

ANCHORED: tuple[AnchoredName, ...] = tuple(QUALITY)
"""The anchored scores, the headline score first."""

SCORES: tuple[ScoreName, ...] = (*ANCHORED, "insight")
"""The anchored scores, and how well an agent's beliefs rank its partners by their hidden valuations."""

ABOUT: dict[ScoreName, str] = {
    "valuing": "how much the chosen partners value the player",
    "accepted": "how likely the chosen partners are to accept the player",
    "insight": "how well an agent's beliefs rank its partners by how much they value it (Kendall's tau-b)",
}
"""What each score measures, for reports."""


@dataclass(frozen=True, eq=False)
class Score:
    """An anchored score: a mean over the chosen partners, relative to chance and the oracle in the same rounds.

    Attributes:
        mean: Mean over the chosen partners.
        chance: Mean over the offered partners: the expectation of a uniformly random choice.
        best: Mean over the best partner of each offer: that of the oracle.
        gain: For each player, the sum over rounds of chosen minus chance, `(n,)`.
        room: For each player, the sum over rounds of best minus chance, `(n,)`.
    """

    mean: float
    chance: float
    best: float
    gain: NDArray[np.float64]
    room: NDArray[np.float64]

    @property
    def value(self) -> float:
        """`(mean - chance) / (best - chance)`; NaN where all offered partners were equally good."""
        room = self.best - self.chance
        return (self.mean - self.chance) / room if room > 1e-9 else float("nan")

    @cached_property
    def interval(self) -> Interval:
        """The value with its 95% interval over players."""
        _, low, high = ratio_interval(self.gain, self.room)
        return Interval(self.value, low, high)

    @property
    def low(self) -> float:
        """Lower end of the 95% interval over players; NaN for a single player."""
        return float(self.interval.low)

    @property
    def high(self) -> float:
        """Upper end of the 95% interval over players; NaN for a single player."""
        return float(self.interval.high)


def score(choices: Choices, name: AnchoredName = "valuing", rounds: slice = slice(None)) -> Score:
    r"""Score the choices of one or many players.

    With the hidden value $v_{tj}$ of each offered partner, over all rounds of all players that were not missed,

    $$S = \frac{\sum_t (v_{t c_t} - \bar v_t)}{\sum_t (\max_j v_{tj} - \bar v_t)}$$

    for the chosen place $c_t$ and the mean $\bar v_t$ over the offered partners. It is 0 in expectation for choosing
    uniformly at random, and 1 for the oracle. The 95% interval of this ratio over players is by Student's t with
    linearized errors (Cochran 1977).

    Args:
        choices: The choices. Where the hidden state is unknown, the score is NaN.
        name: `valuing` for how much the chosen partners value the player, `accepted` for how likely they are to accept.
        rounds: The rounds to score, counted from 0; all by default.

    Examples:
        >>> import accept_reject as ar
        >>> episodes = ar.draw(ar.scenario("few-spots").game, seed=0, n=100)
        >>> round(ar.score(ar.play(ar.make_agent("oracle-valuing"), episodes)).value, 6)
        1.0

    References:
        Cochran, W. G. (1977). *Sampling Techniques* (3rd ed., ch. 6). Wiley.
    """
    hidden = QUALITY[name](choices)
    choice = choices.choice[:, rounds]
    answered = choice >= 0
    if hidden is None or not answered.any():
        return Score(float("nan"), float("nan"), float("nan"), np.zeros(0), np.zeros(0))
    worth = hidden[:, rounds][answered].astype(np.float64)
    chosen = np.take_along_axis(worth, choice[answered][:, None], axis=1)[:, 0]
    chance, best = worth.mean(axis=1), worth.max(axis=1)
    players = np.nonzero(answered)[0]
    gain, room = (np.bincount(players, each - chance, len(choice)).astype(np.float64) for each in (chosen, best))
    return Score(float(chosen.mean()), float(worth.mean()), float(best.mean()), gain, room)


def insight(
    beliefs: NDArray[np.floating], offered: NDArray[np.integer], valuation: NDArray[np.floating]
) -> NDArray[np.float64]:
    r"""Measure how well beliefs rank the partners by their hidden valuations: Kendall's tau-b (Kendall 1945).

    Over all pairs of partners $j < k$ with hidden valuations $v$ and beliefs $b$,

    $$\tau_b = \frac{\sum \operatorname{sgn}(v_j - v_k) \operatorname{sgn}(b_j - b_k)}
    {\sqrt{\sum \operatorname{sgn}(v_j - v_k)^2 \; \sum \operatorname{sgn}(b_j - b_k)^2}}.$$

    Only partners that have been offered so far are ranked. Beliefs that are equal for all of them count as 0. Where
    valuations are tied but beliefs are not, 1 is out of reach: with two levels of valuation among 8 partners, beliefs
    without ties reach at most 0.76.

    Args:
        beliefs: An agent's `valuations()` after each round, `(n, rounds, partners)`.
        offered: The offered partners, `(n, rounds, offered)`.
        valuation: Their hidden valuations, `(n, rounds or 1, partners)`.

    Returns:
        For each player and round, `(n, rounds)`; NaN where all partners offered so far value the player equally.

    Examples:
        >>> import accept_reject as ar
        >>> from accept_reject.experiments.simulation.play import play_with_beliefs
        >>> episodes = ar.draw(ar.scenario("orthogonal").game, seed=0, n=100)
        >>> choices, beliefs = play_with_beliefs(ar.make_agent("bayes-hybrid"), episodes)
        >>> found = ar.insight(beliefs, choices.offered, episodes.partner_valuation)
        >>> found.shape
        (100, 144)

    References:
        Kendall, M. G. (1945). The treatment of ties in ranking problems. *Biometrika*, 33(3), 239-251.
        [doi:10.1093/biomet/33.3.239](https://doi.org/10.1093/biomet/33.3.239)
    """
    partners = beliefs.shape[2]
    met = offers_so_far(offered, partners) > 0
    first, second = np.triu_indices(partners, k=1)
    both = met[..., first] & met[..., second]
    in_truth = np.sign(valuation[..., first] - valuation[..., second]) * both
    in_belief = np.sign(beliefs[..., first] - beliefs[..., second]) * both
    ordered, believed = np.abs(in_truth).sum(axis=2), np.abs(in_belief).sum(axis=2)
    tau = (in_truth * in_belief).sum(axis=2) / np.sqrt(np.maximum(ordered * believed, 1))
    return np.where(ordered > 0, tau, np.nan)
