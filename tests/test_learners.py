"""Learners: play and replay equal a plain loop of the equations; gradients equal finite differences."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from game_specs import game_specs
from hypothesis import given, settings
from hypothesis import strategies as st

from accept_reject.agents import AGENTS, Agent, make_agent
from accept_reject.agents.bayesian import BayesianHybrid, BayesianOutcome, BayesianRank
from accept_reject.agents.delta_rule import DualSignalLearner, GainLossLearner, OutcomeLearner, RankLearner
from accept_reject.agents.learner import Learner, Parameter
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay

LEARNERS = [
    BayesianHybrid,
    BayesianRank,
    BayesianOutcome,
    DualSignalLearner,
    GainLossLearner,
    RankLearner,
    OutcomeLearner,
]
every_learner = pytest.mark.parametrize("cls", LEARNERS)


def some_parameters(cls: type[Learner], n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {}
    for name, parameter in cls.free_parameters().items():
        low = max(parameter.low, -1.0)
        found[name] = rng.uniform(max(low, 0.1 if parameter.low == 1e-6 else low), min(parameter.high, low + 3), n)
    return found


def with_missed(choices: Choices, seed: int, share: float = 0.2) -> Choices:
    gone = np.random.default_rng(seed).random(choices.choice.shape) < share
    return replace(choices, choice=np.where(gone, MISSED, choices.choice).astype(np.int8))


def plain_loop(cls: type[Learner], values: dict[str, float], choices: Choices, row: int) -> list[float]:
    """The equations, implemented for one player and one round at a time, without the package."""
    game = choices.game
    p: dict[str, float] = {**cls.fixed, **values}
    rank_values: list[list[float]] = [[] for _ in range(game.n_partners)]
    outcomes: list[list[int]] = [[] for _ in range(game.n_partners)]
    r = [p.get("initial_rank", 0.0)] * game.n_partners
    o = [p.get("initial_outcome", 0.0)] * game.n_partners
    last = None
    logs = []
    for t in range(game.rounds):
        offered = [int(x) for x in choices.offered[row, t]]
        logits = []
        for k in offered:
            if issubclass(cls, BayesianHybrid):
                prior = 1 / (p["rank_prior_sd"] / (game.ranks - 1)) ** 2
                noise = 1 / (p["rank_noise_sd"] / (game.ranks - 1)) ** 2
                seen = rank_values[k]
                rank_value = (p["rank_prior"] * prior + sum(seen) * noise) / (prior + len(seen) * noise)
                yes = p["prior_acceptances"] + sum(outcomes[k])
                no = p["prior_rejections"] + len(outcomes[k]) - sum(outcomes[k])
                outcome_value, stick = yes / (yes + no), 0.0
            else:
                rank_value, outcome_value = r[k], o[k]
                stick = p["stickiness"] if k == last else 0.0
            value = p["w"] * rank_value + (1 - p["w"]) * outcome_value
            logits.append(p["inverse_temperature"] * value + stick)
        choice = int(choices.choice[row, t])
        if choice == MISSED:
            logs.append(0.0)
            continue
        top = max(logits)
        logs.append(logits[choice] - top - math.log(sum(math.exp(x - top) for x in logits)))
        chosen = offered[choice]
        rank, accepted = int(choices.rank[row, t]), int(choices.accepted[row, t])
        outcomes[chosen].append(accepted)
        value = (game.ranks - rank) / (game.ranks - 1)
        if rank:
            rank_values[chosen].append(value)
        if not issubclass(cls, BayesianHybrid):
            for k in range(game.n_partners):
                if k != chosen:
                    r[k] += p["forgetting"] * (p["initial_rank"] - r[k])
                    o[k] += p["forgetting"] * (p["initial_outcome"] - o[k])
            if rank:
                rate = p["rate_rank"] if value >= r[chosen] else p.get("rate_rank_loss", p["rate_rank"])
                r[chosen] += rate * (value - r[chosen])
            rate = p["rate_outcome"] if accepted >= o[chosen] else p.get("rate_outcome_loss", p["rate_outcome"])
            o[chosen] += rate * (accepted - o[chosen])
            last = chosen
    return logs


@every_learner
@settings(max_examples=15, deadline=None)
@given(game=game_specs(), seed=st.integers(0, 10_000), misses=st.booleans())
def test_replay_equals_a_plain_loop(cls: type[Learner], game: GameSpec, seed: int, misses: bool) -> None:
    choices = play(make_agent("random"), draw(game, seed, 3), seed)
    if misses:
        choices = with_missed(choices, seed)
    values = some_parameters(cls, 3, seed)
    found = replay(cls(**values), choices)
    expected = [plain_loop(cls, {name: v[row] for name, v in values.items()}, choices, row) for row in range(3)]
    assert found.numpy() == pytest.approx(np.array(expected), abs=1e-6)


class Recording:
    """Records the policies of an agent."""

    def __init__(self, agent: Agent) -> None:
        self.policies: list[np.ndarray] = []
        policy = agent.policy

        def recorded(offered: Any) -> Any:
            self.policies.append(torch.as_tensor(policy(offered)).numpy().copy())
            return self.policies[-1]

        agent.policy = recorded  # type: ignore[method-assign]


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("game", ["orthogonal", "open-doors", "newcomers"])
def test_replay_gives_the_probabilities_that_play_used(name: str, game: str) -> None:
    agent = make_agent(name)
    record = Recording(agent)
    choices = play(agent, draw(scenario(game).game, 3, 4), seed=2)
    used = np.take_along_axis(np.stack(record.policies, axis=1), choices.choice[..., None].astype(int), axis=2)[..., 0]
    assert replay(make_agent(name), choices).exp().numpy() == pytest.approx(used, abs=1e-12)


@every_learner
def test_gradients_equal_finite_differences(cls: type[Learner]) -> None:
    choices = with_missed(play(make_agent("random"), draw(scenario("orthogonal").game, 1, 2), 1), 1)
    values = some_parameters(cls, 2, 5)
    names = list(values)

    def likelihood(*tensors: torch.Tensor) -> torch.Tensor:
        return replay(cls(**dict(zip(names, tensors, strict=True))), choices).sum(dim=1)

    inputs = tuple(torch.tensor(values[name], dtype=torch.float64, requires_grad=True) for name in names)
    assert torch.autograd.gradcheck(likelihood, inputs, eps=1e-6, atol=1e-5, rtol=1e-4)


@every_learner
def test_parameters_of_several_players_equal_separate_players(cls: type[Learner]) -> None:
    episodes = draw(scenario("orthogonal").game, 4, 3)
    values = some_parameters(cls, 3, 8)
    together = play(cls(**values), episodes)
    for row in range(3):
        alone = play(cls(**{name: v[row] for name, v in values.items()}), draw(scenario("orthogonal").game, 4, 1, row))
        assert np.array_equal(together.choice[row], alone.choice[0])


def test_nested_models_equal_the_hybrid_at_the_bounds_of_w() -> None:
    choices = play(make_agent("random"), draw(scenario("orthogonal").game, 1, 5), 1)
    for nested, hybrid, w in (
        (BayesianRank, BayesianHybrid, 1.0),
        (BayesianOutcome, BayesianHybrid, 0.0),
        (RankLearner, DualSignalLearner, 1.0),
        (OutcomeLearner, DualSignalLearner, 0.0),
    ):
        assert torch.equal(replay(nested(), choices), replay(hybrid(w=w), choices))
        assert "w" not in nested.free_parameters()
        with pytest.raises(ValueError, match="unknown parameter"):
            nested(w=0.3)


def test_parameters_keep_their_precision() -> None:
    for value in (0.1, np.float64(0.1), [0.1, 0.2], torch.tensor(0.1, dtype=torch.float64)):
        found = make_agent("bayes-hybrid", {"w": value})
        assert isinstance(found, Learner)
        assert found.values["w"].tolist() == (value if isinstance(value, list) else float(value))


@pytest.mark.parametrize("value", [True, [True], None, "0.5", [0.5, None], 1j, 10**400, [[0.5]], {}])
def test_parameters_must_be_numbers(value: object) -> None:
    with pytest.raises(InvalidInputError, match="w: must be a number, or one number for each player, got"):
        make_agent("bayes-hybrid", {"w": value})


def test_invalid_parameters_are_errors() -> None:
    with pytest.raises(InvalidInputError) as caught:
        DualSignalLearner(w=1.5, inverse_temperature=[1, float("nan")], stickiness=math.inf, rate=0.3)
    assert caught.value.subject == "DualSignalLearner"
    assert caught.value.problems[:3] == (
        "w: must be a number from 0 to 1, got 1.5",
        "inverse_temperature: must be a number >= 0, got [1.0, nan]",
        "stickiness: must be a finite number, got inf",
    )
    assert caught.value.problems[3].startswith("unknown parameter 'rate'; did you mean 'rate_rank'? (known: ")
    with pytest.raises(ValueError, match="w: must be a number, or one number for each player"):
        BayesianHybrid(w=np.ones((2, 2)))
    with pytest.raises(ValueError, match="w: must be one number for each of the 3 players, got 2"):
        play(BayesianHybrid(w=[0.1, 0.2]), draw(scenario("crowd").game, 0, 3))


@pytest.mark.parametrize(
    ("parameter", "low", "high"),
    [
        (Parameter(0.5, 0, 1, ""), 0, 1),
        (Parameter(1, 2, math.inf, ""), 2, math.inf),
        (Parameter(0, -math.inf, math.inf, ""), -math.inf, math.inf),
    ],
)
def test_constrain_maps_to_the_range_of_a_parameter(parameter: Parameter, low: float, high: float) -> None:
    free = torch.linspace(-20, 20, 41, dtype=torch.float64)
    bounded = parameter.constrain(free)
    assert parameter.allows(bounded)
    assert (bounded.diff() > 0).all()
    assert low <= bounded.min()
    assert bounded.max() <= high
