"""Simulate participants from every model, fit every model to them, and measure parameter and model recovery."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from accept_reject.experiments.analysis.intervals import Interval, spread
from accept_reject.experiments.inference.fit import ModelFit
from accept_reject.experiments.inference.individual import fit_individually
from accept_reject.experiments.inference.model_selection import DECIDED, prior_count, select_models
from accept_reject.experiments.inference.quadrature import integrate
from accept_reject.experiments.recover.config import RecoverConfig, SimulatedModel
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps
from accept_reject.experiments.simulation.simulate import simulate
from accept_reject.random import Stream, generator

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RecoverResults:
    """The results of a recovery study.

    Attributes:
        config: The config.
        estimates: A row for each number of rounds, simulated participant and parameter of the generating model;
            columns `rounds`, `model`, `participant` (from 1), `parameter`, `truth`, `estimate`, its 95% interval `low`,
            `high`, and `posterior_mean`.
        studies: A row for each simulated study and each model fitted to it; columns `rounds`, `participants`,
            `generating`, `study` (from 1), `fitted`, `frequency`, `protected` (exceedance probability) and `wins`.
            Empty for a single model.
    """

    config: RecoverConfig
    estimates: pd.DataFrame
    studies: pd.DataFrame

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Parameter recovery, with a row for each number of rounds and participants, model and parameter.

        Columns: `rounds`, `participants`, `model`, `parameter`; over all simulated participants `r` (Pearson's
        correlation of estimates and true values), `r_posterior_mean` (of posterior means), `rho` (Spearman's), `bias`
        (mean error), `rmse` and `coverage` (share of 95% intervals that contain the true value); and `r_low`, `r_high`,
        the central 95% of the correlation over studies of that size. Correlations are NaN if true values don't vary.
        """
        rows = []
        for (rounds, model, parameter), each in self.estimates.groupby(["rounds", "model", "parameter"], sort=False):
            truth, estimate = each.truth.to_numpy(), each.estimate.to_numpy()
            error = estimate - truth
            measures = {
                "r": correlation(estimate, truth),
                "r_posterior_mean": correlation(each.posterior_mean.to_numpy(), truth),
                "rho": correlation(stats.rankdata(estimate), stats.rankdata(truth)),
                "bias": error.mean(),
                "rmse": np.sqrt((error**2).mean()),
                "coverage": ((each.low <= truth) & (truth <= each.high)).mean(),
            }
            for size in self.config.participants:
                n = self.config.studies * size
                pairs = np.stack([estimate[:n], truth[:n]], axis=1).reshape(self.config.studies, size, 2)
                over_studies = spread([correlation(*study.T) for study in pairs])
                key = {"rounds": rounds, "participants": size, "model": model, "parameter": parameter}
                rows.append({**key, **measures, "r_low": over_studies.low, "r_high": over_studies.high})
        return pd.DataFrame(rows)

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Model recovery, with a row for each design size, generating model and fitted model.

        Columns: `rounds`, `participants`, `generating`, `fitted`; `wins`, the share of studies in which the fitted
        model has the highest exceedance probability; `decided`, the share in which it is above `DECIDED`;
        `protected`, its mean; and `frequency`, the mean of the expected frequencies.
        """
        keys = ["rounds", "participants", "generating", "fitted"]
        if self.studies.empty:
            return pd.DataFrame(columns=[*keys, "wins", "decided", "protected", "frequency"])
        grouped = self.studies.assign(decided=self.studies.protected > DECIDED).groupby(keys, sort=False)
        return grouped[["wins", "decided", "protected", "frequency"]].mean().reset_index()


def wilson(share: Floats, studies: int) -> Interval:
    """Compute Wilson's 95% intervals of shares of a number of studies."""
    hits = np.rint(share * studies).astype(int)
    ends = [stats.binomtest(k, studies).proportion_ci(method="wilson") for k in hits]
    return Interval(share, *np.array(ends).T)


def correlation(x: Floats, y: Floats) -> float:
    """Compute Pearson's correlation; NaN if one of the two does not vary."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def run(config: RecoverConfig, on_progress: OnProgress = silent) -> RecoverResults:
    """Simulate, fit and compare.

    Participants of smaller studies are the first participants of the larger ones.

    Args:
        config: The config.
        on_progress: Called with the stage and the share of it that is done.
    """
    estimates, studies = [], []
    for rounds in config.lengths:
        for i, truth in enumerate(config.models):
            seed = int(generator(config.seed, Stream.STUDY, rounds, i).integers(2**31))
            participants = config.studies * max(config.participants)
            choices, parameters = simulate(truth.simulated(participants, config.game_of(rounds), seed))
            stage = f"{rounds} rounds, {truth.name}"
            passes = 2 if config.evidence == "quadrature" else 1
            step = steps(on_progress, stage, participants * len(config.models) * passes)
            evidence = []
            for entry in config.models:
                fit = fit_individually(entry.resolve(), choices, starts=config.starts, seed=config.seed, on_fitted=step)
                posterior = integrate(fit, choices, step) if config.evidence == "quadrature" else None
                each = ModelFit(fit, posterior=posterior)
                evidence.append(each.log_evidence)
                if entry is truth:
                    estimates.append(_recovered(rounds, truth, each, parameters))
            if len(config.models) > 1:
                studies += _studies(config, rounds, truth.name, np.stack(evidence, axis=1))
    return RecoverResults(config, pd.concat(estimates, ignore_index=True), pd.DataFrame(studies))


def _recovered(rounds: int, entry: SimulatedModel, fitted: ModelFit, parameters: dict[str, Floats]) -> pd.DataFrame:
    """Return true values and estimates, with a row for each participant and parameter."""
    low, high = fitted.interval()
    names, n = fitted.parameters, len(fitted.estimates)
    columns = {
        "rounds": rounds,
        "model": entry.name,
        "participant": np.repeat(np.arange(1, n + 1), len(names)),
        "parameter": names * n,
        "truth": np.stack([parameters[name] for name in names], axis=1).ravel(),
        "estimate": fitted.estimates.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
        "posterior_mean": fitted.posterior_mean.ravel(),
    }
    return pd.DataFrame(columns)


def _studies(config: RecoverConfig, rounds: int, generating: str, evidence: Floats) -> list[dict[str, Any]]:
    """Select models in studies of every size, which are subsets of the same participants."""
    names = [entry.name for entry in config.models]
    prior = prior_count(config.selection_prior, len(names))
    rows = []
    for size in config.participants:
        for study in range(config.studies):
            selection = select_models(evidence[study * size : (study + 1) * size], prior)
            key = {"rounds": rounds, "participants": size, "generating": generating, "study": study + 1}
            rows += [
                {
                    **key,
                    "fitted": name,
                    "frequency": selection.frequencies[i],
                    "protected": selection.protected[i],
                    "wins": bool(selection.exceedance.argmax() == i),
                }
                for i, name in enumerate(names)
            ]
    return rows
