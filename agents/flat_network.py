"""The flat network: a recurrent network over the flattened observation, as learning libraries are mostly used.

It is the conventional baseline: partners are one-hot numbers to it, so that what it learns of one partner tells it
nothing of how to treat another. Its input holds the partner that was asked, without which nothing can be learned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accept_reject.agents.base import Feedback
from accept_reject.agents.cells import SIGNALS, Cell, signals
from accept_reject.agents.networks import Critic, Network, NetworkConfig, OverRounds
from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec

MOST_PARTNERS = 32
"""Partners that it has room for: those of the largest scenario."""


class Run(NamedTuple):
    """What the players remember.

    Attributes:
        memory: Of the cell, `(n, width)`.
        last: The last round: who was asked as a one-hot, and what it answered; zeros where missed.
        now: The round, from 0.
        game: The game.
    """

    memory: Tensor
    last: Tensor
    now: int
    game: GameSpec


class FlatNetwork(Network[Run]):
    """One recurrent state for the whole game, told who is offered, who was asked last, and what they answered.

    It has a preference for each partner that it has room for, and those who are not offered are masked.

    Args:
        config: What it is.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.told = MOST_PARTNERS + SIGNALS
        self.cell = Cell(config.cell, MOST_PARTNERS + self.told + 1, config.hidden)
        self.read = nn.Linear(config.hidden, MOST_PARTNERS)
        self.critic = Critic(config.hidden) if config.critic else None

    def begin(self, n_players: int, game: GameSpec) -> Run:
        """Nothing has happened."""
        if game.n_partners > MOST_PARTNERS:
            fault = f"has room for {MOST_PARTNERS} partners, but the game has {game.n_partners}"
            raise InvalidInputError("flat network", [fault])
        return Run(self.zeros(n_players, self.cell.width), self.zeros(n_players, self.told), 0, game)

    def decide(self, state: Run, offered: NDArray[np.integer]) -> tuple[Tensor, Run]:
        """Step the cell with this offer and the last answer, and read a preference for each offered partner."""
        progress = self.zeros(len(offered), 1) + state.now / state.game.rounds
        observation = torch.cat([self._who(offered), state.last, progress], dim=-1)
        memory = self.cell.step(observation, state.memory)
        preferences = self.read(self.cell.readable(memory)).gather(-1, self.index(offered))
        return preferences, state._replace(memory=memory)

    def learned(self, state: Run, feedback: Feedback) -> Run:
        """Keep the answer for the next step of the cell."""
        told = signals(feedback.rank, feedback.spots, feedback.accepted, state.game.ranks)
        answer = torch.cat([self._who(feedback.partner[:, None]), self.tensor(told)], dim=-1)
        last = torch.zeros_like(state.last).index_put((self.index(feedback.players),), answer)
        return Run(state.memory, last, state.now + 1, state.game)

    def over_rounds(self, choices: Choices) -> OverRounds:
        """All rounds in order: what is told is known beforehand, but the cell has to go through every round."""
        n, rounds = choices.choice.shape
        memory = self.begin(n, choices.game).memory
        place = np.where(choices.missed, 0, choices.choice)[..., None]
        asked = self._who(np.take_along_axis(choices.offered, place, axis=2))
        told = self.tensor(signals(choices.rank, choices.spots, choices.accepted, choices.game.ranks))
        answers = torch.cat([asked, told], dim=-1) * self.tensor(~choices.missed)[..., None]
        last = torch.cat([torch.zeros_like(answers[:, :1]), answers[:, :-1]], dim=1)
        progress = torch.arange(rounds, dtype=self.dtype, device=self.device) / choices.game.rounds
        observations = torch.cat([self._who(choices.offered), last, progress.expand(n, -1)[..., None]], dim=-1)
        memories = []
        for observation in observations.unbind(dim=1):
            memory = self.cell.step(observation, memory)
            memories.append(memory)
        readable = self.cell.readable(torch.stack(memories, dim=1))
        preferences = self.read(readable).gather(-1, self.index(choices.offered))
        foreseen = None if self.critic is None else self.critic(readable)
        return OverRounds(torch.log_softmax(preferences, dim=-1), foreseen=foreseen)

    def _who(self, partners: NDArray[np.integer]) -> Tensor:
        """Partners as ones among zeros, `(..., MOST_PARTNERS)`, from `(..., m)`."""
        return nn.functional.one_hot(self.index(partners), MOST_PARTNERS).sum(dim=-2).to(self.dtype)
