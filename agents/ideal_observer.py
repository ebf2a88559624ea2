"""The ideal observer: exact Bayesian inference by an agent that knows how the game is generated."""

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
"""Upper limit of partners times kinds times partial deals for the joint inference over all partners."""

DRIFT_STEP = 0.1
"""Grid spacing of the mean ranks of drifting partners, in ranks."""

Floats = NDArray[np.float64]


class IdealObserver(Agent):
    r"""Knows the `GameSpec`, infers every partner's hidden state by Bayes' rule, and chooses the best expected one.

    The hidden state $h_j$ of partner $j$ is its kind and, where valuations drift, its mean rank. With the partner
    $c_t$ chosen in round $t$, the rank $r_t$ and the outcome $y_t$, the posterior over the states of all partners is

    $$P(h_1, \dots, h_N \mid \text{data}) \propto P(h_1, \dots, h_N) \prod_t P(r_t, y_t \mid h_{c_t}).$$

    The prior deals the game's kinds to the partners without replacement, so that learning about one partner is also
    learning about the others. The likelihood is exact: a rank is a rounded Normal with the mean $\mu$ of the state and
    the SD $\sigma$ of the game (`rank_sd`), so with the Normal distribution function $\Phi$

    $$P(r \mid h) = \Phi((r + 1/2 - \mu) / \sigma) - \Phi((r - 1/2 - \mu) / \sigma),$$

    where the best and the worst rank take the whole tail. Under the orthogonal rule the outcome is independent of the
    rank; under the causal rule it follows from the rank and the spots. If the rank is hidden, only the outcome counts.
    The agent is greedy: it chooses the offered partner with the highest posterior mean of the target and never
    explores, so an agent that plans ahead could do slightly better.

    The inference is exact in all scenarios but two. In `drift`, mean ranks are tracked on a grid of `DRIFT_STEP` ranks.
    In `crowd` there are too many ways to deal the kinds (`JOINT_LIMIT`), and partners are treated as independent, which
    is nearly true for that many partners.

    Registered as `ideal-valuing` and `ideal-accepted`.

    Args:
        target: What to maximize: the expected `valuation` or the expected `acceptance` probability.
        joint: Whether to infer over all ways to deal the kinds. If False, partners are treated as independent in every
            game; this bounds what agents can reach that keep a separate state for each partner.

    Raises:
        ValueError: If the target is neither of the two.

    Examples:
        >>> import accept_reject as ar
        >>> episodes = ar.draw(ar.scenario("hidden-ranks").game, seed=0, n=200)
        >>> for name in ("ideal-valuing", "bayes-hybrid"):
        ...     choices = ar.play(ar.make_agent(name), episodes)
        ...     print(f"{name}: {ar.score(choices, 'valuing').value:.2f}")
        ideal-valuing: 0.92
        bayes-hybrid: 0.86
    """

    knows_game = True

    def __init__(self, target: Literal["valuation", "acceptance"], joint: bool = True) -> None:
        if target not in ("valuation", "acceptance"):
            raise ValueError(f"target: must be 'valuation' or 'acceptance', got {target!r}")
        self.target = target
        self.joint = joint

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior."""
        self._game, self._round = game, 0
        self._family = _Family(game, self.joint)
        # Joint likelihood of a partner's past feedback and its current mean rank, given its kind, up to a factor for
        # each partner: (n_players, partners, kinds, mean ranks).
        self._evidence = np.broadcast_to(
            self._family.start, (n_players, game.n_partners, *self._family.start.shape)
        ).copy()
        self._belief = self._family.infer(self._evidence)

    def policy(self, offered: NDArray[np.uint8]) -> Floats:
        """Choose the offered partner with the highest expected target, `(n_players, offered)`."""
        worth = self._family.valuation if self.target == "valuation" else self._family.acceptance(self._round)
        return greedy(np.take_along_axis(self._expected(worth), offered, axis=1))

    def learn(self, feedback: Feedback) -> None:
        """Update the posterior with the answers, then let drifting partners take a step."""
        at = feedback.players, feedback.partner
        before = self._evidence[at]
        seen = before * self._family.probability(feedback, self._round)
        # Data of people may contain feedback that is impossible in the game, such as a missing rank. Then only the
        # outcome is used, or nothing if the outcome is impossible, too.
        for weaker in (before * self._family.outcome(feedback, self._round), before):
            seen = np.where(seen.max(axis=(1, 2), keepdims=True) > 0, seen, weaker)
        self._evidence[at] = seen / seen.max(axis=(1, 2), keepdims=True)
        self._round += 1
        if self._game.drift:
            self._evidence = self._evidence @ self._family.walk
        self._belief = self._family.infer(self._evidence)

    def valuations(self) -> Floats:
        """Return the expected valuations, `(n_players, partners)`."""
        return self._expected(self._family.valuation)

    def _expected(self, worth: Floats) -> Floats:
        expected: Floats = np.einsum("npkm,km->np", self._belief, worth)
        return expected.round(12)  # so that differences by rounding are ties


class _Family:
    """The hidden states that a partner can have in a game, and the probability of its answers in each of them.

    Attributes:
        start: Probability of the mean ranks in the first round, by kind, `(kinds, mean ranks)`.
        valuation: Valuation by state, `(kinds, mean ranks)`.
        walk: Transition probabilities between the mean ranks of the grid, where valuations drift.
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
            self._enough = self._spots[..., ::-1].cumsum(axis=-1)[..., ::-1]  # probability of at least that many spots
        self._open: Floats | None = None
        if game.open_doors:
            self._open = acceptance_from_spots(mean_rank, game, game.open_doors.spots).astype(float)

    def acceptance(self, now: int) -> Floats:
        """Return the acceptance probability by state in round `now`, `(kinds, mean ranks)`."""
        return self._closed if self._open is None or now < self.game.opening_round else self._open

    def outcome(self, feedback: Feedback, now: int) -> Floats:
        """Return the probability of each outcome in every state, whatever the rank: `(m, kinds, mean ranks)`."""
        accepts = self.acceptance(now)
        return np.where(feedback.accepted[:, None, None], accepts, 1 - accepts)

    def probability(self, feedback: Feedback, now: int) -> Floats:
        """Return the likelihood of each answer in every state, up to a factor: `(m, kinds, mean ranks)`."""
        shown = (feedback.rank > 0)[:, None, None]
        outcome = self.outcome(feedback, now)
        rank = np.moveaxis(self._rank[..., feedback.rank.astype(int) - 1], -1, 0)
        if now >= self.game.opening_round:
            given_rank = np.ones_like(outcome)  # spots don't depend on the state; rank and spots determine the outcome
        elif self._spots is None:
            given_rank = outcome  # spots carry no further information
        else:
            known = feedback.spots <= self.game.ranks
            of_spots = np.moveaxis(self._spots[..., np.where(known, feedback.spots, 0).astype(int)], -1, 0)
            enough = np.moveaxis(self._enough[..., feedback.rank.astype(int)], -1, 0)
            of_outcome = np.where(feedback.accepted[:, None, None], enough, 1 - enough)
            given_rank = np.where(known[:, None, None], of_spots, of_outcome)
        return np.where(shown, self._shown * rank * given_rank, (1 - self._shown) * outcome)

    def infer(self, evidence: Floats) -> Floats:
        """Return the posterior of every partner's state, `(n, partners, kinds, mean ranks)`."""
        of_kind = evidence.sum(axis=-1)
        kind = self._deals.marginals(of_kind)
        return evidence * (kind / np.maximum(of_kind, 1e-300))[..., None]


class _Deals:
    """All ways to deal kinds to partners without replacement.

    Args:
        counts: Number of partners of each kind.
        joint: Whether to infer over all deals, if there are not too many.
    """

    def __init__(self, counts: list[int], joint: bool) -> None:
        self.counts = np.array(counts)
        self.partners = int(self.counts.sum())
        partial_deals = int(np.prod(self.counts + 1))
        self.joint = joint and self.partners * len(counts) * partial_deals <= JOINT_LIMIT
        if not self.joint:
            return
        # A partial deal is the number of partners of each kind among the first i; its index is in mixed radix.
        used = np.array(list(product(*(range(count + 1) for count in counts))))
        strides = np.cumprod([1, *(self.counts[:0:-1] + 1)])[::-1]
        self._size = partial_deals
        self._moves = [
            [np.flatnonzero((used.sum(axis=1) == i) & (used[:, k] < self.counts[k])) for k in range(len(counts))]
            for i in range(self.partners)
        ]
        self._strides = strides

    def marginals(self, likelihood: Floats) -> Floats:
        """Return the probability that each partner is of each kind, given the likelihood of its answers under each.

        Runs a forward and a backward pass over the partners, over the partial deals of the first (last) i of them.

        Args:
            likelihood: Likelihood of each partner's answers under each kind, `(n, partners, kinds)`.

        Returns:
            `(n, partners, kinds)`; sums to 1 over the kinds.
        """
        if not self.joint:
            weighted = likelihood * self.counts
            return weighted / weighted.sum(axis=2, keepdims=True)
        n = len(likelihood)
        weight = likelihood.transpose(1, 2, 0)  # players last, so that whole rows are contiguous
        forward = np.zeros((self._size, n))
        forward[0] = 1
        for i, moves in enumerate(self._moves):
            for k, deals in enumerate(moves):
                forward[deals + self._strides[k]] += forward[deals] * weight[i, k]
        backward = np.zeros((self._size, n))
        backward[-1] = 1
        joint = np.empty((self.partners, len(self.counts), n))
        for i in reversed(range(self.partners)):
            for k, deals in enumerate(self._moves[i]):
                onward = backward[deals + self._strides[k]] * weight[i, k]
                joint[i, k] = (forward[deals] * onward).sum(axis=0)
                backward[deals] += onward
        joint /= joint.sum(axis=1, keepdims=True)
        return joint.transpose(2, 0, 1)


def _reflected_walk(grid: Floats, step_sd: float) -> Floats:
    """Return the transition probabilities on a grid of a random walk that is reflected at both ends."""
    low, high, half = grid[0], grid[-1], (grid[1] - grid[0]) / 2
    edges = np.concatenate([[low], grid[:-1] + half, [high]])
    total = np.zeros((len(grid), len(grid)))
    reach = int(np.ceil(8 * step_sd / (high - low))) + 1
    for turn in range(-reach, reach + 1):
        for sign in (1, -1):
            image = low + 2 * turn * (high - low) + sign * (edges - low)
            total += np.abs(np.diff(ndtr((image - grid[:, None]) / step_sd), axis=1))
    return total / total.sum(axis=1, keepdims=True)
