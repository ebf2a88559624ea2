"""Random streams: a separate generator for each seed and purpose."""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """The purposes of random numbers. Changing a value changes results for the same seed."""

    CHOICES = 1
    AGENT = 2
    PARAMETERS = 3
    PLAYER = 4
    FIT_STARTS = 5
    PREDICTIVE_CHECK = 6
    STUDY = 7
    FOLDS = 8
    GROUP_DRAWS = 9
    PARTICIPANT_SPLIT = 10
    TRAINING_ORDER = 11
    IMPORTANCE_DRAWS = 12
    GROUP_UNCERTAINTY = 13
    POSTERIOR_DRAWS = 14
    RATING_ORDER = 15
    RATINGS = 16


def episode_generator(seed: int, block: int) -> np.random.Generator:
    """Return the generator of a block of episodes.

    Raises:
        ValueError: If the number of the block is too large to be one word of the key.
    """
    if block >= 2**32:
        raise ValueError(f"block: must be below 2**32, got {block}")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block,)))


def generator(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """Return a generator of a stream.

    Its key is `(first number or 0, stream, further numbers)`. Keys of episode blocks have one word; these have two or
    more, with the stream as the second one. Generators of different streams, or of a stream and an episode block,
    therefore never have the same key.

    Args:
        seed: An integer >= 0.
        stream: The stream.
        numbers: Numbers that select one of the stream's generators, such as the number of a block or an update. All but
            the last must be below 2**32, so that each is one word of the key.

    Raises:
        ValueError: If a number is too large.
    """
    first, *rest = numbers or (0,)
    if any(number >= 2**32 for number in (first, *rest[:-1])):
        raise ValueError(f"numbers: must be below 2**32, got {numbers}")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(first, int(stream), *rest)))
