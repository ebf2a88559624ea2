"""Imitation: a network learns to choose like participants, by maximum likelihood of their choices.

Participants for training, for early stopping and for testing are disjoint. Missed rounds are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accept_reject.agents.baselines import RandomAgent
from accept_reject.agents.networks.base import Network, Outputs
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import choice_log_probability
from accept_reject.experiments.train.config import GameFirst, ImitationConfig
from accept_reject.experiments.train.loop import Evaluation, Step, Task
from accept_reject.experiments.train.participants import Split, varied_game
from accept_reject.random import Stream, generator

GAME_SEED = 2_000_000
"""Offset from the seed of a training run to the seed of the episodes for pretraining on the game."""


class Imitation(Task):
    """Maximum likelihood of choices, and prediction of feedback for networks that predict.

    Args:
        config: The hyperparameters.
        split: The participants.
    """

    def __init__(self, config: ImitationConfig, split: Split) -> None:
        self.config = config
        self.split = split
        self.patience = config.patience
        self.phases = (config.updates,)
        if config.game_first:
            self.phases = (config.game_first.updates, config.updates)
            named = config.game_first.game
            self.game = named.resolve() if named else split.game or varied_game(split.train.game)

    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        """A step on feedback in the game during pretraining; later on participants' choices."""
        first = self.config.game_first
        if first and update < first.updates:
            yield self._on_the_game(network, first, update)
        else:
            yield self._on_choices(network, update - sum(self.phases[:-1]))

    def _on_the_game(self, network: Network[Any], first: GameFirst, update: int) -> Step:
        """The prediction loss in new episodes."""
        episodes = draw(self.game, GAME_SEED + self.config.seed, first.episodes, start=update * first.episodes)
        choices = play(RandomAgent(), episodes)
        loss = prediction_loss(network.teacher_forced(choices), choices, network)
        return Step(loss, {"losses/prediction": loss.item()}, choices.choice.size)

    def _on_choices(self, network: Network[Any], update: int) -> Step:
        """The loss on a batch of participants. Batches are drawn without replacement, in a new order each epoch."""
        n = len(self.split.train)
        batches = -(-n // self.config.batch)
        epoch, batch = divmod(update, batches)
        order = generator(self.config.seed, Stream.TRAINING_ORDER, epoch).permutation(n)
        choices = self.split.train.take(np.array_split(order, batches)[batch])
        outputs = network.teacher_forced(choices)
        loss = likelihood_loss(outputs, choices)
        scalars = {"losses/nll": loss.item()}
        if self.config.prediction_weight:
            prediction = prediction_loss(outputs, choices, network)
            loss = loss + self.config.prediction_weight * prediction
            scalars["losses/prediction"] = prediction.item()
        return Step(loss, scalars, choices.choice.size)

    def evaluate(self, network: Network[Any]) -> Evaluation:
        """The negative log-likelihood per choice of the validation participants."""
        choices = self.split.validation
        outputs = network.teacher_forced(choices)
        nll = likelihood_loss(outputs, choices).item()
        scalars = {("validation", "eval/nll"): nll}
        if outputs.predicted is not None:
            scalars["validation", "eval/prediction"] = prediction_loss(outputs, choices, network).item()
        return Evaluation(-nll, f"NLL {nll:.4f}", scalars)


def likelihood_loss(outputs: Outputs, choices: Choices) -> Tensor:
    """The mean negative log-likelihood of the choices."""
    return -choice_log_probability(outputs.log_policy, choices).sum() / max(int((~choices.missed).sum()), 1)


def prediction_loss(outputs: Outputs, choices: Choices, network: Network[Any]) -> Tensor:
    """The mean loss of predicted feedback: squared error of rank values plus cross-entropy of outcomes."""
    assert outputs.predicted is not None
    place = network.index(np.where(choices.missed, 0, choices.choice))
    rank, accepted = outputs.predicted.take_along_dim(place[..., None, None], dim=2)[..., 0, :].unbind(-1)
    value = 1 - 2 * (choices.rank.astype(np.float32) - 1) / (choices.game.ranks - 1)
    error = (rank - network.tensor(value)).square() * network.tensor(choices.rank > 0)
    outcome = network.tensor(choices.accepted)
    cross_entropy = torch.nn.functional.binary_cross_entropy(accepted, outcome, reduction="none")
    valid = network.tensor(~choices.missed)
    return ((error + cross_entropy) * valid).sum() / valid.sum().clamp(min=1)
