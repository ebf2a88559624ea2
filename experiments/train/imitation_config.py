"""What an imitation is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from accept_reject.envs.faults import Real, Spec, Whole
from accept_reject.experiments.entries import ScenarioEntry, check_names
from accept_reject.experiments.fit.config import ModelEntry
from accept_reject.experiments.train.loop import TrainConfig

MODELS = ("bayes-hybrid", "bayes-rank", "bayes-outcome")
"""The study's models."""


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
        data: A BIDS folder or a config that maps a table's columns, instead of a population. A path in a config file is
            seen from the file's folder, one given on the command line from the current folder.
        participants: How many simulated participants are learned from; of a data set it is those who are left.
        validation: How many participants training is stopped on.
        test: How many participants it is scored on, once. Simulated ones are those of the population's own seed,
            whatever the seed of the training; those of a data set are drawn by the latter, so that other seeds score
            other participants.
        batch: Participants in an update.
        patience: Evaluations in a row without a better validation loss that are borne: the next one ends the training.
            The best weights are kept.
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

    @model_validator(mode="after")
    def _check(self) -> ImitationConfig:
        faults = []
        if bool(self.population) == bool(self.data):
            faults.append("give either a population or data (population= participants=null take a config's away)")
        if self.population and self.participants is None:
            faults.append(".participants: is required with a population")
        if self.data and self.participants is not None:
            faults.append(".participants: has no place with data, all of whose participants are used")
        if self.prediction_weight and not self.network.predicts:
            faults.append(".prediction_weight: has no place with a network that predicts nothing")
        if self.network.predicts and not (self.prediction_weight or self.game_first):
            faults.append(".network.predicts: needs a prediction_weight or game_first, or nothing learns to predict")
        if self.network.critic:
            faults.append(".network.critic: has no place in an imitation, which has no rewards")
        if self.game_first and not self.network.predicts:
            faults.append(".game_first: has no place with a network that predicts nothing")
        if faults:
            raise ValueError("\n".join(faults))
        return self
