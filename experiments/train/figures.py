"""Figures of a training: how it went, and what it came to."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from accept_reject.experiments.curves import CURVES
from accept_reject.experiments.panels import stay_effects
from accept_reject.experiments.style import STYLE, colours

FOLLOWED = {
    "eval/regret": "Regret of an episode, played greedily",
    "eval/valuing": "Valuing score (0: chance, 1: oracle)",
    "eval/accepted": "Accepted score (0: chance, 1: oracle)",
    "eval/loss": "Loss per choice (nats)",
    "eval/prediction": "Loss of foreseeing answers",
}
"""Scalars of evaluations that are drawn, with what their axes say."""


def evaluations(scalars: pd.DataFrame) -> Figure:
    """How evaluations went on, against the rounds seen: a panel for each score, a line for each part.

    Args:
        scalars: The history: columns `rounds`, `run`, `name`, `value`.
    """
    shown = [name for name in FOLLOWED if (scalars.name == name).any()]
    runs = [run for run in dict.fromkeys(scalars.run) if run != "train"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(shown), 3.2), layout="constrained")
        for ax, name in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
            for run, colour in zip(runs, colours(len(runs)), strict=True):
                line = scalars[(scalars.run == run) & (scalars.name == name)]
                ax.plot(line.rounds / 1e6, line.value, color=colour, linewidth=1.5, label=run)
            ax.set_xlabel("Rounds seen (millions)")
            ax.set_ylabel(FOLLOWED[name])
        if len(runs) > 1:
            handles, labels = ax.get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper center", ncols=min(5, len(runs)), frameon=False)
    return figure


def held_out(table: pd.DataFrame) -> Figure:
    """The loss per choice on held-out participants: the network beside everyone else, the best one below.

    Args:
        table: A row for each player: `player`, `loss`, `low`, `high`.
    """
    table = table.sort_values("loss", ascending=False, ignore_index=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 0.32 * len(table) + 1.0), layout="constrained")
        ax = figure.subplots()
        for at, row in table.iterrows():
            colour = colours(1)[0] if row.player == "network" else "0.35"
            ax.hlines(at, row.low, row.high, color=colour, linewidth=2)
            ax.plot(row.loss, at, "o", color=colour, markersize=6)
        ax.set_yticks(range(len(table)), table.player)
        ax.set_ylim(len(table) - 0.5, -0.5)
        ax.set_xlabel("Loss per choice (nats, 95% interval over participants)")
    return figure


def free_running(curves: pd.DataFrame, effects: pd.DataFrame) -> Figure:
    """The network that plays by itself, laid over its teachers: learning curves and stay/switch effects.

    Args:
        curves: Columns `curve`, `player`, `round`, and in percent `mean`, `low`, `high`.
        effects: Columns `effect`, `player`, `estimate`, `low`, `high`.
    """
    shown = [name for name in CURVES if (curves.curve == name).any()]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * (len(shown) + 1), 3.2), layout="constrained")
        axes = figure.subplots(1, len(shown) + 1)
        for ax, name in zip(axes, shown, strict=False):
            rows = curves[curves.curve == name]
            network, teachers = (rows[rows.player == player] for player in ("network", "teachers"))  # may lack a curve
            ax.fill_between(network["round"], network.low, network.high, color=colours(1)[0], alpha=0.2, linewidth=0)
            ax.plot(network["round"], network["mean"], color=colours(1)[0], linewidth=1.6, label="network")
            error = [teachers["mean"] - teachers.low, teachers.high - teachers["mean"]]
            points = {"fmt": "o", "color": "black", "markersize": 3.5, "linewidth": 0.9, "label": "teachers"}
            ax.errorbar(teachers["round"], teachers["mean"], error, **points)
            ax.set_xlabel("Round")
            ax.set_ylabel(CURVES[name])
        stay_effects(axes[-1], effects, {"teachers": "black", "network": colours(1)[0]})
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure
