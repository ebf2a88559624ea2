"""Models of Stable-Baselines3 and sb3-contrib as agents, including recurrent ones."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Space, flatten_space
from numpy.typing import NDArray

from accept_reject.agents.adapters.observer import Observer, flatten_rows
from accept_reject.agents.adapters.probabilities import as_probabilities
from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.game import GameSpec
from accept_reject.envs.spaces import action_space, observation_space
from accept_reject.errors import InvalidInputError, describe_exception, shorten


class StableBaselines(Agent):
    """Plays with a model that was trained in the environment, with or without `FlattenObservation`.

    Its policy is the model's action distribution. For models without one, such as DQN, the best action has the
    probability 1, so that the log-probability of any other choice is minus infinity.

    A saved model does not contain the `VecNormalize` statistics that it was trained with, and does not tell that it
    needs them: without them it plays, but badly. Those of a model in memory are used. Next to a saved model, a file of
    them that is not mentioned is an error.

    Args:
        model: A model of any algorithm, or the path of a saved one. As in Stable-Baselines3, loading a file can execute
            code: load only files that you trust.
        deterministic: Whether to choose the most probable action, as `evaluate_policy` does by default, instead of
            sampling.
        vecnormalize: Path of the saved `VecNormalize` statistics; false if the model was trained without.

    Raises:
        InvalidInputError: If a file can't be read, or if Stable-Baselines3 is not installed.
    """

    def __init__(self, model: Any, deterministic: bool = False, vecnormalize: str | Path | bool | None = None) -> None:
        if deterministic not in (True, False):
            problem = f"deterministic: must be true or false, got {shorten(deterministic)}"
            raise InvalidInputError(type(self).__name__, [problem])
        saved = isinstance(model, str | Path)
        self._model = load_policy(Path(model)) if saved else model.policy
        self._model.set_training_mode(False)
        self._deterministic = deterministic
        self._normalize: Callable[[Any], Any] = lambda observations: observations
        if isinstance(vecnormalize, str | Path):
            self._normalize = load_statistics(Path(vecnormalize), self._model.observation_space).normalize_obs
        elif vecnormalize is not None and vecnormalize is not False:
            problem = f"vecnormalize: must be the path of a file or false, got {shorten(vecnormalize)}"
            raise InvalidInputError(type(self).__name__, [problem])
        elif vecnormalize is None and saved:
            _require_no_statistics(Path(model))
        elif vecnormalize is None and (statistics := model.get_vec_normalize_env()) is not None:
            self._normalize = statistics.normalize_obs

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
        observations = self._normalize(observations)
        if not hasattr(self._model, "get_distribution"):
            actions, _ = self._model.predict(observations, deterministic=True)
            return self._certain(actions, offered)
        with torch.no_grad():
            tensors, _ = self._model.obs_to_tensor(observations)
            if hasattr(self._model, "lstm_actor"):
                episode_starts = torch.zeros(len(offered), device=self._model.device)  # the state is reset by `start`
                found, self._state = self._model.get_distribution(tensors, self._state, episode_starts)
            else:
                found = self._model.get_distribution(tensors)
        if self._deterministic:
            return self._certain(found.mode().cpu().numpy(), offered)
        logits = found.distribution.logits.double()  # float32 would lose improbable choices
        probabilities: NDArray[np.float64] = torch.softmax(logits, dim=-1).cpu().numpy()
        return probabilities

    def _certain(self, actions: NDArray[np.integer], offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        return as_probabilities(list(actions), offered.shape[1], type(self._model).__name__)

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
    policy_class, spaces = data["policy_class"], (data["observation_space"], data["action_space"])
    schedule = {"lr_schedule": lambda _: 0.0} if "lr_schedule" in signature(policy_class).parameters else {}
    policy = policy_class(*spaces, **schedule, **data["policy_kwargs"])
    policy.load_state_dict(params["policy"])
    return policy


def load_statistics(path: Path, observation_space: Space[Any]) -> Any:
    """Load a saved `VecNormalize`, whose `normalize_obs` normalizes observations.

    Args:
        path: The file.
        observation_space: The observation space of the model.

    Raises:
        InvalidInputError: If the file can't be read, or if its statistics are of another observation space.
    """
    from stable_baselines3.common.vec_env import VecNormalize

    try:
        found = pickle.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
    except Exception as error:  # a file that is no pickle can raise anything
        raise InvalidInputError(str(path), [f"must be a saved VecNormalize, got {describe_exception(error)}"]) from None
    if not isinstance(found, VecNormalize):
        raise InvalidInputError(str(path), [f"must be a saved VecNormalize, got {type(found).__name__}"])
    if found.observation_space != observation_space:
        problem = f"must be of the model's observation space {observation_space}, got {found.observation_space}"
        raise InvalidInputError(str(path), [problem])
    return found


def _require_no_statistics(model: Path) -> None:
    """Refuse a model with statistics next to it, unless the user says whether they belong to it."""
    names = sorted(path.name for path in model.parent.glob("*.pkl"))
    found = [name for name in names if "normalize" in name.lower()]
    if found:
        problem = f"vecnormalize: is required, as {', '.join(found[:3])} is in the same folder: the file with this "
        raise InvalidInputError(str(model), [problem + "model's statistics, or false if it was trained without"])
