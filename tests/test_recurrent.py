"""Recurrent agents: teacher forcing equals replay, partners are exchangeable, and weights survive a round trip."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from game_specs import game_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import save_file

from accept_reject.agents import make_agent
from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.agents.networks.agent import RecurrentAgent, find_weights, load_network, make_network, weights_bytes
from accept_reject.agents.networks.base import Network, NetworkConfig
from accept_reject.agents.networks.cells import signals
from accept_reject.agents.networks.player_state import OnlineWeights
from accept_reject.envs import SCENARIOS, GameSpec, InvalidInputError, draw, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.experiments.analysis.scores import ANCHORED, score
from accept_reject.experiments.config import load_config
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.replay import choice_log_probability, replay
from accept_reject.experiments.simulation.simulate import simulate
from accept_reject.experiments.train.config import ImitationConfig, MetaConfig
from accept_reject.experiments.train.participants import split

PARTNER_STATE: list[dict[str, Any]] = [
    {"hidden": 1},
    {"hidden": 5, "predicts": True},
    {"hidden": 4, "player": "recurrent", "player_hidden": 1, "predicts": True},
    {"hidden": 4, "player": "recurrent", "player_hidden": 3},
    {"hidden": 3, "player": "recurrent", "player_hidden": 2, "cell": "lstm"},
    {"hidden": 3, "player": "online", "predicts": True},
    {"hidden": 3, "cell": "rnn"},
]
FLAT: list[dict[str, Any]] = [{"architecture": "flat", "hidden": 6, "cell": cell} for cell in ("gru", "lstm", "rnn")]


def a_network(described: dict[str, Any], seed: int = 0) -> Network[Any]:
    return make_network(NetworkConfig.model_validate(described), seed)


def some_choices(game: GameSpec, seed: int, n: int = 4, missed: float = 0.2) -> Choices:
    choices = play(make_agent("random"), draw(game, seed, n), seed)
    gone = np.random.default_rng(seed).random(choices.choice.shape) < missed
    return replace(choices, choice=np.where(gone, MISSED, choices.choice).astype(np.int8))


@pytest.mark.parametrize("described", PARTNER_STATE, ids=str)
@settings(max_examples=10)
@given(game=game_specs(), seed=st.integers(0, 10_000))
def test_teacher_forcing_equals_replay(described: dict[str, Any], game: GameSpec, seed: int) -> None:
    network = a_network(described).double()
    for missed in (0.0, 0.3, 1.0):
        choices = some_choices(game, seed, missed=missed)
        outputs = network.teacher_forced(choices)
        forced = choice_log_probability(outputs.log_policy, choices)
        assert torch.allclose(forced, replay(RecurrentAgent(network), choices), atol=1e-10)


@pytest.mark.parametrize("described", FLAT, ids=str)
@pytest.mark.parametrize("game", ["orthogonal", "crowd", "newcomers"])
def test_teacher_forcing_equals_replay_for_a_flat_network(described: dict[str, Any], game: str) -> None:
    network = a_network(described).double()
    choices = some_choices(scenario(game).game, 1)
    forced = choice_log_probability(network.teacher_forced(choices).log_policy, choices)
    assert torch.allclose(forced, replay(RecurrentAgent(network), choices), atol=1e-10)


@pytest.mark.parametrize("described", [*PARTNER_STATE, FLAT[0]], ids=str)
def test_gradients_through_replay_equal_finite_differences(described: dict[str, Any]) -> None:
    network = a_network(described).double()
    choices = some_choices(scenario("orthogonal").game.model_copy(update={"rounds": 30}), 1)
    replay(RecurrentAgent(network), choices).sum().backward()
    rng = np.random.default_rng(0)
    for name, weights in network.named_parameters():
        flat = weights.detach().view(-1)
        assert weights.grad is not None, name
        for i in rng.integers(flat.numel(), size=3):
            found = []
            for step in (1e-5, -2e-5):
                flat[i] += step
                with torch.no_grad():
                    found.append(float(replay(RecurrentAgent(network), choices).sum()))
            flat[i] += 1e-5
            assert float(weights.grad.view(-1)[i]) == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-4, abs=1e-5)


def test_online_weights_follow_the_gradient_of_the_log_probability_of_choices() -> None:
    """After each choice the weights change by rate / (1 + decay n) times its gradient, here computed by autograd."""
    torch.manual_seed(0)
    player, n = OnlineWeights(3).double(), 4
    features, choice = torch.randn(n, 6, 3, 3, dtype=torch.float64), torch.randint(3, (n, 6))
    encoded, progress = torch.zeros(n, 6, 4), torch.zeros(n, 6)
    missed = torch.rand(n, 6) < 0.3
    memories = player.memories(player.encode(features, choice, encoded, progress), missed)
    weights, count = torch.ones(n, 3, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    for now in range(6):
        assert torch.allclose(player.weights(memories[:, now]), weights)
        weights = weights.clone().requires_grad_()
        log_policy = torch.log_softmax((features[:, now] * weights[:, None]).sum(-1), dim=-1)
        (gradient,) = torch.autograd.grad(log_policy.gather(1, choice[:, now, None]).sum(), weights)
        rate = np.exp(-1) / (1 + np.exp(-4) * count)
        made = ~missed[:, now]
        weights = (weights + rate[:, None] * gradient * made[:, None]).detach()
        count = count + made


@pytest.mark.parametrize("described", [{"player": "recurrent", "player_hidden": 2}, FLAT[0]], ids=str)
def test_a_critic_does_not_change_the_policy(described: dict[str, Any]) -> None:
    choices = some_choices(scenario("orthogonal").game, 1)
    plain, critic = a_network(described), a_network({**described, "critic": True})
    with torch.no_grad():
        outputs = critic.teacher_forced(choices)
        assert torch.equal(plain.teacher_forced(choices).log_policy, outputs.log_policy)
    assert plain.teacher_forced(choices).value is None
    assert outputs.value is not None
    assert outputs.value.shape == choices.choice.shape
    assert outputs.value.std() > 0


@pytest.mark.parametrize("described", PARTNER_STATE, ids=str)
@pytest.mark.parametrize("greedy", [False, True])
def test_networks_are_equivariant_under_permutations_of_partners(described: dict[str, Any], greedy: bool) -> None:
    network = a_network(described).requires_grad_(False)
    episodes = draw(scenario("few-spots").game, 3, 20)
    to = np.random.default_rng(1).permutation(8).astype(np.uint8)
    back = np.argsort(to)
    renamed = replace(
        episodes, offered=to[episodes.offered], kind=episodes.kind[:, back], mean_rank=episodes.mean_rank[..., back]
    )
    agent, other = RecurrentAgent(network, greedy=greedy), RecurrentAgent(network, greedy=greedy)
    before, after = play(agent, episodes), play(other, renamed)
    for name in ("choice", "rank", "spots", "accepted", "valuation", "acceptance"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    beliefs, permuted = agent.valuations(), other.valuations()
    assert beliefs is not None
    assert permuted is not None
    assert np.allclose(beliefs, permuted[:, to], atol=1e-6)
    assert ((beliefs >= 0) & (beliefs <= 1)).all()


def test_networks_play_games_with_any_number_of_partners() -> None:
    network = a_network({"player": "recurrent", "player_hidden": 4}).requires_grad_(False)
    for name in ("orthogonal", "crowd", "newcomers"):
        choices = play(RecurrentAgent(network), draw(scenario(name).game, 0, 3))
        assert replay(RecurrentAgent(network), choices).shape == (3, 144)
    few = GameSpec.model_validate({"partners": [{"mean_rank": 3, "acceptance": 0.5, "count": 4}], "offered": 3})
    flat = a_network(FLAT[0]).requires_grad_(False)
    for each in (network, flat):
        choices = play(RecurrentAgent(each), draw(few, 0, 3))
        assert set(np.unique(choices.choice)) == {0, 1, 2}
    many = GameSpec.model_validate({"partners": [{"mean_rank": 3, "acceptance": 0.5, "count": 33}]})
    with pytest.raises(InvalidInputError, match="at most 32 partners, got 33"):
        play(RecurrentAgent(flat), draw(many, 0, 3))


def test_the_encoding_of_feedback() -> None:
    rank, spots = np.array([1, 8, 0, 4], np.uint8), np.array([8, 0, 0, UNKNOWN_SPOTS], np.uint8)
    encoded = signals(rank, spots, np.array([True, False, True, False]), 8)
    assert encoded == pytest.approx(
        np.array([[1, 1, 1, 1], [-1, 1, -1, -1], [0, 0, 0, 1], [1 / 7, 1, 0, -1]], np.float32)
    )


@pytest.mark.parametrize("described", [PARTNER_STATE[2], PARTNER_STATE[4], FLAT[1]], ids=str)
def test_weights_survive_a_round_trip(described: dict[str, Any], tmp_path: Path) -> None:
    network = a_network(described)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(weights_bytes(network))
    again = load_network(path)
    assert again.config == network.config
    assert weights_bytes(again) == path.read_bytes()
    assert not any(weights.requires_grad for weights in again.parameters())
    choices = some_choices(scenario("orthogonal").game, 1)
    agent = make_agent("accept_reject.agents.networks.agent:RecurrentAgent", {"weights": str(path)})
    with torch.no_grad():
        assert torch.equal(replay(agent, choices), replay(RecurrentAgent(network), choices))


def test_initial_weights_depend_only_on_config_and_seed() -> None:
    state = torch.random.get_rng_state()
    assert weights_bytes(a_network({})) == weights_bytes(a_network({}))
    assert weights_bytes(a_network({})) != weights_bytes(a_network({}, seed=1))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_invalid_weights_files_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"

    def assert_error(problem: str) -> None:
        with pytest.raises(InvalidInputError, match=problem):
            RecurrentAgent(str(path))

    assert_error("can't be read")
    path.write_bytes(weights_bytes(a_network({}))[:-20])
    assert_error("is not a valid weights file")
    save_file({"a": torch.zeros(2)}, path)
    assert_error("metadata key 'network' is required")
    save_file({"a": torch.zeros(2)}, path, metadata={"network": '{"hidden": 2}'})
    assert_error("weights don't match the network's config")
    save_file({"a": torch.zeros(2)}, path, metadata={"network": '{"hiden": 2}'})
    assert_error("unknown key 'hiden'; did you mean 'hidden'")
    with pytest.raises(InvalidInputError, match="got 'meta-ortogonal'; did you mean 'meta_orthogonal'"):
        RecurrentAgent("meta-ortogonal")
    with pytest.raises(InvalidInputError, match="greedy: must be true or false, got 1"):
        RecurrentAgent(a_network({}), greedy=1)  # type: ignore[arg-type]


def test_invalid_architectures_are_errors() -> None:
    for described, problem in (
        ({"hidden": 0}, "hidden"),
        ({"cell": "mlp"}, "cell"),
        ({"architecture": "flat", "player": "online"}, "player: is only valid for the partner-state architecture"),
        ({"architecture": "flat", "player_hidden": 3}, "player_hidden: is only valid for a recurrent player"),
        ({"architecture": "flat", "predicts": True}, "predicts: is only valid for the partner-state architecture"),
    ):
        with pytest.raises(ValidationError, match=problem):
            NetworkConfig.model_validate(described)


def test_scores_of_the_shipped_networks() -> None:
    """Less regret in the study's game than a greedy Beta learner; valuing scores near those of the ideal observer."""
    episodes = draw(scenario("orthogonal").game, 10_000, 1_500)
    regrets = {}
    for name, params in (("meta-orthogonal", {}), ("bayes-outcome", {"inverse_temperature": 1e6})):
        choices = play(make_agent(name, params), episodes)
        assert choices.acceptance is not None
        regret = choices.acceptance.max(axis=2) - choices.of_chosen(choices.acceptance)
        regrets[name] = regret.sum(axis=1).mean()
    assert regrets["meta-orthogonal"] < regrets["bayes-outcome"]
    for name, least in (("orthogonal", 0.67), ("hidden-ranks", 0.90), ("open-doors", 0.94), ("crowd", 0.82)):
        choices = play(make_agent("meta-mixture"), draw(scenario(name).game, 10_000, 300))
        assert score(choices, "valuing").value > least


@pytest.mark.parametrize("name", ["meta_orthogonal", "meta_mixture", "imitation"])
def test_shipped_weights_have_the_architecture_of_their_config(name: str) -> None:
    assert load_network(find_weights(name)).config == load_config((MetaConfig, ImitationConfig), name).network
    assert find_weights(name).stat().st_size < 32_768


def test_held_out_prediction_of_the_shipped_imitation_network() -> None:
    """Its loss is close to that of the true models, and the 42 shipped participants are not in its training data."""
    config = load_config(ImitationConfig, "imitation")
    population = load_config(PopulationConfig, "population_babur2024")
    assert config.population == "population_babur2024"
    known, shipped = split(config.model_copy(update={"test": 2})).known, simulate(population)[0]
    assert len(known) == 5_500
    assert not (known.choice[:, None] == shipped.choice).all(axis=2).any()
    assert not (known.offered[:, None, :20] == shipped.offered[:, :20]).all(axis=(2, 3)).any()
    agent = make_agent("imitation")
    fresh, parameters = simulate(population.model_copy(update={"participants": 200}), seed=500)
    with torch.no_grad():
        loss = -float(replay(agent, fresh).mean())
        greedy = -float(replay(make_agent("imitation", {"greedy": True}), fresh).clip(np.log(0.01)).mean())
        best = -float(replay(BayesianHybrid(**parameters), fresh).mean())
    assert best < loss < np.log(2) < greedy, "it samples from its policy"
    assert (np.log(2) - loss) / (np.log(2) - best) > 0.75


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_shipped_imitation_network_scores_as_participants_in_new_games(name: str) -> None:
    population = load_config(PopulationConfig, "population_babur2024", ["participants=400", f"game={name}"])
    participants, _ = simulate(population, seed=500)
    imitation = play(make_agent("imitation"), draw(participants.game, 500, 400))
    for name in ANCHORED:
        assert score(imitation, name).value == pytest.approx(score(participants, name).value, abs=0.06)
