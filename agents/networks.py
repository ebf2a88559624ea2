"""Networks that play: how they are described, and what they do.

A network holds weights and no memory: what it remembers of its players is a state that is handed on from round to
round. One network can therefore play many games side by side, and be trained on whole games at once.
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
from accept_reject.envs.faults import Spec, Whole
from accept_reject.envs.game import GameSpec


class NetworkConfig(Spec):
    """What a network is.

    Attributes:
        architecture: `partner-state` gives each partner a recurrent state of its own, updated by one shared cell when
            that partner answers; `flat` is the conventional network over the flattened observation.
        cell: The recurrent cell.
        hidden: Width of the recurrent state: of each partner, or of the flat network.
        player: How the features of partners are weighed: with `fixed` weights, with weights that follow the player's
            choices `online`, or by a second, `recurrent` state, the player's own. For `partner-state` only.
        player_hidden: Width of that recurrent state.
        predicts: Whether each partner's state also predicts that partner's next feedback, and values are read off the
            predictions too. For `partner-state` only.
        critic: Whether it also foresees the reward that is to come, for training by a learned baseline.
    """

    architecture: Literal["partner-state", "flat"] = "partner-state"
    cell: Literal["gru", "lstm", "rnn"] = "gru"
    hidden: Annotated[Whole, Field(ge=1, le=4096)] = 16
    player: Literal["fixed", "online", "recurrent"] = "fixed"
    player_hidden: Annotated[Whole, Field(ge=0, le=4096)] = 0
    predicts: bool = False
    critic: bool = False

    @model_validator(mode="after")
    def _check(self) -> NetworkConfig:
        faults = []
        if self.architecture == "flat":
            odd = {"player": self.player != "fixed", "predicts": self.predicts}
            faults += [f".{name}: has no place in the flat architecture" for name, given in odd.items() if given]
        if self.player == "recurrent" and not self.player_hidden:
            faults.append(".player_hidden: should be 1 or more for a recurrent player")
        if self.player != "recurrent" and self.player_hidden:
            faults.append(f".player_hidden: has no place without a recurrent player, but player is {self.player!r}")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class OverRounds(NamedTuple):
    """What a network makes of choices that were made.

    Attributes:
        log_policy: Log-probability of each offered partner, `(n, rounds, offered)`.
        predicted: What it expects of each offered partner's answer: rank value (-1..1) and probability of acceptance,
            `(n, rounds, offered, 2)`; None for networks that predict nothing.
        foreseen: The reward to come from each round on, `(n, rounds)`; None for networks without a critic.
    """

    log_policy: Tensor
    predicted: Tensor | None = None
    foreseen: Tensor | None = None


State = TypeVar("State")


class Network(nn.Module, Generic[State]):
    """A recurrent player's weights: it values offered partners, given a state that holds what happened so far."""

    config: NetworkConfig

    @abstractmethod
    def begin(self, n_players: int, game: GameSpec) -> State:
        """The state of `n_players` who have met nobody.

        Raises:
            InvalidInputError: If it can't play this game.
        """

    @abstractmethod
    def decide(self, state: State, offered: NDArray[np.integer]) -> tuple[Tensor, State]:
        """Preferences for the offered partners, `(n, offered)`, whose softmax is the policy; and the state after it."""

    @abstractmethod
    def learned(self, state: State, feedback: Feedback) -> State:
        """The state after feedback; the game goes on to the next round, for those who missed this one too."""

    @abstractmethod
    def over_rounds(self, choices: Choices) -> OverRounds:
        """All rounds at once, teacher-forced: the same numbers as going through them one by one, but faster."""

    def valuations(self, state: State) -> Tensor | None:
        """How much it believes that each partner values each player, `(n, partners)`, 0..1; or None."""
        return None

    @property
    def dtype(self) -> torch.dtype:
        """Of weights and states."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Of weights and states."""
        return next(self.parameters()).device

    def zeros(self, *shape: int) -> Tensor:
        """Zeros like the weights."""
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def tensor(self, values: NDArray[np.generic]) -> Tensor:
        """Numbers as an input of the network."""
        return torch.as_tensor(values, device=self.device).to(self.dtype)

    def index(self, values: NDArray[np.integer]) -> Tensor:
        """Numbers as an index into the network's tensors."""
        return torch.as_tensor(values.astype(np.int64), device=self.device)


class Critic(nn.Module):
    """Foresees the reward that is to come.

    Args:
        inputs: Numbers that it is told.
    """

    HIDDEN = 32

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, self.HIDDEN), nn.Tanh(), nn.Linear(self.HIDDEN, 1))

    def forward(self, told: Tensor) -> Tensor:
        """`(...)`, from what is told, `(..., inputs)`."""
        return self.layers(told)[..., 0]
