"""A player's own state: the weights of partner features.

The weights are the same for all players at all times (`fixed`), follow each player's choices (`online`), or are
computed from a recurrent state (`recurrent`). The first two have few parameters, for studies with as few as 42
participants, which a recurrent state would overfit.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from accept_reject.agents.networks.base import NetworkConfig
from accept_reject.agents.networks.cells import SIGNALS, Cell


class PlayerState(nn.Module):
    """The weights of features, and the memory that they depend on. The initial memory is zeros.

    Attributes:
        width: Width of a player's memory.
    """

    width: int

    @abstractmethod
    def weights(self, memory: Tensor) -> Tensor:
        """Compute the weights, `(..., features)`, from the memory, `(..., width)`."""

    @abstractmethod
    def encode(self, features: Tensor, choice: Tensor, signals: Tensor, progress: Tensor) -> Tensor:
        """Encode rounds as inputs of `step`, `(..., inputs)`.

        Args:
            features: Features of the offered partners, `(..., offered, features)`.
            choice: Place of the chosen partner in the offer, `(...)`.
            signals: Encoded feedback of the chosen partner, `(..., SIGNALS)`.
            progress: Share of the game that is over, `(...)`.
        """

    @abstractmethod
    def step(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """Compute the memory after a round, `(m, width)`, from the inputs, `(m, inputs)`, and the memory before it."""

    @property
    def hidden_width(self) -> int:
        """Width of the hidden state."""
        return self.width

    def hidden_state(self, memory: Tensor) -> Tensor:
        """Return the part of the memory that is an input of the critic."""
        return memory

    def memories(self, inputs: Tensor, missed: Tensor) -> Tensor:
        """Compute the memory before each round, `(n, rounds, width)`.

        Args:
            inputs: The encoded rounds, `(n, rounds, inputs)`.
            missed: Whether a round was missed, which leaves the memory unchanged, `(n, rounds)`.
        """
        memory, memories = inputs.new_zeros(len(inputs), self.width), []
        for of_round, skip in zip(inputs.unbind(dim=1), missed.unbind(dim=1), strict=True):
            memories.append(memory)
            memory = torch.where(skip[:, None], memory, self.step(of_round, memory))
        return torch.stack(memories, dim=1)


class FixedWeights(PlayerState):
    """Weights that are parameters, the same for all players at all times, without memory.

    Args:
        features: Number of features.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = 0
        self.at_first = nn.Parameter(torch.ones(features))

    def weights(self, memory: Tensor) -> Tensor:
        """Return the parameters."""
        return self.at_first.expand(*memory.shape[:-1], -1)

    def encode(self, features: Tensor, choice: Tensor, signals: Tensor, progress: Tensor) -> Tensor:
        """Return an empty encoding."""
        return signals[..., :0]

    def step(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """Return the empty memory."""
        return memory

    def memories(self, inputs: Tensor, missed: Tensor) -> Tensor:
        """Return empty memories, without a loop over rounds."""
        return inputs


class OnlineWeights(PlayerState):
    """Weights that are learned online from the player's choices.

    After each choice the weights take a step of gradient ascent on its log-probability, as in online logistic
    regression. The learning rate of a feature decays with the number of choices n as rate / (1 + decay n). Initial
    weights, rates and decays are parameters.

    Args:
        features: Number of features.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = features + 1  # the total change of the weights, and the number of choices
        self.at_first = nn.Parameter(torch.ones(features))
        self.log_rate = nn.Parameter(torch.full((features,), -1.0))
        self.log_decay = nn.Parameter(torch.full((features,), -4.0))

    def weights(self, memory: Tensor) -> Tensor:
        """Return the initial weights plus their change."""
        return self.at_first + memory[..., :-1]

    def encode(self, features: Tensor, choice: Tensor, signals: Tensor, progress: Tensor) -> Tensor:
        """Encode the differences between the features of the chosen partner and of each offered one."""
        chosen = features.take_along_dim(choice[..., None, None], dim=-2)
        return (chosen - features).flatten(-2)

    def step(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """Take a step of gradient ascent; the gradient is the mean difference under the current policy."""
        features = self.width - 1
        difference = inputs.reshape(len(inputs), inputs.shape[-1] // features, features)
        probability = torch.softmax(-(difference * self.weights(memory)[..., None, :]).sum(-1), dim=-1)
        gradient = (probability[..., None] * difference).sum(-2)
        count = memory[..., -1:]
        rate = self.log_rate.exp() / (1 + self.log_decay.exp() * count)
        return torch.cat([memory[..., :-1] + rate * gradient, count + 1], dim=-1)


class RecurrentWeights(PlayerState):
    """Weights that are computed from a recurrent state, whose inputs are the player's choices and their feedback.

    Args:
        cell: `gru`, `lstm` or `rnn`.
        features: Number of features.
        hidden: Width of the hidden state.
    """

    def __init__(self, cell: str, features: int, hidden: int) -> None:
        super().__init__()
        self.cell = Cell(cell, features + SIGNALS + 1, hidden)
        self.width = self.cell.width
        self.weigh = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, features))

    def weights(self, memory: Tensor) -> Tensor:
        """Compute the weights from the hidden state."""
        return self.weigh(self.hidden_state(memory))

    def encode(self, features: Tensor, choice: Tensor, signals: Tensor, progress: Tensor) -> Tensor:
        """Encode the chosen partner's features minus the mean of the others', its feedback, and the progress."""
        chosen = features.take_along_dim(choice[..., None, None], dim=-2)[..., 0, :]
        others = (features.sum(dim=-2) - chosen) / (features.shape[-2] - 1)
        return torch.cat([chosen - others, signals, progress[..., None]], dim=-1)

    def step(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """Step the cell."""
        return self.cell.step(inputs, memory)

    @property
    def hidden_width(self) -> int:
        """Width of the cell's hidden state."""
        return self.cell.hidden

    def hidden_state(self, memory: Tensor) -> Tensor:
        """Return the cell's hidden state."""
        return self.cell.hidden_state(memory)


def make_player_state(config: NetworkConfig, features: int) -> PlayerState:
    """Make the player state of a config for a number of features."""
    if config.player == "recurrent":
        return RecurrentWeights(config.cell, features, config.player_hidden)
    return OnlineWeights(features) if config.player == "online" else FixedWeights(features)
