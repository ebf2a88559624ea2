"""The flat network: a recurrent network over the flattened observation, as most RL libraries would build it.

It is the conventional baseline. Partners are one-hot vectors, so that knowledge about one partner does not generalize
to another. The input includes the partner that was chosen in the last round.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accept_reject.agents.base import Feedback
from accept_reject.agents.networks.base import Critic, Network, NetworkConfig, Outputs
from accept_reject.agents.networks.cells import SIGNALS, Cell, signals
from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError

MAX_PARTNERS = 32
"""Maximum number of partners: that of the largest scenario."""


class FlatState(NamedTuple):
    """The state of the players.

    Attributes:
        memory: Memory of the cell, `(n, width)`.
        last: The last round: the chosen partner as a one-hot vector, and its feedback; zeros where missed.
        now: Index of the round.
        game: The game.
    """

    memory: Tensor
    last: Tensor
    now: int
    game: GameSpec


class FlatNetwork(Network[FlatState]):
    """A network with one recurrent state for the whole game.

    Its inputs are the partners offered, the partner chosen last, its feedback, and the progress of the game. It
    computes a logit for each of `MAX_PARTNERS` partners; those that are not offered are masked.

    Args:
        config: The architecture.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.last_width = MAX_PARTNERS + SIGNALS
        self.cell = Cell(config.cell, MAX_PARTNERS + self.last_width + 1, config.hidden)
        self.read = nn.Linear(config.hidden, MAX_PARTNERS)
        self.critic = Critic(config.hidden) if config.critic else None

    def start(self, n_players: int, game: GameSpec) -> FlatState:
        """Return a state of zeros.

        Raises:
            InvalidInputError: If the game has too many partners.
        """
        if game.n_partners > MAX_PARTNERS:
            problem = f"the game must have at most {MAX_PARTNERS} partners, got {game.n_partners}"
            raise InvalidInputError("flat network", [problem])
        return FlatState(self.zeros(n_players, self.cell.width), self.zeros(n_players, self.last_width), 0, game)

    def logits(self, state: FlatState, offered: NDArray[np.integer]) -> tuple[Tensor, FlatState]:
        """Step the cell with this offer and the last feedback, and compute the logits of the offered partners."""
        progress = self.zeros(len(offered), 1) + state.now / state.game.rounds
        observation = torch.cat([self._one_hot(offered), state.last, progress], dim=-1)
        memory = self.cell.step(observation, state.memory)
        logits = self.read(self.cell.hidden_state(memory)).gather(-1, self.index(offered))
        return logits, state._replace(memory=memory)

    def learn(self, state: FlatState, feedback: Feedback) -> FlatState:
        """Keep the feedback for the next step of the cell."""
        encoded = self.tensor(signals(feedback.rank, feedback.spots, feedback.accepted, state.game.ranks))
        inputs = torch.cat([self._one_hot(feedback.partner[:, None]), encoded], dim=-1)
        last = torch.zeros_like(state.last).index_put((self.index(feedback.players),), inputs)
        return FlatState(state.memory, last, state.now + 1, state.game)

    def teacher_forced(self, choices: Choices) -> Outputs:
        """Compute the outputs for all rounds: all inputs are known in advance, but the cell goes round by round."""
        n, rounds = choices.choice.shape
        memory = self.start(n, choices.game).memory
        place = np.where(choices.missed, 0, choices.choice)[..., None]
        chosen = self._one_hot(np.take_along_axis(choices.offered, place, axis=2))
        encoded = self.tensor(signals(choices.rank, choices.spots, choices.accepted, choices.game.ranks))
        inputs = torch.cat([chosen, encoded], dim=-1) * self.tensor(~choices.missed)[..., None]
        last = torch.cat([torch.zeros_like(inputs[:, :1]), inputs[:, :-1]], dim=1)
        progress = torch.arange(rounds, dtype=self.dtype, device=self.device) / choices.game.rounds
        observations = torch.cat([self._one_hot(choices.offered), last, progress.expand(n, -1)[..., None]], dim=-1)
        memories = []
        for observation in observations.unbind(dim=1):
            memory = self.cell.step(observation, memory)
            memories.append(memory)
        hidden = self.cell.hidden_state(torch.stack(memories, dim=1))
        logits = self.read(hidden).gather(-1, self.index(choices.offered))
        value = None if self.critic is None else self.critic(hidden)
        return Outputs(torch.log_softmax(logits, dim=-1), value=value)

    def _one_hot(self, partners: NDArray[np.integer]) -> Tensor:
        """Encode sets of partners as ones among zeros, `(..., MAX_PARTNERS)`, from `(..., m)`."""
        return nn.functional.one_hot(self.index(partners), MAX_PARTNERS).sum(dim=-2).to(self.dtype)
