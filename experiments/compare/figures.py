"""Figures of a comparison: learning curves, stay/switch effects, and likeness to people against score."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from accept_reject.experiments.compare.results import Beside, Player
from accept_reject.experiments.curves import AXES, CURVES, By
from accept_reject.experiments.intervals import UNKNOWN, Interval, mean_interval
from accept_reject.experiments.signatures import EFFECTS
from accept_reject.experiments.style import COLOURS, STYLE

COLUMNS = 4


def learning_curves(beside: Beside, curve: str, by: By) -> Figure:
    """A panel for each player that played: its curve, laid over the participants'."""
    shown = [player for player in beside.players if curve in player.curves.get(by, ())]
    people = beside.people.curves[by].get(curve)
    x = beside.points[by].middle
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.4 * columns + 0.4, 1.8 * rows + 1.2), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, player in zip(axes, shown, strict=False):
            found = player.curves[by][curve].mean
            ax.fill_between(x, found.low, found.high, color=COLOURS[0], alpha=0.25, linewidth=0)
            ax.plot(x, found.mean, color=COLOURS[0], linewidth=1.5, label="the player (mean, 95% interval)")
            if curve == "valuing" and beside.data.choices.game.offered == 2:
                ax.axhline(50, color="0.75", linewidth=0.8, zorder=0)  # chance; with more, several may be the best
            if people is not None:
                mean, low, high = people.mean
                points = {"fmt": "o", "color": "black", "markersize": 2.5, "linewidth": 0.8, "label": "people"}
                ax.errorbar(x, mean, [mean - low, high - mean], **points)
            ax.set_title(player.name, loc="left", fontsize=8.5)
        for ax in axes[len(shown) :]:
            ax.set_visible(False)
        for ax in axes[max(0, len(shown) - columns) : len(shown)]:  # the lowest of its column
            ax.tick_params(labelbottom=True)
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(max(low, -2), min(high, 102))  # intervals of few players go beyond what there is
        if by == "meeting":  # each point pools half as many as came before it
            axes[0].set_xscale("log")
            axes[0].xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
            axes[0].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes[0].xaxis.set_minor_locator(NullLocator())
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(2, columns), frameon=False, fontsize=8.5)
        figure.supxlabel(AXES[by], fontsize=9)
        figure.supylabel(CURVES[curve], fontsize=9)
    return figure


def effects(beside: Beside) -> Figure:
    """Stay/switch effects of everyone, the participants' interval as a band."""
    shown = [player for player in beside.players if player.effects is not None]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 0.26 * len(shown) + 1.0), layout="constrained")
        for ax, effect in zip(figure.subplots(1, len(EFFECTS), sharey=True), EFFECTS, strict=True):
            people = _effect(beside.people, effect)
            if np.isfinite(people.mean):
                ax.axvspan(people.low, people.high, color="0.85", linewidth=0)
                ax.axvline(people.mean, color="black", linewidth=1)
            for at, player in enumerate(shown):
                _dot(ax, _effect(player, effect), at)
            ax.axvline(0, color="0.75", linewidth=0.8, zorder=0)
            ax.set_xlabel(f"Effect of the last {effect}\n(log odds for one SD; band: people)")
            ax.set_yticks(range(len(shown)), [player.name for player in shown])
            ax.set_ylim(len(shown) - 0.5, -0.5)
    return figure


def likeness(beside: Beside) -> Figure:
    """Who is most like people, and who finds valuing partners best."""
    shown = [
        (player, mean_interval(player.loss), player.scores["valuing"])
        for player in beside.players
        if player.loss is not None and "valuing" in player.scores
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        ax = figure.subplots()
        for number, (player, loss, score) in enumerate(shown, start=1):
            colour = COLOURS[(number - 1) % len(COLOURS)]
            ax.hlines(score.mean, loss.low, loss.high, color=colour, linewidth=0.8, alpha=0.6)
            ax.vlines(loss.mean, score.low, score.high, color=colour, linewidth=0.8, alpha=0.6)
            name = f"{number}  {player.name}"
            ax.plot(loss.mean, score.mean, "o", color=colour, markersize=11, alpha=0.9, label=name)
            ink = "black" if colour in COLOURS[3:6] else "white"  # whichever can be read on it
            ax.annotate(str(number), (loss.mean, score.mean), ha="center", va="center", color=ink, fontsize=7)
        people = beside.people.scores["valuing"]
        if np.isfinite(people.mean):
            ax.axhspan(people.low, people.high, color="0.88", linewidth=0, zorder=0)
            beside_axes = (1.01, people.mean)  # where no interval crosses it
            ax.annotate("people", beside_axes, xycoords=("axes fraction", "data"), ha="left", va="center")
        ax.axvline(np.log(beside.data.choices.game.offered), color="0.6", linewidth=0.8, linestyle="--")
        ax.invert_xaxis()
        ax.set_xlabel("Loss per held-out choice of people (nats, 95% interval)\nmore like people to the right")
        ax.set_ylabel("Valuing score (0: chance, 1: oracle; 95% interval)")
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8, markerscale=0.6)
    return figure


def _effect(player: Player, effect: str) -> Interval:
    if player.effects is None:
        return UNKNOWN
    return Interval(*player.effects.set_index("effect").loc[effect, ["estimate", "low", "high"]])


def _dot(ax: Axes, found: Interval, at: int) -> None:
    ax.hlines(at, found.low, found.high, color=COLOURS[0], linewidth=1.5)
    ax.plot(found.mean, at, "o", color=COLOURS[0], markersize=4)
