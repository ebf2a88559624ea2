"""Models of Stable-Baselines3 and sb3-contrib as agents, including recurrent ones."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import flatten_space
from numpy.typing import NDArray

from accept_reject.agents.adapters.observer import Observer, flatten_rows
from accept_reject.agents.adapters.probabilities import as_probabilities
from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.game import GameSpec
from accept_reject.envs.spaces import action_space, observation_space
from accept_reject.errors import InvalidInputError


class StableBaselines(Agent):
    """Plays with a model that was trained in the environment, with or without `FlattenObservation`.

    Its policy is the model's action distribution. For models without one, such as DQN, the best action has the
    probability 1, so that the log-probability of any other choice is minus infinity.

    Args:
        model: A model of any algorithm, or the path of a saved one. As in Stable-Baselines3, loading a file can execute
            code: load only files that you trust.

    Raises:
        InvalidInputError: If the file can't be read, or if Stable-Baselines3 is not installed.
    """

    def __init__(self, model: Any) -> None:
        self._model = load_policy(Path(model)) if isinstance(model, str | Path) else model.policy
        self._model.set_training_mode(False)

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Start with the first observation, and with the initial state of a recurrent model.

        Raises:
            InvalidInputError: If the model was trained with other observations or actions.
        """
        self._space = observation_space(game)
        self._flat = self._model.observation_space == flatten_space(self._space)
        problems = []
        if not self._flat and self._model.observation_space != self._space:
            theirs = self._model.observation_space
            problems.append(f"observation space: must be {self._space}, flattened or not, got {theirs}")
        if self._model.action_space != action_space(game):
            problems.append(f"action space: must be {action_space(game)}, got {self._model.action_space}")
        if problems:
            raise InvalidInputError(type(self._model).__name__, problems)
        self._observer = Observer(n_players, game)
        if hasattr(self._model, "lstm_actor"):
            layers, _, width = self._model.lstm_hidden_state_shape
            zeros = torch.zeros(layers, n_players, width, device=self._model.device)
            self._state = (zeros, zeros)

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the model's probabilities, `(n_players, offered)`."""
        observations: Any = self._observer.observe(offered)
        if self._flat:
            observations = flatten_rows(observations, self._space)
        if not hasattr(self._model, "get_distribution"):
            actions, _ = self._model.predict(observations, deterministic=True)
            return as_probabilities(list(actions), offered.shape[1], type(self._model).__name__)
        with torch.no_grad():
            tensors, _ = self._model.obs_to_tensor(observations)
            if hasattr(self._model, "lstm_actor"):
                episode_starts = torch.zeros(len(offered), device=self._model.device)  # the state is reset by `start`
                found, self._state = self._model.get_distribution(tensors, self._state, episode_starts)
            else:
                found = self._model.get_distribution(tensors)
        logits = found.distribution.logits.double()  # float32 would lose improbable choices
        probabilities: NDArray[np.float64] = torch.softmax(logits, dim=-1).cpu().numpy()
        return probabilities

    def learn(self, feedback: Feedback) -> None:
        """Move on to the next observation."""
        self._observer.learn(feedback)


def load_policy(path: Path) -> Any:
    """Load the policy of a saved model of any algorithm; the file names the policy's class.

    Raises:
        InvalidInputError: If the file can't be read, or if Stable-Baselines3 is not installed.
    """
    try:
        from stable_baselines3.common.save_util import load_from_zip_file
    except ImportError:
        raise InvalidInputError(
            str(path), ["requires Stable-Baselines3; run: pip install 'accept-reject[sb3]'"]
        ) from None
    unused = dict.fromkeys(("learning_rate", "lr_schedule", "clip_range", "clip_range_vf"))
    try:
        with path.open("rb") as file:
            data, params, _ = load_from_zip_file(file, custom_objects=unused, device="cpu")
    except OSError as error:
        raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
    except (ValueError, zipfile.BadZipFile) as error:
        raise InvalidInputError(str(path), [f"is not a saved model: {error}"]) from None
    data = data or {}
    missing = [key for key in ("policy_class", "policy_kwargs", "observation_space", "action_space") if key not in data]
    if missing or "policy" not in params:
        problem = f"the policy can't be loaded: no {', '.join(missing) or 'weights'}"
        raise InvalidInputError(str(path), [f"{problem}; a package that it requires may not be installed"])
    policy = data["policy_class"](
        data["observation_space"], data["action_space"], lambda _: 0.0, **data["policy_kwargs"]
    )
    policy.load_state_dict(params["policy"])
    return policy
