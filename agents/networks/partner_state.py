"""The partner-state network: a recurrent state for each partner, which one shared cell updates after its feedback.

It is the neural form of a tabular learner: equivariant under permutations of partners, and valid for any number of
them. The logit of an offered partner is a weighted sum of features of its state.
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
from accept_reject.agents.networks.player_state import make_player_state
from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec

FREE = 2
"""Number of learned features of a partner, one for each signal of the study's model."""


class PartnerStates(NamedTuple):
    """The state of the players.

    Attributes:
        partners: Memory about each partner, `(n, partners, width)`.
        player: The player's own memory, `(n, width)`.
        now: Index of the round.
        game: The game.
    """

    partners: Tensor
    player: Tensor
    now: int
    game: GameSpec


class PartnerStateNetwork(Network[PartnerStates]):
    """A network that computes the logit of each partner from a few features of that partner's state.

    The weights of the features belong to the player; see `player_state`. If the network predicts, the partner's next
    rank value and its probability of acceptance are features, too.

    Args:
        config: The architecture.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.partner = Cell(config.cell, SIGNALS, config.hidden)
        self.read = nn.Linear(config.hidden, FREE)
        self.predict = nn.Linear(config.hidden, 2) if config.predicts else None
        self.player = make_player_state(config, FREE + 2 * config.predicts)
        self.critic = Critic(2 * config.hidden + self.player.hidden_width + 1) if config.critic else None

    def start(self, n_players: int, game: GameSpec) -> PartnerStates:
        """Return a state of zeros."""
        partners = self.zeros(n_players, game.n_partners, self.partner.width)
        return PartnerStates(partners, self.zeros(n_players, self.player.width), 0, game)

    def features(self, partners: Tensor) -> Tensor:
        """Compute features, `(..., features)`, from the memory about partners, `(..., width)`, predictions last."""
        hidden = self.partner.hidden_state(partners)
        free = self.read(hidden)
        if self.predict is None:
            return free
        rank, accepted = self.predict(hidden).split(1, dim=-1)
        return torch.cat([free, rank, accepted.sigmoid()], dim=-1)

    def weighted(self, features: Tensor, player: Tensor) -> Tensor:
        """Compute logits, `(..., m)`, from features, `(..., m, features)`, and the memory of the players."""
        return (features * self.player.weights(player)[..., None, :]).sum(-1)

    def logits(self, state: PartnerStates, offered: NDArray[np.integer]) -> tuple[Tensor, PartnerStates]:
        """Compute the logits of the offered partners; the state stays the same."""
        partners = self.index(offered)
        rows = torch.arange(len(partners), device=self.device)[:, None]
        return self.weighted(self.features(state.partners[rows, partners]), state.player), state

    def learn(self, state: PartnerStates, feedback: Feedback) -> PartnerStates:
        """Update the memory about the chosen partners and the players' own memory."""
        rows, chosen = self.index(feedback.players), self.index(feedback.partner)
        encoded = self.tensor(signals(feedback.rank, feedback.spots, feedback.accepted, state.game.ranks))
        player = state.player
        if self.player.width:
            features = self.features(state.partners[rows[:, None], self.index(feedback.offered)])
            progress = self.zeros(len(rows)) + state.now / state.game.rounds
            inputs = self.player.encode(features, self.index(feedback.choice), encoded, progress)
            player = player.index_put((rows,), self.player.step(inputs, player[rows]))
        updated = self.partner.step(encoded, state.partners[rows, chosen])
        return PartnerStates(state.partners.index_put((rows, chosen), updated), player, state.now + 1, state.game)

    def valuations(self, state: PartnerStates) -> Tensor:
        """Return the predicted rank value if the network predicts, or else the logistic function of the logits."""
        features = self.features(state.partners)
        if self.predict is not None:
            return ((features[..., -2] + 1) / 2).clip(0, 1)
        return self.weighted(features, state.player).sigmoid()

    def teacher_forced(self, choices: Choices) -> Outputs:
        """Compute the outputs for all rounds at once.

        The memory about a partner changes only when that partner is chosen. The rounds of each player are therefore
        sorted by partner, and the cell steps from encounter to encounter, for all partners of all players in parallel:
        about 40 steps instead of 144.
        """
        encounters = Encounters.of(choices)
        encoded = self.tensor(signals(choices.rank, choices.spots, choices.accepted, choices.game.ranks))
        in_order = encoded.flatten(0, 1)[self.index(encounters.order)]
        memory = self.zeros(int(encounters.active[0]) if len(encounters.active) else 0, self.partner.width)
        memories, first = [self.zeros(1, self.partner.width)], 0
        for active in encounters.active.tolist():
            memory = self.partner.step(in_order[first : first + active], memory[:active])
            memories.append(memory)
            first += active
        before = self.index(encounters.before)
        partners = torch.cat(memories)
        features = self.features(partners)[before]
        choice = self.index(np.where(choices.missed, 0, choices.choice))
        progress = torch.arange(choices.choice.shape[1], device=self.device) / choices.game.rounds
        inputs = self.player.encode(features, choice, encoded, progress.to(self.dtype).expand(encoded.shape[:-1]))
        player = self.player.memories(inputs, torch.as_tensor(choices.missed, device=self.device))
        value = None
        if self.critic is not None:
            hidden = self.partner.hidden_state(partners)[before]
            pooled = [hidden.mean(dim=-2), hidden.amax(dim=-2), self.player.hidden_state(player)]
            value = self.critic(torch.cat([*pooled, progress.expand(encoded.shape[:-1])[..., None]], dim=-1))
        return Outputs(
            log_policy=torch.log_softmax(self.weighted(features, player), dim=-1),
            predicted=None if self.predict is None else features[..., -2:],
            value=value,
        )


class Encounters(NamedTuple):
    """The encounters of all pairs of a player and a partner, in the order in which the shared cell processes them.

    The first step of the cell takes the first encounter of every pair, the second step the second encounter of every
    pair that has one, and so on. Pairs with more encounters come first.

    Attributes:
        order: Indices into the rounds of all players, in the order of processing.
        active: Number of pairs at each step.
        before: For each offered partner, `(n, rounds, offered)`, the index of the memory about it before the round,
            among the memories after all encounters in this order, from 1; 0 before the first encounter.
    """

    order: NDArray[np.int64]
    active: NDArray[np.int64]
    before: NDArray[np.int64]

    @classmethod
    def of(cls, choices: Choices) -> Encounters:
        """Find the encounters of recorded choices."""
        n, rounds = choices.choice.shape
        answered = ~choices.missed
        place = np.where(answered, choices.choice, 0)[..., None]
        chosen = np.take_along_axis(choices.offered, place, axis=2)
        meets = np.zeros((n, rounds, choices.game.n_partners), np.int16)
        np.put_along_axis(meets, chosen.astype(np.int64), answered[..., None].astype(np.int16), axis=2)
        so_far = meets.cumsum(axis=1, dtype=np.int16)
        totals = so_far[:, -1].ravel()
        pair = np.empty(totals.size, np.int64)  # position of each pair when sorted by number of encounters
        pair[np.argsort(-totals, kind="stable")] = np.arange(totals.size)
        count = np.bincount(totals, minlength=1)
        active = totals.size - count.cumsum()[:-1]  # pairs with more than 0, 1, ... encounters
        starts = np.concatenate([[0], active.cumsum()]).astype(np.int64)

        offered = choices.offered.astype(np.int64)
        earlier = np.take_along_axis(so_far - meets, offered, axis=2).astype(np.int64)
        of_pair = np.take_along_axis(np.broadcast_to(pair.reshape(n, 1, -1), so_far.shape), offered, axis=2)
        before = np.where(earlier > 0, 1 + starts[earlier - 1] + of_pair, 0)

        this = np.take_along_axis(starts[earlier] + of_pair, place.astype(np.int64), axis=2)[..., 0]
        order = np.empty(int(answered.sum()), np.int64)
        order[this[answered]] = np.flatnonzero(answered)
        return cls(order, active, before)
