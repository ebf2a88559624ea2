"""Saved models of Stable-Baselines3 and sb3-contrib play as they do in the environment."""

import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import GAME, by_hand, env
from numpy.typing import NDArray
from sb3_contrib import QRDQN, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from accept_reject.agents import Feedback, make_agent
from accept_reject.agents.adapters.stable_baselines import StableBaselines
from accept_reject.envs import draw
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
        "dqn-flat": DQN("MlpPolicy", env(flat=True), buffer_size=10, **small),
        "qrdqn": QRDQN("MultiInputPolicy", env(), buffer_size=10, **small),
        "recurrent-flat": recurrent.learn(48),
    }


@pytest.mark.parametrize("name", ["ppo", "a2c-flat", "dqn-flat", "qrdqn", "recurrent-flat"])
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
            if "dqn" in name:
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
