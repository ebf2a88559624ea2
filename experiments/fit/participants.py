"""Groups and covariates of a fit, from the columns of `participants.tsv`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accept_reject.errors import InvalidInputError, shorten, suggest
from accept_reject.experiments.data.bids import MISSING
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.inference.design import Design

MAX_GROUPS = 20
"""Largest number of groups; a column with more is probably not one of groups."""

EXCLUDE = " (with `exclude` in the config of a table)"
"""How participants are left out."""

_INDEPENDENT = 1e-6
"""A smaller part of a standardized covariate that others don't determine counts as rounding."""

_NAMED = 5
"""Number of participants that a message names."""


def design_of(config: FitConfig, data: Data) -> Design:
    """Return the design of the hierarchical models.

    Args:
        config: The config with the names of the columns.
        data: The data.

    Raises:
        InvalidInputError: With every problem of the columns.
    """
    n = len(data.choices)
    if config.groups is None and not config.covariates:
        return Design.common(n)
    if data.participants is None:
        problem = (
            "groups and covariates are properties of participants: columns of participants.tsv in a BIDS data set, or "
            "`participants` or `columns.properties` in the config of a table; got data without them"
        )
        raise InvalidInputError(config.data, [problem])
    problems: list[str] = []
    table = data.participants.replace({MISSING: None, "": None})
    named = [("covariates", name) for name in config.covariates]
    for key, name in [("groups", config.groups), *named] if config.groups else named:
        if name not in table:
            known = ", ".join(map(str, table.columns)) or "there are none"
            problem = f"must be a property of participants ({known}), got {name!r}"
            problems.append(f"{key}: {problem}{suggest(name, map(str, table.columns))}")
        elif table[name].isna().any():
            without = table.index[table[name].isna()]
            more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
            problems.append(
                f"{key}: {name!r} has no value for {', '.join(without[:_NAMED])}{more}; leave them out{EXCLUDE}"
            )
    if not problems:
        problems += _check_groups(config.groups, table) + _check_covariates(config.covariates, table)
    if problems:
        raise InvalidInputError(config.data, problems)
    groups = None if config.groups is None else table[config.groups].tolist()
    covariates = {name: table[name].astype(float).tolist() for name in config.covariates}
    design = Design.of(groups, covariates, n)
    if np.linalg.matrix_rank(design.regressors.numpy(), tol=_INDEPENDENT * n**0.5) < design.regressors.shape[1]:
        names = ", ".join(name for _, name in named)
        within = f" within groups of {config.groups}" if config.groups else ""
        problem = f"covariates: {names} must not determine each other{within}, as effects can't be separated"
        raise InvalidInputError(config.data, [problem])
    return design


def _check_groups(groups: str | None, table: pd.DataFrame) -> list[str]:
    if groups is None:
        return []
    found = table[groups].unique()
    if 2 <= len(found) <= MAX_GROUPS:
        return []
    return [f"groups: {groups!r} must have from 2 to {MAX_GROUPS} different values, got {len(found)}"]


def _check_covariates(covariates: tuple[str, ...], table: pd.DataFrame) -> list[str]:
    problems = []
    for name in covariates:
        values = pd.to_numeric(table[name], errors="coerce")
        wrong = values.isna() | ~np.isfinite(values)
        if wrong.any():
            problems.append(
                f"covariates: {name!r} must be numbers, got {shorten(table[name][wrong].iloc[0])} for "
                f"{table.index[wrong][0]}; a column of names can be used as groups, and for decimal commas write "
                '`decimal: ","` into the config of the table'
            )
        elif values.nunique() < 2:
            problems.append(f"covariates: {name!r} must vary between participants, got {values.iloc[0]:g} for all")
    return problems
