"""What recurrent players are made of: their description, their cells, and what they are told of an answer.

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
from accept_reject.envs.choices import UNKNOWN_SPOTS, Choices
from accept_reject.envs.faults import Spec, Whole
from accept_reject.envs.game import GameSpec

SIGNALS = 4
"""Numbers in which a network is told of an answer; see `signals`."""


class NetworkConfig(Spec):
    """What a network is.

    Attributes:
        architecture: `partner-state` gives each partner a recurrent state of its own, updated by one shared cell when
            that partner answers; `flat` is the conventional network over the flattened observation.
        cell: The recurrent cell.
        hidden: Width of the recurrent state: of each partner, or of the flat network.
        player_hidden: Width of a second recurrent state, the player's own; 0 for none. For `partner-state` only.
        predicts: Whether each partner's state also predicts that partner's next feedback, and values are read off the
            predictions too. For `partner-state` only.
    """

    architecture: Literal["partner-state", "flat"] = "partner-state"
    cell: Literal["gru", "lstm", "rnn"] = "gru"
    hidden: Annotated[Whole, Field(ge=1, le=4096)] = 16
    player_hidden: Annotated[Whole, Field(ge=0, le=4096)] = 0
    predicts: bool = False

    @model_validator(mode="after")
    def _check(self) -> NetworkConfig:
        if self.architecture == "flat":
            odd = [name for name in ("player_hidden", "predicts") if getattr(self, name)]
            if odd:
                raise ValueError("\n".join(f".{name}: has no place in the flat architecture" for name in odd))
        return self


class OverRounds(NamedTuple):
    """What a network makes of choices that were made.

    Attributes:
        log_policy: Log-probability of each offered partner, `(n, rounds, offered)`.
        predicted: What it expects of each offered partner's answer: rank value (-1..1) and probability of acceptance,
            `(n, rounds, offered, 2)`; None for networks that predict nothing.
    """

    log_policy: Tensor
    predicted: Tensor | None


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


class Cell(nn.Module):
    """A GRU, LSTM or plain tanh cell, whose whole memory is one tensor, `(..., width)`.

    Args:
        kind: `gru`, `lstm` or `rnn`.
        inputs: Numbers that it is told at each step.
        hidden: Numbers that others can read; an LSTM remembers as many again.
    """

    def __init__(self, kind: str, inputs: int, hidden: int) -> None:
        super().__init__()
        cells: dict[str, type[nn.RNNCellBase]] = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "rnn": nn.RNNCell}
        self.cell = cells[kind](inputs, hidden)  # type: ignore[call-arg]
        self.hidden = hidden
        self.width = 2 * hidden if kind == "lstm" else hidden

    def step(self, told: Tensor, memory: Tensor) -> Tensor:
        """The memory after a step, `(m, width)`, from what is told, `(m, inputs)`, and the memory before."""
        if self.width == self.hidden:
            return self.cell(told, memory)
        both = (memory[..., : self.hidden], memory[..., self.hidden :])
        return torch.cat(self.cell(told, both), dim=-1)

    def readable(self, memory: Tensor) -> Tensor:
        """The part of the memory that others read, `(..., hidden)`."""
        return memory[..., : self.hidden]


def signals(
    rank: NDArray[np.uint8], spots: NDArray[np.uint8], accepted: NDArray[np.bool_], ranks: int
) -> NDArray[np.float32]:
    """What an answer tells, `(..., SIGNALS)`: rank value, whether a rank was shown, spots, outcome; all within -1..1.

    Args:
        rank: The rank shown, from 1; 0 where it is hidden.
        spots: The spots shown; what stands where the rank is hidden, or `UNKNOWN_SPOTS`, tells nothing.
        accepted: Whether the partner accepted.
        ranks: Length of the ladder.
    """
    shown = rank > 0
    rank_value = np.where(shown, 1 - 2 * (rank.astype(np.float32) - 1) / (ranks - 1), 0)
    spots_value = np.where(shown & (spots != UNKNOWN_SPOTS), 2 * spots.astype(np.float32) / ranks - 1, 0)
    outcome = np.where(accepted, 1, -1)
    return np.stack([rank_value, shown, spots_value, outcome], axis=-1).astype(np.float32)
