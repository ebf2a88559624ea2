"""Tables of a fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from accept_reject.experiments.analysis.curves import CURVES
from accept_reject.experiments.analysis.intervals import Interval
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.fit import frames, group_frames
from accept_reject.experiments.fit.config import PARTICIPANTS
from accept_reject.experiments.fit.predictive_check import Check, smallest_p
from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference.fit import IN_RANGE, LAPLACE, QUADRATURE
from accept_reject.experiments.inference.individual import Z95, pseudo_r2
from accept_reject.experiments.reporting.tables import DASH, TextTable, cell, percent_cell, probability
from accept_reject.experiments.reporting.words import counted, listed

METHODS = {
    "map": "maximum a posteriori (MAP), each participant separately",
    "mfit": "maximum a posteriori (MAP) in the parameters' own ranges, as in the toolbox mfit",
    "hierarchical": "hierarchical, by maximizing the marginal likelihood",
    "bayes": "hierarchical, with draws from the full posterior",
    "maximum-likelihood": "maximum likelihood, each participant separately",
}

NOT_DETERMINED = "not determined"
"""Heading of the number of maximum-likelihood estimates that are not determined, or at the end of their range."""

WIDE_COLUMNS = ("mean (unbounded)", "SD (unbounded)", "draws")
"""Columns of the table of groups that only the report has room for."""

_APPROXIMATIONS = {
    LAPLACE: "The Laplace approximation",
    IN_RANGE: "The Laplace approximation in the parameters' ranges",
}

SIGNIFICANT = 0.05
"""Posterior predictive p-values below this are called a misfit."""

NOTABLE = 0.02
"""Differences of errors of the evidence that are worth mentioning, in nats per participant."""

PRIOR_COLUMNS = ("median of posterior means", "prior, 95%")
"""Columns of the table of parameters for fits with a prior."""


def models(results: FitResults) -> TextTable:
    """Goodness of fit of each model, summed over participants."""
    bayesian, drawn = results.config.method != "maximum-likelihood", results.config.method == "bayes"
    columns = ["model", "k", "log-lik.", "per choice", "R2"]
    columns += [] if drawn else ["AIC", "BIC"]
    columns += ["evidence"] if bayesian else []
    columns += ["iBIC"] if results.config.method == "hierarchical" else []
    rows = []
    for name, each in results.models.items():
        fit = each.fit
        per_choice = fit.log_likelihood.sum() / fit.choices.sum()
        r2 = pseudo_r2(per_choice, fit.offered)
        cells = [name, str(len(fit.model.parameters)), f"{fit.log_likelihood.sum():,.1f}", f"{per_choice:.4f}"]
        cells += [f"{r2:.3f}"] if drawn else [f"{r2:.3f}", f"{fit.aic.sum():,.1f}", f"{fit.bic.sum():,.1f}"]
        cells += [f"{each.evidence[results.evidence_method].sum():,.1f}"] if bayesian else []
        cells += [f"{results.integrated_bic(name):,.1f}"] if each.group else []
        rows.append(tuple(cells))
    title = f"Models, sums over {_participants(results)}"
    title += f" (evidence: {results.evidence_method})" if bayesian else ""
    return TextTable(title, tuple(columns), tuple(rows))


def selection(results: FitResults) -> TextTable | None:
    """Random-effects model selection for each method of computing the evidence; None if there was none."""
    if not results.selections:
        return None
    columns = [f"{measure}, {method}" for method in results.selections for measure in ("frequency", "PXP")]
    rows = []
    for i, name in enumerate(results.models):
        cells = [
            (f"{result.frequencies[i]:.3f}", probability(result.protected[i])) for result in results.selections.values()
        ]
        rows.append((name, *(cell for pair in cells for cell in pair)))
    return TextTable(f"Model selection for {_participants(results)}", ("model", *columns), tuple(rows))


def omnibus(results: FitResults) -> str:
    """A sentence with the Bayesian omnibus risk and the prior counts."""
    risks = [f"{result.omnibus_risk:.3g} ({method})" for method, result in results.selections.items()]
    count = "1" if results.config.selection_prior == 1 else "1/models"
    return (
        f"Bayesian omnibus risk, the probability that all models are equally frequent: {', '.join(risks)}. "
        f"Prior count of each model: {count}."
    )


def accuracy(results: FitResults) -> str:
    """Sentences on how accurate the approximations of the evidence are, if it was also computed by quadrature."""
    exact = {name: each.evidence.get(QUADRATURE) for name, each in results.models.items()}
    approximate = next((name for name in results.selections if name in _APPROXIMATIONS), None)
    if approximate is None or QUADRATURE not in results.selections:
        return ""
    errors = {
        name: float(np.mean(each.evidence[approximate] - values))
        for (name, each), values in zip(results.models.items(), exact.values(), strict=True)
        if values is not None
    }
    listing = listed(f"{error:+.2f} ({name})" for name, error in errors.items())
    favored, least = max(errors, key=lambda name: errors[name]), min(errors, key=lambda name: errors[name])
    leaning = f", so it favors {favored}" if errors[favored] - errors[least] > NOTABLE else ""
    return (
        f"Evidence by quadrature is exact. {_APPROXIMATIONS[approximate]} differs from "
        f"it by {listing} nats per participant{leaning}."
    )


def parameters(results: FitResults) -> TextTable:
    """The distribution of each parameter over participants.

    Maximum-likelihood estimates can run to the ends of their ranges, so they have no mean; their number is shown.
    """
    bayesian = results.config.method != "maximum-likelihood"
    columns = ["model", "parameter", "median", "quartiles", "mean" if bayesian else NOT_DETERMINED]
    columns += PRIOR_COLUMNS if bayesian else []
    rows = []
    for name, each in results.models.items():
        fit = each.fit
        ends = fit.model.prior_mean + fit.model.prior_sd * torch.tensor([[-Z95], [Z95]])
        low, high = fit.model.constrain(ends).numpy()
        for j, parameter in enumerate(fit.model.parameters):
            value = each.estimates[:, j]
            first, median, third = np.quantile(value, [0.25, 0.5, 0.75])
            cells = [name, parameter, f"{median:.3g}", f"{first:.3g} to {third:.3g}"]
            cells += [f"{value.mean():.3g}" if bayesian else str(np.isinf(fit.unbounded_sd[:, j]).sum())]
            if bayesian:
                cells += [f"{np.median(each.posterior_mean[:, j]):.3g}", f"{low[j]:.2g} to {high[j]:.2g}"]
            rows.append(tuple(cells))
    return TextTable(f"Parameter estimates of {_participants(results)}", tuple(columns), tuple(rows))


def reliability(results: FitResults) -> TextTable | None:
    """Split-half reliability of the estimates; None without a prior."""
    rows = [
        (name, row.parameter, f"{row.correlation:.2f}", cell(Interval(row.reliability, row.low, row.high)))
        for name, each in results.models.items()
        for row in each.reliability
        if np.isfinite(row.reliability)
    ]
    title = f"Split-half reliability of estimates of {_participants(results)}"
    return TextTable(title, ("model", "parameter", "r of halves", "reliability"), tuple(rows)) if rows else None


def groups(results: FitResults) -> TextTable | None:
    """The group distributions of a hierarchical fit; None for other methods."""
    if not results.hierarchical:
        return None
    divided = len(results.design.groups) > 1
    rows = []
    for row in group_frames.groups(results).to_dict("records"):
        cells = [row["model"], *([row["group"]] if divided else []), row["parameter"]]
        cells += [f"{row['median']:.3g} ({row['low']:.3g} to {row['high']:.3g})"]
        cells += [f"{row['mean']:.2f} ({row['mean_low']:.2f} to {row['mean_high']:.2f})"]
        cells += [f"{row['sd']:.2f} ({row['sd_low']:.2g} to {row['sd_high']:.2g})"]
        converged = "converged" if row["converged"] else "NOT CONVERGED"
        cells += [f"{row['rhat']:.3f}, {row['ess']:.0f}"] if "rhat" in row else []
        cells += [f"{row['iterations']}, {converged}" if "iterations" in row else converged]
        rows.append(tuple(map(str, cells)))
    header = ["model", *(["group"] if divided else []), "parameter", "median", "mean (unbounded)", "SD (unbounded)"]
    header += ["R-hat, ESS", "draws"] if results.config.method == "bayes" else ["iterations"]
    return TextTable(f"Group distributions of {_participants(results)}", tuple(header), tuple(rows))


def contrasts(results: FitResults) -> TextTable | None:
    """Differences between groups; None without groups."""
    if not results.hierarchical:
        return None
    rows = [
        (
            row["model"],
            row["parameter"],
            f"{row['group']} - {row['other']}",
            _with_interval(row, "difference"),
            _with_interval(row, "sd_ratio"),
        )
        for row in group_frames.contrasts(results).to_dict("records")
    ]
    header = ("model", "parameter", "groups", "difference of means (unbounded)", "ratio of SDs")
    return TextTable(f"Differences between groups of {_participants(results)}", header, tuple(rows)) if rows else None


def covariates(results: FitResults) -> TextTable | None:
    """Effects of covariates; None without covariates."""
    if not results.hierarchical:
        return None
    rows = [
        (row["model"], row["covariate"], row["parameter"], _with_interval(row, "slope"))
        for row in group_frames.covariates(results).to_dict("records")
    ]
    header = ("model", "covariate", "parameter", "slope per SD (unbounded)")
    return TextTable(f"Effects of covariates on {_participants(results)}", header, tuple(rows)) if rows else None


def _with_interval(row: dict[Any, Any], name: str) -> str:
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"


def correlations(results: FitResults) -> TextTable | None:
    """Correlations of parameters between participants, by a hierarchical fit; None if there are none."""
    if not results.hierarchical:
        return None
    rows = [
        (
            row["model"],
            row["parameter"],
            row["other"],
            f"{row['correlation']:.2f} ({row['low']:.2f} to {row['high']:.2f})",
        )
        for row in group_frames.correlations(results).to_dict("records")
    ]
    header = ("model", "parameter", "other parameter", "correlation (unbounded)")
    return TextTable(f"Correlations between {_participants(results)}", header, tuple(rows)) if rows else None


def flags(results: FitResults) -> TextTable | None:
    """Problems of fits, counted by model; None if there are none."""
    fits = frames.fits(results)
    flagged = fits[fits.flag != "ok"]
    rows = [
        (str(model), str(flag), f"{len(group)} of {len(results.data.choices)}", _shortened(group.participant.tolist()))
        for (model, flag), group in flagged.groupby(["model", "flag"], sort=False)
    ]
    return (
        TextTable(f"Flags of {_participants(results)}", ("model", "flag", "number", "participants"), tuple(rows))
        if rows
        else None
    )


def _participants(results: FitResults) -> str:
    return "simulated participants" if results.data.simulated else "participants"


def predictive(check: Check) -> list[TextTable]:
    """The numbers of the predictive check: a table for each learning curve, and one of the stay/switch effects."""
    tables = []
    for curve, title in CURVES.items():
        by_player = {player: interval for (name, player), interval in check.curves.items() if name == curve}
        rows = [
            (_player(player), *(percent_cell(Interval(*point)) for point in zip(*interval, strict=True)))
            for player, interval in by_player.items()
        ]
        if rows:
            tables.append(TextTable(title, ("round", *(f"{middle:g}" for middle in check.rounds)), tuple(rows)))
    effects = {(row["player"], row["effect"]): row for row in check.effects.to_dict("records")}
    rows = []
    for player in dict.fromkeys(check.effects.player):
        known = [effects.get((player, effect)) for effect in EFFECTS]
        cells = [DASH if row is None else cell(Interval(row["estimate"], row["low"], row["high"])) for row in known]
        rows.append((_player(player), *cells))
    header = ("player", *(f"last {effect}" for effect in EFFECTS))
    return [*tables, TextTable("Effects on staying (log odds per SD)", header, tuple(rows))]


def misfits(check: Check, simulations: int) -> str:
    """Say in words which statistics of the participants a model does not predict, if any.

    Args:
        check: The predictive check.
        simulations: Number of simulated studies, on which the smallest possible p-value depends.
    """
    if check.statistics.empty:
        return ""
    if smallest_p(simulations) >= SIGNIFICANT:
        studies, enough = counted(simulations, "simulated study", "simulated studies"), math.ceil(2 / SIGNIFICANT)
        return f"{studies} can't show a misfit (p < {SIGNIFICANT:g}); set simulations to {enough} or more."
    found = check.statistics[check.statistics.p < SIGNIFICANT]
    if found.empty:
        return "The predictive check found no misfit."
    parts = []
    for model, rows in found.groupby("model", sort=False):
        listing = [
            f"{'under' if row.predicted < row.observed else 'over'}estimates the {row.statistic} (predicted "
            f"{row.predicted:.2f}, central 95% {row.low:.2f} to {row.high:.2f}; observed {row.observed:.2f}; "
            f"p = {row.p:.2g})"
            for row in rows.itertuples()
        ]
        parts.append(f"{model} {listed(listing)}.")
    return " ".join(["Misfit in the predictive check:", *parts])


def predictive_p_values(check: Check) -> TextTable:
    """Posterior predictive p-values."""
    rows = [
        (
            row.model,
            row.statistic,
            f"{row.observed:.2f}",
            cell(Interval(row.predicted, row.low, row.high)),
            f"{row.p:.2g}",
        )
        for row in check.statistics.itertuples()
    ]
    return TextTable("Posterior predictive p-values", ("model", "statistic", "observed", "predicted", "p"), tuple(rows))


def _player(name: str) -> str:
    return "participants" if name == PARTICIPANTS else name


def _shortened(names: list[str], n: int = 5) -> str:
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(names[:n]) + more
