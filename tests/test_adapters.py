"""Players written for something else plug in, play, are scored and explained: the same as if written as agents."""

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
from accept_reject.agents.adapters.single_player import Answer, SinglePlayer
from accept_reject.agents.base import Agent, greedy
from accept_reject.agents.baselines import RandomAgent
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.envs.spaces import observation_space, split_rows
from accept_reject.experiments.play import play
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import anchored


class Watching(RandomAgent):
    """Keeps the observations."""

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


def test_after_a_missed_round_nothing_is_seen_of_it() -> None:
    observer = Observer(3, GAME)
    offered = np.array([[0, 1], [2, 3], [4, 5]], np.uint8)
    first = observer.observe(offered)
    at = np.array([0, 2])
    spots = np.array([5, UNKNOWN_SPOTS], np.uint8)
    ranks, yes = np.array([3, 4], np.uint8), np.array([True, False])
    observer.learn(Feedback(at, offered[at], np.zeros(2, np.int64), offered[at, 0], ranks, spots, yes))
    then = observer.observe(offered)
    assert all(value in observation_space(GAME)[key] for row in split_rows(then) for key, value in row.items())
    told = {key: column.tolist() for key, column in then.items() if key.startswith(("has", "last"))}
    assert told == {
        "has_last": [1, 0, 1],
        "last_partner": [0, 0, 4],
        "last_rank": [3, 0, 4],
        "last_spots": [5, 0, 0],
        "last_accepted": [1, 0, 0],
    }
    assert not first["has_last"].any(), "observations are the player's own"


class Cautious(SinglePlayer):
    """Asks whoever ranked it best on average; strangers count as fourth."""

    def begin(self, game: GameSpec, rng: np.random.Generator) -> None:
        self.ranks: dict[int, list[int]] = {partner: [4] for partner in range(game.n_partners)}

    def choose(self, offered: list[int]) -> list[float]:
        means = [sum(self.ranks[partner]) / len(self.ranks[partner]) for partner in offered]
        best = [mean == min(means) for mean in means]
        return [one / sum(best) for one in best]

    def hear(self, answer: Answer) -> None:
        if answer.rank:
            self.ranks[answer.partner].append(answer.rank)

    def values(self) -> list[float]:
        return [(8 - sum(ranks) / len(ranks)) / 7 for ranks in self.ranks.values()]


class CautiousBatch(Agent):
    """The same, written with batches."""

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        self.total, self.seen = np.full((n_players, game.n_partners), 4.0), np.ones((n_players, game.n_partners))

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        return greedy(-np.take_along_axis(self.total / self.seen, offered, axis=1))

    def learn(self, feedback: Feedback) -> None:
        self.total[feedback.players, feedback.partner] += feedback.rank
        self.seen[feedback.players, feedback.partner] += feedback.rank > 0

    def valuations(self) -> NDArray[np.float64]:
        return (8 - self.total / self.seen) / 7


def test_a_single_player_plays_as_its_batched_twin() -> None:
    episodes = draw(scenario("few-spots").game, 0, 20)
    single, batched = Cautious(), CautiousBatch()
    for _ in range(2):  # a second start forgets the first
        choices = play(single, episodes)
        assert np.array_equal(choices.choice, play(batched, episodes).choice)
        assert np.array_equal(np.asarray(single.valuations()), batched.valuations())
    assert anchored(choices, "valuing").score > 0.9
    others = play(make_agent("random"), episodes)
    assert torch.equal(replay(single, others), replay(batched, others))


class Gambler(SinglePlayer):
    """Asks anyone, by luck of its own."""

    answer: Any = None

    def begin(self, game: GameSpec, rng: np.random.Generator) -> None:
        self.rng = rng

    def choose(self, offered: list[int]) -> Any:
        return int(self.rng.integers(len(offered))) if self.answer is None else self.answer

    def hear(self, answer: Answer) -> None: ...


def test_single_players_have_luck_of_their_own() -> None:
    episodes = draw(GAME, 0, 8)
    choices = play(Gambler(), episodes).choice
    assert len(np.unique(choices, axis=0)) == 8
    assert np.array_equal(choices, play(Gambler(), episodes).choice)
    assert not np.array_equal(choices, play(Gambler(), episodes, seed=1).choice)
    (agent := Gambler()).start(2, GAME, 0)
    assert agent.valuations() is None


@pytest.mark.parametrize("answer", [2, -1, "A", True, 0.5, [1.0], [[1, 0]], [1, [0]], None])
def test_what_a_single_player_can_not_choose(answer: Any) -> None:
    agent = Gambler()
    agent.answer = object() if answer is None else answer
    with pytest.raises(ValueError, match=r"Gambler.choose: .*\n.*a place of the offer, from 0 to 1.* for player 0"):
        play(agent, draw(GAME, 0, 2))
    agent.answer = [0.9, 0.9]
    with pytest.raises(ValueError, match="sum to 1"):
        play(agent, draw(GAME, 0, 2))


def test_values_of_some_players_only_are_refused() -> None:
    class Moody(Cautious):
        def begin(self, game: GameSpec, rng: np.random.Generator) -> None:
            super().begin(game, rng)
            self.mood = rng.random()

        def values(self) -> Any:
            return super().values() if self.mood > 0.5 else None

    agent = Moody()
    agent.start(20, GAME, 0)
    with pytest.raises(ValueError, match="None for some players"):
        agent.valuations()


def stay_or_first(seen: dict[str, Any]) -> int:
    """Asks whoever accepted last time, if it is offered."""
    offered = seen["offered"].tolist()
    stays = seen["last_accepted"] and seen["last_partner"] in offered
    return offered.index(seen["last_partner"]) if stays else 0


class Counting:
    """Remembers: asks the second place every other time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, seen: dict[str, Any]) -> Any:
        self.asked += 1
        return np.array(self.asked % 2)


def test_a_gymnasium_policy_plays_as_in_the_environment() -> None:
    choices = play(GymnasiumPolicy(stay_or_first), draw(GAME, 0, 3))
    for row in range(3):
        assert list(by_hand(stay_or_first, env(), choices, row)) == choices.choice[row].tolist()
    assert (replay(GymnasiumPolicy(stay_or_first), choices) == 0).all(), "its own choices are certain"
    others = play(make_agent("random"), draw(GAME, 0, 3))
    assert set(replay(GymnasiumPolicy(stay_or_first), others).unique().tolist()) == {-np.inf, 0.0}


def test_a_policy_with_memory_and_one_with_probabilities() -> None:
    choices = play(GymnasiumPolicy(Counting), draw(GAME, 0, 3))
    assert choices.choice.tolist() == [[1, 0] * 6] * 3, "each player has a policy of its own"
    found = replay(GymnasiumPolicy(lambda seen: [0.25, 0.75]), choices)
    assert found.exp().tolist() == pytest.approx(np.tile([0.75, 0.25], (3, 6)))
    here = {"policy": f"{__name__}:stay_or_first"}
    assert np.isfinite(play(make_agent("gymnasium-policy", here), draw(GAME, 0, 2)).choice).all()
    misspelt = f"{__name__}:stay_or_frist"
    for policy, fault in ((misspelt, "did you mean 'stay_or_first'"), (3, "callable or a dotted path")):
        with pytest.raises(ValueError, match=fault):
            make_agent("gymnasium-policy", {"policy": policy})
    with pytest.raises(ValueError, match="should give a place of the offer"):
        play(GymnasiumPolicy(lambda seen: 7), draw(GAME, 0, 2))
