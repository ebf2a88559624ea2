"""Tables of a training run, for the terminal and for its report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accept_reject.experiments.analysis.curves import CURVES
from accept_reject.experiments.analysis.intervals import Interval, mean_of_defined
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.reporting.tables import TextTable, cell, percent_cell
from accept_reject.experiments.train.loop import Progress

SCALARS = {
    "eval/regret": "regret per episode",
    "eval/valuing": "valuing score",
    "eval/accepted": "accepted score",
    "eval/nll": "NLL per choice",
    "eval/prediction": "prediction loss",
}
"""The scalars of evaluations, with their names in tables."""


def before_and_after(progress: Progress) -> pd.DataFrame:
    """Evaluations of the untrained network and of the network with the weights that are kept.

    Returns:
        Columns `run`, `name`, `before` and `after`.
    """
    index = progress.best_at if progress.best_weights else -1
    values: dict[tuple[str, str], list[float]] = {}
    for _, run, name, value in progress.history:
        if name in SCALARS:
            values.setdefault((run, name), []).append(value)
    rows = [(run, name, scalars[0], scalars[index]) for (run, name), scalars in values.items()]
    return pd.DataFrame(rows, columns=["run", "name", "before", "after"])


def evaluations(table: pd.DataFrame) -> TextTable:
    """Evaluations before and after training, with a row for each scenario or group of participants and each scalar.

    Args:
        table: As from `before_and_after`.
    """
    several = table.run.nunique() > 1
    rows = [
        (
            f"{row.run}: {SCALARS[row.name]}" if several else SCALARS[row.name],
            *(cell(Interval(value, np.nan, np.nan), 4) for value in (row.before, row.after)),
        )
        for row in table.itertuples(index=False, name="Row")
    ]
    return TextTable("Evaluations", ("scalar", "before training", "after training"), tuple(rows))


def held_out(table: pd.DataFrame) -> TextTable:
    """Held-out prediction, with a row for each player.

    Args:
        table: As from `frames.summarize`.
    """
    cells = {
        "player": table.player,
        "NLL per choice": [cell(Interval(*row), 4) for row in table[["nll", "low", "high"]].to_numpy()],
        "likelihood": [f"{likelihood:.4f}" for likelihood in table.likelihood],
    }
    if "share_explained" in table:
        cells["share explained"] = [f"{round(share, 3) + 0.0:.3f}" for share in table.share_explained]
    return TextTable("Held-out participants", tuple(cells), tuple(zip(*cells.values(), strict=True)))


def stay_switch(effects: pd.DataFrame) -> TextTable:
    """Stay/switch effects of the free-running network and of the participants.

    Args:
        effects: As from `frames.free_running`.
    """
    rows = []
    for player, of_player in effects.groupby("player", sort=False):
        by_effect = of_player.set_index("effect")
        rows.append((player, *(cell(Interval(*by_effect.loc[name, ["estimate", "low", "high"]])) for name in EFFECTS)))
    header = ("player", *(f"last {name}" for name in EFFECTS))
    return TextTable("Stay/switch effects (log odds per SD)", header, tuple(rows))


def learning_curves(curves: pd.DataFrame) -> list[TextTable]:
    """Learning curves of the free-running network and of the participants, in quarters of the game.

    Args:
        curves: As from `frames.free_running`.
    """
    tables = []
    for curve, of_curve in curves.groupby("curve", sort=False):
        rows: list[tuple[str, ...]] = []
        header: tuple[str, ...] = ("player",)
        for player, of_player in of_curve.groupby("player", sort=False):
            quarters = np.array_split(of_player["mean"].to_numpy(), min(4, len(of_player)))
            means = [Interval(mean_of_defined(quarter), np.nan, np.nan) for quarter in quarters]
            rows.append((player, *map(percent_cell, means)))
            header = ("player", *(f"quarter {number}" for number in range(1, len(means) + 1)))
        tables.append(TextTable(CURVES[curve], header, tuple(rows)))
    return tables
