"""Panels that are used in the figures of several commands."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import PercentFormatter

from accept_reject.experiments.analysis.stay_switch import EFFECTS

TITLE_WIDTH = 33
"""Characters in a line of a title that fit in a panel of three inches."""


def title(ax: Axes, text: str) -> None:
    """Set the title of a panel, wrapped into several lines if it is long."""
    ax.set_title(textwrap.fill(text, TITLE_WIDTH), loc="left", fontsize=9.5)


def percent_axis(axis: Axis) -> None:
    """Show shares in percent, without percent signs: the axis label has one."""
    axis.set_major_formatter(PercentFormatter(1, symbol=""))


def stay_effects(ax: Axes, effects: pd.DataFrame, styles: Mapping[str, str], labels: Mapping[str, str] = {}) -> None:
    """Draw stay/switch effects of several players with their intervals.

    Args:
        ax: The panel.
        effects: One row for each effect of each player: `player`, `effect`, `estimate`, `low`, `high`.
        styles: Colors by player, in the order from left to right.
        labels: Labels in the legend; by default the players' names.
    """
    for place, (name, color) in enumerate(styles.items()):
        rows = effects[effects.player == name]
        at = [EFFECTS.index(effect) + 0.13 * (place - (len(styles) - 1) / 2) for effect in rows.effect]
        error = [rows.estimate - rows.low, rows.high - rows.estimate]
        label = labels.get(name, name)
        ax.errorbar(at, rows.estimate, error, fmt="o", color=color, markersize=4, linewidth=1.2, label=label)
    ax.axhline(0, color="0.75", linewidth=0.8, zorder=0)
    ax.set_xticks(range(len(EFFECTS)), [f"last {effect}" for effect in EFFECTS])
    ax.set_xlim(-0.6, len(EFFECTS) - 0.4)
    ax.set_ylabel("Effect on staying\n(log odds per SD)")
