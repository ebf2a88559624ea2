"""Learning curves, by round and by meeting, against plain loops."""

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
from accept_reject.experiments.curves import AXES, CURVES, POINTS, By, by_player, meetings, points
from accept_reject.experiments.intervals import mean_interval
from accept_reject.experiments.play import play


def choices_of(game: GameSpec, seed: int, n: int = 4) -> Choices:
    """Random choices; half of the players miss some rounds, and of one there is no record after some round."""
    choices = play(RandomAgent(), draw(game, seed, n))
    rng = np.random.default_rng(seed)
    missed = rng.random(choices.choice.shape) < rng.choice([0, 0.3], n)[:, None]
    missed[0, rng.integers(game.rounds + 1) :] = True
    choice = np.where(missed, MISSED, choices.choice).astype(np.int8)
    return replace(choices, choice=choice, accepted=choices.accepted & ~missed)


def plain(choices: Choices, by: By) -> dict[str, np.ndarray]:
    """The curves by the book: a loop over players and rounds."""
    first = points(choices.game, by).first.tolist()
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
            found[name][i, point] = 100 * sum(each) / len(each)
    return found


@given(game=game_specs(), seed=st.integers(0, 2**31), known=st.booleans())
def test_curves_are_those_of_a_plain_loop(game: GameSpec, seed: int, known: bool) -> None:
    choices = choices_of(game, seed)
    choices = choices if known else replace(choices, valuation=None, acceptance=None)
    for by in AXES:
        found = by_player(choices, by)
        assert set(found) == (set(CURVES) if known else {"accepted"})
        assert set(by_player(choices, by, outcomes=False)) == set(found) - {"accepted"}
        for name, curve in found.items():
            np.testing.assert_allclose(curve, plain(choices, by)[name])


@given(game=game_specs(), seed=st.integers(0, 2**31))
def test_what_partners_are_called_and_where_they_stand_makes_no_difference(game: GameSpec, seed: int) -> None:
    choices = choices_of(game, seed)
    assert choices.valuation is not None
    called = np.random.default_rng(seed).permutation(game.n_partners).astype(np.uint8)
    choice = np.where(choices.missed, MISSED, game.offered - 1 - choices.choice).astype(np.int8)
    mirrored = replace(
        choices, offered=called[choices.offered][..., ::-1], choice=choice, valuation=choices.valuation[..., ::-1]
    )
    for by in AXES:
        for name, curve in by_player(choices, by).items():
            np.testing.assert_array_equal(by_player(mirrored, by)[name], curve)


@given(game=game_specs())
def test_points_pool_every_round_or_meeting_once(game: GameSpec) -> None:
    for by in get_args(By):
        first, middle, names = points(game, by)
        assert first[0] == 1
        assert (np.diff(first) > 0).all()
        assert (first <= middle).all()
        assert (middle[:-1] < first[1:]).all()
        assert len(names) == len(set(names)) == len(first)
        assert first[-1] <= game.rounds
    assert len(points(game).first) <= POINTS


@pytest.mark.parametrize(
    ("name", "last", "names"),
    [
        ("orthogonal", 32, ("1", "2", "3", "4–5", "6–8", "9–12", "13–18", "19–27", "28+")),
        ("crowd", 9, ("1", "2", "3", "4–5", "6–8", "9+")),
        ("newcomers", 10.5, ("1", "2", "3", "4–5", "6–8", "9+")),
    ],
)
def test_points_come_from_the_game(name: str, last: float, names: tuple[str, ...]) -> None:
    found = points(scenario(name).game, "meeting")
    assert found.names == names
    assert found.middle[-1] == last
    by_round = points(scenario(name).game)
    assert by_round.names[::11] == ("1–12", "133–144")
    assert by_round.middle.tolist() == [12 * i + 6.5 for i in range(12)]


def test_meetings_are_the_games_doing() -> None:
    """All players of an episode have the same ones, and nearly all reach every point, whatever the scenario."""
    for each in SCENARIOS.values():
        episodes = draw(each.game, 0, 60)
        one, other = (play(Fixed(luck), episodes) for luck in (0, 1))
        assert (one.choice != other.choice).any()
        assert np.array_equal(meetings(one), meetings(other))
        assert meetings(one).min() == 1
        for curve in by_player(one, "meeting").values():
            assert (~np.isnan(curve)).mean(axis=0).min() > 0.9


def test_who_does_not_learn_stays_at_chance() -> None:
    """Whom a player likes without reason is met no oftener for it: the curve has no slope that nobody learned."""
    choices = play(Fixed(0), draw(scenario("orthogonal").game, 0, 1_000))
    for by in AXES:
        for curve in by_player(choices, by).values():
            error = np.nanstd(curve, axis=0) / np.sqrt((~np.isnan(curve)).sum(axis=0))
            assert (np.abs(np.nanmean(curve, axis=0) - 50) < 4 * error).all()


def test_a_point_is_the_mean_over_those_who_have_it() -> None:
    found = mean_interval(np.array([[10.0, np.nan], [20.0, np.nan], [60.0, 40.0], [30.0, 60.0]]))
    assert found.mean.tolist() == [30, 50]
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()


class Fixed(Agent):
    """Prefers some partners to others from the beginning, and never changes its mind."""

    def __init__(self, luck: int) -> None:
        self.luck = luck

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        self.liking = np.random.default_rng(self.luck).random((n_players, game.n_partners)) ** 3

    def policy(self, offered: np.ndarray) -> np.ndarray:
        liking = np.take_along_axis(self.liking, offered, axis=1)
        return liking / liking.sum(axis=1, keepdims=True)

    def learn(self, feedback: Any) -> None:
        pass
