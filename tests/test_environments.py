"""Every registered id follows the Gymnasium API, and all environments play the same game."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from game_specs import game_specs
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics, RecordVideo
from hypothesis import given, settings
from hypothesis import strategies as st

from accept_reject.envs import SCENARIOS, AcceptRejectEnv, AcceptRejectVectorEnv, GameSpec, draw, scenario

IDS = [each.env_id for each in SCENARIOS.values()]
every_id = pytest.mark.parametrize("env_id", IDS)


def equal(a: Any, b: Any) -> bool:
    """Return whether observations or infos are deeply equal, including the types of arrays."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, tuple) or (isinstance(a, np.ndarray) and a.dtype == object):
        return all(equal(x, y) for x, y in zip(a, b, strict=True))
    return np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)


@every_id
@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
def test_check_env_gives_no_warning(env_id: str, render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(env_id, render_mode=render_mode).unwrapped)


def test_the_registered_ids() -> None:
    names = ["Orthogonal", "Scarce", "HiddenRanks", "FewSpots", "OpenDoors", "Drift", "Newcomers", "Crowd", "Noisy"]
    assert [f"accept_reject/{name}-v0" for name in names] == IDS
    assert {key for key in gym.registry if key.startswith("accept_reject/")} == set(IDS)


@every_id
def test_scalar_vector_and_batch_play_the_same_episodes(env_id: str) -> None:
    n, seed = 3, 12
    vector = gym.make_vec(env_id, num_envs=n, reveal=True)
    scalar = gym.make(env_id, reveal=True)
    game: GameSpec = vector.unwrapped.game  # type: ignore[attr-defined]
    batch = draw(game, seed, 2 * n)
    rng = np.random.default_rng(0)
    actions = rng.integers(game.offered, size=(2 * n, game.rounds))

    by_scalar = []
    for i in range(2 * n):
        observation, info = scalar.reset(seed=seed if i == 0 else None)
        trace = [(observation, info)]
        for t in range(game.rounds):
            assert equal(observation["offered"], batch.offered[i, t].astype(np.int64))
            observation, reward, terminated, truncated, info = scalar.step(int(actions[i, t]))
            trace.append((observation, info, reward, terminated, truncated))
            assert type(reward) is float
            assert type(terminated) is bool
            assert reward == batch.accepted[i, t, actions[i, t]] == observation["last_accepted"]
            shown = batch.rank_shown[i, t, actions[i, t]]
            assert observation["last_rank"] == batch.rank[i, t, actions[i, t]] * shown
            assert observation["last_spots"] == batch.spots[i, t, actions[i, t]] * shown
        assert terminated
        by_scalar.append(trace)

    observations, infos = vector.reset(seed=seed)
    for turn in range(2):
        for t in range(game.rounds):
            rows = range(turn * n, turn * n + n)
            for row, i in enumerate(rows):
                assert equal_row(observations, row, by_scalar[i][t][0])
                assert equal_row(
                    {"valuations": infos["valuations"]}, row, {"valuations": by_scalar[i][t][1]["valuations"]}
                )
            observations, rewards, ended, truncated, infos = vector.step(actions[list(rows), t])
            assert vector.observation_space.contains(observations)
            for row, i in enumerate(rows):
                assert rewards[row] == by_scalar[i][t + 1][2]
            assert ended.all() == (t + 1 == game.rounds)
            assert not truncated.any()
        for row, i in enumerate(rows):
            assert equal(np.array(infos["final_obs"][row]["last_rank"]), np.array(by_scalar[i][-1][0]["last_rank"]))
            assert equal_row(infos["final_info"], row, by_scalar[i][-1][1])


def equal_row(batched: dict[str, Any], row: int, single: dict[str, Any]) -> bool:
    return all(np.array_equal(batched[key][row], value) for key, value in single.items())


def test_the_vector_environment_behaves_as_gymnasiums_own() -> None:
    """With one row both play episodes 0, 1, 2, ...: all observations and infos are equal, including masks."""
    game = {"rounds": 4}
    ours = gym.make_vec("accept_reject/Orthogonal-v0", num_envs=1, reveal=True, game=game)
    theirs = SyncVectorEnv(
        [lambda: AcceptRejectEnv("orthogonal", game, reveal=True)], autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for t in range(13):
        mine, other = ours.step(np.array([t % 2])), theirs.step(np.array([t % 2]))
        assert equal(mine[0], other[0])
        for a, b in zip(mine[1:4], other[1:4], strict=True):
            assert equal(a, b)
        assert mine[4].keys() == other[4].keys()
        assert equal(
            {k: v for k, v in mine[4].items() if k != "final_obs"},
            {k: v for k, v in other[4].items() if k != "final_obs"},
        )
        if "final_obs" in mine[4]:
            a, b = mine[4]["final_obs"][0], other[4]["final_obs"][0]
            assert a.keys() == b.keys()
            assert all(np.array_equal(a[key], b[key]) for key in a)


@every_id
def test_make_vec_in_both_modes(env_id: str) -> None:
    for mode, cls in ((None, AcceptRejectVectorEnv), ("sync", SyncVectorEnv)):
        envs = gym.make_vec(env_id, num_envs=2, vectorization_mode=mode)
        assert isinstance(envs.unwrapped, cls)
        observations, _ = envs.reset(seed=1)
        assert envs.observation_space.contains(observations)
        for _ in range(150):
            observations, *_ = envs.step(envs.action_space.sample())
        envs.close()
    assert gym.make_vec(env_id, num_envs=2).metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


@every_id
def test_same_seed_same_bytes(env_id: str) -> None:
    def play(env: gym.Env[Any, Any]) -> bytes:
        observation, _ = env.reset(seed=5)
        env.action_space.seed(5)
        trace = [observation]
        for _ in range(20):
            trace.append(env.step(env.action_space.sample()))
        trace.append(env.reset())
        return pickle.dumps(trace)

    env = gym.make(env_id)
    assert play(env) == play(gym.make(env_id)) == play(env)
    fresh = [gym.make(env_id).reset()[0]["offered"].tolist() for _ in range(12)]
    assert any(first != fresh[0] for first in fresh), "without a seed, environments start with different episodes"


@every_id
def test_the_oracle_plays_through_the_public_spaces(env_id: str) -> None:
    for reward, key in (("valuation", "valuations"), ("acceptance", "acceptances")):
        env = gym.make(env_id, reveal=True, reward=reward)
        _, info = env.reset(seed=8)
        total, best, regret, done = 0.0, 0.0, 0.0, False
        while not done:
            best += float(info[key].max())
            _, got, done, _, info = env.step(int(info[key].argmax()))
            total, regret = total + got, regret + info["regret"]
        assert regret == 0
        if reward == "valuation":
            assert total == pytest.approx(best)


def test_rewards_and_resets_of_the_vector_environment() -> None:
    envs = gym.make_vec("accept_reject/Crowd-v0", num_envs=5, reward="valuation", reveal=True)
    first, infos = envs.reset(seed=4)
    _, rewards, *_, after = envs.step(np.ones(5, int))
    assert np.array_equal(rewards, infos["valuations"][:, 1].astype(float))
    assert after["regret"] == pytest.approx(infos["valuations"].max(axis=1) - infos["valuations"][:, 1])
    envs.reset()
    again, _ = envs.reset(seed=4)
    assert equal(first, again), "a seed always starts with episode 0"


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
@pytest.mark.parametrize("game", [{"rounds": 6}, scenario("few-spots").game, None])
def test_the_spec_of_an_environment_makes_it_again_from_json(make: Any, game: Any) -> None:
    env = make("accept_reject/Orthogonal-v0", game=game, reveal=True)
    twin = make(EnvSpec.from_json(env.spec.to_json()))
    assert twin.unwrapped.game == env.unwrapped.game
    assert equal(twin.reset(seed=1), env.reset(seed=1))


@pytest.mark.parametrize("reveal", [True, False])
def test_information_has_the_same_structure_after_resets_and_steps(reveal: bool) -> None:
    """Recorders such as Minari store it in arrays, one item for each reset and step."""
    env = gym.make("accept_reject/Orthogonal-v0", reveal=reveal)
    _, first = env.reset(seed=0)
    *_, later = env.step(0)
    assert set(first) == set(later) == ({"valuations", "acceptances", "regret"} if reveal else set())
    for key, value in first.items():
        assert type(value) is type(later[key])
        assert np.shape(value) == np.shape(later[key])


def test_one_hot_vectors_in_vector_environments() -> None:
    """Gymnasium's vector wrappers can't flatten with SAME_STEP autoreset; its sync environment can."""
    envs = gym.make_vec(
        "accept_reject/Orthogonal-v0", num_envs=3, vectorization_mode="sync", wrappers=[FlattenObservation]
    )
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (3, 47)


def test_a_generator_that_is_set_directly_determines_the_episodes() -> None:
    env, twin = AcceptRejectEnv(), AcceptRejectEnv()
    env.np_random, twin.np_random = np.random.default_rng(3), np.random.default_rng(3)
    assert equal(env.reset(), twin.reset())


def test_regret_is_the_difference_to_the_best_offer() -> None:
    env = gym.make("accept_reject/Crowd-v0", reveal=True, reward="valuation")
    _, info = env.reset(seed=8)
    for _ in range(50):
        valuations = info["valuations"]
        _, got, _, _, info = env.step(1)
        assert got == valuations[1]
        assert info["regret"] == pytest.approx(valuations.max() - valuations[1])


@every_id
def test_hidden_state_stays_hidden(env_id: str) -> None:
    env = gym.make(env_id)
    assert env.reset(seed=0)[1] == {}
    assert env.step(0)[4] == {}
    assert gym.make_vec(env_id, num_envs=2).reset(seed=0)[1] == {}
    game = scenario("hidden-ranks").game
    if env_id.endswith("HiddenRanks-v0"):
        seen = [env.step(0)[0] for _ in range(game.rounds - 1)]
        assert all(observation["last_rank"] == observation["last_spots"] == 0 for observation in seen)


@every_id
def test_pickled_and_copied_environments_continue_the_same_game(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    env.reset(seed=3)
    env.step(1)
    twins = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    vector = gym.make_vec(env_id, num_envs=3).unwrapped
    vector.reset(seed=3)
    vector_twin = pickle.loads(pickle.dumps(vector))
    for _ in range(150):
        if env._round is None:  # type: ignore[attr-defined]
            expected = env.reset()
            assert all(equal(expected, twin.reset()) for twin in twins)
        expected = env.step(0)
        assert all(equal(expected, twin.step(0)) for twin in twins)
        assert equal(vector.step(np.ones(3, int))[0], vector_twin.step(np.ones(3, int))[0])


@every_id
def test_wrappers(env_id: str) -> None:
    flat = FlattenObservation(gym.make(env_id))
    observation, _ = flat.reset(seed=0)
    game = flat.unwrapped.game  # type: ignore[attr-defined]
    one_hot = game.offered * game.n_partners + 1 + 2 + game.n_partners + 2 * (game.ranks + 1) + 2
    assert observation.shape == (one_hot,)
    assert flat.observation_space.contains(observation)
    assert set(np.unique(observation)) <= {0, 1}
    counted = RecordEpisodeStatistics(gym.make(env_id))
    counted.reset(seed=0)
    rewards = 0.0
    for _ in range(game.rounds):
        _, reward, done, _, info = counted.step(0)
        rewards += reward
    assert done
    assert info["episode"]["r"] == rewards
    assert info["episode"]["l"] == game.rounds


def test_record_video(tmp_path: Path) -> None:
    env = gym.make("accept_reject/Orthogonal-v0", render_mode="rgb_array", game={"rounds": 3})
    video = RecordVideo(env, str(tmp_path / "videos"), episode_trigger=lambda _: True, disable_logger=True)
    video.reset(seed=0)
    for _ in range(3):
        video.step(0)
    video.close()
    (file,) = tmp_path.glob("videos/*.mp4")
    assert file.stat().st_size > 1000


@settings(max_examples=30, deadline=None)
@given(game_specs(), st.integers(0, 1000))
def test_observations_of_any_valid_game_are_in_the_space(game: GameSpec, seed: int) -> None:
    env = AcceptRejectEnv(game=game)
    vector = AcceptRejectVectorEnv(2, game=game)
    observation, _ = env.reset(seed=seed)
    observations, _ = vector.reset(seed=seed)
    for _ in range(game.rounds):
        assert env.observation_space.contains(observation)
        assert vector.observation_space.contains(observations)
        observation, _, done, _, _ = env.step(game.offered - 1)
        observations, _, ended, _, _ = vector.step(np.full(2, game.offered - 1))
    assert env.observation_space.contains(observation)
    assert done
    assert ended.all()


def test_observations_are_fresh_at_each_step() -> None:
    env = AcceptRejectEnv()
    first, _ = env.reset(seed=0)
    kept = copy.deepcopy(first)
    second, *_ = env.step(0)
    first["offered"][:] = 99
    first["progress"][:] = 99
    assert not np.shares_memory(first["offered"], second["offered"]) or second["offered"].max() < 8
    assert second["offered"].max() < 8
    again, _ = env.reset(seed=0)
    assert equal(again, kept)


@pytest.mark.parametrize("action", [2, -1, 0.5, "0", None, np.array([0, 1]), np.float64(1.0)])
def test_an_invalid_action_is_an_error(action: Any) -> None:
    env = AcceptRejectEnv()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="action: must be an integer"):
        env.step(action)


@pytest.mark.parametrize("action", [1, np.int64(1), np.uint8(1), np.array(1)])
def test_integers_of_any_type_are_actions(action: Any) -> None:
    env = AcceptRejectEnv()
    env.reset(seed=0)
    assert env.step(action)[0]["has_last"] == 1


def test_methods_in_the_wrong_order_are_errors() -> None:
    env = AcceptRejectEnv(game={"rounds": 1}, render_mode="ansi")
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(0)
    with pytest.raises(ResetNeeded, match="reset"):
        env.render()
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ResetNeeded, match="over"):
        env.step(0)
    vector = AcceptRejectVectorEnv(2, render_mode="ansi")
    with pytest.raises(ResetNeeded, match="reset"):
        vector.step(np.zeros(2, int))
    with pytest.raises(ResetNeeded, match="reset"):
        vector.render()


@pytest.mark.parametrize(
    ("actions", "problem"),
    [
        (np.zeros(4, int), r"shape \(3,\), got \(4,\)"),
        (0, r"shape \(3,\), got \(\)"),
        (np.zeros((3, 1), int), r"shape \(3,\), got \(3, 1\)"),
        (np.zeros(3), "integers, got float64"),
        (np.array([True, False, True]), "integers, got bool"),
        ([0, 2, 1], r"from 0 to 1, got 2 in row 1 \(1 invalid\)"),
        ([0, -1, 2], r"from 0 to 1, got -1 in row 1 \(2 invalid\)"),
    ],
)
def test_invalid_actions_of_the_vector_environment_are_errors(actions: Any, problem: str) -> None:
    envs = AcceptRejectVectorEnv(3)
    envs.reset(seed=0)
    with pytest.raises(InvalidAction, match=problem):
        envs.step(actions)


def test_unsupported_options_of_the_vector_environment_are_errors() -> None:
    envs = AcceptRejectVectorEnv(2)
    with pytest.raises(ValueError, match="one integer"):
        envs.reset(seed=[1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(options={"reset_mask": None})
    for number in (0, "3", 2.5, True):
        with pytest.raises(ValueError, match="integer >= 1"):
            AcceptRejectVectorEnv(number)  # type: ignore[arg-type]
