"""Episodes: every draw of a game that does not depend on the player, made up front.

Episode `i` of seed `s` is one and the same however many are drawn at once: episodes are drawn in blocks of fixed
size, each from a generator of its own that is keyed by the seed and the block's number. A batch, a scalar environment,
a vector environment and another process therefore agree, and every player can face the same luck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.game import GameSpec, SpotsRange

BLOCK = 64
"""Episodes in a block. It is part of the contract: another size would make other episodes of the same seed."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Episodes:
    """Drawn episodes of a game.

    Attributes:
        game: The game that was drawn.
        parts: Which episodes these are, in runs of successive ones: seed, number of the first, how many.
        offered: Which partners are offered, `(n, rounds, offered)`; numbers from 0.
        rank: How each offered partner ranks the player, `(n, rounds, offered)`; 1 is the best.
        spots: How many spots each offered partner has, `(n, rounds, offered)`; from 0 to `ranks`.
        kind: Hidden: the kind of each partner, an index into `game.partners`, `(n, partners)`.
        mean_rank: Hidden: each partner's mean rank, `(n, rounds, partners)`; the rounds axis has length 1 where the
            mean ranks do not change.
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
        """Whether the player would see rank and spots of each offered partner, `(n, rounds, offered)`."""
        shown = np.array([kind.rank_shown for kind in self.game.partners])
        return self._of_offered(shown[self.kind][:, None, :])

    @cached_property
    def valuation(self) -> Floats:
        """Hidden: how much each offered partner values the player, 0..1, `(n, rounds, offered)`."""
        return self._of_offered(self.partner_valuation)

    @cached_property
    def acceptance(self) -> Floats:
        """Hidden: the probability that each offered partner accepts, `(n, rounds, offered)`."""
        return self._of_offered(self.partner_acceptance)

    @cached_property
    def partner_valuation(self) -> Floats:
        """Hidden: how much each partner values the player, 0..1, `(n, rounds or 1, partners)`."""
        return (self.game.ranks - self.mean_rank) / np.float32(self.game.ranks - 1)

    @cached_property
    def partner_acceptance(self) -> Floats:
        """Hidden: the probability that each partner accepts, `(n, rounds or 1, partners)`."""
        game, kind = self.game, self.kind[:, None, :]
        if game.rule == "orthogonal":
            given = np.array([kind.acceptance for kind in game.partners], np.float32)
            acceptance = np.broadcast_to(given[kind], self.mean_rank.shape)
        else:
            acceptance = np.zeros_like(self.mean_rank)
            for i, partner in enumerate(game.partners):
                assert partner.spots is not None  # the causal rule requires them
                here = np.broadcast_to(kind == i, acceptance.shape)
                acceptance[here] = acceptance_from_spots(self.mean_rank[here], game, partner.spots)
        if game.open_doors is None:
            return acceptance
        opened = acceptance_from_spots(self.mean_rank, game, game.open_doors.spots)
        is_open = np.arange(game.rounds) >= game.opening_round
        return np.where(is_open[None, :, None], opened, acceptance)

    @classmethod
    def join(cls, several: Sequence[Episodes]) -> Episodes:
        """Episodes of one game, of several seeds say, side by side."""
        arrays = ("offered", "rank", "spots", "kind", "mean_rank")
        joined = {name: np.concatenate([getattr(each, name) for each in several]) for name in arrays}
        return cls(several[0].game, tuple(part for each in several for part in each.parts), **joined)

    def luck(self, purpose: int, seed: int) -> NDArray[np.float64]:
        """Uniform numbers in 0..1 that belong to the episodes, however they are joined: `(n, rounds)`.

        Args:
            purpose: What they are for; the luck of different purposes is independent.
            seed: Another seed gives other numbers.
        """
        luck = np.empty((len(self), self.game.rounds))
        first = 0
        for of_seed, start, n in self.parts:
            for block, rows, part in _blocks(n, start):
                rng = generator(of_seed, block, purpose, seed)
                luck[first + rows.start : first + rows.stop] = rng.random((BLOCK, self.game.rounds))[part]
            first += n
        return luck

    def _of_offered(self, of_partners: NDArray[Scalar]) -> NDArray[Scalar]:
        return of_partners.ravel().take(_partner_index(self.offered, *of_partners.shape[1:]))


def draw(game: GameSpec, seed: int, n: int, start: int = 0) -> Episodes:
    """Draw episodes `start .. start + n - 1` of a seed.

    Args:
        game: What to draw.
        seed: Any whole number from 0.
        n: How many episodes.
        start: Number of the first one.
    """
    if seed < 0 or n < 0 or start < 0:
        raise ValueError(f"seed, n and start should be 0 or more, but are {seed}, {n} and {start}")
    shape = (n, game.rounds, game.offered)
    offered, rank, spots = (np.empty(shape, np.uint8) for _ in range(3))
    kind = np.empty((n, game.n_partners), np.uint8)
    mean_rank = np.empty((n, game.rounds if game.drift else 1, game.n_partners), np.float32)
    for block, rows, part in _blocks(n, start):
        drawn = _draw_block(game, generator(seed, block))
        offered[rows], rank[rows], spots[rows], kind[rows], mean_rank[rows] = (piece[part] for piece in drawn)
    return Episodes(game, ((seed, start, n),), offered, rank, spots, kind, mean_rank)


def _blocks(n: int, start: int) -> Iterator[tuple[int, slice, slice]]:
    """The blocks that hold episodes `start .. start + n - 1`: number, rows of the result, rows of the block."""
    for block in range(start // BLOCK, -(-(start + n) // BLOCK)):
        first, last = max(start, block * BLOCK), min(start + n, (block + 1) * BLOCK)
        yield block, slice(first - start, last - start), slice(first - block * BLOCK, last - block * BLOCK)


def generator(seed: int, *key: int) -> np.random.Generator:
    """A generator of its own for each seed and key."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _draw_block(game: GameSpec, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Offered, rank, spots, kind and mean rank of a whole block. The order of the draws is part of the contract."""
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

    luck = rng.random(offered.shape, np.float32)
    if game.rule == "orthogonal":
        given = np.array([kind.acceptance for kind in game.partners], np.float32)[kind][:, None, :]
        accepted = rng.random(offered.shape, np.float32) < given.ravel().take(_partner_index(offered, *given.shape[1:]))
        # Uniform over the spots that agree with rank and acceptance: rank..ranks if accepted, 0..rank-1 if not.
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
    spots = fewest + (luck * choices).astype(np.uint8)
    return offered, rank, spots, kind, mean_rank


def _draw_offered(game: GameSpec, rng: np.random.Generator) -> Bytes:
    """Partners offered in each round, `(BLOCK, rounds, offered)`: those present, without replacement."""
    seats = np.empty((BLOCK, game.rounds, game.offered), np.uint8)
    for j in range(game.offered):
        seat = rng.integers(game.n_present - j, size=seats.shape[:2], dtype=np.uint8)
        for taken in np.moveaxis(np.sort(seats[..., :j], axis=-1), -1, 0):
            seat += seat >= taken  # skip those drawn before, in ascending order
        seats[..., j] = seat
    if not len(game.arrivals):
        return seats

    # Who sits where after each arrival, (BLOCK, arrivals + 1, n_present); newcomers are numbered as they come.
    sitting = np.empty((BLOCK, len(game.arrivals) + 1, game.n_present), np.uint8)
    sitting[:, 0] = np.arange(game.n_present)
    leaving = rng.integers(game.n_present, size=(BLOCK, len(game.arrivals)))
    for j in range(len(game.arrivals)):
        sitting[:, j + 1] = sitting[:, j]
        sitting[np.arange(BLOCK), j + 1, leaving[:, j]] = game.n_present + j
    stage = np.searchsorted(game.arrivals, np.arange(game.rounds), side="right")
    return sitting[np.arange(BLOCK)[:, None, None], stage[None, :, None], seats]


def _reflect(walk: Floats, low: float, high: float) -> Floats:
    """Fold a walk back into `low..high`, as if it bounced off both ends."""
    width = np.float32(high - low)
    return np.float32(high) - np.abs((walk - np.float32(low)) % (2 * width) - width)


def _partner_index(offered: Bytes, rounds: int, partners: int) -> NDArray[np.int64]:
    """Where the offered partners stand in a flattened `(n, rounds, partners)` table; `rounds` may be 1."""
    episode = np.arange(len(offered))[:, None]
    row = episode * rounds + (np.arange(offered.shape[1]) if rounds > 1 else 0)
    return (row * partners)[..., None] + offered


def acceptance_from_spots(mean_rank: Floats, game: GameSpec, spots: SpotsRange) -> Floats:
    """Probability that `rank <= spots` when both are drawn: the causal rule's acceptance.

    The rank is a Normal rounded and kept within `1..ranks`, so `P(rank <= s)` is 0 for `s = 0`, 1 for `s = ranks` and
    `Phi((s + 1/2 - mean_rank) / rank_sd)` between them; it is averaged over the spots, which are uniform.

    Args:
        mean_rank: Means of the latent Normal, any shape.
        game: Gives `ranks` and `rank_sd`.
        spots: Fewest and most spots.

    Returns:
        Probabilities, in the shape of `mean_rank`.
    """
    from scipy.special import ndtr  # not at the top: most users of the environment never ask for it

    fewest, most = spots
    total = np.zeros_like(mean_rank)
    for s in range(fewest, most + 1):
        if s == game.ranks:
            total += 1
        elif s > 0:
            total += ndtr((s + 0.5 - mean_rank) / game.rank_sd)
    return total / np.float32(most - fewest + 1)
