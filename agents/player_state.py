"""A player's own state: how it weighs what it knows of partners, and how that changes with what it does.

The weights may be the same for everybody at all times (`fixed`), may follow each player's own choices (`online`), or
may be read off a recurrent state (`recurrent`). The first two have few parameters, for studies as small as 42
participants, whom a recurrent state learns by heart.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from accept_reject.agents.cells import SIGNALS, Cell
from accept_reject.agents.networks import NetworkConfig


class PlayerState(nn.Module):
    """Weights of features, and the memory that they are read off; the memory is zeros at first.

    Attributes:
        width: Numbers in the memory of a player.
    """

    width: int

    @abstractmethod
    def weights(self, memory: Tensor) -> Tensor:
        """The weights, `(..., features)`, from the memory, `(..., width)`."""

    @abstractmethod
    def hear(self, features: Tensor, choice: Tensor, told: Tensor, progress: Tensor) -> Tensor:
        """What it keeps of a round, `(..., inputs)`; all rounds may be given at once.

        Args:
            features: Of the offered partners, `(..., offered, features)`.
            choice: Which of them was asked, `(...)`.
            told: What that one answered, `(..., SIGNALS)`.
            progress: How far the game is, `(...)`, 0..1.
        """

    @abstractmethod
    def after(self, memory: Tensor, heard: Tensor) -> Tensor:
        """The memory after a round, `(m, width)`, from the one before and what was heard of it, `(m, inputs)`."""

    @property
    def readable_width(self) -> int:
        """Numbers in the part of the memory that others read."""
        return self.width

    def readable(self, memory: Tensor) -> Tensor:
        """The part of the memory that others read."""
        return memory

    def over_rounds(self, heard: Tensor, missed: Tensor) -> Tensor:
        """The memories before each round, `(n, rounds, width)`, from what was heard, `(n, rounds, inputs)`.

        Args:
            heard: In all rounds.
            missed: Rounds that leave the memory as it is, `(n, rounds)`.
        """
        memory, memories = heard.new_zeros(len(heard), self.width), []
        for of_round, gone in zip(heard.unbind(dim=1), missed.unbind(dim=1), strict=True):
            memories.append(memory)
            memory = torch.where(gone[:, None], memory, self.after(memory, of_round))
        return torch.stack(memories, dim=1)


class FixedWeights(PlayerState):
    """Weights that are parameters: the same for all players, at all times. Nothing is remembered.

    Args:
        features: How many there are.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = 0
        self.at_first = nn.Parameter(torch.ones(features))

    def weights(self, memory: Tensor) -> Tensor:
        """The parameters."""
        return self.at_first.expand(*memory.shape[:-1], -1)

    def hear(self, features: Tensor, choice: Tensor, told: Tensor, progress: Tensor) -> Tensor:
        """Nothing."""
        return told[..., :0]

    def after(self, memory: Tensor, heard: Tensor) -> Tensor:
        """Nothing."""
        return memory

    def over_rounds(self, heard: Tensor, missed: Tensor) -> Tensor:
        """Nothing, without going through the rounds."""
        return heard


class OnlineWeights(PlayerState):
    """Weights that follow the player's choices: after each they climb the gradient of its log-probability.

    This is logistic regression, one step of gradient ascent for each choice, with a rate for each feature that falls
    with the number of choices n as rate / (1 + decay n). First weights, rates and decays are parameters.

    Args:
        features: How many there are.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = features + 1  # how far the weights have moved, and the number of choices
        self.at_first = nn.Parameter(torch.ones(features))
        self.log_rate = nn.Parameter(torch.full((features,), -1.0))
        self.log_decay = nn.Parameter(torch.full((features,), -4.0))

    def weights(self, memory: Tensor) -> Tensor:
        """The first ones, and how far they have moved."""
        return self.at_first + memory[..., :-1]

    def hear(self, features: Tensor, choice: Tensor, told: Tensor, progress: Tensor) -> Tensor:
        """The features of the chosen partner over those of each offered one."""
        chosen = features.take_along_dim(choice[..., None, None], dim=-2)
        return (chosen - features).flatten(-2)

    def after(self, memory: Tensor, heard: Tensor) -> Tensor:
        """A step up the gradient: the sum of what the chosen is over each, times that one's probability."""
        features = self.width - 1
        over = heard.reshape(len(heard), heard.shape[-1] // features, features)
        probability = torch.softmax(-(over * self.weights(memory)[..., None, :]).sum(-1), dim=-1)
        gradient = (probability[..., None] * over).sum(-2)
        count = memory[..., -1:]
        rate = self.log_rate.exp() / (1 + self.log_decay.exp() * count)
        return torch.cat([memory[..., :-1] + rate * gradient, count + 1], dim=-1)


class RecurrentWeights(PlayerState):
    """Weights that are read off a recurrent state, which sees what was chosen over what, and how it turned out.

    Args:
        cell: `gru`, `lstm` or `rnn`.
        features: How many features there are.
        hidden: Width of the state.
    """

    def __init__(self, cell: str, features: int, hidden: int) -> None:
        super().__init__()
        self.cell = Cell(cell, features + SIGNALS + 1, hidden)
        self.width = self.cell.width
        self.weigh = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, features))

    def weights(self, memory: Tensor) -> Tensor:
        """Read off the state."""
        return self.weigh(self.readable(memory))

    def hear(self, features: Tensor, choice: Tensor, told: Tensor, progress: Tensor) -> Tensor:
        """The chosen partner's features over the mean of the others', the answer, and how far the game is."""
        chosen = features.take_along_dim(choice[..., None, None], dim=-2)[..., 0, :]
        others = (features.sum(dim=-2) - chosen) / (features.shape[-2] - 1)
        return torch.cat([chosen - others, told, progress[..., None]], dim=-1)

    def after(self, memory: Tensor, heard: Tensor) -> Tensor:
        """A step of the cell."""
        return self.cell.step(heard, memory)

    @property
    def readable_width(self) -> int:
        """The cell's."""
        return self.cell.hidden

    def readable(self, memory: Tensor) -> Tensor:
        """The cell's."""
        return self.cell.readable(memory)


def make_player_state(config: NetworkConfig, features: int) -> PlayerState:
    """The player's own state that a config asks for, over so many features."""
    if config.player == "recurrent":
        return RecurrentWeights(config.cell, features, config.player_hidden)
    return OnlineWeights(features) if config.player == "online" else FixedWeights(features)
