"""All numbers of a fit as data frames."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accept_reject.experiments.fit.group_frames import group_frames
from accept_reject.experiments.fit.run import FitResults


def frames(results: FitResults) -> dict[str, pd.DataFrame]:
    """The data frames by name."""
    tables = {"estimates": estimates(results), "fits": fits(results)}
    if results.selections:
        tables["selection"] = selection(results)
    if any(each.reliability for each in results.models.values()):
        tables["reliability"] = reliability(results)
    if results.hierarchical:
        tables |= group_frames(results)
    if results.check is not None:
        tables["predictive_curves"] = results.check.curves_frame()
        tables["predictive_stay_switch"] = results.check.effects
        tables["predictive_p_values"] = results.check.statistics
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
        values = {"estimate": each.estimates, "low": low, "high": high}
        values |= {"posterior_mean": each.posterior_mean} if fit.bayesian else {}
        values |= {"contraction": each.contraction, "unbounded": fit.unbounded.numpy()}
        values |= {"unbounded_sd": each.unbounded_sd}
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
        if each.bayes is not None:
            frame = frame.drop(columns=["aic", "bic"])
            frame["log_evidence"] = each.bayes.log_predictive
            frame["pareto_k"] = each.bayes.pareto_k
        elif fit.bayesian:
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


def reliability(results: FitResults) -> pd.DataFrame:
    """A row for each model and parameter.

    Columns: `model`, `parameter`; the `correlation` of estimates from odd and even rounds, the split-half `reliability`
    with its 95% interval `low`, `high`, and the number of `participants` with choices in both halves.
    """
    rows = [{"model": name, **row._asdict()} for name, each in results.models.items() for row in each.reliability]
    return pd.DataFrame(rows)


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
