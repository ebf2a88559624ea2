"""Adapters: players with other interfaces play, are scored and replayed as equivalent agents are."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from by_hand import GAME, by_hand, env
from game_specs import game_specs
from gymnasium.spaces import flatten
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from accept_reject.agents import Feedback, make_agent
from accept_reject.agents.adapters.gymnasium_policy import GymnasiumPolicy
from accept_reject.agents.adapters.observer import Observer, flatten_rows
from accept_reject.agents.adapters.single_player import PlayerFeedback, SinglePlayer, as_agent
from accept_reject.agents.base import Agent, greedy
from accept_reject.agents.baselines import RandomAgent
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.envs.spaces import observation_space, split_rows
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play, play_with_beliefs
from accept_reject.experiments.simulation.replay import replay


class Watching(RandomAgent):
    """Records the observations."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        self.observer = Observer(n_players, game)
        self.seen: list[dict[str, NDArray[Any]]] = []

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.seen.append(self.observer.observe(offered))
        return super().policy(offered)

    def learn(self, feedback: Feedback) -> None:
        self.observer.learn(feedback)


@settings(max_examples=25)
@given(game=game_specs(), seed=st.integers(0, 9))
def test_observations_are_those_of_the_environments(game: GameSpec, seed: int) -> None:
    agent = Watching()
    choices = play(agent, draw(game, seed, 3))
    envs = gym.make_vec("accept_reject.envs:accept_reject/Orthogonal-v0", num_envs=3, game=game)
    seen, _ = envs.reset(seed=seed)
    space = observation_space(game)
    for now, mine in enumerate(agent.seen):
        for key in seen:
            assert np.array_equal(mine[key], seen[key])
            assert mine[key].dtype == seen[key].dtype
        flat = flatten_rows(mine, space)
        assert np.array_equal(flat, [flatten(space, row) for row in split_rows(mine)])
        seen, *_ = envs.step(choices.choice[:, now].astype(np.int64))


def test_the_observation_after_a_missed_round_has_no_last_round() -> None:
    observer = Observer(3, GAME)
    offered = np.array([[0, 1], [2, 3], [4, 5]], np.uint8)
    first = observer.observe(offered)
    at = np.array([0, 2])
    spots = np.array([5, UNKNOWN_SPOTS], np.uint8)
    ranks, yes = np.array([3, 4], np.uint8), np.array([True, False])
    observer.learn(Feedback(at, offered[at], np.zeros(2, np.int64), offered[at, 0], ranks, spots, yes))
    then = observer.observe(offered)
    assert all(value in observation_space(GAME)[key] for row in split_rows(then) for key, value in row.items())
    last = {key: column.tolist() for key, column in then.items() if key.startswith(("has", "last"))}
    assert last == {
        "has_last": [1, 0, 1],
        "last_partner": [0, 0, 4],
        "last_rank": [3, 0, 4],
        "last_spots": [5, 0, 0],
        "last_accepted": [1, 0, 0],
    }
    assert not first["has_last"].any(), "earlier observations do not change"


class Cautious(SinglePlayer):
    """Chooses the partner with the best mean rank; unknown partners count as fourth."""

    def start(self, game: GameSpec, rng: np.random.Generator) -> None:
        self.ranks: dict[int, list[int]] = {partner: [4] for partner in range(game.n_partners)}

    def policy(self, offered: list[int]) -> list[float]:
        means = [sum(self.ranks[partner]) / len(self.ranks[partner]) for partner in offered]
        best = [mean == min(means) for mean in means]
        return [one / sum(best) for one in best]

    def learn(self, feedback: PlayerFeedback) -> None:
        if feedback.rank:
            self.ranks[feedback.partner].append(feedback.rank)

    def valuations(self) -> list[float]:
        return [(8 - sum(ranks) / len(ranks)) / 7 for ranks in self.ranks.values()]


class CautiousBatch(Agent):
    """The same as an `Agent`."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        self.total, self.seen = np.full((n_players, game.n_partners), 4.0), np.ones((n_players, game.n_partners))

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        return greedy(-np.take_along_axis(self.total / self.seen, offered, axis=1))

    def learn(self, feedback: Feedback) -> None:
        self.total[feedback.players, feedback.partner] += feedback.rank
        self.seen[feedback.players, feedback.partner] += feedback.rank > 0

    def valuations(self) -> NDArray[np.float64]:
        return (8 - self.total / self.seen) / 7


def test_a_single_player_plays_as_an_equivalent_agent() -> None:
    episodes = draw(scenario("few-spots").game, 0, 20)
    single, batched = as_agent(Cautious()), CautiousBatch()
    assert as_agent(batched) is batched
    for _ in range(2):  # a second start forgets the first
        choices = play(single, episodes)
        assert np.array_equal(choices.choice, play(batched, episodes).choice)
        assert np.array_equal(np.asarray(single.valuations()), batched.valuations())
    assert score(choices, "valuing").value > 0.9
    others = play(make_agent("random"), episodes)
    assert torch.equal(replay(single, others), replay(batched, others))
    made = make_agent(f"{__name__}:Cautious")
    for each in (Cautious(), made):
        assert np.array_equal(play(each, episodes).choice, choices.choice)
        assert torch.equal(replay(each, others), replay(batched, others))
        assert np.array_equal(play_with_beliefs(each, episodes)[1], play_with_beliefs(batched, episodes)[1])
    assert str(made) == "Cautious"


class Gambler(SinglePlayer):
    """Chooses at random, with its own random numbers, or a constant."""

    answer: Any = None

    def start(self, game: GameSpec, rng: np.random.Generator) -> None:
        self.rng = rng

    def policy(self, offered: list[int]) -> Any:
        return int(self.rng.integers(len(offered))) if self.answer is None else self.answer

    def learn(self, feedback: PlayerFeedback) -> None: ...


def test_single_players_have_independent_random_numbers() -> None:
    episodes = draw(GAME, 0, 8)
    choices = play(Gambler(), episodes).choice
    assert len(np.unique(choices, axis=0)) == 8
    assert np.array_equal(choices, play(Gambler(), episodes).choice)
    assert not np.array_equal(choices, play(Gambler(), episodes, seed=1).choice)
    (agent := as_agent(Gambler())).start(2, GAME, 0)
    assert agent.valuations() is None


@pytest.mark.parametrize("answer", [2, -1, "A", True, 0.5, [1.0], [[1, 0]], [1, [0]], None])
def test_an_invalid_choice_of_a_single_player_is_an_error(answer: Any) -> None:
    agent = Gambler()
    agent.answer = object() if answer is None else answer
    with pytest.raises(
        ValueError, match=r"Gambler.policy: must be a place in the offer, from 0 to 1.*, got .* for player 0"
    ):
        play(agent, draw(GAME, 0, 2))
    agent.answer = [0.9, 0.9]
    with pytest.raises(ValueError, match=r"Gambler.policy in round 1: .*sum to 1"):
        play(agent, draw(GAME, 0, 2))


def test_valuations_of_only_some_players_are_an_error() -> None:
    class Moody(Cautious):
        def start(self, game: GameSpec, rng: np.random.Generator) -> None:
            super().start(game, rng)
            self.mood = rng.random()

        def valuations(self) -> Any:
            return super().valuations() if self.mood > 0.5 else None

    agent = as_agent(Moody())
    agent.start(20, GAME, 0)
    with pytest.raises(ValueError, match=r"Moody.valuations: must be None for all players or for none"):
        agent.valuations()


def stay_or_first(seen: dict[str, Any]) -> int:
    """Chooses the partner that accepted last time, if it is offered."""
    offered = seen["offered"].tolist()
    stays = seen["last_accepted"] and seen["last_partner"] in offered
    return offered.index(seen["last_partner"]) if stays else 0


class Counting:
    """Has memory: chooses the second place in every other round."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, seen: dict[str, Any]) -> Any:
        self.calls += 1
        return np.array(self.calls % 2)


def test_a_gymnasium_policy_plays_as_in_the_environment() -> None:
    choices = play(GymnasiumPolicy(stay_or_first), draw(GAME, 0, 3))
    for row in range(3):
        assert list(by_hand(stay_or_first, env(), choices, row)) == choices.choice[row].tolist()
    assert (replay(GymnasiumPolicy(stay_or_first), choices) == 0).all(), "its own choices have probability 1"
    others = play(make_agent("random"), draw(GAME, 0, 3))
    assert set(replay(GymnasiumPolicy(stay_or_first), others).unique().tolist()) == {-np.inf, 0.0}


def test_policies_with_memory_and_with_probabilities() -> None:
    choices = play(GymnasiumPolicy(Counting), draw(GAME, 0, 3))
    assert choices.choice.tolist() == [[1, 0] * 6] * 3, "each player has its own policy"
    found = replay(GymnasiumPolicy(lambda seen: [0.25, 0.75]), choices)
    assert found.exp().tolist() == pytest.approx(np.tile([0.75, 0.25], (3, 6)))
    here = {"policy": f"{__name__}:stay_or_first"}
    assert np.isfinite(play(make_agent("gymnasium-policy", here), draw(GAME, 0, 2)).choice).all()
    misspelled = f"{__name__}:stay_or_frist"
    for policy, problem in ((misspelled, "did you mean 'stay_or_first'"), (3, "callable or a dotted path")):
        with pytest.raises(ValueError, match=problem):
            make_agent("gymnasium-policy", {"policy": policy})
    with pytest.raises(ValueError, match="must be a place in the offer"):
        play(GymnasiumPolicy(lambda seen: 7), draw(GAME, 0, 2))
