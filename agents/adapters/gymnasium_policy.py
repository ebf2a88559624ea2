"""Policies for the Gymnasium environment as agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.adapters.observer import Observer
from accept_reject.agents.adapters.probabilities import as_probabilities
from accept_reject.agents.base import Agent, Feedback
from accept_reject.agents.dotted import load_dotted
from accept_reject.envs.game import GameSpec
from accept_reject.envs.spaces import split_rows
from accept_reject.errors import shorten

Policy = Callable[[dict[str, Any]], Any]


class GymnasiumPolicy(Agent):
    """Plays with a policy for the environment, which maps an observation to an action.

    The observations are those of `AcceptRejectEnv`. The policy can also return the probabilities of all actions. If it
    returns an action, its probability is 1, so that the log-probability of any other choice is minus infinity.

    Args:
        policy: A function of an observation; or a class, which is instantiated for each player so that it can have
            memory; or the dotted path of either.

    Raises:
        ValueError: If the policy is not callable.
    """

    def __init__(self, policy: str | Policy | type[Any]) -> None:
        found: Any = load_dotted(policy, "policy", callable, "callable") if isinstance(policy, str) else policy
        if not callable(found):
            raise ValueError(f"policy: must be callable or a dotted path, got {shorten(found)}")
        self._policy = found

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Start with the first observation, and make an object for each player if the policy is a class."""
        self._observer = Observer(n_players, game)
        is_class = isinstance(self._policy, type)
        self._policies: list[Policy] = [self._policy() if is_class else self._policy for _ in range(n_players)]

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the policy's actions, with probability 1, or its probabilities, `(n_players, offered)`.

        Raises:
            InvalidInputError: If the policy returns neither.
        """
        seen = split_rows(self._observer.observe(offered))
        actions = [policy(row) for policy, row in zip(self._policies, seen, strict=True)]
        return as_probabilities(actions, offered.shape[1], getattr(self._policy, "__name__", "policy"))

    def learn(self, feedback: Feedback) -> None:
        """Move on to the next observation."""
        self._observer.learn(feedback)
