"""Tables of a recovery: what a reader wants to know first."""

from __future__ import annotations

import numpy as np

from accept_reject.experiments.recover.results import DECIDED, RecoverResults
from accept_reject.experiments.tables import DASH, TextTable


def parameters(results: RecoverResults) -> TextTable:
    """How well each parameter is recovered, for each length of the game."""
    frame = results.parameters_frame().drop_duplicates(["rounds", "model", "parameter"])
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
    frame = results.confusion_frame()
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


def _number(value: float, form: str) -> str:
    return DASH if np.isnan(value) else f"{value:{form}}".replace("-0.00", "0.00")
