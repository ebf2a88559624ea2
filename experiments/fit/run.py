"""Fit every model of a config to its data, and compare them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accept_reject.experiments.data.load import Data
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.participants import design_of
from accept_reject.experiments.fit.predictive_check import Check, check
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.fit import IN_RANGE, LAPLACE, LEAVE_ONE_OUT, QUADRATURE, ModelFit, fit
from accept_reject.experiments.inference.individual import check_choices
from accept_reject.experiments.inference.model_selection import (
    ModelSelection,
    SelectionPrior,
    prior_count,
    select_models,
)
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps

Floats = NDArray[np.float64]

EVIDENCE = (LAPLACE, QUADRATURE, IN_RANGE, LEAVE_ONE_OUT)
"""Methods of computing the evidence. Results are based on the last one that is available for every model: the most
accurate one, or that of the method `mfit`."""


@dataclass(frozen=True, eq=False)
class FitResults:
    """The results of a fit.

    Attributes:
        config: The config.
        data: The data.
        models: The fits by the models' names.
        design: Groups and covariates of hierarchical models.
        selections: Random-effects model selection by method of computing the evidence; participants without choices are
            left out. Empty for a single model, without evidence, and if a group has not converged.
        check: The predictive check; None without simulations.
    """

    config: FitConfig
    data: Data
    models: dict[str, ModelFit]
    design: Design
    selections: dict[str, ModelSelection]
    check: Check | None

    @property
    def evidence_method(self) -> str:
        """Method of computing the reported evidence: the last one of `EVIDENCE` that every model has, if any."""
        known = [name for name in EVIDENCE if all(name in each.evidence for each in self.models.values())]
        return known[-1] if known else ""

    @property
    def selection(self) -> ModelSelection | None:
        """The model selection that is based on this evidence."""
        return self.selections.get(self.evidence_method)

    @property
    def hierarchical(self) -> bool:
        """Whether a group was estimated for each model."""
        return self.config.method in ("hierarchical", "bayes")

    @property
    def unconverged(self) -> tuple[str, ...]:
        """Models whose group, or the draws of it, have not converged."""
        return tuple(
            name for name, each in self.models.items() if each.hierarchical and not each.hierarchical.converged
        )

    @property
    def unidentified(self) -> dict[str, tuple[str, ...]]:
        """Models with parameters that the choices of most participants don't determine, and these parameters."""
        found = {}
        for name, each in self.models.items():
            cases = Counter(names for names in each.unidentified if names)
            if 2 * cases.total() > len(each.unidentified):
                found[name] = cases.most_common(1)[0][0]
        return found

    def integrated_bic(self, model: str) -> float:
        """Compute the integrated BIC of a model of a hierarchical fit; lower is better."""
        each = self.models[model]
        assert each.group is not None
        return each.group.integrated_bic(each.evidence[self.evidence_method])


def run(config: FitConfig, data: Data, on_progress: OnProgress = silent) -> FitResults:
    """Fit and compare the models, and run the predictive check.

    Args:
        config: The config.
        data: The data to fit.
        on_progress: Called with the stage and the share of it that is done.

    Raises:
        InvalidInputError: If the data can't be fitted with the method, or a model can't be fitted.
    """
    check_choices(data.choices, config.method != "maximum-likelihood", config.data)
    design = design_of(config, data)
    models = {
        entry.name: fit(entry.resolve(), data.choices, config.method, config.starts, config.seed, on_progress, design)
        for entry in config.models
    }
    predictive_check = None
    if config.simulations:
        step = steps(on_progress, "predictive check", config.simulations * len(models))
        predictive_check = check(models, data, config.simulations, config.seed, step)
    return FitResults(config, data, models, design, select(models, config.selection_prior), predictive_check)


def select(models: dict[str, ModelFit], prior: SelectionPrior) -> dict[str, ModelSelection]:
    """Select models by random effects, for each method of computing the evidence that is available for all models.

    Nothing is selected if a group has not converged, because its evidence could still increase.
    """
    played = next(iter(models.values())).fit.choices > 0
    if len(models) < 2 or any(each.hierarchical and not each.hierarchical.converged for each in models.values()):
        return {}
    count = prior_count(prior, len(models))
    methods = [name for name in EVIDENCE if all(name in each.evidence for each in models.values())]
    return {
        name: select_models(np.stack([each.evidence[name][played] for each in models.values()], axis=1), count)
        for name in methods
    }
