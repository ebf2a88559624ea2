"""Figures of a training run: evaluations over time, held-out prediction, and free-running behavior of the network."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from accept_reject.experiments.analysis.curves import CURVES
from accept_reject.experiments.analysis.scores import ANCHORED
from accept_reject.experiments.reporting.panels import percent_axis, stay_effects
from accept_reject.experiments.reporting.style import STYLE, colors
from accept_reject.experiments.train.frames import NETWORK

SCALARS = {
    "eval/regret": "Regret per episode, greedy play",
    **{f"eval/{score}": f"{score.capitalize()} score (0: chance, 1: oracle)" for score in ANCHORED},
    "eval/nll": "Validation NLL per choice (nats)",
    "eval/prediction": "Prediction loss of feedback",
}
"""The scalars of evaluations that are drawn, with their axis labels."""


def evaluations(history: pd.DataFrame) -> Figure:
    """Evaluations against the number of rounds seen: a panel for each scalar, a line for each part.

    Args:
        history: Columns `rounds`, `run`, `name`, `value`.
    """
    shown = [name for name in SCALARS if (history.name == name).any()]
    runs = [run for run in dict.fromkeys(history.run) if run != "train"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(shown), 3.2), layout="constrained")
        for ax, name in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
            for run, color in zip(runs, colors(len(runs)), strict=True):
                line = history[(history.run == run) & (history.name == name)]
                ax.plot(line.rounds / 1e6, line.value, color=color, linewidth=1.5, label=run)
            ax.set_xlabel("Rounds seen (millions)")
            ax.set_ylabel(SCALARS[name])
        if len(runs) > 1:
            handles, labels = ax.get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper center", ncols=min(5, len(runs)), frameon=False)
    return figure


def held_out(table: pd.DataFrame) -> Figure:
    """The NLL per choice of held-out participants under each player, sorted, with the best one at the bottom.

    Args:
        table: A row for each player: `player`, `nll`, `low`, `high`.
    """
    table = table.sort_values("nll", ascending=False, ignore_index=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 0.32 * len(table) + 1.0), layout="constrained")
        ax = figure.subplots()
        for at, row in table.iterrows():
            color = colors(1)[0] if row.player == NETWORK else "0.35"
            ax.hlines(at, row.low, row.high, color=color, linewidth=2)
            ax.plot(row.nll, at, "o", color=color, markersize=6)
        ax.set_yticks(range(len(table)), table.player)
        ax.set_ylim(len(table) - 0.5, -0.5)
        ax.set_xlabel("NLL per choice (nats, 95% interval over participants)")
    return figure


def free_running(curves: pd.DataFrame, effects: pd.DataFrame) -> Figure:
    """Behavior of the network that plays on its own, compared with participants: learning curves, stay/switch effects.

    Args:
        curves: Columns `curve`, `player`, `round`, and as shares 0..1 `mean`, `low`, `high`.
        effects: Columns `effect`, `player`, `estimate`, `low`, `high`.
    """
    shown = [name for name in CURVES if (curves.curve == name).any()]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * (len(shown) + 1), 3.2), layout="constrained")
        axes = figure.subplots(1, len(shown) + 1)
        for ax, name in zip(axes, shown, strict=False):
            rows = curves[curves.curve == name]
            network = rows[rows.player == NETWORK]  # may lack a curve
            participants = rows[rows.player == "participants"]
            ax.fill_between(network["round"], network.low, network.high, color=colors(1)[0], alpha=0.2, linewidth=0)
            ax.plot(network["round"], network["mean"], color=colors(1)[0], linewidth=1.6, label=NETWORK)
            error = [participants["mean"] - participants.low, participants.high - participants["mean"]]
            points = {"fmt": "o", "color": "black", "markersize": 3.5, "linewidth": 0.9, "label": "participants"}
            ax.errorbar(participants["round"], participants["mean"], error, **points)
            ax.set_xlabel("Round")
            ax.set_ylabel(CURVES[name])
            percent_axis(ax.yaxis)
        stay_effects(axes[-1], effects, {"participants": "black", NETWORK: colors(1)[0]})
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure
