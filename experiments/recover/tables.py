"""Tables of a recovery: what a reader wants to know first."""

from __future__ import annotations

import numpy as np

from accept_reject.experiments.analysis.intervals import Interval
from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.recover.run import RecoverResults, wilson
from accept_reject.experiments.reporting.tables import DASH, TextTable, cell


def parameters(results: RecoverResults) -> TextTable:
    """How well each parameter is recovered, for each length of the game."""
    frame = results.parameters.drop_duplicates(["rounds", "model", "parameter"])
    columns = {"r": "r", "r, post. mean": "r_posterior_mean", "rho": "rho", "bias": "bias", "RMSE": "rmse"}
    rows = [
        (
            str(row["rounds"]),
            row["model"],
            row["parameter"],
            *(_number(row[column], ".2f") for column in columns.values()),
            f"{row['coverage']:.0%}",
        )
        for row in frame.to_dict("records")
    ]
    return TextTable(
        "Parameters of simulated participants", ("rounds", "model", "parameter", *columns, "coverage"), tuple(rows)
    )


def confusion(results: RecoverResults) -> TextTable | None:
    """Which model wins where each one made the choices, for each size of a study; None for a single model."""
    frame = results.confusion
    if frame.empty:
        return None
    names = [entry.name for entry in results.config.models]
    rows = []
    for (rounds, size, generating), each in frame.groupby(["rounds", "participants", "generating"], sort=False):
        by_model = each.set_index("fitted")
        wins = [f"{by_model.wins[name]:.0%}" for name in names]
        rows.append((str(rounds), str(size), str(generating), *wins, f"{by_model.decided[generating]:.0%}"))
    header = ("rounds", "of", "made by", *(f"{name} wins" for name in names), f"right, PXP > {DECIDED:g}")
    return TextTable("Models: how often each one wins in simulated studies", header, tuple(rows))


def design(results: RecoverResults) -> TextTable:
    """What more rounds and participants buy: verdicts for the right model, correlations of estimates with truths."""
    config, confused, found = results.config, results.confusion, results.parameters
    columns: dict[str, list[str]] = {}
    for model, each in confused[confused.generating == confused.fitted].groupby("fitted", sort=False):
        shares = 100 * np.array(wilson(each.decided.to_numpy(), config.studies))
        columns[f"{model}: right (%)"] = [cell(Interval(*share), 0) for share in shares.T]
    for (model, parameter), each in found.groupby(["model", "parameter"], sort=False):
        ends = zip(each.r, each.r_low, each.r_high, strict=True)
        columns[f"{model}: r of {parameter.replace('_', ' ')}"] = [cell(Interval(*end)) for end in ends]
    sizes = [(str(rounds), str(size)) for rounds in config.lengths for size in config.participants]
    rows = [(*size, *cells) for size, *cells in zip(sizes, *columns.values(), strict=True)]
    return TextTable("By rounds and participants", ("rounds", "of", *columns), tuple(rows))


def _number(value: float, form: str) -> str:
    return DASH if np.isnan(value) else f"{value:{form}}".replace("-0.00", "0.00")
