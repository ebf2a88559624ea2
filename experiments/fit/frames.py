"""All numbers of a fit as data frames."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import torch

from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference.individual import Z95


def frames(results: FitResults) -> dict[str, pd.DataFrame]:
    """The data frames by name."""
    tables = {"estimates": estimates(results), "fits": fits(results)}
    if results.selections:
        tables["selection"] = selection(results)
    if results.config.method == "hierarchical":
        tables["groups"] = groups(results)
        if any(len(each.parameters) > 1 for each in results.models.values()):
            tables["correlations"] = correlations(results)
    if results.check is not None:
        tables["predictive_curves"] = results.check.curves_frame()
        tables["predictive_stay_switch"] = results.check.effects
    return tables


def estimates(results: FitResults) -> pd.DataFrame:
    """A row for each participant, model and parameter.

    Columns: `participant`, `model`, `parameter`; `estimate` with its 95% interval `low`, `high`; `posterior_mean`
    (where there is a prior); `contraction`, 1 - posterior variance / prior variance; and on the unbounded scale the
    estimate `unbounded` with its standard deviation `unbounded_sd`.
    """
    parts = []
    for name, each in results.models.items():
        fit = each.fit
        n, d = fit.estimates.shape
        low, high = each.interval()
        values = {"estimate": fit.estimates, "low": low, "high": high}
        values |= {"posterior_mean": each.posterior_mean} if fit.bayesian else {}
        values |= {"contraction": fit.contraction, "unbounded": fit.unbounded.numpy(), "unbounded_sd": fit.unbounded_sd}
        keys = {"participant": np.repeat(fit.names, d), "model": name, "parameter": fit.model.parameters * n}
        parts.append(pd.DataFrame({**keys, **{column: value.ravel() for column, value in values.items()}}))
    return pd.concat(parts, ignore_index=True)


def fits(results: FitResults) -> pd.DataFrame:
    """A row for each participant and model.

    Columns: `participant`, `model`, `choices`, `log_likelihood`, `log_likelihood_per_choice`, `pseudo_r2`, `aic`,
    `bic`; where there is a prior `log_evidence` (Laplace), and where it was integrated `log_evidence_quadrature`
    and `quadrature_error`; where models were selected `responsibility`, the probability that the participant's
    choices come from the model; `agreeing_starts` and `flag`.
    """
    parts = []
    played = next(iter(results.models.values())).fit.choices > 0
    for i, (name, each) in enumerate(results.models.items()):
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
        if results.selection:
            frame["responsibility"] = results.selection.frequencies[i]  # for participants without choices
            frame.loc[played, "responsibility"] = results.selection.responsibilities[:, i]
        frame["agreeing_starts"] = [f"{agreeing} of {fit.starts}" for agreeing in fit.agreeing]
        frame["flag"] = each.flags
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def selection(results: FitResults) -> pd.DataFrame:
    """A row for each method of computing the evidence and each model.

    Columns: `evidence`, `model`, `prior_count`, `alpha`, `frequency` (expected), `exceedance`, `protected`
    (exceedance probability) and `omnibus_risk`.
    """
    parts = [
        pd.DataFrame(
            {
                "evidence": evidence,
                "model": list(results.models),
                "prior_count": result.prior,
                "alpha": result.alpha,
                "frequency": result.frequencies,
                "exceedance": result.exceedance,
                "protected": result.protected,
                "omnibus_risk": result.omnibus_risk,
            }
        )
        for evidence, result in results.selections.items()
    ]
    return pd.concat(parts, ignore_index=True)


def groups(results: FitResults) -> pd.DataFrame:
    """A row for each model and parameter of a hierarchical fit.

    Columns: `model`, `parameter`; on the unbounded scale the group's `mean` with its standard error `mean_se`, and
    `sd` with its 95% interval `sd_low`, `sd_high`; in the parameter's own range the group's `median` with its 95%
    interval `low`, `high`; `integrated_bic` (of the model), `iterations`, `converged` and `last_change`, the change of
    the group in the last iteration.
    """
    parts = []
    for name, each in results.models.items():
        assert each.group is not None  # only called for hierarchical fits
        model = each.fit.model
        points = [model.prior_mean.numpy() + z * np.minimum(each.group.coefficient_se[0], 1e3) for z in (0, -Z95, Z95)]
        sd = model.prior_sd.numpy()
        median, low, high = (model.constrain(torch.from_numpy(point)).numpy() for point in points)
        parts.append(
            pd.DataFrame(
                {
                    "model": name,
                    "parameter": model.parameters,
                    "mean": model.prior_mean,
                    "mean_se": each.group.coefficient_se[0],
                    "sd": model.prior_sd,
                    "sd_low": sd * np.exp(-Z95 * each.group.log_sd_se[0]),
                    "sd_high": sd * np.exp(Z95 * each.group.log_sd_se[0]),
                    "median": median,
                    "low": low,
                    "high": high,
                    "integrated_bic": results.integrated_bic(name),
                    "iterations": each.group.iterations,
                    "converged": each.group.converged,
                    "last_change": each.group.last_change,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def correlations(results: FitResults) -> pd.DataFrame:
    """A row for each model and pair of its parameters, in a hierarchical fit.

    Columns: `model`, `parameter`, `other`; their `correlation` between participants, on the unbounded scale, with its
    95% interval `low`, `high`.
    """
    rows = []
    for name, each in results.models.items():
        assert each.group is not None  # only called for hierarchical fits
        for i, j in combinations(range(len(each.parameters)), 2):
            found = [float(matrix[i, j]) for matrix in each.group.correlations]
            rows.append((name, each.parameters[i], each.parameters[j], *found))
    return pd.DataFrame(rows, columns=["model", "parameter", "other", "correlation", "low", "high"])
