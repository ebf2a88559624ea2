"""Agents: all registered ones follow the interface; baselines equal independent references."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from game_specs import game_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats

from accept_reject.agents import AGENTS, Agent, Feedback, PrivilegedAgent, greedy, make_agent
from accept_reject.agents.thompson import BetaBeliefs, ThompsonOutcome, ThompsonRank, best_of_normals
from accept_reject.envs import GameSpec, PartnerKind, draw, scenario
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play

every_agent = pytest.mark.parametrize("name", AGENTS)


def feedback_of(players: list[int], partner: list[int], rank: list[int], accepted: list[bool]) -> Feedback:
    at = np.array(players)
    pair = np.stack([np.array(partner), (np.array(partner) + 1) % 8], axis=1).astype(np.uint8)
    zeros = np.zeros(len(at), np.int64)
    ranks = np.array(rank, np.uint8)
    return Feedback(at, pair, zeros, pair[:, 0], ranks, ranks, np.array(accepted))


@every_agent
@settings(max_examples=12, deadline=None)
@given(game=game_specs(), seed=st.integers(0, 99))
def test_every_agent_plays_any_game(name: str, game: GameSpec, seed: int) -> None:
    episodes = draw(game, seed, 3)
    agent = make_agent(name)
    choices = play(agent, episodes, seed)
    assert choices.choice.min() >= 0
    assert choices.choice.max() < game.offered
    beliefs = agent.valuations()
    if beliefs is not None:
        assert np.shape(beliefs) == (3, game.n_partners)
        assert np.min(beliefs) >= 0
        assert np.max(beliefs) <= 1 + 1e-6
    assert np.array_equal(choices.choice, play(make_agent(name), episodes, seed).choice), "same seed, same choices"


@every_agent
def test_players_are_independent(name: str) -> None:
    game = scenario("orthogonal").game
    many = play(make_agent(name), draw(game, 5, 70), seed=5)
    few = play(make_agent(name), draw(game, 5, 4, start=63), seed=5)
    assert np.array_equal(many.choice[63:67], few.choice)


@every_agent
def test_only_oracles_are_privileged(name: str) -> None:
    assert isinstance(make_agent(name), PrivilegedAgent) == AGENTS[name].privileged == name.startswith("oracle")


def test_thompson_outcome_remembers_distributions() -> None:
    """Many players, two or three partners on offer, and new distributions in each round: as each player alone."""
    rng = np.random.default_rng(0)
    beliefs = BetaBeliefs()
    for high in (3, 40, 8):
        for offered in (2, 3):
            shapes = rng.integers(1, high, (200, offered, 2))
            alone = np.concatenate([BetaBeliefs().best(each[None]) for each in shapes])
            np.testing.assert_allclose(beliefs.best(shapes), alone, atol=1e-13)
            np.testing.assert_allclose(alone.sum(axis=1), 1, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 72), st.integers(0, 72)), min_size=2, max_size=3))
def test_thompson_outcome_equals_quadrature(counts: list[tuple[int, int]]) -> None:
    agent = ThompsonOutcome()
    agent.start(1, scenario("orthogonal").game, 0)
    for partner, (yes, no) in enumerate(counts):
        agent._counts[0, partner] = yes, no
    offered = np.arange(len(counts), dtype=np.uint8)[None]
    beliefs = [stats.beta(1 + yes, 1 + no) for yes, no in counts]
    for i, belief in enumerate(beliefs):
        others = [other for j, other in enumerate(beliefs) if j != i]

        def density(x: float, belief: Any = belief, others: list[Any] = others) -> float:
            return float(belief.pdf(x) * np.prod([other.cdf(x) for other in others]))

        spread = [np.clip(belief.mean() + z * belief.std(), 0, 1) for z in (-6, -2, 0, 2, 6)]
        expected, _ = integrate.quad(density, 0, 1, points=spread, limit=400)
        assert agent.policy(offered)[0, i] == pytest.approx(expected, abs=2e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 8), max_size=20), st.lists(st.integers(1, 8), max_size=20))
def test_thompson_rank_equals_the_closed_form(first: list[int], second: list[int]) -> None:
    agent = ThompsonRank()
    agent.start(1, scenario("orthogonal").game, 0)
    posterior = []
    for partner, ranks in enumerate((first, second)):
        for rank in ranks:
            agent.learn(feedback_of([0], [partner], [rank], [False]))
        precision = 1 / 2.0**2 + len(ranks) / 1.2**2
        posterior.append(((4.5 / 2.0**2 + sum(ranks) / 1.2**2) / precision, 1 / precision))
    (m1, v1), (m2, v2) = posterior
    lower_is_better = stats.norm.cdf((m2 - m1) / np.sqrt(v1 + v2))
    assert agent.policy(np.array([[0, 1]], np.uint8))[0, 0] == pytest.approx(lower_is_better, abs=4e-3)
    believed = np.asarray(agent.valuations())[0, :2]
    assert believed == pytest.approx(np.clip([(8 - m1) / 7, (8 - m2) / 7], 0, 1))


@pytest.mark.parametrize(
    ("mean", "sd"),
    [([10, 30], [0.3, 0.3]), ([3.0, 3.05], [0.005, 0.004]), ([1, 2], [10, 0.01]), ([50, 50, 51], [2, 1, 0.5])],
)
def test_the_best_of_normals_at_any_scale(mean: list[float], sd: list[float]) -> None:
    draws = np.random.default_rng(0).normal(mean, sd, (400_000, len(mean)))
    expected = np.bincount(draws.argmax(axis=1), minlength=len(mean)) / len(draws)
    assert best_of_normals(np.array([mean]), np.array([sd]))[0] == pytest.approx(expected, abs=6e-3)


def test_thompson_rank_works_with_any_number_of_ranks() -> None:
    game = GameSpec(
        ranks=100,
        rank_sd=15,
        partners=(
            PartnerKind(mean_rank=31, acceptance=0.5, count=4),
            PartnerKind(mean_rank=72, acceptance=0.5, count=4),
        ),
    )
    choices = play(ThompsonRank(), draw(game, 0, 100))
    assert score(choices, "valuing").value > 0.85


def test_hidden_ranks_and_spots_are_not_in_the_feedback() -> None:
    seen: list[Feedback] = []
    agent = make_agent("random")
    agent.learn = seen.append  # type: ignore[method-assign]
    episodes = draw(scenario("orthogonal").game, 3, 20)
    choices = play(agent, episodes)
    shown = np.take_along_axis(episodes.rank_shown, choices.choice[..., None], axis=2)[..., 0]
    rank, spots = (np.stack([getattr(each, name) for each in seen], axis=1) for name in ("rank", "spots"))
    assert ((rank > 0) == shown).all()
    assert (spots[~shown] == 0).all()
    assert spots[shown].max() == 8
    assert (choices.spots[~shown] == UNKNOWN_SPOTS).all()
    seen[0].players[:] = 0
    assert (seen[1].players == np.arange(20)).all(), "agents can change the arrays"


def test_hidden_ranks_do_not_change_rank_beliefs() -> None:
    agent = ThompsonRank()
    agent.start(2, scenario("orthogonal").game, 0)
    before = np.array(agent.valuations())
    agent.learn(feedback_of([0, 1], [3, 3], [0, 2], [True, True]))
    after = np.array(agent.valuations())
    assert np.array_equal(before[0], after[0])
    assert after[1, 3] > before[1, 3]


def test_win_stay_lose_shift_remembers_the_last_outcome() -> None:
    agent = make_agent("win-stay-lose-shift")
    agent.start(1, scenario("orthogonal").game, 0)

    def policy(a: int, b: int) -> list[float]:
        return np.asarray(agent.policy(np.array([[a, b]], np.uint8)))[0].tolist()

    assert policy(0, 1) == [0.5, 0.5]
    agent.learn(feedback_of([0], [0], [1], [False]))
    assert policy(0, 1) == [0, 1]
    agent.learn(feedback_of([0], [2], [8], [True]))
    assert policy(1, 2) == [0, 1]
    agent.learn(feedback_of([0], [2], [1], [False]))
    assert policy(0, 2) == [0.5, 0.5]


def test_players_that_missed_a_round_learn_nothing() -> None:
    for name in ("thompson-rank", "thompson-outcome", "win-stay-lose-shift"):
        agent = make_agent(name)
        agent.start(3, scenario("orthogonal").game, 0)
        agent.learn(feedback_of([0, 2], [4, 4], [1, 1], [True, True]))
        probabilities = np.asarray(agent.policy(np.array([[4, 5]] * 3, np.uint8)))
        assert probabilities[0, 0] == probabilities[2, 0] > 0.6
        assert probabilities[1, 0] == pytest.approx(0.5)


def test_greedy_shares_ties() -> None:
    assert greedy(np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 2.0]])).tolist() == [[0, 0.5, 0.5], [1, 0, 0]]


class Constant(Agent):
    """Returns a given policy."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def start(self, n_players: int, game: GameSpec, seed: int) -> None: ...

    def policy(self, offered: NDArray[np.uint8]) -> Any:
        return self.answer

    def learn(self, feedback: Feedback) -> None: ...


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ([0.5, 0.5], r"shape \(2, 2\), got shape \(2,\)"),
        ([[0.5, 0.5], [0.7, 0.7]], r"sum to 1, got \[0.7 0.7\] for player 1"),
        ([[1.5, -0.5], [0.5, 0.5]], r"sum to 1, got \[ 1.5 -0.5\] for player 0"),
        ([[np.nan, np.nan], [0.5, 0.5]], "for player 0"),
    ],
)
def test_an_invalid_policy_is_an_error(answer: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        play(Constant(answer), draw(scenario("orthogonal").game, 0, 2))


def test_agents_by_dotted_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visitors.py").write_text(
        "from accept_reject.agents.baselines import RandomAgent\n"
        "class Visitor(RandomAgent):\n    def __init__(self, mood=0): self.mood = mood\n"
    )
    (tmp_path / "broken.py").write_text("class Agent(")
    (tmp_path / "exploding.py").write_text("raise RuntimeError('boom')")
    (tmp_path / "unfinished.py").write_text(
        "from accept_reject.agents import Agent\nclass Unfinished(Agent):\n    def start(self, *_): ...\n"
    )
    assert make_agent("visitors:Visitor", {"mood": 3}).mood == 3  # type: ignore[attr-defined]
    for name, params, problem in (
        ("thomson-rank", {}, "did you mean 'thompson-rank'"),
        ("nowhere_at_all:Agent", {}, "can't import module 'nowhere_at_all'"),
        ("visitors:Visitr", {}, "did you mean 'Visitor'"),
        ("json:JSONDecoder", {}, "must be a subclass of Agent or SinglePlayer, got <class"),
        ("visitors:Visitor", {"moood": 1}, "can't be made with params.*moood"),
        ("random", {"bias": 1}, "can't be made with params.*takes no arguments"),
        ("broken:Agent", {}, "can't import module 'broken': SyntaxError"),
        ("exploding:Agent", {}, "can't import module 'exploding': RuntimeError: boom"),
        ("unfinished:Unfinished", {}, "can't be made.*abstract"),
        ("thompson-rank", {"noise_sd": -1}, "noise_sd.* > 0"),
        ("accept_reject.agents.baselines:Oracle", {"target": "rank"}, "valuation.* or 'acceptance'"),
    ):
        with pytest.raises(ValueError, match=problem):
            make_agent(name, params)
