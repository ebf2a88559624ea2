"""Figures of a comparison: predictive accuracy, learning curves, stay/switch effects."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from accept_reject.experiments.analysis.curves import AXES, CURVES, By
from accept_reject.experiments.analysis.intervals import UNKNOWN, Interval, mean_interval
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.compare.run import Comparison, Player
from accept_reject.experiments.reporting.panels import percent_axis
from accept_reject.experiments.reporting.style import COLORS, STYLE

COLUMNS = 4


def learning_curves(comparison: Comparison, curve: str, by: By) -> Figure:
    """A panel for each player that played: its curve, with the participants'."""
    shown = [player for player in comparison.players if curve in player.curves.get(by, ())]
    participants = comparison.participants.curves[by].get(curve)
    x = comparison.points[by].middle
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.4 * columns + 0.4, 1.8 * rows + 1.2), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, player in zip(axes, shown, strict=False):
            mean, low, high = player.curves[by][curve].mean
            ax.fill_between(x, low, high, color=COLORS[0], alpha=0.25, linewidth=0)
            ax.plot(x, mean, color=COLORS[0], linewidth=1.5, label="player (mean, 95% interval)")
            if curve == "valuing" and comparison.data.choices.game.offered == 2:
                ax.axhline(0.5, color="0.75", linewidth=0.8, zorder=0)  # chance; with more, several may be the best
            if participants is not None:
                mean, low, high = participants.mean
                points = {"fmt": "o", "color": "black", "markersize": 2.5, "linewidth": 0.8, "label": "participants"}
                ax.errorbar(x, mean, [mean - low, high - mean], **points)
            ax.set_title(player.name, loc="left", fontsize=8.5)
        for ax in axes[len(shown) :]:
            ax.set_visible(False)
        for ax in axes[max(0, len(shown) - columns) : len(shown)]:  # the last one in its column
            ax.tick_params(labelbottom=True)
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(max(low, -0.02), min(high, 1.02))  # intervals of few players exceed the range of shares
        if by == "encounter":  # each point pools half as many encounters as came before it
            axes[0].set_xscale("log")
            axes[0].xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
            axes[0].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes[0].xaxis.set_minor_locator(NullLocator())
        percent_axis(axes[0].yaxis)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(2, columns), frameon=False, fontsize=8.5)
        figure.supxlabel(AXES[by], fontsize=9)
        figure.supylabel(CURVES[curve], fontsize=9)
    return figure


def stay_switch(comparison: Comparison) -> Figure:
    """Stay/switch effects of all players; the band is the participants' interval."""
    shown = [player for player in comparison.players if player.effects is not None]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 0.26 * len(shown) + 1.0), layout="constrained")
        for ax, effect in zip(figure.subplots(1, len(EFFECTS), sharey=True), EFFECTS, strict=True):
            participants = _effect(comparison.participants, effect)
            if np.isfinite(participants.mean):
                ax.axvspan(participants.low, participants.high, color="0.85", linewidth=0)
                ax.axvline(participants.mean, color="black", linewidth=1)
            for y, player in enumerate(shown):
                _dot(ax, _effect(player, effect), y)
            ax.axvline(0, color="0.75", linewidth=0.8, zorder=0)
            ax.set_xlabel(f"Effect of the last {effect}\n(log odds per SD; band: participants)")
            ax.set_yticks(range(len(shown)), [player.name for player in shown])
            ax.set_ylim(len(shown) - 0.5, -0.5)
    return figure


def prediction(comparison: Comparison) -> Figure:
    """Held-out NLL of all players, sorted with the best one at the top, and the NLL of chance."""
    shown = comparison.ranked
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.26 * max(len(shown), 2) + 1.0), layout="constrained")
        ax = figure.subplots()
        for y, player in enumerate(shown):
            assert player.nll is not None  # ranked by it
            _dot(ax, mean_interval(player.nll), y)
        chance = np.log(comparison.data.choices.game.offered)
        ax.axvline(chance, color="0.6", linewidth=0.8, linestyle="--")
        ax.annotate(" chance", (chance, 0.02), xycoords=("data", "axes fraction"), color="0.35", fontsize=7.5)
        ax.set_yticks(range(len(shown)), [player.name for player in shown])
        ax.set_ylim(len(shown) - 0.5, -0.5)
        ax.set_xlabel("Held-out NLL per choice (nats, 95% interval); lower is better")
    return figure


def prediction_and_score(comparison: Comparison) -> Figure:
    """Predictive accuracy against the valuing score of all players."""
    shown = [
        (player, mean_interval(player.nll), player.scores["valuing"])
        for player in comparison.players
        if player.nll is not None and "valuing" in player.scores
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        ax = figure.subplots()
        for number, (player, nll, score) in enumerate(shown, start=1):
            color = COLORS[(number - 1) % len(COLORS)]
            ax.hlines(score.mean, nll.low, nll.high, color=color, linewidth=0.8, alpha=0.6)
            ax.vlines(nll.mean, score.low, score.high, color=color, linewidth=0.8, alpha=0.6)
            name = f"{number}  {player.name}"
            ax.plot(nll.mean, score.mean, "o", color=color, markersize=11, alpha=0.9, label=name)
            ink = "black" if color in COLORS[3:6] else "white"  # readable on its color
            ax.annotate(str(number), (nll.mean, score.mean), ha="center", va="center", color=ink, fontsize=7)
        participants = comparison.participants.scores["valuing"]
        if np.isfinite(participants.mean):
            ax.axhspan(participants.low, participants.high, color="0.88", linewidth=0, zorder=0)
            outside = (1.01, participants.mean)  # where no interval crosses it
            ax.annotate("participants", outside, xycoords=("axes fraction", "data"), ha="left", va="center")
        ax.axvline(np.log(comparison.data.choices.game.offered), color="0.6", linewidth=0.8, linestyle="--")
        ax.invert_xaxis()
        ax.set_xlabel("Held-out NLL per choice (nats, 95% interval)\nfurther right: better prediction")
        ax.set_ylabel("Valuing score (0: chance, 1: oracle; 95% interval)")
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8, markerscale=0.6)
    return figure


def _effect(player: Player, effect: str) -> Interval:
    if player.effects is None:
        return UNKNOWN
    return Interval(*player.effects.set_index("effect").loc[effect, ["estimate", "low", "high"]])


def _dot(ax: Axes, interval: Interval, y: int) -> None:
    ax.hlines(y, interval.low, interval.high, color=COLORS[0], linewidth=1.5)
    ax.plot(interval.mean, y, "o", color=COLORS[0], markersize=4)
