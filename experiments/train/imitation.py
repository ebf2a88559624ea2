"""Imitation: a network learns to choose as participants did, by the likelihood of their choices.

The participants whose choices are learned, those on whom training is stopped and those on whom it is scored are
different people. Missed rounds count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from accept_reject.agents.baselines import RandomAgent
from accept_reject.agents.networks import Network, OverRounds
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw, generator
from accept_reject.envs.faults import InvalidInputError, Real, Spec, Whole
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import load
from accept_reject.experiments.entries import ScenarioEntry, check_names
from accept_reject.experiments.fit.config import ModelEntry
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.replay import of_choice
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.train import figures
from accept_reject.experiments.train.held_out import held_out_tables, to_text
from accept_reject.experiments.train.loop import ORDER_LUCK, Evaluation, Left, Step, Task, TrainConfig

MODELS = ("bayes-hybrid", "bayes-rank", "bayes-outcome")
"""The study's models."""

_SPLIT_LUCK = 4

PARTICIPANTS_SEED, GAME_SEED = 1_000_000, 2_000_000
"""Added to the seed of a training: the seeds of the simulated participants who are learned from, and of the episodes in
which the game is learned first. Neither shares its luck with the test participants."""


class GameFirst(Spec):
    """Learning what partners are on the game, before any choices are learned: that needs no participants.

    The partners' states learn to foresee what partners answer to players who choose at random, in fresh episodes.

    Attributes:
        updates: Batches of episodes.
        episodes: Episodes in a batch.
        game: The game; by default the one that the participants played.
    """

    updates: Annotated[Whole, Field(ge=1)] = 300
    episodes: Annotated[Whole, Field(ge=1)] = 50
    game: ScenarioEntry | None = None


class ImitationConfig(TrainConfig):
    """Learning from choices: those of a population, simulated on the spot, or those of a data set.

    Attributes:
        population: Name or path of a population's config.
        data: A BIDS folder or a config that maps a table's columns, instead of a population.
        participants: How many simulated participants are learned from; of a data set it is those who are left.
        validation: How many participants training is stopped on.
        test: How many participants it is scored on, once. Simulated ones are those of the population's own seed,
            whatever the seed of the training; those of a data set are drawn by the latter.
        batch: Participants in an update.
        patience: Evaluations without a better validation loss after which training stops. The best weights are kept.
        prediction_weight: Weight of the loss of predicting the asked partner's answer, for networks that predict.
        models: Cognitive models, fitted to all but the test participants, to score beside the network.
        game_first: Whether and how the partners' states are learned on the game first. For networks that predict.
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
    game_first: GameFirst | None = None

    @field_validator("models")
    @classmethod
    def _check_models(cls, entries: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        if entries:
            check_names([entry.name for entry in entries])
        return entries

    @field_validator("population", "data", mode="before")
    @classmethod
    def _none_is_empty(cls, path: Any) -> Any:
        return "" if path is None else path  # `population=` on the command line is YAML's null

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
        if self.game_first and not self.network.predicts:
            faults.append(".game_first: has no place with a network that predicts nothing")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Split(NamedTuple):
    """Choices of different participants.

    Attributes:
        train: Of those who are learned from.
        validation: Of those on whom training is stopped.
        known: Of both.
        test: Of those on whom it is scored.
        parameters: The true parameters of the last, if they were simulated.
        game: The game that was played, if it is known.
    """

    train: Choices
    validation: Choices
    known: Choices
    test: Choices
    parameters: dict[str, NDArray[np.float64]] | None
    game: GameSpec | None


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
        n, batch = len(self.split.train), min(self.config.batch, len(self.split.train))
        epoch, part = divmod(update, n // batch)
        order = generator(self.config.seed, ORDER_LUCK, epoch).permutation(n)
        choices = self.split.train.take(order[part * batch : (part + 1) * batch])
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
        tables = held_out_tables(
            network, self.split.known, self.split.test, self.population, self.split.parameters, models
        )
        drawn = {"held_out": figures.held_out(tables["held_out"])}
        if "signatures" in tables:
            drawn["free_running"] = figures.free_running(tables["learning_curves"], tables["signatures"])
        return Left(tables, drawn, (to_text(tables["held_out"]),))


def split(config: ImitationConfig, population: PopulationConfig | None) -> Split:
    """The choices that a config speaks of, divided by participant.

    Raises:
        InvalidInputError: If there are too few participants, or with every fault of their data.
    """
    if population:
        test, parameters = simulate(population.model_copy(update={"participants": config.test}))
        others = {"participants": config.validation + (config.participants or 0)}
        known, _ = simulate(population.model_copy(update=others), seed=PARTICIPANTS_SEED + config.seed)
        game: GameSpec | None = test.game
    else:
        data = load(config.data)
        held, n = config.test + config.validation, len(data.choices)
        if n <= held:
            fault = f"test and validation take {held} participants, but the data hold {n}"
            raise InvalidInputError(config.data, [fault])
        order = generator(config.seed, _SPLIT_LUCK).permutation(n)
        test, known = data.choices.take(order[: config.test]), data.choices.take(order[config.test :])
        parameters, game = None, data.choices.game if data.game_known else None
    validation, train = known.take(slice(config.validation)), known.take(slice(config.validation, None))
    return Split(train, validation, known, test, parameters, game)


def _game(config: ImitationConfig, first: GameFirst, parts: Split) -> GameSpec:
    """The game that is learned first.

    Raises:
        InvalidInputError: If the config names none and the data don't tell.
    """
    if first.game:
        return first.game.resolve()
    if parts.game is None:
        raise InvalidInputError(config.data, ["the game that was played is not known: give game_first.game"])
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
