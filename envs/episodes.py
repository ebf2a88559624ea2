"""Episodes: all random draws of a game that don't depend on the player, made in advance.

Episode `i` of a seed does not depend on how many episodes are drawn: they are drawn in blocks of fixed size, each with
a random generator that is keyed by the seed and the number of the block. All environments, batches and processes
therefore agree, and agents can be compared with common random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.game import GameSpec, SpotsRange
from accept_reject.random import Stream, episode_generator, generator

BLOCK = 64
"""Episodes in a block. Changing it would change the episodes of all seeds."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Episodes:
    """Drawn episodes of a game.

    Attributes:
        game: The game.
        parts: Origin of the episodes, as runs of consecutive episodes: seed, index of the first, number.
        offered: The partners offered, `(n, rounds, offered)`; numbers from 0.
        rank: Each offered partner's rank of the player, `(n, rounds, offered)`; 1 is the best.
        spots: Each offered partner's spots, `(n, rounds, offered)`; from 0 to `ranks`.
        kind: Hidden state: the kind of each partner, an index into `game.partners`, `(n, partners)`.
        mean_rank: Hidden state: each partner's mean rank, `(n, rounds, partners)`; the axis of rounds has length 1 if
            the mean ranks are constant.
    """

    game: GameSpec
    parts: tuple[tuple[int, int, int], ...]
    offered: Bytes
    rank: Bytes
    spots: Bytes
    kind: Bytes
    mean_rank: Floats

    def __len__(self) -> int:
        return len(self.offered)

    @cached_property
    def accepted(self) -> Flags:
        """Whether each offered partner would accept the player, `(n, rounds, offered)`."""
        return self.rank <= self.spots

    @cached_property
    def rank_shown(self) -> Flags:
        """Whether the rank and spots of each offered partner are shown if it is chosen, `(n, rounds, offered)`."""
        shown = np.array([kind.rank_shown for kind in self.game.partners])
        return self._of_offered(shown[self.kind][:, None, :])

    @cached_property
    def valuation(self) -> Floats:
        """Hidden state: how much each offered partner values the player, 0..1, `(n, rounds, offered)`."""
        return self._of_offered(self.partner_valuation)

    @cached_property
    def acceptance(self) -> Floats:
        """Hidden state: probability that each offered partner accepts, `(n, rounds, offered)`."""
        return self._of_offered(self.partner_acceptance)

    @cached_property
    def partner_valuation(self) -> Floats:
        """Hidden state: how much each partner values the player, 0..1, `(n, rounds or 1, partners)`."""
        return (self.game.ranks - self.mean_rank) / np.float32(self.game.ranks - 1)

    @cached_property
    def partner_acceptance(self) -> Floats:
        """Hidden state: probability that each partner accepts, `(n, rounds or 1, partners)`."""
        game, kind = self.game, self.kind[:, None, :]
        if game.rule == "orthogonal":
            given = np.array([kind.acceptance for kind in game.partners], np.float32)
            acceptance = np.broadcast_to(given[kind], self.mean_rank.shape)
        else:
            acceptance = np.zeros_like(self.mean_rank)
            for i, partner in enumerate(game.partners):
                assert partner.spots is not None  # the causal rule requires them
                mask = np.broadcast_to(kind == i, acceptance.shape)
                acceptance[mask] = acceptance_from_spots(self.mean_rank[mask], game, partner.spots)
        if game.open_doors is None:
            return acceptance
        opened = acceptance_from_spots(self.mean_rank, game, game.open_doors.spots)
        is_open = np.arange(game.rounds) >= game.opening_round
        return np.where(is_open[None, :, None], opened, acceptance)

    @classmethod
    def join(cls, several: Sequence[Episodes]) -> Episodes:
        """Concatenate episodes of one game, such as those of several seeds."""
        arrays = ("offered", "rank", "spots", "kind", "mean_rank")
        joined = {name: np.concatenate([getattr(each, name) for each in several]) for name in arrays}
        return cls(several[0].game, tuple(part for each in several for part in each.parts), **joined)

    def uniform(self, stream: Stream, seed: int) -> NDArray[np.float64]:
        """Return uniform random numbers in 0..1 that belong to the episodes, also after `join`.

        Args:
            stream: The random stream.
            seed: An additional seed.

        Returns:
            Random numbers, `(n, rounds)`.
        """
        uniform = np.empty((len(self), self.game.rounds))
        first = 0
        for of_seed, start, n in self.parts:
            for block, rows, part in _blocks(n, start):
                rng = generator(of_seed, stream, block, seed)
                uniform[first + rows.start : first + rows.stop] = rng.random((BLOCK, self.game.rounds))[part]
            first += n
        return uniform

    def _of_offered(self, of_partners: NDArray[Scalar]) -> NDArray[Scalar]:
        return of_partners.ravel().take(_partner_index(self.offered, *of_partners.shape[1:]))


def draw(game: GameSpec, seed: int, n: int, start: int = 0) -> Episodes:
    """Draw episodes `start .. start + n - 1` of a seed.

    Args:
        game: The game.
        seed: An integer >= 0.
        n: Number of episodes.
        start: Index of the first episode.

    Raises:
        ValueError: If a number is negative.
    """
    if seed < 0 or n < 0 or start < 0:
        raise ValueError(f"seed, n and start must be integers >= 0, got {seed}, {n} and {start}")
    shape = (n, game.rounds, game.offered)
    offered, rank, spots = (np.empty(shape, np.uint8) for _ in range(3))
    kind = np.empty((n, game.n_partners), np.uint8)
    mean_rank = np.empty((n, game.rounds if game.drift else 1, game.n_partners), np.float32)
    for block, rows, part in _blocks(n, start):
        drawn = _draw_block(game, episode_generator(seed, block))
        offered[rows], rank[rows], spots[rows], kind[rows], mean_rank[rows] = (piece[part] for piece in drawn)
    return Episodes(game, ((seed, start, n),), offered, rank, spots, kind, mean_rank)


def _blocks(n: int, start: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield the blocks of episodes `start .. start + n - 1`: number, rows of the result, rows of the block."""
    for block in range(start // BLOCK, -(-(start + n) // BLOCK)):
        first, last = max(start, block * BLOCK), min(start + n, (block + 1) * BLOCK)
        yield block, slice(first - start, last - start), slice(first - block * BLOCK, last - block * BLOCK)


def _draw_block(game: GameSpec, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Draw a block: offered, rank, spots, kind and mean rank. Changing the order of draws would change all episodes."""
    kinds = np.repeat(np.arange(len(game.partners), dtype=np.uint8), [kind.count for kind in game.partners])
    kind = rng.permuted(np.tile(kinds, (BLOCK, 1)), axis=1)
    mean_rank = np.array([kind.mean_rank for kind in game.partners], np.float32)[kind][:, None, :]
    if game.drift:
        steps = rng.standard_normal((BLOCK, game.rounds, game.n_partners), np.float32) * np.float32(game.drift)
        steps[:, 0] = 0
        mean_rank = _reflect(mean_rank + steps.cumsum(axis=1), 1, game.ranks)
    offered = _draw_offered(game, rng)

    at = _partner_index(offered, *mean_rank.shape[1:])
    latent = rng.standard_normal(offered.shape, np.float32)
    latent *= np.float32(game.rank_sd)
    latent += mean_rank.ravel().take(at)
    rank = np.rint(latent, out=latent).clip(1, game.ranks, out=latent).astype(np.uint8)

    uniform = rng.random(offered.shape, np.float32)
    if game.rule == "orthogonal":
        given = np.array([kind.acceptance for kind in game.partners], np.float32)[kind][:, None, :]
        accepted = rng.random(offered.shape, np.float32) < given.ravel().take(_partner_index(offered, *given.shape[1:]))
        # Uniform over spots consistent with rank and acceptance: rank..ranks if accepted, 0..rank-1 if rejected.
        fewest = rank * accepted
        choices = np.where(accepted, game.ranks + 1 - rank, rank)
    else:
        ranges = np.array([kind.spots for kind in game.partners], np.uint8)[kind][:, None, :, :]
        index = _partner_index(offered, *ranges.shape[1:3])
        fewest = ranges[..., 0].ravel().take(index)
        choices = ranges[..., 1].ravel().take(index) - fewest + np.uint8(1)
    if game.open_doors is not None:
        low, high = game.open_doors.spots
        fewest[:, game.opening_round :] = low
        choices[:, game.opening_round :] = high - low + 1
    spots = fewest + (uniform * choices).astype(np.uint8)
    return offered, rank, spots, kind, mean_rank


def _draw_offered(game: GameSpec, rng: np.random.Generator) -> Bytes:
    """Draw the partners offered from those present, without replacement, `(BLOCK, rounds, offered)`."""
    seats = np.empty((BLOCK, game.rounds, game.offered), np.uint8)
    for j in range(game.offered):
        seat = rng.integers(game.n_present - j, size=seats.shape[:2], dtype=np.uint8)
        for taken in np.moveaxis(np.sort(seats[..., :j], axis=-1), -1, 0):
            seat += seat >= taken  # skip the ones already drawn, in ascending order
        seats[..., j] = seat
    if not len(game.arrivals):
        return seats

    # The partner in each seat after each arrival, (BLOCK, arrivals + 1, n_present); newcomers are numbered in order.
    sitting = np.empty((BLOCK, len(game.arrivals) + 1, game.n_present), np.uint8)
    sitting[:, 0] = np.arange(game.n_present)
    leaving = rng.integers(game.n_present, size=(BLOCK, len(game.arrivals)))
    for j in range(len(game.arrivals)):
        sitting[:, j + 1] = sitting[:, j]
        sitting[np.arange(BLOCK), j + 1, leaving[:, j]] = game.n_present + j
    stage = np.searchsorted(game.arrivals, np.arange(game.rounds), side="right")
    return sitting[np.arange(BLOCK)[:, None, None], stage[None, :, None], seats]


def _reflect(walk: Floats, low: float, high: float) -> Floats:
    """Reflect a random walk at both ends of `low..high`."""
    width = np.float32(high - low)
    return np.float32(high) - np.abs((walk - np.float32(low)) % (2 * width) - width)


def _partner_index(offered: Bytes, rounds: int, partners: int) -> NDArray[np.int64]:
    """Return indices of the offered partners in a flattened `(n, rounds, partners)` table; `rounds` can be 1."""
    episode = np.arange(len(offered))[:, None]
    row = episode * rounds + (np.arange(offered.shape[1]) if rounds > 1 else 0)
    return (row * partners)[..., None] + offered


def acceptance_from_spots(mean_rank: Floats, game: GameSpec, spots: SpotsRange) -> Floats:
    """Compute the acceptance probability of the causal rule, `P(rank <= spots)`.

    The rank is a Normal, rounded and clipped to `1..ranks`. Therefore `P(rank <= s)` is 0 for `s = 0`, 1 for
    `s = ranks`, and `Phi((s + 1/2 - mean_rank) / rank_sd)` in between. It is averaged over the uniform spots.

    Args:
        mean_rank: Means of the latent Normal, any shape.
        game: The game, for `ranks` and `rank_sd`.
        spots: Smallest and largest number of spots.

    Returns:
        Probabilities, in the shape of `mean_rank`.
    """
    from scipy.special import ndtr  # not at the top: importing the environments should be fast

    fewest, most = spots
    total = np.zeros_like(mean_rank)
    for s in range(fewest, most + 1):
        if s == game.ranks:
            total += 1
        elif s > 0:
            total += ndtr((s + 0.5 - mean_rank) / game.rank_sd)
    return total / np.float32(most - fewest + 1)
