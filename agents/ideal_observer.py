"""The ideal observer: what can be known of the partners by whoever knows how games of this sort are made."""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from accept_reject.agents.base import Agent, Feedback, greedy
from accept_reject.envs.episodes import acceptance_from_spots
from accept_reject.envs.game import GameSpec

JOINT_LIMIT = 300_000
"""The most that partners times kinds times partial deals may be for the joint inference over all partners."""

DRIFT_STEP = 0.1
"""Spacing of the mean ranks on which a wandering partner is followed, in ranks."""

Floats = NDArray[np.float64]


class IdealObserver(Agent):
    """Knows the game's `GameSpec`, infers every partner's hidden state by Bayes' rule, and asks the best one expected.

    A partner's hidden state is its kind and, where valuations drift, its mean rank. Each answer is weighed by its exact
    probability under every state: the rounded Normal of the rank with the rule's acceptance or spots; where the rank
    is hidden, the outcome alone. Kinds are dealt without replacement, so that what is learned of one partner tells of
    the others; this is inferred over all ways of dealing. The inference is exact in `orthogonal` and in all
    scenarios but two:

    - in `drift` mean ranks are followed on a grid of `DRIFT_STEP` ranks;
    - in `crowd` there are too many ways of dealing (`JOINT_LIMIT`), and partners are taken as independent, which is
      nearly true where they are many.

    It is greedy: it never asks anyone for the sake of learning, so that a planner could do a little better.

    Args:
        target: What it maximises: the expected `valuation` or the expected `acceptance` probability.
        joint: Whether it infers over all ways of dealing. If not, it takes partners as independent everywhere:
            the line for agents that keep a state for each partner and none for all of them.
    """

    def __init__(self, target: Literal["valuation", "acceptance"], joint: bool = True) -> None:
        if target not in ("valuation", "acceptance"):
            raise ValueError(f"target should be 'valuation' or 'acceptance', but is {target!r}")
        self.target = target
        self.joint = joint

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to what is known of strangers."""
        self._game, self._round = game, 0
        self._family = _Family(game, self.joint)
        # How probable what was seen of a partner is, together with its mean rank now, if it is of a kind:
        # (n_players, partners, kinds, mean ranks), up to a factor for each partner.
        self._evidence = np.broadcast_to(
            self._family.start, (n_players, game.n_partners, *self._family.start.shape)
        ).copy()
        self._belief = self._family.infer(self._evidence)

    def policy(self, offered: NDArray[np.uint8]) -> Floats:
        """The best of the offered, by expectation, `(n_players, offered)`."""
        worth = self._family.valuation if self.target == "valuation" else self._family.acceptance(self._round)
        return greedy(np.take_along_axis(self._expected(worth), offered, axis=1))

    def learn(self, feedback: Feedback) -> None:
        """Weigh the answers; wandering partners wander on."""
        at = feedback.players, feedback.partner
        before = self._evidence[at]
        seen = before * self._family.probability(feedback, self._round)
        # People's data may hold what the game can't give, such as a missing rank: then the outcome alone is weighed,
        # and if that is impossible too, nothing.
        for weaker in (before * self._family.outcome(feedback, self._round), before):
            seen = np.where(seen.max(axis=(1, 2), keepdims=True) > 0, seen, weaker)
        self._evidence[at] = seen / seen.max(axis=(1, 2), keepdims=True)
        self._round += 1
        if self._game.drift:
            self._evidence = self._evidence @ self._family.walk
        self._belief = self._family.infer(self._evidence)

    def valuations(self) -> Floats:
        """Expected valuations, `(n_players, partners)`."""
        return self._expected(self._family.valuation)

    def _expected(self, worth: Floats) -> Floats:
        expected: Floats = np.einsum("npkm,km->np", self._belief, worth)
        return expected.round(12)  # so that what is equal but for rounding is a tie


class _Family:
    """The family of games that a `GameSpec` describes: the hidden states of a partner and what each would do.

    Attributes:
        start: Probability of the mean ranks in the first round, by kind, `(kinds, mean ranks)`.
        valuation: Valuation by state, `(kinds, mean ranks)`.
        walk: Where valuations drift, the probability of each step on the grid of mean ranks.
    """

    def __init__(self, game: GameSpec, joint: bool) -> None:
        self.game = game
        kinds = game.partners
        mean_rank = np.array([kind.mean_rank for kind in kinds])[:, None]
        self.start = np.ones_like(mean_rank)
        if game.drift:
            grid = np.linspace(1, game.ranks, round((game.ranks - 1) / DRIFT_STEP) + 1)
            nearest = np.abs(mean_rank - grid).argmin(axis=1)
            self.start = np.eye(len(grid))[nearest]
            mean_rank = np.tile(grid, (len(kinds), 1))
            self.walk = _reflected_walk(grid, game.drift)
        self.valuation = (game.ranks - mean_rank) / (game.ranks - 1)
        at_most = ndtr((np.arange(game.ranks + 1) + 0.5 - mean_rank[..., None]) / game.rank_sd)
        at_most[..., 0], at_most[..., -1] = 0, 1
        self._rank = np.diff(at_most, axis=-1)
        self._shown = np.array([kind.rank_shown for kind in kinds], float)[:, None]
        self._deals = _Deals([kind.count for kind in kinds], joint)
        ones = np.ones_like(mean_rank)
        if game.rule == "orthogonal":
            self._closed = ones * np.array([kind.acceptance for kind in kinds], float)[:, None]
            self._spots = None
        else:
            ranges = [kind.spots for kind in kinds if kind.spots]
            each = [acceptance_from_spots(row, game, spots) for row, spots in zip(mean_rank, ranges, strict=True)]
            self._closed = np.stack(each).astype(float)
            s = np.arange(game.ranks + 1)
            self._spots = np.stack([((s >= low) & (s <= high)) / (high - low + 1) for low, high in ranges])[:, None]
            self._enough = self._spots[..., ::-1].cumsum(axis=-1)[..., ::-1]  # probability of at least so many spots
        self._open: Floats | None = None
        if game.open_doors:
            self._open = acceptance_from_spots(mean_rank, game, game.open_doors.spots).astype(float)

    def acceptance(self, now: int) -> Floats:
        """Acceptance probability by state in a round, `(kinds, mean ranks)`."""
        return self._closed if self._open is None or now < self.game.opening_round else self._open

    def outcome(self, feedback: Feedback, now: int) -> Floats:
        """How probable each outcome is under every state, whatever the rank: `(m, kinds, mean ranks)`."""
        accepts = self.acceptance(now)
        return np.where(feedback.accepted[:, None, None], accepts, 1 - accepts)

    def probability(self, feedback: Feedback, now: int) -> Floats:
        """How probable each answer is under every state, up to a factor for each: `(m, kinds, mean ranks)`."""
        shown = (feedback.rank > 0)[:, None, None]
        outcome = self.outcome(feedback, now)
        rank = np.moveaxis(self._rank[..., feedback.rank.astype(int) - 1], -1, 0)
        if now >= self.game.opening_round:
            beside_rank = np.ones_like(outcome)  # everyone has the same spots, and they and the rank tell the outcome
        elif self._spots is None:
            beside_rank = outcome  # the spots tell nothing more
        else:
            known = feedback.spots <= self.game.ranks
            of_spots = np.moveaxis(self._spots[..., np.where(known, feedback.spots, 0).astype(int)], -1, 0)
            enough = np.moveaxis(self._enough[..., feedback.rank.astype(int)], -1, 0)
            of_outcome = np.where(feedback.accepted[:, None, None], enough, 1 - enough)
            beside_rank = np.where(known[:, None, None], of_spots, of_outcome)
        return np.where(shown, self._shown * rank * beside_rank, (1 - self._shown) * outcome)

    def infer(self, evidence: Floats) -> Floats:
        """Beliefs about every partner's state from the evidence, `(n, partners, kinds, mean ranks)`."""
        of_kind = evidence.sum(axis=-1)
        kind = self._deals.marginals(of_kind)
        return evidence * (kind / np.maximum(of_kind, 1e-300))[..., None]


class _Deals:
    """All ways of dealing kinds to partners: each kind as often as it is there.

    Args:
        counts: How often each kind is there.
        joint: Whether to infer over all of them, where they are not too many.
    """

    def __init__(self, counts: list[int], joint: bool) -> None:
        self.counts = np.array(counts)
        self.partners = int(self.counts.sum())
        partial_deals = int(np.prod(self.counts + 1))
        self.joint = joint and self.partners * len(counts) * partial_deals <= JOINT_LIMIT
        if not self.joint:
            return
        # A partial deal is how many of each kind the first i partners have; they are numbered in mixed radix.
        used = np.array(list(product(*(range(count + 1) for count in counts))))
        strides = np.cumprod([1, *(self.counts[:0:-1] + 1)])[::-1]
        self._size = partial_deals
        self._moves = [
            [np.flatnonzero((used.sum(axis=1) == i) & (used[:, k] < self.counts[k])) for k in range(len(counts))]
            for i in range(self.partners)
        ]
        self._strides = strides

    def marginals(self, likelihood: Floats) -> Floats:
        """Probability that each partner is of each kind, given how probable what was seen of it is under each.

        Forward and backward over the partners: how probable the first (last) i of them are with each partial deal.

        Args:
            likelihood: `(n, partners, kinds)`.

        Returns:
            `(n, partners, kinds)`; sums to 1 over the kinds.
        """
        if not self.joint:
            weighted = likelihood * self.counts
            return weighted / weighted.sum(axis=2, keepdims=True)
        n = len(likelihood)
        weight = likelihood.transpose(1, 2, 0)  # players last: whole rows are moved at once
        forward = np.zeros((self._size, n))
        forward[0] = 1
        for i, moves in enumerate(self._moves):
            for k, here in enumerate(moves):
                forward[here + self._strides[k]] += forward[here] * weight[i, k]
        backward = np.zeros((self._size, n))
        backward[-1] = 1
        joint = np.empty((self.partners, len(self.counts), n))
        for i in reversed(range(self.partners)):
            for k, here in enumerate(self._moves[i]):
                onward = backward[here + self._strides[k]] * weight[i, k]
                joint[i, k] = (forward[here] * onward).sum(axis=0)
                backward[here] += onward
        joint /= joint.sum(axis=1, keepdims=True)
        return joint.transpose(2, 0, 1)


def _reflected_walk(grid: Floats, step_sd: float) -> Floats:
    """Probability of going from one point of a grid to another in a random walk that is reflected at both its ends."""
    low, high, half = grid[0], grid[-1], (grid[1] - grid[0]) / 2
    edges = np.concatenate([[low], grid[:-1] + half, [high]])
    total = np.zeros((len(grid), len(grid)))
    reach = int(np.ceil(8 * step_sd / (high - low))) + 1
    for turn in range(-reach, reach + 1):
        for sign in (1, -1):
            image = low + 2 * turn * (high - low) + sign * (edges - low)
            total += np.abs(np.diff(ndtr((image - grid[:, None]) / step_sd), axis=1))
    return total / total.sum(axis=1, keepdims=True)
