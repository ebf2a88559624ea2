"""Fit every model of a config to its data, and compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from accept_reject.experiments.data.load import Data
from accept_reject.experiments.fit.config import FitConfig, SelectionPrior, prior_count
from accept_reject.experiments.fit.hierarchical import Group, fit_hierarchically
from accept_reject.experiments.fit.individual import Z95, Fit, check_choices, fit_individually
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.fit.model_selection import ModelSelection, select_models
from accept_reject.experiments.fit.predictive import Check, check
from accept_reject.experiments.fit.quadrature import MOST_PARAMETERS, UNSOUND, Posterior, integrate
from accept_reject.experiments.progress import OnProgress, steps

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelFit:
    """What is known of a model once it has been fitted.

    Attributes:
        fit: The participants' fits.
        group: The group, where the fit is hierarchical.
        posterior: Evidence and means by quadrature, where the model has a prior and few enough parameters.
    """

    fit: Fit
    group: Group | None = None
    posterior: Posterior | None = None

    @property
    def evidence(self) -> dict[str, Floats]:
        """Log-evidence of each participant, `(n,)`, by how it was computed."""
        found = {"Laplace": self.fit.log_evidence} if self.fit.bayesian else {}
        return found if self.posterior is None else {**found, "quadrature": self.posterior.log_evidence}

    @property
    def flags(self) -> list[str]:
        """What is wrong with each participant's fit or evidence, or `ok`."""
        if self.posterior is None:
            return self.fit.flags
        said = zip(self.fit.flags, self.posterior.error > UNSOUND, strict=True)
        return [f"{flag}; quadrature not converged".removeprefix("ok; ") if off else flag for flag, off in said]

    @property
    def posterior_mean(self) -> Floats:
        """Posterior means of the parameters, `(n, parameters)`: by quadrature where there is one, else by Laplace's."""
        return self.fit.laplace_mean if self.posterior is None else self.posterior.mean


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

    def estimates_frame(self) -> pd.DataFrame:
        """A row for each participant, model and parameter.

        Columns: `participant`, `model`, `parameter`; `estimate` with its 95% interval `low`, `high`; `posterior_mean`
        (where there is a prior); `learned`, the share of the prior variance that the choices take away; and on the
        unbounded scale `free` with its standard deviation `free_sd`.
        """
        parts = []
        for name, each in self.models.items():
            fit = each.fit
            n, d = fit.estimates.shape
            low, high = fit.interval()
            values = {"estimate": fit.estimates, "low": low, "high": high}
            values |= {"posterior_mean": each.posterior_mean} if fit.bayesian else {}
            values |= {"learned": fit.learned, "free": fit.free.numpy(), "free_sd": fit.free_sd}
            keys = {"participant": np.repeat(fit.names, d), "model": name, "parameter": fit.model.parameters * n}
            parts.append(pd.DataFrame({**keys, **{column: value.ravel() for column, value in values.items()}}))
        return pd.concat(parts, ignore_index=True)

    def fits_frame(self) -> pd.DataFrame:
        """A row for each participant and model.

        Columns: `participant`, `model`, `choices`, `log_likelihood`, `log_likelihood_per_choice`, `pseudo_r2`, `aic`,
        `bic`; where there is a prior `log_evidence` (Laplace), and where it was integrated `log_evidence_quadrature`
        and `quadrature_error`; where models were selected `responsibility`, the probability that the participant's
        choices come from the model; `agreeing_starts` and `flag`.
        """
        parts = []
        played = next(iter(self.models.values())).fit.choices > 0
        for i, (name, each) in enumerate(self.models.items()):
            fit = each.fit
            frame = pd.DataFrame(
                {
                    "participant": fit.names,
                    "model": name,
                    "choices": fit.choices,
                    "log_likelihood": fit.log_likelihood,
                    "log_likelihood_per_choice": fit.log_likelihood_per_choice,
                    "pseudo_r2": fit.pseudo_r2,
                    "aic": fit.aic,
                    "bic": fit.bic,
                }
            )
            if fit.bayesian:
                frame["log_evidence"] = fit.log_evidence
            if each.posterior is not None:
                frame["log_evidence_quadrature"] = each.posterior.log_evidence
                frame["quadrature_error"] = each.posterior.error
            if self.selection:
                frame["responsibility"] = self.selection.frequencies[i]  # of whom nothing is known
                frame.loc[played, "responsibility"] = self.selection.responsibilities[:, i]
            frame["agreeing_starts"] = [f"{agreeing} of {fit.starts}" for agreeing in fit.agreeing]
            frame["flag"] = each.flags
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    def selection_frame(self) -> pd.DataFrame:
        """A row for each way of computing the evidence and each model.

        Columns: `evidence`, `model`, `prior_count`, `alpha`, `frequency` (expected), `exceedance`, `protected`
        (exceedance probability) and `omnibus_risk`.
        """
        parts = [
            pd.DataFrame(
                {
                    "evidence": evidence,
                    "model": list(self.models),
                    "prior_count": found.prior,
                    "alpha": found.alpha,
                    "frequency": found.frequencies,
                    "exceedance": found.exceedance,
                    "protected": found.protected,
                    "omnibus_risk": found.omnibus_risk,
                }
            )
            for evidence, found in self.selections.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def groups_frame(self) -> pd.DataFrame:
        """A row for each model and parameter of a hierarchical fit.

        Columns: `model`, `parameter`; on the unbounded scale the group's `mean` with its standard error `mean_se`, and
        `sd`; in the parameter's own range the group's `median` with its 95% interval `low`, `high`; `integrated_bic`
        (of the model), `iterations`, `converged` and `moved`, how far the last iteration moved the group.
        """
        parts = []
        for name, each in self.models.items():
            assert each.group is not None  # asked of hierarchical fits only
            model = each.fit.model
            ends = [model.prior_mean.numpy() + z * np.minimum(each.group.mean_se, 1e3) for z in (0, -Z95, Z95)]
            median, low, high = (model.constrain(torch.from_numpy(end)).numpy() for end in ends)
            parts.append(
                pd.DataFrame(
                    {
                        "model": name,
                        "parameter": model.parameters,
                        "mean": model.prior_mean,
                        "mean_se": each.group.mean_se,
                        "sd": model.prior_sd,
                        "median": median,
                        "low": low,
                        "high": high,
                        "integrated_bic": self.integrated_bic(name),
                        "iterations": each.group.iterations,
                        "converged": each.group.converged,
                        "moved": each.group.moved,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)


def run(config: FitConfig, data: Data, on_progress: OnProgress = lambda _, __: None) -> FitResults:
    """Fit, integrate, compare and check.

    Args:
        config: What to fit.
        data: What to fit it to.
        on_progress: Is told the stage, and what share of it is done.

    Raises:
        InvalidInputError: If the data can't be fitted like that, or a model can't be fitted.
    """
    check_choices(data.choices, config.method != "maximum-likelihood", config.data)
    models = {entry.name: _fit(entry.resolve(), config, data, on_progress) for entry in config.models}
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


def _fit(model: Model, config: FitConfig, data: Data, on_progress: OnProgress) -> ModelFit:
    """Fit a model as the config says."""
    choices, group = data.choices, None
    if config.method == "hierarchical":
        stage, log_tolerance = f"{model.name}: group", np.log(config.tolerance)

        def on_iteration(_: int, moved: float) -> None:
            on_progress(stage, float(np.clip(np.log(max(moved, config.tolerance)) / log_tolerance, 0, 1)))

        group = fit_hierarchically(model, choices, config.starts, config.seed, config.tolerance, on_iteration)
        fit = group.fit
        on_progress(stage, 1)
    else:
        step = steps(on_progress, f"{model.name}: fit", len(choices))
        fit = fit_individually(model, choices, config.method == "map", config.starts, config.seed, step)
    posterior = None
    if fit.bayesian and len(model.parameters) <= MOST_PARAMETERS:
        posterior = integrate(fit, choices, steps(on_progress, f"{model.name}: evidence", len(choices)))
    return ModelFit(fit, group, posterior)
