"""Configs of fits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from accept_reject.errors import Integer, Spec
from accept_reject.experiments.config import DataPath
from accept_reject.experiments.entries import RunName, check_names
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.fit import Method
from accept_reject.experiments.inference.model_selection import SelectionPrior

PARTICIPANTS = "data"
"""Name of the participants among the models in tables."""


class FitConfig(Spec):
    """Config of a fit: models, choices and method.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        data: The choices: the folder of a BIDS data set, a config that maps a table's columns, or a population to
            simulate. A path in a config file is relative to the file's folder, on the command line to the
            current folder.
        models: The models.
        method: `map` finds each participant's most probable parameters under the priors; `hierarchical` also estimates
            the priors from the group; `bayes` draws the group and all participants from their posterior;
            `maximum-likelihood` uses no priors, so that models have no evidence to compare. `mfit` is `map` in the
            parameters' own ranges, as in the MATLAB toolbox of that name, which computes the evidence by the Laplace
            approximation there.
        groups: Property of participants with each one's group, such as a column of `participants.tsv`; groups have
            separate means and standard deviations of parameters, which are compared. Only for hierarchical methods,
            like `covariates`.
        covariates: Properties of participants that are numbers, on which the means of parameters depend linearly.
        starts: Number of starting points of the search for the optimum.
        seed: Seed of the starting points and of the simulations.
        selection_prior: Prior count of each model in model selection: 1 as in SPM, or 1 over the number of models as in
            the VBA toolbox.
        simulations: Number of simulated studies of the predictive check; 0 for no check.
    """

    name: RunName = "fit"
    kind: Literal["fit"] = "fit"
    data: DataPath
    models: tuple[ModelEntry, ...]
    method: Method = "map"
    groups: Annotated[str, Field(min_length=1)] | None = None
    covariates: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    starts: Annotated[Integer, Field(ge=1, le=1_000)] = 10
    seed: Annotated[Integer, Field(ge=0)] = 0
    selection_prior: SelectionPrior = 1
    simulations: Annotated[Integer, Field(ge=0, le=10_000)] = 100

    @field_validator("models")
    @classmethod
    def _check_models(cls, entries: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        names = [entry.name for entry in entries]
        check_names(names)
        if PARTICIPANTS in names:
            raise ValueError(f"names must not be {PARTICIPANTS!r}, the participants' name in tables; set another label")
        return entries

    @model_validator(mode="after")
    def _check_columns(self) -> FitConfig:
        problems = []
        given = [key for key in ("groups", "covariates") if getattr(self, key)]
        if self.method not in ("hierarchical", "bayes"):
            problems += [f"{key}: is only valid with method hierarchical or bayes, got {self.method}" for key in given]
        used = [*self.covariates, *([self.groups] if self.groups else [])]
        repeated = sorted({name for name in used if used.count(name) > 1})
        problems += [f"covariates: columns must be unique, got {name!r} more than once" for name in repeated]
        if problems:
            raise ValueError("\n".join(problems))
        return self
