"""What a hierarchical fit says about the group, as data frames.

Estimates are those that maximize the marginal likelihood, with standard errors, or posterior means with posterior
standard deviations. Everything is on the unbounded scale unless stated otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference.bayes import Bayes
from accept_reject.experiments.inference.hierarchical import Combination, Group
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.quantiles import INTERVAL

Row = dict[str, object]

_LARGEST_LOG = 700.0

_WIDEST = 1e3
"""Infinite intervals end here, which reaches the ends of every range."""


def group_frames(results: FitResults) -> dict[str, pd.DataFrame]:
    """The data frames by name."""
    found = {
        "groups": groups(results),
        "contrasts": contrasts(results),
        "covariates": covariates(results),
        "correlations": correlations(results),
    }
    return {name: frame for name, frame in found.items() if len(frame)}


def groups(results: FitResults) -> pd.DataFrame:
    """A row for each model, group and parameter.

    Columns: `model`, `group`, `parameter`; the group's `mean` with `mean_se` and its 95% interval `mean_low`,
    `mean_high`; its `sd` with the interval `sd_low`, `sd_high`; in the parameter's own range the group's `median` with
    the interval `low`, `high`; `converged`; and for `hierarchical` `integrated_bic` (of the model), `iterations` and
    `last_change`, the change of the group in the last iteration; for `bayes` the larger one of the `rhat` of mean and
    SD, and the smaller one of their effective sample sizes `ess`.
    """
    rows = []
    for name, group, model in _each(results):
        design, d = group.design, len(model.parameters)
        for i, of_group in enumerate(design.groups):
            for j, parameter in enumerate(model.parameters):
                weights = design.mean_of(i, j, d), design.log_sd_of(i, j, d)
                mean, log_sd = (group.combination(each) for each in weights)
                rows.append(
                    {
                        "model": name,
                        "group": of_group,
                        "parameter": parameter,
                        "mean": mean.estimate,
                        **_interval("mean", mean),
                        "sd": _exp(log_sd.estimate),
                        "sd_low": _exp(log_sd.low),
                        "sd_high": _exp(log_sd.high),
                        **_in_range(model, j, mean),
                        "converged": group.converged,
                        **_diagnostics(results, name, group, weights),
                    }
                )
    return pd.DataFrame(rows)


def contrasts(results: FitResults) -> pd.DataFrame:
    """A row for each model, parameter and pair of groups; empty without groups.

    Columns: `model`, `parameter`, `group`, `other`; the `difference` of the first group's mean from the other's with
    `difference_se` and its 95% interval `difference_low`, `difference_high`; and the ratio of their standard deviations
    `sd_ratio` with the interval `sd_ratio_low`, `sd_ratio_high`.
    """
    rows = []
    for name, group, model in _each(results):
        design, d = group.design, len(model.parameters)
        for j, parameter in enumerate(model.parameters):
            for one, other in combinations(range(len(design.groups)), 2):
                mean = group.combination(design.mean_of(one, j, d) - design.mean_of(other, j, d))
                log_ratio = group.combination(design.log_sd_of(one, j, d) - design.log_sd_of(other, j, d))
                rows.append(
                    {
                        "model": name,
                        "parameter": parameter,
                        "group": design.groups[one],
                        "other": design.groups[other],
                        "difference": mean.estimate,
                        **_interval("difference", mean),
                        "sd_ratio": _exp(log_ratio.estimate),
                        "sd_ratio_low": _exp(log_ratio.low),
                        "sd_ratio_high": _exp(log_ratio.high),
                    }
                )
    return pd.DataFrame(rows)


def covariates(results: FitResults) -> pd.DataFrame:
    """A row for each model, covariate and parameter; empty without covariates.

    Columns: `model`, `covariate`, `parameter`; the `slope`, the change of the parameter's mean for a difference of one
    standard deviation of the covariate, with `slope_se` and its 95% interval `slope_low`, `slope_high`.
    """
    rows = []
    for name, group, model in _each(results):
        design, d = group.design, len(model.parameters)
        for i, covariate in enumerate(design.covariates):
            for j, parameter in enumerate(model.parameters):
                slope = group.combination(design.mean_of(len(design.groups) + i, j, d))
                keys = {"model": name, "covariate": covariate, "parameter": parameter}
                rows.append({**keys, "slope": slope.estimate, **_interval("slope", slope)})
    return pd.DataFrame(rows)


def correlations(results: FitResults) -> pd.DataFrame:
    """A row for each model and pair of its parameters; empty if no model has more than one.

    Columns: `model`, `parameter`, `other`; their `correlation` between participants of a group, with its 95% interval
    `low`, `high`.
    """
    rows = []
    for name, group, model in _each(results):
        if isinstance(group, Group):
            matrices = list(group.correlations)
        else:
            matrices = [group.correlations.mean(axis=(0, 1)), *np.quantile(group.correlations, INTERVAL, axis=(0, 1))]
        for i, j in combinations(range(len(model.parameters)), 2):
            found = [float(matrix[i, j]) for matrix in matrices]
            rows.append((name, model.parameters[i], model.parameters[j], *found))
    return pd.DataFrame(rows, columns=["model", "parameter", "other", "correlation", "low", "high"])


def _each(results: FitResults) -> Iterator[tuple[str, Group | Bayes, Model]]:
    for name, each in results.models.items():
        assert each.hierarchical is not None  # only called for hierarchical fits
        yield name, each.hierarchical, each.fit.model


def _exp(log: float) -> float:
    """The exponential of a logarithm, infinite where it is too large for a floating-point number."""
    return math.exp(log) if log < _LARGEST_LOG else math.inf


def _interval(name: str, found: Combination) -> Row:
    return {f"{name}_se": found.se, f"{name}_low": found.low, f"{name}_high": found.high}


def _in_range(model: Model, j: int, mean: Combination) -> Row:
    """The median of a group and its interval in the range of a parameter."""
    points = np.clip([mean.estimate, mean.low, mean.high], -_WIDEST, _WIDEST)
    values = model.constrain(torch.from_numpy(points)[:, None].expand(-1, len(model.parameters)))[:, j].tolist()
    return dict(zip(("median", "low", "high"), values, strict=True))


def _diagnostics(results: FitResults, name: str, group: Group | Bayes, weights: tuple[np.ndarray, ...]) -> Row:
    if isinstance(group, Group):
        bic = results.integrated_bic(name)
        return {"integrated_bic": bic, "iterations": group.iterations, "last_change": group.last_change}
    at = [int(each.argmax()) for each in weights]
    return {"rhat": float(group.rhat[at].max()), "ess": float(group.ess[at].min())}
