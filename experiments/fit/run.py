"""Fit every model of a config to its data, and compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accept_reject.experiments.data.load import Data
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.predictive_check import Check, check
from accept_reject.experiments.inference.fit import ModelFit, fit
from accept_reject.experiments.inference.individual import check_choices
from accept_reject.experiments.inference.model_selection import (
    ModelSelection,
    SelectionPrior,
    prior_count,
    select_models,
)
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FitResults:
    """What a fit found.

    Attributes:
        config: What was fitted to what.
        data: The data.
        models: The fits by the models' names.
        selections: Random-effects model selection by how the evidence was computed; participants who made no choice
            are left out. Empty for a single model, and without evidence.
        check: The predictive check, if one was asked for.
    """

    config: FitConfig
    data: Data
    models: dict[str, ModelFit]
    selections: dict[str, ModelSelection]
    check: Check | None

    @property
    def way(self) -> str:
        """How the evidence that is shown and compared is computed: by quadrature if it is so for every model."""
        return "quadrature" if all("quadrature" in each.evidence for each in self.models.values()) else "Laplace"

    @property
    def selection(self) -> ModelSelection | None:
        """The model selection that rests on this evidence."""
        return self.selections.get(self.way)

    def integrated_bic(self, model: str) -> float:
        """Integrated BIC of a model of a hierarchical fit; lower is better."""
        each = self.models[model]
        assert each.group is not None
        return each.group.integrated_bic(each.evidence[self.way])


def run(config: FitConfig, data: Data, on_progress: OnProgress = silent) -> FitResults:
    """Fit, integrate, compare and check.

    Args:
        config: What to fit.
        data: What to fit it to.
        on_progress: Called with the stage and the share of it that is done.

    Raises:
        InvalidInputError: If the data can't be fitted like that, or a model can't be fitted.
    """
    check_choices(data.choices, config.method != "maximum-likelihood", config.data)
    models = {
        entry.name: fit(
            entry.resolve(), data.choices, config.method, config.starts, config.seed, config.tolerance, on_progress
        )
        for entry in config.models
    }
    found = None
    if config.simulations:
        step = steps(on_progress, "predictive check", config.simulations * len(models))
        fits = {name: each.fit for name, each in models.items()}
        found = check(fits, data, config.simulations, config.seed, step)
    return FitResults(config, data, models, select(models, config.selection_prior), found)


def select(models: dict[str, ModelFit], prior: SelectionPrior) -> dict[str, ModelSelection]:
    """Random-effects model selection by each way of computing the evidence that all models have."""
    played = next(iter(models.values())).fit.choices > 0
    if len(models) < 2:
        return {}
    shared = [way for way in ("Laplace", "quadrature") if all(way in each.evidence for each in models.values())]
    return {
        way: select_models(
            np.stack([each.evidence[way][played] for each in models.values()], axis=1), prior_count(prior, len(models))
        )
        for way in shared
    }
