"""Saved models of Stable-Baselines3 and sb3-contrib play as they do in the environment."""

import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import GAME, by_hand, env
from numpy.typing import NDArray
from sb3_contrib import ARS, QRDQN, TRPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from accept_reject.agents import Feedback, make_agent
from accept_reject.agents.adapters.stable_baselines import StableBaselines
from accept_reject.envs import draw
from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay


@pytest.fixture(scope="module")
def models() -> dict[str, BaseAlgorithm]:
    small: dict[str, Any] = {"seed": 0, "device": "cpu"}
    ppo = PPO("MultiInputPolicy", env(), n_steps=24, batch_size=24, n_epochs=1, learning_rate=0.05, **small)
    lstm: dict[str, Any] = {"policy_kwargs": {"lstm_hidden_size": 8, "n_lstm_layers": 2}, **small}
    recurrent = RecurrentPPO("MlpLstmPolicy", env(flat=True), n_steps=24, n_epochs=1, learning_rate=0.05, **lstm)
    return {
        "ppo": ppo.learn(48),
        "a2c-flat": A2C("MlpPolicy", env(flat=True), **small),
        "trpo": TRPO("MultiInputPolicy", env(), **small),
        "dqn-flat": DQN("MlpPolicy", env(flat=True), buffer_size=10, **small),
        "qrdqn": QRDQN("MultiInputPolicy", env(), buffer_size=10, **small),
        "ars-flat": ARS("MlpPolicy", env(flat=True), **small),
        "recurrent-flat": recurrent.learn(48),
    }


@pytest.mark.parametrize("name", ["ppo", "a2c-flat", "trpo", "dqn-flat", "qrdqn", "ars-flat", "recurrent-flat"])
def test_models_play_as_in_the_environment(models: dict[str, BaseAlgorithm], name: str, tmp_path: Path) -> None:
    model = models[name]
    model.save(tmp_path / "model.zip")
    agent = make_agent("stable-baselines", {"model": str(tmp_path / "model.zip")})
    choices = play(agent, draw(GAME, 0, 3))
    assert np.isfinite(score(choices, "valuing").value)
    found = replay(agent, choices).exp().numpy()
    assert np.array_equal(found, replay(StableBaselines(model), choices).exp().numpy()), (
        "a saved model plays as the model itself"
    )
    policy: Any = model.policy
    for row in range(3):
        state: Any = None

        def probabilities(seen: Any) -> NDArray[np.float64]:
            nonlocal state
            if "dqn" in name or "ars" in name:
                return np.eye(2)[policy.predict(seen, deterministic=True)[0]]
            given = policy.obs_to_tensor(seen)[0]
            with torch.no_grad():
                if "recurrent" not in name:
                    return policy.get_distribution(given).distribution.probs[0].numpy()
                before = state and tuple(torch.from_numpy(part) for part in state)
                before = before or (torch.zeros(2, 1, 8), torch.zeros(2, 1, 8))
                spread, _ = policy.get_distribution(given, before, torch.tensor([float(state is None)]))
            _, state = policy.predict(seen, state, np.array([state is None]))
            return spread.distribution.probs[0].numpy()

        steps = list(by_hand(probabilities, env("flat" in name), choices, row))
        assert found[row] == pytest.approx([p[c] for p, c in zip(steps, choices.choice[row], strict=True)], abs=1e-5)


EASY = {"partners": [{"mean_rank": 2, "acceptance": 0.95}, {"mean_rank": 6, "acceptance": 0.05}]}


def easy(flat: bool, n: int = 1) -> DummyVecEnv:
    return DummyVecEnv([lambda: env(flat, **EASY)] * n)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of three saved models that learned an easy game."""
    folder = tmp_path_factory.mktemp("trained")
    same: dict[str, Any] = {"n_steps": 48, "batch_size": 96, "learning_rate": 3e-3, "gamma": 0.0, "seed": 0}
    same |= {"device": "cpu", "policy_kwargs": {"net_arch": [16]}}
    lstm = {"n_epochs": 5, "policy_kwargs": {"net_arch": [16], "lstm_hidden_size": 16}}
    normalized = VecNormalize(easy(True, 8), norm_reward=False)
    models = {
        "ppo": PPO("MultiInputPolicy", easy(False, 8), **same),
        "normalized": PPO("MlpPolicy", normalized, **same),
        "recurrent": RecurrentPPO("MlpLstmPolicy", easy(True, 8), **same | lstm),
    }
    for name, model in models.items():
        (folder / name).mkdir()
        model.learn(6000).save(folder / name / "model.zip")
    normalized.save(str(folder / "normalized" / "vecnormalize.pkl"))
    return folder


def rollout(folder: Path, deterministic: bool, episodes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return a saved model's choices and rewards in the environment, without the adapter, `(episodes, rounds)`."""
    cls = RecurrentPPO if folder.name == "recurrent" else PPO
    model, venv = cls.load(folder / "model.zip", device="cpu"), easy(folder.name != "ppo")
    if folder.name == "normalized":
        venv = VecNormalize.load(str(folder / "vecnormalize.pkl"), venv)
        venv.training = False
    model.set_random_seed(1)
    venv.seed(0)
    seen, state, first = venv.reset(), None, np.array([True])
    actions, rewards = [], []
    for _ in range(episodes * GAME.rounds):
        action, state = model.predict(seen, state, first, deterministic)
        seen, reward, first, _ = venv.step(action)
        actions.append(action)
        rewards.append(reward)
    return np.reshape(actions, (episodes, -1)), np.reshape(rewards, (episodes, -1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ppo", "normalized", "recurrent"])
def test_scores_equal_those_of_an_independent_rollout(trained: Path, name: str) -> None:
    n = 200
    params = {"model": str(trained / name / "model.zip")}
    if name == "normalized":
        with pytest.raises(ValueError, match=r"vecnormalize: is required, as vecnormalize.pkl is in the same folder"):
            make_agent("stable-baselines", params)
        params["vecnormalize"] = str(trained / name / "vecnormalize.pkl")
    game: Any = easy(False).envs[0].unwrapped
    episodes = draw(game.game, 0, n)

    def played(**more: Any) -> Choices:
        return play(make_agent("stable-baselines", params | more), episodes)

    choices, rewards = rollout(trained / name, True, n)
    best = played(deterministic=True)
    assert np.array_equal(best.choice, choices)
    assert np.array_equal(best.accepted, rewards)
    assert best.accepted.mean() > 0.7
    _, rewards = rollout(trained / name, False, n)
    sampled = played().accepted.mean(axis=1)
    error = np.sqrt((sampled.var() + rewards.mean(axis=1).var()) / n)
    assert sampled.mean() > 0.7
    assert abs(sampled.mean() - rewards.mean()) < 4 * error
    if name == "normalized":
        assert played(vecnormalize=False).accepted.mean() < sampled.mean() - 0.1  # what forgetting it costs


def test_statistics_that_can_not_be_used(models: dict[str, BaseAlgorithm], tmp_path: Path) -> None:
    models["a2c-flat"].save(tmp_path / "model.zip")
    (tmp_path / "text.txt").write_text("no pickle", encoding="utf-8")
    (tmp_path / "list.bin").write_bytes(pickle.dumps([1]))
    VecNormalize(easy(True)).save(str(tmp_path / "other.bin"))
    model = str(tmp_path / "model.zip")
    for given, problem in (
        ("nowhere.bin", "nowhere.bin: can't be read: No such file"),
        ("text.txt", "text.txt: must be a saved VecNormalize, got UnpicklingError"),
        ("list.bin", "list.bin: must be a saved VecNormalize, got list"),
        ("other.bin", "other.bin: must be of the model's observation space Box"),
    ):
        with pytest.raises(InvalidInputError, match=problem):
            make_agent("stable-baselines", {"model": model, "vecnormalize": str(tmp_path / given)})
    with pytest.raises(InvalidInputError, match="vecnormalize: must be the path of a file or false, got True"):
        make_agent("stable-baselines", {"model": model, "vecnormalize": True})
    with pytest.raises(InvalidInputError, match="deterministic: must be true or false, got 'yes'"):
        make_agent("stable-baselines", {"model": model, "deterministic": "yes"})


def test_statistics_of_a_model_in_memory_are_used() -> None:
    statistics = VecNormalize(easy(True))
    statistics.reset()
    for action in (0, 1, 0, 1):
        statistics.step(np.array([action]))
    model = PPO("MlpPolicy", statistics, n_steps=24, batch_size=24, seed=0, device="cpu")
    game: Any = easy(False).envs[0].unwrapped
    episodes = draw(game.game, 0, 2)
    with_them = play(StableBaselines(model), episodes)
    found = replay(StableBaselines(model), with_them)
    assert torch.equal(found, replay(StableBaselines(model), with_them))
    assert not torch.allclose(found, replay(StableBaselines(model, vecnormalize=False), with_them))


def test_a_recurrent_model_has_memory(models: dict[str, BaseAlgorithm]) -> None:
    """Its policy depends on its state, and the state is reset at the start of a game."""
    choices = play(StableBaselines(models["recurrent-flat"]), draw(GAME, 0, 4))
    agent = StableBaselines(models["recurrent-flat"])
    assert torch.equal(replay(agent, choices), replay(agent, choices))
    forgetful = StableBaselines(models["recurrent-flat"])
    learn = forgetful.learn

    def forget(feedback: Feedback) -> None:
        learn(feedback)
        forgetful._state = tuple(torch.zeros_like(part) for part in forgetful._state)

    forgetful.learn = forget  # type: ignore[method-assign]
    assert not torch.allclose(replay(agent, choices)[:, 1:], replay(forgetful, choices)[:, 1:], atol=1e-6)


def test_models_and_files_that_can_not_be_used(
    models: dict[str, BaseAlgorithm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models["ppo"].save(tmp_path / "model.zip")
    agent = make_agent("stable-baselines", {"model": str(tmp_path / "model.zip")})
    with pytest.raises(
        ValueError, match=r"observation space: must be Dict.*\n.*action space: must be Discrete\(3\), got Discrete\(2\)"
    ):
        play(agent, draw(GAME.model_copy(update={"offered": 3}), 0, 2))
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("data", "{}")
    for name, problem in (
        ("nowhere.zip", "can't be read: No such file"),
        ("text.zip", "is not a saved model"),
        ("other.zip", "the policy can't be loaded: no policy_class"),
    ):
        with pytest.raises(ValueError, match=problem):
            make_agent("stable-baselines", {"model": str(tmp_path / name)})
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.save_util", None)
    with pytest.raises(ValueError, match=r"pip install 'accept-reject\[sb3\]'"):
        make_agent("stable-baselines", {"model": str(tmp_path / "model.zip")})
