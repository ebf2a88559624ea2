"""Learning curves: how often players chose the partner that values them most, and were accepted, over a game.

By *round*, a curve shows progress over the course of the game. By *encounter*, it shows how much a player learned from
each encounter with a partner, so that games with few and with many partners, and partners that arrive late, can be
compared. A player encounters the offered partners in every round that it answers, whether or not it chooses them, and
an offer is numbered by its less familiar partner: it is encounter k if that partner is encountered for the k-th
time. It is the counterpart of stimulus iterations in studies of learning (Collins & Frank 2012, European Journal of
Neuroscience 35, 1024-1035).

Encounters count offers and not choices, because choices are the player's own doing: partners chosen often are those
that the player liked, so a curve over choices would mix how well players choose with which partners they choose. Offers
are determined by the game and are the same for all players of an episode.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.analysis.intervals import Interval, share_interval

Floats = NDArray[np.float64]
By = Literal["round", "encounter"]

POINTS = 12
"""Points of a learning curve by round; each pools an equal share of the game's rounds."""

CURVES = {"valuing": "Chose the partner that values it most (%)", "accepted": "Was accepted (%)"}
"""The learning curves, with their axis labels."""

AXES: dict[By, str] = {"round": "Round", "encounter": "Encounter with the less familiar partner"}
"""What learning curves are plotted against, with the axis labels."""


class Points(NamedTuple):
    """The points of a learning curve: each pools some successive rounds or encounters.

    Attributes:
        first: The first that each point pools, counted from 1, `(points,)`; the last point pools all that follow.
        middle: The middle of what each point pools, `(points,)`.
        names: Their names in tables, such as `1` or `28+`.
    """

    first: NDArray[np.int64]
    middle: Floats
    names: tuple[str, ...]


class Counts(NamedTuple):
    """The counts behind a learning curve.

    Attributes:
        hits: Rounds with a hit, `(n, points)`.
        total: Rounds that count, `(n, points)`.
    """

    hits: NDArray[np.int64]
    total: NDArray[np.int64]

    def sum(self, points: NDArray[np.int64]) -> Counts:
        """The counts of some points together, `(n,)`."""
        return Counts(*(each[:, points].sum(axis=1) for each in self))

    def pool(self, groups: int) -> Counts:
        """The counts of successive groups of players of equal size, `(groups, points)`."""
        return Counts(*(each.reshape(groups, -1, each.shape[1]).sum(axis=1) for each in self))

    @property
    def shares(self) -> Floats:
        """Shares of hits, 0..1; NaN where no round counts."""
        with np.errstate(invalid="ignore"):
            return self.hits / self.total

    @property
    def interval(self) -> Interval:
        """Means of the shares of the n players or seeds, with 95% intervals."""
        return share_interval(self.shares, self.total)


def curve_points(game: GameSpec, by: By = "round", n: int = POINTS) -> Points:
    """The points of the curves of a game, the same for all its players.

    By encounter, each point pools about half as many encounters as came before it, since learning slows down: 1, 2, 3,
    4-5, 6-8, 9-12 and so on. The last point begins no later than the average number of encounters with each partner,
    which nearly all players reach.

    Args:
        game: The game.
        by: What the curves are plotted against.
        n: Maximum number of points by round.
    """
    if by == "round":
        end = game.rounds
        first = np.arange(1, end + 1, -(-end // n))
    else:
        end = max(1, game.rounds * game.offered // game.n_partners)
        starts = [1]
        while (following := starts[-1] + max(1, starts[-1] // 2)) <= end:
            starts.append(following)
        first = np.array(starts)
    last = np.append(first[1:] - 1, end)
    names = [str(a) if a == b else f"{a}–{b}" for a, b in zip(first, last, strict=True)]
    if by == "encounter":
        names[-1] = f"{first[-1]}+"  # some partners are encountered more often than on average
    return Points(first, (first + last) / 2, tuple(names))


def offers_so_far(
    offered: NDArray[np.integer], partners: int, answered: NDArray[np.bool_] | None = None
) -> NDArray[np.int16]:
    """Count how often each partner has been offered up to and including each round, `(n, rounds, partners)`.

    Args:
        offered: The offered partners, `(n, rounds, offered)`.
        partners: Number of partners.
        answered: The rounds that count, `(n, rounds)`; all by default.
    """
    counts = np.zeros((*offered.shape[:2], partners), np.int16)  # games have at most 10,000 rounds
    increments = 1 if answered is None else answered[..., None].astype(np.int16)
    np.put_along_axis(counts, offered.astype(np.int64), increments, axis=2)
    return counts.cumsum(axis=1, dtype=np.int16)


def encounters(choices: Choices) -> NDArray[np.int16]:
    """Encounters with the offered partner that was encountered least often, this one included, `(n, rounds)`.

    Missed rounds don't count; in them it is the number of earlier encounters.
    """
    so_far = offers_so_far(choices.offered, choices.game.n_partners, ~choices.missed)
    return np.take_along_axis(so_far, choices.offered.astype(np.int64), axis=2).min(axis=2)


def curve_counts(choices: Choices, by: By = "round", n: int = POINTS, outcomes: bool = True) -> dict[str, Counts]:
    """The counts behind the learning curves that the choices allow, by name, a row for each player.

    For `valuing`, only rounds count in which the offered partners differ in how much they value the player. Missed
    rounds don't count.

    Args:
        choices: The players' choices.
        by: What the curves are plotted against.
        n: Maximum number of points by round.
        outcomes: Whether the outcomes belong to these choices; if not, there is no curve of acceptance.
    """
    players, rounds = choices.choice.shape
    first = curve_points(choices.game, by, n).first
    number = encounters(choices) if by == "encounter" else np.broadcast_to(np.arange(1, rounds + 1), (players, rounds))
    place = np.searchsorted(first, number, side="right") - 1 + len(first) * np.arange(players)[:, None]

    def counts(hits: NDArray[np.bool_], valid: NDArray[np.bool_]) -> Counts:
        binned = (np.bincount(place[each], minlength=players * len(first)) for each in (hits & valid, valid))
        return Counts(*(each.reshape(players, len(first)) for each in binned))

    found = {}
    worth = choices.valuation
    if worth is not None:
        differ = (worth.max(axis=2) > worth.min(axis=2)) & ~choices.missed
        found["valuing"] = counts(choices.of_chosen(worth) == worth.max(axis=2), differ)
    if outcomes:
        found["accepted"] = counts(choices.accepted, ~choices.missed)
    return found


def learning_curves(choices: Choices, by: By = "round", n: int = POINTS, outcomes: bool = True) -> dict[str, Floats]:
    r"""Compute the learning curves of each player.

    The point of a curve that pools the rounds $T$ is the share of hits $h_t$, 0 or 1, in its rounds $V$ that count:

    $$y_T = \frac{\sum_{t \in T \cap V} h_t}{|T \cap V|}.$$

    For `valuing`, a hit is the choice of the most valuing partner on offer, and only rounds count in which the offered
    partners differ in how much they value the player. For `accepted`, a hit is an acceptance. Missed rounds don't
    count. `curve_points` gives the rounds or encounters of each point.

    Args:
        choices: The players' choices.
        by: What the curves are plotted against: rounds, or encounters with the offered partner that was encountered
            least often (see the module's description).
        n: Maximum number of points by round.
        outcomes: Whether the outcomes belong to these choices; if not, there is no curve of acceptance.

    Returns:
        Curves by name, shares 0..1, `(n players, points)`; NaN where no round counts. Without a known hidden state
        there is no `valuing`.

    Examples:
        >>> import accept_reject as ar
        >>> episodes = ar.draw(ar.scenario("few-spots").game, seed=0, n=500)
        >>> curves = ar.learning_curves(ar.play(ar.make_agent("bayes-hybrid"), episodes))
        >>> curves["valuing"].shape
        (500, 12)
        >>> [round(float(share), 2) for share in curves["valuing"].mean(axis=0)[[0, -1]]]
        [0.71, 0.94]

    References:
        Collins, A. G. E., & Frank, M. J. (2012). How much of reinforcement learning is working memory, not
        reinforcement learning? A behavioral, computational, and neurogenetic analysis. *European Journal of
        Neuroscience*, 35(7), 1024-1035.
        [doi:10.1111/j.1460-9568.2011.07980.x](https://doi.org/10.1111/j.1460-9568.2011.07980.x)
    """
    return {name: counts.shares for name, counts in curve_counts(choices, by, n, outcomes).items()}
