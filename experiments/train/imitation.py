"""Imitation: a network learns to choose as participants did, by the likelihood of their choices.

The participants whose choices are learned, those on whom training is stopped and those on whom it is scored are
different people. Missed rounds count for nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from accept_reject.agents.baselines import RandomAgent
from accept_reject.agents.networks import Network, OverRounds
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw, generator
from accept_reject.envs.faults import InvalidInputError, Real, Whole
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import load
from accept_reject.experiments.entries import check_names
from accept_reject.experiments.fit.config import ModelEntry
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.replay import of_choice
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.train.held_out import held_out_tables
from accept_reject.experiments.train.loop import Evaluation, Step, Task, TrainConfig

MODELS = ("bayes-hybrid", "bayes-rank", "bayes-outcome")
"""The study's models."""

_SPLIT_LUCK, _ORDER_LUCK = 4, 5


class ImitationConfig(TrainConfig):
    """Learning from choices: those of a population, simulated on the spot, or those of a data set.

    Attributes:
        population: Name or path of a population's config.
        data: A BIDS folder or a config that maps a table's columns, instead of a population.
        participants: How many simulated participants are learned from; of a data set it is those who are left.
        validation: How many participants training is stopped on.
        test: How many participants it is scored on, once. Simulated ones are the same whatever `participants` and
            `seed` are; those of a data set are drawn by the seed.
        batch: Participants in an update.
        patience: Evaluations without a better validation loss after which training stops. The best weights are kept.
        prediction_weight: Weight of the loss of predicting the asked partner's answer, for networks that predict.
        models: Cognitive models, fitted to the participants who are learned from, to score beside the network.
        game_episodes: Fresh episodes, played at random, whose answers every update learns to predict too: they need no
            participants. For populations and networks that predict.
    """

    kind: Literal["imitation"] = "imitation"
    population: str = ""
    data: str = ""
    participants: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    validation: Annotated[Whole, Field(ge=1)]
    test: Annotated[Whole, Field(ge=2)]
    batch: Annotated[Whole, Field(ge=1)] = 200
    patience: Annotated[Whole, Field(ge=1)] = 10
    models: tuple[ModelEntry, ...] = tuple(ModelEntry(agent=name) for name in MODELS)
    prediction_weight: Annotated[Real, Field(ge=0)] = 0.0
    game_episodes: Annotated[Whole, Field(ge=0)] = 0

    @field_validator("models")
    @classmethod
    def _check_models(cls, entries: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        if entries:
            check_names([entry.name for entry in entries])
        return entries

    @field_validator("population")
    @classmethod
    def _check_population(cls, population: str) -> str:
        if population:
            load_config(PopulationConfig, population)
        return population

    @model_validator(mode="after")
    def _check(self) -> ImitationConfig:
        faults = []
        if bool(self.population) == bool(self.data):
            faults.append("give either a population or data")
        if self.population and self.participants is None:
            faults.append(".participants: is required with a population")
        if self.data and self.participants is not None:
            faults.append(".participants: has no place with data, all of whose participants are used")
        if self.prediction_weight and not self.network.predicts:
            faults.append(".prediction_weight: has no place with a network that predicts nothing")
        if self.game_episodes and not (self.population and self.prediction_weight):
            faults.append(".game_episodes: needs a population and a prediction_weight")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Split(NamedTuple):
    """Choices of different participants.

    Attributes:
        train: Of those who are learned from.
        validation: Of those on whom training is stopped.
        test: Of those on whom it is scored.
        parameters: The true parameters of the last, if they were simulated.
    """

    train: Choices
    validation: Choices
    test: Choices
    parameters: dict[str, NDArray[np.float64]] | None


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

    def step(self, network: Network[Any], update: int) -> Step:
        """The loss on some participants: all of them come once, in a new order, before any comes again."""
        n, batch = len(self.split.train), min(self.config.batch, len(self.split.train))
        epoch, part = divmod(update, n // batch)
        order = generator(self.config.seed, _ORDER_LUCK, epoch).permutation(n)
        choices = self.split.train.take(order[part * batch : (part + 1) * batch])
        over = network.over_rounds(choices)
        loss = likelihood_loss(over, choices)
        scalars = {"losses/choice": loss.item()}
        if self.config.prediction_weight:
            prediction = prediction_loss(over, choices, network)
            if self.config.game_episodes and self.population:
                n_fresh = self.config.game_episodes
                game = self.population.game.resolve()
                fresh = play(RandomAgent(), draw(game, self.config.seed, n_fresh, start=update * n_fresh))
                prediction = prediction + prediction_loss(network.over_rounds(fresh), fresh, network)
            loss = loss + self.config.prediction_weight * prediction
            scalars["losses/prediction"] = prediction.item()
        return Step(loss, scalars, choices.choice.size)

    def evaluate(self, network: Network[Any]) -> Evaluation:
        """The loss on the participants for validation."""
        loss = likelihood_loss(network.over_rounds(self.split.validation), self.split.validation).item()
        return Evaluation(-loss, f"loss {loss:.4f}", {("validation", "eval/loss"): loss})

    def finish(self, network: Network[Any]) -> dict[str, pd.DataFrame]:
        """Score the held-out participants."""
        models = [entry.resolve() for entry in self.config.models]
        return held_out_tables(
            network, self.split.train, self.split.test, self.population, self.split.parameters, models
        )


def split(config: ImitationConfig, population: PopulationConfig | None) -> Split:
    """The choices that a config speaks of, divided by participant.

    Raises:
        InvalidInputError: If there are too few participants, or with every fault of their data.
    """
    held = config.test + config.validation
    parameters = None
    if population:
        size = held + (config.participants or 0)
        choices, drawn = simulate(population.model_copy(update={"participants": size}))
        order = np.arange(size)
        parameters = {name: values[: config.test] for name, values in drawn.items()}
    else:
        choices = load(config.data).choices
        if len(choices) <= held:
            fault = f"test and validation take {held} participants, but the data hold {len(choices)}"
            raise InvalidInputError(config.data, [fault])
        order = generator(config.seed, _SPLIT_LUCK).permutation(len(choices))
    test, validation, train = np.split(order, [config.test, held])
    return Split(choices.take(train), choices.take(validation), choices.take(test), parameters)


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
