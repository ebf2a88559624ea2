"""Imitation: a network learns to choose as participants did, by the likelihood of their choices.

The participants whose choices are learned, those on whom training is stopped and those on whom it is scored are
different people. Missed rounds count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accept_reject.agents.baselines import RandomAgent
from accept_reject.agents.networks import Network, OverRounds
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw, generator
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.config import load_config
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.replay import of_choice
from accept_reject.experiments.train import figures
from accept_reject.experiments.train.held_out import held_out_tables, to_text
from accept_reject.experiments.train.imitation_config import GameFirst, ImitationConfig
from accept_reject.experiments.train.loop import ORDER_LUCK, Evaluation, Left, Step, Task
from accept_reject.experiments.train.participants import Split, split

GAME_SEED = 2_000_000
"""Added to the seed of a training, it is the seed of the episodes in which the game is learned first."""


class Imitation(Task):
    """The likelihood of choices, and of answers for networks that predict.

    Args:
        config: Whose choices.

    Raises:
        InvalidInputError: If there are too few participants, or with every fault of their data.
    """

    def __init__(self, config: ImitationConfig) -> None:
        self.config = config
        self.patience = config.patience
        self.population = load_config(PopulationConfig, config.population) if config.population else None
        self.split = split(config, self.population)
        self.fingerprint, self.simulated = self.split.fingerprint, self.split.simulated
        self.phases = (config.updates,)
        if config.game_first:
            self.phases = (config.game_first.updates, config.updates)
            self.game = _game(config, config.game_first, self.split)

    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        """A step on what players were answered in the game, while that is learned; then on participants' choices."""
        first = self.config.game_first
        if first and update < first.updates:
            yield self._on_the_game(network, first, update)
        else:
            yield self._on_choices(network, update - sum(self.phases[:-1]))

    def _on_the_game(self, network: Network[Any], first: GameFirst, update: int) -> Step:
        """How badly the answers in fresh episodes were foreseen."""
        episodes = draw(self.game, GAME_SEED + self.config.seed, first.episodes, start=update * first.episodes)
        choices = play(RandomAgent(), episodes)
        loss = prediction_loss(network.over_rounds(choices), choices, network)
        return Step(loss, {"losses/prediction": loss.item()}, choices.choice.size)

    def _on_choices(self, network: Network[Any], update: int) -> Step:
        """The loss on some participants: all of them come once, in a new order, before any comes again."""
        n = len(self.split.train)
        parts = -(-n // self.config.batch)
        epoch, part = divmod(update, parts)
        order = generator(self.config.seed, ORDER_LUCK, epoch).permutation(n)
        choices = self.split.train.take(np.array_split(order, parts)[part])
        over = network.over_rounds(choices)
        loss = likelihood_loss(over, choices)
        scalars = {"losses/choice": loss.item()}
        if self.config.prediction_weight:
            prediction = prediction_loss(over, choices, network)
            loss = loss + self.config.prediction_weight * prediction
            scalars["losses/prediction"] = prediction.item()
        return Step(loss, scalars, choices.choice.size)

    def evaluate(self, network: Network[Any]) -> Evaluation:
        """The loss on the participants for validation."""
        over = network.over_rounds(self.split.validation)
        loss = likelihood_loss(over, self.split.validation).item()
        scalars = {("validation", "eval/loss"): loss}
        if over.predicted is not None:
            scalars["validation", "eval/prediction"] = prediction_loss(over, self.split.validation, network).item()
        return Evaluation(-loss, f"loss {loss:.4f}", scalars)

    def finish(self, network: Network[Any]) -> Left:
        """Score the held-out participants."""
        models = [entry.resolve() for entry in self.config.models]
        tables = held_out_tables(network, self.split, self.population, models)
        drawn = {"held_out": figures.held_out(tables["held_out"])}
        if "signatures" in tables:
            drawn["free_running"] = figures.free_running(tables["learning_curves"], tables["signatures"])
        return Left(tables, drawn, (to_text(tables["held_out"]),))


def _game(config: ImitationConfig, first: GameFirst, parts: Split) -> GameSpec:
    """The game that is learned first.

    Raises:
        InvalidInputError: If the config names none and the data don't tell.
    """
    if first.game:
        return first.game.resolve()
    if parts.game is None:
        raise InvalidInputError(
            config.data, ["the game that was played is not known: give game_first.game, or game_first=null"]
        )
    return parts.game


def likelihood_loss(over: OverRounds, choices: Choices) -> Tensor:
    """Minus the mean log-probability of the choices that were made."""
    return -of_choice(over.log_policy, choices).sum() / max(int((~choices.missed).sum()), 1)


def prediction_loss(over: OverRounds, choices: Choices, network: Network[Any]) -> Tensor:
    """How badly the answers of the asked partners were foreseen: squared error of ranks, cross-entropy of outcomes."""
    assert over.predicted is not None
    place = network.index(np.where(choices.missed, 0, choices.choice))
    rank, accepted = over.predicted.take_along_dim(place[..., None, None], dim=2)[..., 0, :].unbind(-1)
    ranks = choices.game.ranks
    seen = 1 - 2 * (choices.rank.astype(np.float32) - 1) / (ranks - 1)
    error = (rank - network.tensor(seen)).square() * network.tensor(choices.rank > 0)
    outcome = network.tensor(choices.accepted)
    surprise = torch.nn.functional.binary_cross_entropy(accepted, outcome, reduction="none")
    answered = network.tensor(~choices.missed)
    return ((error + surprise) * answered).sum() / answered.sum().clamp(min=1)
