"""Panels that figures of several commands share."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from accept_reject.experiments.signatures import EFFECTS

TITLE_WIDTH = 33
"""Letters in a line of a title; a panel of three inches has room for some more."""


def title(ax: Axes, text: str) -> None:
    """Give a panel its title, in several lines if need be: names of models come from users."""
    ax.set_title(textwrap.fill(text, TITLE_WIDTH), loc="left", fontsize=9.5)


def stay_effects(ax: Axes, effects: pd.DataFrame, styles: Mapping[str, str], labels: Mapping[str, str] = {}) -> None:
    """Stay/switch effects of several players side by side, with their intervals.

    Args:
        ax: Where they are drawn.
        effects: A row for each effect of each player: `player`, `effect`, `estimate`, `low`, `high`.
        styles: Colours by player, in the order from left to right.
        labels: What the legend calls a player, if not by its name.
    """
    for place, (name, colour) in enumerate(styles.items()):
        rows = effects[effects.player == name]
        at = [EFFECTS.index(effect) + 0.13 * (place - (len(styles) - 1) / 2) for effect in rows.effect]
        error = [rows.estimate - rows.low, rows.high - rows.estimate]
        label = labels.get(name, name)
        ax.errorbar(at, rows.estimate, error, fmt="o", color=colour, markersize=4, linewidth=1.2, label=label)
    ax.axhline(0, color="0.75", linewidth=0.8, zorder=0)
    ax.set_xticks(range(len(EFFECTS)), [f"last {effect}" for effect in EFFECTS])
    ax.set_xlim(-0.6, len(EFFECTS) - 0.4)
    ax.set_ylabel("Effect on staying\n(log odds for one SD)")
