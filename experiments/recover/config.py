"""Configs of recovery studies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from accept_reject.agents.learner import Parameter
from accept_reject.errors import Integer, Spec, list_problems
from accept_reject.experiments.entries import RunName, ScenarioEntry, check_names
from accept_reject.experiments.inference.entries import BetaEntry, GammaEntry, ModelEntry, NormalEntry
from accept_reject.experiments.inference.model_selection import SelectionPrior
from accept_reject.experiments.inference.quadrature import MAX_PARAMETERS
from accept_reject.experiments.simulation.population import PopulationConfig


class SimulatedModel(ModelEntry):
    """A model that is simulated and fitted.

    Attributes:
        population: Distributions of its parameters over participants, as in a population's config. Other estimated
            parameters are drawn from their priors.
    """

    population: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check_population(self) -> SimulatedModel:
        both = [f".population.{name}: can't be combined with fixed" for name in self.population if name in self.fixed]
        if both:
            raise ValueError("\n".join(both))
        try:
            self.simulated(1, ScenarioEntry(scenario="orthogonal"), 0)
        except ValidationError as error:
            problems = [
                problem.replace("parameters", ".population", 1) for problem in list_problems(error, PopulationConfig)
            ]
            raise ValueError("\n".join(problems)) from None
        return self

    def simulated(self, participants: int, game: ScenarioEntry, seed: int) -> PopulationConfig:
        """Return the config of a population of participants with this model."""
        model = self.resolve()
        stated = {name: prior for name, prior in self.priors.items() if not isinstance(prior, NormalEntry)}
        in_range = {name: _distribution(prior, model.learner.free_parameters()[name]) for name, prior in stated.items()}
        drawn = {**in_range, **self.population}
        from_prior = [name for name in model.parameters if name not in drawn]
        at = [model.parameters.index(name) for name in from_prior]
        normals = {
            "parameters": from_prior,
            "mean": model.prior_mean[at].tolist(),
            "covariance": np.diag(model.prior_sd[at].numpy() ** 2).tolist(),
        }
        return PopulationConfig.model_validate(
            {
                "name": "recovery",
                "agent": self.agent,
                "participants": participants,
                "seed": seed,
                "game": game,
                "parameters": {**self.fixed, **drawn},
                "correlated": [normals] if from_prior else [],
            }
        )


def _distribution(prior: BetaEntry | GammaEntry, parameter: Parameter) -> dict[str, Any]:
    """The distribution of scipy.stats that a prior is, in the range of its parameter."""
    if isinstance(prior, BetaEntry):
        return {**prior.model_dump(), "loc": parameter.low, "scale": parameter.high - parameter.low}
    return {**prior.model_dump(), "loc": parameter.low}


class RecoverConfig(Spec):
    """Config of a recovery study.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        models: The models. Each is simulated, and all are fitted to its choices.
        game: The game that is played.
        rounds: Numbers of rounds to simulate; by default that of the game.
        participants: Numbers of participants of a study to simulate.
        studies: Number of simulated studies for each model and each size.
        starts: Number of starting points of the search for the optimum.
        seed: Seed of simulations and starting points.
        evidence: Method of computing the evidence: the Laplace approximation, or quadrature (models with up to three
            parameters), which is slower and distinguishes models in shorter games.
        selection_prior: Prior count of each model in model selection, 1 or 1 over the number of models.
    """

    name: RunName = "recover"
    kind: Literal["recover"] = "recover"
    models: tuple[SimulatedModel, ...]
    game: ScenarioEntry = ScenarioEntry(scenario="orthogonal")
    rounds: tuple[Annotated[Integer, Field(ge=1, le=10_000)], ...] = ()
    participants: Annotated[tuple[Annotated[Integer, Field(ge=2, le=100_000)], ...], Field(min_length=1)] = (42,)
    studies: Annotated[Integer, Field(ge=1, le=10_000)] = 50
    starts: Annotated[Integer, Field(ge=1, le=1_000)] = 4
    seed: Annotated[Integer, Field(ge=0)] = 0
    evidence: Literal["laplace", "quadrature"] = "laplace"
    selection_prior: SelectionPrior = 1

    @field_validator("models")
    @classmethod
    def _check_models(cls, entries: tuple[SimulatedModel, ...]) -> tuple[SimulatedModel, ...]:
        check_names([entry.name for entry in entries])
        return entries

    @model_validator(mode="after")
    def _check_sizes(self) -> RecoverConfig:
        problems = []
        for i, rounds in enumerate(self.rounds):
            try:
                self.game_of(rounds)
            except ValidationError as error:
                problems += [f"rounds.{i}: {problem}" for problem in list_problems(error, ScenarioEntry)]
        for key in ("rounds", "participants"):
            values = getattr(self, key)
            repeated = sorted({value for value in values if values.count(value) > 1})
            if repeated:
                problems.append(f"{key}: must be unique, got {', '.join(map(str, repeated))} more than once")
        if self.evidence == "quadrature":
            problems += [
                f"evidence: must be 'laplace' for models with more than {MAX_PARAMETERS} parameters, got 'quadrature' "
                f"({entry.name} has {len(entry.parameters)})"
                for entry in self.models
                if len(entry.parameters) > MAX_PARAMETERS
            ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def lengths(self) -> tuple[int, ...]:
        """The numbers of rounds to simulate."""
        return self.rounds or (self.game.resolve().rounds,)

    def game_of(self, rounds: int) -> ScenarioEntry:
        """Return the game with another number of rounds."""
        return ScenarioEntry(scenario=self.game.scenario, game={**self.game.game, "rounds": rounds})
