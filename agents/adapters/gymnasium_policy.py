"""A policy for the Gymnasium environment, as an agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.adapters.chances import chances_of
from accept_reject.agents.adapters.observer import Observer
from accept_reject.agents.base import Agent, Feedback
from accept_reject.agents.dotted import load_dotted
from accept_reject.envs.game import GameSpec
from accept_reject.envs.spaces import split_rows

Policy = Callable[[dict[str, Any]], Any]


class GymnasiumPolicy(Agent):
    """Plays as a policy does that was written for the environment: an observation goes in, an action comes out.

    The observations are those of `AcceptRejectEnv`. The policy may also answer with the probabilities of the actions.
    An action counts as certain: the log-probability of any other choice is minus infinity.

    Args:
        policy: A function of an observation, or a class, of which each player gets an object of its own to call, so
            that it may remember; or the dotted path of one.

    Raises:
        ValueError: If the path names nothing that can be called.
    """

    def __init__(self, policy: str | Policy | type[Any]) -> None:
        found: Any = load_dotted(policy, "policy", callable, "callable") if isinstance(policy, str) else policy
        if not callable(found):
            raise ValueError(f"policy: should be callable or a dotted path, but is {found!r}")
        self._policy = found

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Begin with the first observation."""
        self._observer = Observer(n_players, game)
        of_class = isinstance(self._policy, type)
        self._policies: list[Policy] = [self._policy() if of_class else self._policy for _ in range(n_players)]

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """1 for each player's action, or the probabilities that its policy gave, `(n_players, offered)`.

        Raises:
            InvalidInputError: If the policy gave neither.
        """
        seen = split_rows(self._observer.observe(offered))
        actions = [policy(row) for policy, row in zip(self._policies, seen, strict=True)]
        return chances_of(actions, offered.shape[1], getattr(self._policy, "__name__", "policy"))

    def learn(self, feedback: Feedback) -> None:
        """Go on to the next observation."""
        self._observer.learn(feedback)
