"""Figures of a benchmark."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from accept_reject.experiments.benchmark.results import Results, curve_width
from accept_reject.experiments.intervals import mean_interval
from accept_reject.experiments.style import COLOURS, DASHES, STYLE

PRIVILEGED_COLOUR = "#8A8A92"


def learning_curves(results: Results) -> Figure:
    """For each scenario, how often each agent asked the more valuing partner as the game went on."""
    entries = results.config.scenarios
    columns = min(3, len(entries))
    rows = -(-len(entries) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.5 * columns, 2.5 * rows + 0.7), layout="constrained")
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        lowest = 100.0
        for ax, entry in zip(axes, entries, strict=False):
            game = entry.resolve()
            width = curve_width(game)
            middle = np.minimum(np.arange(0, game.rounds, width) + (width + 1) / 2, game.rounds)
            for agent, style in _styles(results):
                curve = mean_interval(results.curves[entry.name, agent] * 100)
                ax.fill_between(middle, curve.low, curve.high, color=style["color"], alpha=0.2, linewidth=0)
                ax.plot(middle, curve.mean, label=agent, **style)
                lowest = np.fmin(lowest, np.fmin.reduce(curve.mean))
            if game.open_doors is not None:
                ax.axvline(game.opening_round + 0.5, color="0.6", linewidth=0.8)
                ax.annotate(
                    " doors open",
                    (game.opening_round + 0.5, 0.02),
                    xycoords=("data", "axes fraction"),
                    color="0.35",
                    fontsize=7.5,
                )
            _dress(ax, entry.name, game.rounds, game.offered)
        axes[0].set_ylim(max(0, 10 * np.floor(lowest / 10 - 1)), 102)
        for ax in axes[len(entries) :]:
            ax.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        inches = 0.5 + 0.065 * max(len(str(label)) for label in labels)  # that the longest name takes, with its line
        fitting = max(1, min(len(labels), int(figure.get_figwidth() / inches)))
        figure.legend(handles, labels, loc="outside upper center", ncols=fitting, frameon=False)
        figure.supxlabel("Round", fontsize=9)
        figure.supylabel("Asked the more valuing partner (% of choices, 95% interval over seeds)", fontsize=9)
    return figure


def _styles(results: Results) -> Iterable[tuple[str, dict[str, object]]]:
    """Each agent with its line's style; those who see the hidden state are grey."""
    names = [entry.name for entry in results.config.agents]
    players = [name for name in names if name not in results.privileged]
    for name in names:
        if name in results.privileged:
            dash = DASHES[1 + sorted(results.privileged).index(name) % (len(DASHES) - 1)]
            yield name, {"color": PRIVILEGED_COLOUR, "linestyle": dash, "linewidth": 1.2}
        else:
            i = players.index(name)
            dash = DASHES[(i // len(COLOURS)) % len(DASHES)]
            yield name, {"color": COLOURS[i % len(COLOURS)], "linestyle": dash, "linewidth": 1.6}


def _dress(ax: Axes, title: str, rounds: int, offered: int) -> None:
    if offered == 2:  # with more, several may be the best: chance depends on the offers
        ax.axhline(50, color="0.75", linewidth=0.8, zorder=0)
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_xlim(0, rounds)
    ax.set_xticks(np.linspace(0, rounds, 5).round())
