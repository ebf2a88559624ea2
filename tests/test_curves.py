"""Learning curves by round and by encounter, compared with plain loops."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from game_specs import game_specs
from hypothesis import given
from hypothesis import strategies as st

from accept_reject.agents import Agent
from accept_reject.agents.baselines import RandomAgent
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.envs.scenarios import SCENARIOS
from accept_reject.experiments.analysis.curves import (
    AXES,
    CURVES,
    POINTS,
    By,
    curve_points,
    encounters,
    learning_curves,
)
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.simulation.play import play


def choices_of(game: GameSpec, seed: int, n: int = 4) -> Choices:
    """Make random choices; half of the players miss some rounds, and one misses all after some round."""
    choices = play(RandomAgent(), draw(game, seed, n))
    rng = np.random.default_rng(seed)
    missed = rng.random(choices.choice.shape) < rng.choice([0, 0.3], n)[:, None]
    missed[0, rng.integers(game.rounds + 1) :] = True
    choice = np.where(missed, MISSED, choices.choice).astype(np.int8)
    return replace(choices, choice=choice, accepted=choices.accepted & ~missed)


def plain(choices: Choices, by: By) -> dict[str, np.ndarray]:
    """Compute the curves in a loop over players and rounds."""
    first = curve_points(choices.game, by).first.tolist()
    found = {name: np.full((len(choices), len(first)), np.nan) for name in CURVES}
    for i in range(len(choices)):
        met: dict[int, int] = {}
        hits: dict[tuple[str, int], list[bool]] = {}
        for t in range(choices.game.rounds):
            place = int(choices.choice[i, t])
            if place == MISSED:
                continue
            offered = [int(partner) for partner in choices.offered[i, t]]
            for partner in offered:
                met[partner] = met.get(partner, 0) + 1
            number = t + 1 if by == "round" else min(met[partner] for partner in offered)
            point = sum(start <= number for start in first) - 1
            hits.setdefault(("accepted", point), []).append(bool(choices.accepted[i, t]))
            if choices.valuation is not None and len(set(choices.valuation[i, t].tolist())) > 1:
                best = choices.valuation[i, t, place] == choices.valuation[i, t].max()
                hits.setdefault(("valuing", point), []).append(bool(best))
        for (name, point), each in hits.items():
            found[name][i, point] = sum(each) / len(each)
    return found


@given(game=game_specs(), seed=st.integers(0, 2**31), known=st.booleans())
def test_curves_equal_a_plain_loop(game: GameSpec, seed: int, known: bool) -> None:
    choices = choices_of(game, seed)
    choices = choices if known else replace(choices, valuation=None, acceptance=None)
    for by in AXES:
        found = learning_curves(choices, by)
        assert set(found) == (set(CURVES) if known else {"accepted"})
        assert set(learning_curves(choices, by, outcomes=False)) == set(found) - {"accepted"}
        for name, curve in found.items():
            np.testing.assert_allclose(curve, plain(choices, by)[name])


@given(game=game_specs(), seed=st.integers(0, 2**31))
def test_curves_do_not_depend_on_numbers_and_places_of_partners(game: GameSpec, seed: int) -> None:
    choices = choices_of(game, seed)
    assert choices.valuation is not None
    numbers = np.random.default_rng(seed).permutation(game.n_partners).astype(np.uint8)
    choice = np.where(choices.missed, MISSED, game.offered - 1 - choices.choice).astype(np.int8)
    mirrored = replace(
        choices, offered=numbers[choices.offered][..., ::-1], choice=choice, valuation=choices.valuation[..., ::-1]
    )
    for by in AXES:
        for name, curve in learning_curves(choices, by).items():
            np.testing.assert_array_equal(learning_curves(mirrored, by)[name], curve)


@given(game=game_specs())
def test_points_cover_every_round_or_encounter_once(game: GameSpec) -> None:
    for by in get_args(By):
        first, middle, names = curve_points(game, by)
        assert first[0] == 1
        assert (np.diff(first) > 0).all()
        assert (first <= middle).all()
        assert (middle[:-1] < first[1:]).all()
        assert len(names) == len(set(names)) == len(first)
        assert first[-1] <= game.rounds
    assert len(curve_points(game).first) <= POINTS


@pytest.mark.parametrize(
    ("name", "last", "names"),
    [
        ("orthogonal", 32, ("1", "2", "3", "4–5", "6–8", "9–12", "13–18", "19–27", "28+")),
        ("crowd", 9, ("1", "2", "3", "4–5", "6–8", "9+")),
        ("newcomers", 10.5, ("1", "2", "3", "4–5", "6–8", "9+")),
    ],
)
def test_points_follow_from_the_game(name: str, last: float, names: tuple[str, ...]) -> None:
    found = curve_points(scenario(name).game, "encounter")
    assert found.names == names
    assert found.middle[-1] == last
    by_round = curve_points(scenario(name).game)
    assert by_round.names[::11] == ("1–12", "133–144")
    assert by_round.middle.tolist() == [12 * i + 6.5 for i in range(12)]


def test_encounters_do_not_depend_on_choices() -> None:
    """All players of an episode have the same encounters, and nearly all players reach every point."""
    for each in SCENARIOS.values():
        episodes = draw(each.game, 0, 60)
        one, other = (play(FixedPreferences(seed), episodes) for seed in (0, 1))
        assert (one.choice != other.choice).any()
        assert np.array_equal(encounters(one), encounters(other))
        assert encounters(one).min() == 1
        for curve in learning_curves(one, "encounter").values():
            assert (~np.isnan(curve)).mean(axis=0).min() > 0.9


def test_curves_of_players_that_do_not_learn_are_flat() -> None:
    """Preferences without learning don't change how often a partner is encountered, and cause no slope."""
    choices = play(FixedPreferences(0), draw(scenario("orthogonal").game, 0, 1_000))
    for by in AXES:
        for curve in learning_curves(choices, by).values():
            error = np.nanstd(curve, axis=0) / np.sqrt((~np.isnan(curve)).sum(axis=0))
            assert (np.abs(np.nanmean(curve, axis=0) - 0.5) < 4 * error).all()


def test_points_are_means_over_the_players_that_have_them() -> None:
    found = mean_interval(np.array([[10.0, np.nan], [20.0, np.nan], [60.0, 40.0], [30.0, 60.0]]))
    assert found.mean.tolist() == [30, 50]
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()


class FixedPreferences(Agent):
    """Prefers some partners from the beginning, and does not learn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        self.weights = np.random.default_rng(self.seed).random((n_players, game.n_partners)) ** 3

    def policy(self, offered: np.ndarray) -> np.ndarray:
        weights = np.take_along_axis(self.weights, offered, axis=1)
        return weights / weights.sum(axis=1, keepdims=True)

    def learn(self, feedback: Any) -> None:
        pass
