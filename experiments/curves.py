"""Learning curves of each player, and their means: whatever is laid over one another is made here.

By *round* they tell how far a player got in the course of the game. By *meeting* they tell how much it made of each
time that it came upon a partner, so that games of few and of many partners, and partners who come late, can be laid
over one another. A player meets the partners on offer in every round that it answers, whether it asks them or not, and
an offer is the meeting with the partner on it that was met least often, this time included. It is the counterpart of
the stimulus iterations of studies of learning (Collins & Frank 2012, European Journal of Neuroscience 35, 1024-1035).

Meetings are counted by offers and not by answers, as answers are the player's own doing: who is asked often is who was
liked, so that a curve over answers would mix how well players choose with whom they choose. Offers are the game's
doing, and the same for all players of an episode.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec

Floats = NDArray[np.float64]
By = Literal["round", "meeting"]

POINTS = 12
"""Points of a learning curve by round; each pools the rounds of its share of the game."""

CURVES = {"valuing": "Asked the more valuing partner (%)", "accepted": "Was accepted (%)"}
"""The learning curves, with what their axes say."""

AXES: dict[By, str] = {"round": "Round", "meeting": "Meeting with the partner on offer\nthat was met least often"}
"""What they may go by, with what those axes say."""


class Points(NamedTuple):
    """The points of a learning curve: each pools some rounds or meetings in a row.

    Attributes:
        first: The first that each pools, counted from 1, `(points,)`; the last point pools all that follow.
        middle: The middle of what each pools, `(points,)`.
        names: What tables call them, such as `1` or `28+`.
    """

    first: NDArray[np.int64]
    middle: Floats
    names: tuple[str, ...]


def points(game: GameSpec, by: By = "round") -> Points:
    """The points of the curves of a game, the same for all its players.

    By meeting each pools about half as many as came before it, since learning slows down: 1, 2, 3, 4-5, 6-8, 9-12 and
    so on. The last one begins no later than the number of meetings that the game has on average with each partner,
    which nearly all players reach.
    """
    if by == "round":
        end = game.rounds
        first = np.arange(1, end + 1, -(-end // POINTS))
    else:
        end = max(1, game.rounds * game.offered // game.n_partners)
        starts = [1]
        while (following := starts[-1] + max(1, starts[-1] // 2)) <= end:
            starts.append(following)
        first = np.array(starts)
    last = np.append(first[1:] - 1, end)
    names = [str(a) if a == b else f"{a}–{b}" for a, b in zip(first, last, strict=True)]
    if by == "meeting":
        names[-1] = f"{first[-1]}+"  # some partners are met more often than on average
    return Points(first, (first + last) / 2, tuple(names))


def meetings(choices: Choices) -> NDArray[np.int16]:
    """How often the player has met the partner on offer that it met least often, this time included, `(n, rounds)`.

    Missed rounds count for nothing; in them it is the number of meetings before.
    """
    n, rounds = choices.choice.shape
    offered = choices.offered.astype(np.int64)
    met = np.zeros((n, rounds, choices.game.n_partners), np.int16)  # games have 10,000 rounds at most
    np.put_along_axis(met, offered, (~choices.missed[..., None]).astype(np.int16), axis=2)
    return np.take_along_axis(met.cumsum(axis=1, dtype=np.int16), offered, axis=2).min(axis=2)


def by_player(choices: Choices, by: By = "round", outcomes: bool = True) -> dict[str, Floats]:
    """Learning curves of each player in percent, `(n, points)`, so far as they are known.

    Rounds in which the offered partners value the player alike don't count for `valuing`, and missed ones for neither;
    NaN where no round counts.

    Args:
        choices: The players' choices.
        by: What the curves go by.
        outcomes: Whether the outcomes are those of these very choices.
    """
    n, rounds = choices.choice.shape
    first = points(choices.game, by).first
    number = meetings(choices) if by == "meeting" else np.broadcast_to(np.arange(1, rounds + 1), (n, rounds))
    place = np.searchsorted(first, number, side="right") - 1 + len(first) * np.arange(n)[:, None]

    def shares(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> Floats:
        hit, total = (np.bincount(place[counted], minlength=n * len(first)) for counted in (hits & of, of))
        with np.errstate(invalid="ignore"):
            return (100 * hit / total).reshape(n, len(first))

    found = {}
    worth = choices.valuation
    if worth is not None:
        differ = (worth.max(axis=2) > worth.min(axis=2)) & ~choices.missed
        found["valuing"] = shares(choices.of_chosen(worth) == worth.max(axis=2), differ)
    if outcomes:
        found["accepted"] = shares(choices.accepted, ~choices.missed)
    return found
