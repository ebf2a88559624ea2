"""Models of Stable-Baselines3 and sb3-contrib, recurrent ones too, as agents."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import flatten_space
from numpy.typing import NDArray

from accept_reject.agents.adapters.chances import chances_of
from accept_reject.agents.adapters.observer import Observer, flatten_rows
from accept_reject.agents.base import Agent, Feedback
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec
from accept_reject.envs.spaces import action_space, observation_space


class StableBaselines(Agent):
    """Plays as a model does that was trained in the environment, with or without `FlattenObservation`.

    Its probabilities are those of the model's action distribution. Models without one, such as DQN, get 1 for their
    best action: the log-probability of any other choice is minus infinity.

    Args:
        model: A file that the model's `save` wrote, of any algorithm, or the model. A file runs code when it is loaded,
            as it does in Stable-Baselines3: load only what you trust.

    Raises:
        InvalidInputError: If the file can't be read, or if Stable-Baselines3 is not installed.
    """

    def __init__(self, model: Any) -> None:
        self._model = load_policy(Path(model)) if isinstance(model, str | Path) else model.policy
        self._model.set_training_mode(False)

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Begin with the first observation, and with a recurrent model's first state.

        Raises:
            InvalidInputError: If the model was trained for games of other observations or actions.
        """
        self._space = observation_space(game)
        self._flat = self._model.observation_space == flatten_space(self._space)
        faults = []
        if not self._flat and self._model.observation_space != self._space:
            theirs = self._model.observation_space
            faults.append(f"takes observations of {theirs}, but this game's are {self._space}, flattened or not")
        if self._model.action_space != action_space(game):
            faults.append(f"acts in {self._model.action_space}, but this game's actions are {action_space(game)}")
        if faults:
            raise InvalidInputError(type(self._model).__name__, faults)
        self._observer = Observer(n_players, game)
        if hasattr(self._model, "lstm_actor"):
            layers, _, width = self._model.lstm_hidden_state_shape
            nothing = torch.zeros(layers, n_players, width, device=self._model.device)
            self._state = (nothing, nothing)

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The model's probabilities, `(n_players, offered)`."""
        seen: Any = self._observer.observe(offered)
        if self._flat:
            seen = flatten_rows(seen, self._space)
        if not hasattr(self._model, "get_distribution"):
            actions, _ = self._model.predict(seen, deterministic=True)
            return chances_of(list(actions), offered.shape[1], type(self._model).__name__)
        with torch.no_grad():
            tensors, _ = self._model.obs_to_tensor(seen)
            if hasattr(self._model, "lstm_actor"):
                going_on = torch.zeros(len(offered), device=self._model.device)
                found, self._state = self._model.get_distribution(tensors, self._state, going_on)
            else:
                found = self._model.get_distribution(tensors)
        logits = found.distribution.logits.double()  # float32 would lose improbable choices
        chances: NDArray[np.float64] = torch.softmax(logits, dim=-1).cpu().numpy()
        return chances

    def learn(self, feedback: Feedback) -> None:
        """Go on to the next observation."""
        self._observer.learn(feedback)


def load_policy(path: Path) -> Any:
    """The policy of a saved model. Which algorithm trained it makes no difference: the file tells the policy's class.

    Raises:
        InvalidInputError: If it can't be read, or if Stable-Baselines3 is not installed.
    """
    try:
        from stable_baselines3.common.save_util import load_from_zip_file
    except ImportError:
        raise InvalidInputError(str(path), ["needs Stable-Baselines3: pip install 'accept-reject[sb3]'"]) from None
    unused = dict.fromkeys(("learning_rate", "lr_schedule", "clip_range", "clip_range_vf"))
    try:
        with path.open("rb") as file:
            data, params, _ = load_from_zip_file(file, custom_objects=unused, device="cpu")
    except OSError as error:
        raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
    except (ValueError, zipfile.BadZipFile) as error:
        raise InvalidInputError(str(path), [f"is no saved model: {error}"]) from None
    data = data or {}
    lacking = [key for key in ("policy_class", "policy_kwargs", "observation_space", "action_space") if key not in data]
    if lacking or "policy" not in params:
        fault = f"holds no policy that can be loaded (no {', '.join(lacking) or 'weights'})"
        raise InvalidInputError(str(path), [f"{fault}; is all that it needs installed?"])
    policy = data["policy_class"](
        data["observation_space"], data["action_space"], lambda _: 0.0, **data["policy_kwargs"]
    )
    policy.load_state_dict(params["policy"])
    return policy
