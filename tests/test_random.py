"""Random streams: keys never collide, and the numbers of every stream stay the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accept_reject.random import Stream, episode_generator, generator

seeds = st.integers(0, 2**64)
words = st.one_of(st.integers(0, 20), st.integers(0, 2**32 - 1))
keys = st.tuples(st.sampled_from(Stream), st.lists(words, max_size=3).map(tuple))


def state(rng: np.random.Generator) -> tuple[int, ...]:
    """Return the state with which a generator begins; generators with different keys have different ones."""
    seed_sequence = rng.bit_generator.seed_seq
    assert isinstance(seed_sequence, np.random.SeedSequence)
    return tuple(seed_sequence.generate_state(4).tolist())


@given(seed=seeds, first=keys, second=keys)
def test_streams_never_collide(
    seed: int, first: tuple[Stream, tuple[int, ...]], second: tuple[Stream, tuple[int, ...]]
) -> None:
    same = (first[0], first[1] or (0,)) == (second[0], second[1] or (0,))
    states = [state(generator(seed, stream, *numbers)) for stream, numbers in (first, second)]
    assert (states[0] == states[1]) == same


@given(seed=seeds, numbers=st.lists(words, max_size=3))
def test_streams_with_the_same_numbers_never_collide(seed: int, numbers: list[int]) -> None:
    states = [state(generator(seed, stream, *numbers)) for stream in Stream]
    assert len(set(states)) == len(Stream)


@given(seed=seeds, block=words, key=keys)
def test_streams_never_collide_with_episodes(seed: int, block: int, key: tuple[Stream, tuple[int, ...]]) -> None:
    stream, numbers = key
    assert state(generator(seed, stream, *numbers)) != state(episode_generator(seed, block))
    for number in (*numbers, stream):  # numbers of the key that could be mistaken for that of a block
        assert state(generator(seed, stream, *numbers)) != state(episode_generator(seed, number))


@given(seed=seeds, other=seeds, key=keys)
def test_seeds_give_different_numbers(seed: int, other: int, key: tuple[Stream, tuple[int, ...]]) -> None:
    stream, numbers = key
    assert (state(generator(seed, stream, *numbers)) == state(generator(other, stream, *numbers))) == (seed == other)


FIRST_NUMBERS = {
    Stream.CHOICES: [1171045661, 3859666867, 3770723560],
    Stream.AGENT: [2762239646, 1636920030, 2082422577],
    Stream.PARAMETERS: [877727216, 1252584679, 920379738],
    Stream.PLAYER: [740680199, 1181594260, 1629408178],
    Stream.FIT_STARTS: [2821886441, 2206786982, 942799353],
    Stream.PREDICTIVE_CHECK: [2216937673, 2308474724, 996525526],
    Stream.STUDY: [1936255161, 3176977418, 3438102886],
    Stream.FOLDS: [1310821005, 1639440688, 2356873153],
    Stream.GROUP_DRAWS: [2615721468, 2997365008, 3903393775],
    Stream.PARTICIPANT_SPLIT: [3358613566, 2056533411, 598725321],
    Stream.TRAINING_ORDER: [3128149312, 2975825235, 1161933479],
    Stream.IMPORTANCE_DRAWS: [823575342, 3079527966, 359968628],
    Stream.GROUP_UNCERTAINTY: [2457381938, 1633011918, 4056236335],
    Stream.POSTERIOR_DRAWS: [1826226881, 1303594309, 4279092850],
    Stream.RATING_ORDER: [2702330771, 1199755627, 1816768458],
    Stream.RATINGS: [2684290666, 2180119607, 515891008],
}
"""Of the generators with seed 1 and the numbers 2 and 3. A change of these changes all results of the stream."""


@pytest.mark.parametrize("stream", Stream)
def test_numbers_of_a_stream_stay_the_same(stream: Stream) -> None:
    assert generator(1, stream, 2, 3).integers(2**32, size=3).tolist() == FIRST_NUMBERS[stream]


def test_numbers_of_episodes_stay_the_same() -> None:
    assert episode_generator(1, 2).integers(2**32, size=3).tolist() == [1832170131, 1001450238, 162171870]


def test_the_first_number_is_zero_by_default() -> None:
    assert state(generator(5, Stream.FOLDS)) == state(generator(5, Stream.FOLDS, 0))


@pytest.mark.parametrize("numbers", [(2**32,), (2**32, 1), (0, 2**32, 1), (2**40, 0, 0)])
def test_too_large_numbers_are_rejected(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"2\*\*32"):
        generator(0, Stream.CHOICES, *numbers)


def test_negative_numbers_are_rejected() -> None:
    with pytest.raises(ValueError):
        generator(0, Stream.CHOICES, -1)
