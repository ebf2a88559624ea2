"""The config and the interface of networks.

A network has weights and no memory. The memory of its players is a state that is passed from round to round, so that
one network can play many games in parallel and be trained on whole games at once.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from accept_reject.agents.base import Feedback
from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec
from accept_reject.errors import Integer, Spec


class NetworkConfig(Spec):
    """The architecture of a network.

    Attributes:
        architecture: `partner-state` keeps a recurrent state for each partner, which one shared cell updates when that
            partner responds; `flat` is the conventional network over the flattened observation.
        cell: Type of the recurrent cell.
        hidden: Width of the recurrent state of each partner, or of the flat network.
        player: The weights of partner features: `fixed`, learned `online` from the player's choices, or computed from a
            second, `recurrent` state of the player. Only valid for `partner-state`.
        player_hidden: Width of the player's recurrent state.
        predicts: Whether the state of a partner also predicts its next feedback; the predictions are additional
            features. Only valid for `partner-state`.
        critic: Whether the network also has a value head, as a baseline for policy gradients.
    """

    architecture: Literal["partner-state", "flat"] = "partner-state"
    cell: Literal["gru", "lstm", "rnn"] = "gru"
    hidden: Annotated[Integer, Field(ge=1, le=4096)] = 16
    player: Literal["fixed", "online", "recurrent"] = "fixed"
    player_hidden: Annotated[Integer, Field(ge=0, le=4096)] = 0
    predicts: bool = False
    critic: bool = False

    @model_validator(mode="after")
    def _check(self) -> NetworkConfig:
        problems = []
        if self.architecture == "flat":
            used = {"player": self.player != "fixed", "predicts": self.predicts}
            problems += [f".{name}: is only valid for the partner-state architecture" for name in used if used[name]]
        if self.player == "recurrent" and not self.player_hidden:
            problems.append(".player_hidden: must be an integer >= 1 with a recurrent player, got 0")
        if self.player != "recurrent" and self.player_hidden:
            problems.append(f".player_hidden: is only valid for a recurrent player, got player {self.player!r}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class Outputs(NamedTuple):
    """The outputs of a network for all rounds of recorded choices.

    Attributes:
        log_policy: Log-probability of each offered partner, `(n, rounds, offered)`.
        predicted: Predicted feedback of each offered partner: rank value (-1..1) and probability of acceptance,
            `(n, rounds, offered, 2)`; None for networks without predictions.
        value: The critic's value, that is the expected return from each round on, `(n, rounds)`; None for networks
            without a critic.
    """

    log_policy: Tensor
    predicted: Tensor | None = None
    value: Tensor | None = None


State = TypeVar("State")


class Network(nn.Module, Generic[State]):
    """Base class of networks, with the three verbs of an agent: `start`, `logits` (its policy) and `learn`."""

    config: NetworkConfig

    @abstractmethod
    def start(self, n_players: int, game: GameSpec) -> State:
        """Return the initial state of `n_players` players.

        Raises:
            InvalidInputError: If the network can't play this game.
        """

    @abstractmethod
    def logits(self, state: State, offered: NDArray[np.integer]) -> tuple[Tensor, State]:
        """Compute the logits of the policy.

        Args:
            state: The state of n players.
            offered: The partners offered, `(n, offered)`.

        Returns:
            The logits, `(n, offered)`, and the new state.
        """

    @abstractmethod
    def learn(self, state: State, feedback: Feedback) -> State:
        """Return the state after feedback, at the next round, also for players that missed this one."""

    @abstractmethod
    def teacher_forced(self, choices: Choices) -> Outputs:
        """Compute the outputs for all rounds of recorded choices at once, faster than round by round."""

    def valuations(self, state: State) -> Tensor | None:
        """Return beliefs about how much each partner values each player, `(n, partners)`, 0..1, or None."""
        return None

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and states."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Device of weights and states."""
        return next(self.parameters()).device

    def zeros(self, *shape: int) -> Tensor:
        """Return zeros of the network's type, on its device."""
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def tensor(self, values: NDArray[np.generic]) -> Tensor:
        """Convert numbers to an input of the network."""
        return torch.as_tensor(values, device=self.device).to(self.dtype)

    def index(self, values: NDArray[np.integer]) -> Tensor:
        """Convert numbers to an index into the network's tensors."""
        return torch.as_tensor(values.astype(np.int64), device=self.device)


class Critic(nn.Module):
    """The value head: a network with one hidden layer that estimates the return.

    Args:
        inputs: Number of inputs.
    """

    HIDDEN = 32

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, self.HIDDEN), nn.Tanh(), nn.Linear(self.HIDDEN, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute values, `(...)`, from inputs, `(..., inputs)`."""
        return self.layers(inputs)[..., 0]
