"""The partner-state network: a recurrent state for each partner, updated by one shared cell when that partner answers.

It is the neural form of a tabular learner: the same under renaming of partners, and for any number of them. A value is
read off each offered partner's state, in which the player weighs what is known of the partner.
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
from accept_reject.agents.player_state import make_player_state
from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec

FREE = 2
"""Features of a partner that mean whatever helps: one for each signal that the study's model keeps apart."""


class Memory(NamedTuple):
    """What the players remember.

    Attributes:
        partners: Of each partner, `(n, partners, width)`.
        player: Of themselves, `(n, width)`.
        now: The round, from 0.
        game: The game.
    """

    partners: Tensor
    player: Tensor
    now: int
    game: GameSpec


class PartnerStateNetwork(Network[Memory]):
    """Values partners one by one: a few features read off each partner's state, weighted and summed.

    The weights are the player's; see `player_state`. If the network predicts, the partner's next rank value and its
    probability of acceptance are features too.

    Args:
        config: What it is.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.partner = Cell(config.cell, SIGNALS, config.hidden)
        self.read = nn.Linear(config.hidden, FREE)
        self.predict = nn.Linear(config.hidden, 2) if config.predicts else None
        self.player = make_player_state(config, FREE + 2 * config.predicts)
        self.critic = Critic(2 * config.hidden + self.player.readable_width + 1) if config.critic else None

    def begin(self, n_players: int, game: GameSpec) -> Memory:
        """Nothing is remembered of anybody."""
        partners = self.zeros(n_players, game.n_partners, self.partner.width)
        return Memory(partners, self.zeros(n_players, self.player.width), 0, game)

    def features(self, partners: Tensor) -> Tensor:
        """What is read off partners' states, `(..., features)`, from `(..., width)`; predictions stand last."""
        readable = self.partner.readable(partners)
        free = self.read(readable)
        if self.predict is None:
            return free
        rank, accepted = self.predict(readable).split(1, dim=-1)
        return torch.cat([free, rank, accepted.sigmoid()], dim=-1)

    def values(self, features: Tensor, player: Tensor) -> Tensor:
        """What partners are worth to the players, `(..., m)`, from `(..., m, features)` and the players' states."""
        return (features * self.player.weights(player)[..., None, :]).sum(-1)

    def decide(self, state: Memory, offered: NDArray[np.integer]) -> tuple[Tensor, Memory]:
        """The values of the offered partners; deciding changes no state."""
        partners = self.index(offered)
        rows = torch.arange(len(partners), device=self.device)[:, None]
        return self.values(self.features(state.partners[rows, partners]), state.player), state

    def learned(self, state: Memory, feedback: Feedback) -> Memory:
        """Update the state of each partner that answered, and those of the players who asked."""
        rows, asked = self.index(feedback.players), self.index(feedback.partner)
        told = self.tensor(signals(feedback.rank, feedback.spots, feedback.accepted, state.game.ranks))
        player = state.player
        if self.player.width:
            features = self.features(state.partners[rows[:, None], self.index(feedback.offered)])
            progress = self.zeros(len(rows)) + state.now / state.game.rounds
            heard = self.player.hear(features, self.index(feedback.choice), told, progress)
            player = player.index_put((rows,), self.player.after(player[rows], heard))
        after = self.partner.step(told, state.partners[rows, asked])
        return Memory(state.partners.index_put((rows, asked), after), player, state.now + 1, state.game)

    def valuations(self, state: Memory) -> Tensor:
        """The predicted rank value if it predicts, or else the value that it acts on, squashed into 0..1."""
        features = self.features(state.partners)
        if self.predict is not None:
            return ((features[..., -2] + 1) / 2).clip(0, 1)
        return self.values(features, state.player).sigmoid()

    def over_rounds(self, choices: Choices) -> OverRounds:
        """All rounds at once.

        A partner's state changes only when it answers. Each player's rounds are therefore sorted by partner, and the
        cell steps from meeting to meeting, of all partners of all players at once: some 40 steps instead of 144.
        """
        meetings = Meetings.of(choices)
        told = self.tensor(signals(choices.rank, choices.spots, choices.accepted, choices.game.ranks))
        in_order = told.flatten(0, 1)[self.index(meetings.order)]
        memory = self.zeros(int(meetings.active[0]) if len(meetings.active) else 0, self.partner.width)
        memories, first = [self.zeros(1, self.partner.width)], 0
        for active in meetings.active.tolist():
            memory = self.partner.step(in_order[first : first + active], memory[:active])
            memories.append(memory)
            first += active
        before = self.index(meetings.before)
        partners = torch.cat(memories)
        features = self.features(partners)[before]
        choice = self.index(np.where(choices.missed, 0, choices.choice))
        progress = torch.arange(choices.choice.shape[1], device=self.device) / choices.game.rounds
        heard = self.player.hear(features, choice, told, progress.to(self.dtype).expand(told.shape[:-1]))
        player = self.player.over_rounds(heard, torch.as_tensor(choices.missed, device=self.device))
        foreseen = None
        if self.critic is not None:
            readable = self.partner.readable(partners)[before]
            seen = [readable.mean(dim=-2), readable.amax(dim=-2), self.player.readable(player)]
            foreseen = self.critic(torch.cat([*seen, progress.expand(told.shape[:-1])[..., None]], dim=-1))
        return OverRounds(
            log_policy=torch.log_softmax(self.values(features, player), dim=-1),
            predicted=None if self.predict is None else features[..., -2:],
            foreseen=foreseen,
        )


class Meetings(NamedTuple):
    """Who answered whom for the how manieth time, in the order in which one shared cell goes through it.

    The cell's first step takes the first meetings of all pairs of player and partner, those who meet most often first;
    its second the second meetings of those who meet again, and so on.

    Attributes:
        order: Rounds, as numbers into all players' rounds, in the order of the steps.
        active: How many pairs meet at each step.
        before: For each offered partner, `(n, rounds, offered)`, where its state before the round stands among those
            after all meetings in this order; 0 for a stranger's, and counted from 1.
    """

    order: NDArray[np.int64]
    active: NDArray[np.int64]
    before: NDArray[np.int64]

    @classmethod
    def of(cls, choices: Choices) -> Meetings:
        """The meetings that choices brought about."""
        n, rounds = choices.choice.shape
        answered = ~choices.missed
        place = np.where(answered, choices.choice, 0)[..., None]
        asked = np.take_along_axis(choices.offered, place, axis=2)
        meets = np.zeros((n, rounds, choices.game.n_partners), np.int16)
        np.put_along_axis(meets, asked.astype(np.int64), answered[..., None].astype(np.int16), axis=2)
        so_far = meets.cumsum(axis=1, dtype=np.int16)
        totals = so_far[:, -1].ravel()
        pair = np.empty(totals.size, np.int64)  # its place among those who meet most often
        pair[np.argsort(-totals, kind="stable")] = np.arange(totals.size)
        count = np.bincount(totals, minlength=1)
        active = totals.size - count.cumsum()[:-1]  # pairs that meet more than 0, 1, ... times
        starts = np.concatenate([[0], active.cumsum()]).astype(np.int64)

        offered = choices.offered.astype(np.int64)
        earlier = np.take_along_axis(so_far - meets, offered, axis=2).astype(np.int64)
        of_pair = np.take_along_axis(np.broadcast_to(pair.reshape(n, 1, -1), so_far.shape), offered, axis=2)
        before = np.where(earlier > 0, 1 + starts[earlier - 1] + of_pair, 0)

        this = np.take_along_axis(starts[earlier] + of_pair, place.astype(np.int64), axis=2)[..., 0]
        order = np.empty(int(answered.sum()), np.int64)
        order[this[answered]] = np.flatnonzero(answered)
        return cls(order, active, before)
