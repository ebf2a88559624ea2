"""Figures of a benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from accept_reject.experiments.analysis.curves import curve_points
from accept_reject.experiments.analysis.intervals import Interval, mean_interval
from accept_reject.experiments.analysis.scores import ANCHORED, SCORES, ScoreName
from accept_reject.experiments.benchmark.aggregate import THRESHOLDS, Aggregates
from accept_reject.experiments.benchmark.run import CURVE_POINTS, Results
from accept_reject.experiments.reporting.panels import percent_axis
from accept_reject.experiments.reporting.style import COLORS, DASHES, STYLE

PRIVILEGED_COLOR = "#8A8A92"
SCORE_STYLES = dict(zip(SCORES, zip(COLORS, "osD^vP", strict=False), strict=False))
"""Color and marker of each score."""


def interquartile_means(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> Figure:
    """For each score, the interquartile mean of every agent, sorted by the headline score."""
    agents = results.ranking(SCORES[0])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.24 * max(len(agents), 3) + 1), layout="constrained")
        for ax, score in zip(figure.subplots(1, len(SCORES), sharey=True), SCORES, strict=True):
            aggregate = aggregates[score]
            rows = [agents.index(agent) for agent in aggregate.agents]
            _dots(ax, rows, aggregate.interquartile_mean, score)
            _agent_labels(ax, [results.label(agent) for agent in agents])
            ax.set_xlabel(f"{score.capitalize()}, interquartile mean")
    return figure


def scores_by_scenario(results: Results) -> Figure:
    """For each scenario, the anchored scores of every agent, sorted by the headline score over all scenarios."""
    agents, entries = results.ranking(SCORES[0]), results.config.scenarios
    columns = min(3, len(entries))
    rows = -(-len(entries) // columns)
    with mpl.rc_context(STYLE):
        height = (0.19 * max(len(agents), 3) + 0.5) * rows + 0.6
        figure = Figure(figsize=(2.7 * columns + 1.4, height), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, entry in zip(axes, entries, strict=False):
            for offset, score in zip(np.linspace(-0.15, 0.15, len(ANCHORED)), ANCHORED, strict=True):
                values = results.values(score)
                interval = mean_interval(np.stack([values[entry.name, agent] for agent in agents], axis=1))
                _dots(ax, np.arange(len(agents)) + offset, interval, score)
            _agent_labels(ax, [results.label(agent) for agent in agents])
            ax.tick_params(axis="y", labelsize=7.5)
            ax.set_title(entry.name, loc="left", fontsize=10)
        for ax in axes[len(entries) :]:
            ax.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(ANCHORED), frameon=False)
        figure.supxlabel("Score (0: chance, 1: oracle; 95% interval over seeds)", fontsize=9)
    return figure


def performance_profiles(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> Figure:
    """For each anchored score, the share of each agent's runs that score above a threshold."""
    styles = dict(_styles(results))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 4.6), layout="constrained")
        for ax, score in zip(figure.subplots(1, len(ANCHORED), sharey=True), ANCHORED, strict=True):
            aggregate = aggregates[score]
            for row, agent in enumerate(aggregate.agents):
                if agent not in results.privileged:
                    ax.plot(THRESHOLDS, aggregate.profile[row], label=agent, **styles[agent])
            ax.set_xlabel(f"{score.capitalize()} score (0: chance, 1: oracle)")
            ax.set_xlim(0, 1)
        figure.axes[0].set_ylabel("Runs above the score (%)")
        percent_axis(figure.axes[0].yaxis)
        _legend(figure, figure.axes[0])
    return figure


def improvement(results: Results, aggregates: Aggregates, score: ScoreName) -> Figure:
    """The probability that a run of one agent scores higher than a run of another, in percent."""
    shown = [row for row, agent in enumerate(aggregates.agents) if agent not in results.privileged]
    names = [aggregates.agents[row] for row in shown]
    percent = 100 * aggregates.improvement.mean[np.ix_(shown, shown)]
    with mpl.rc_context(STYLE):
        cells = max(len(names), 6)  # room for the title and the labels of the axes
        figure = Figure(figsize=(0.42 * cells + 1.8, 0.3 * cells + 2), layout="constrained")
        ax = figure.subplots()
        ax.pcolormesh(percent, cmap="PuOr_r", vmin=0, vmax=100)
        ax.invert_yaxis()
        for (row, column), value in np.ndenumerate(percent):
            if row != column:
                color = "white" if abs(value - 50) > 30 else "black"
                ax.text(column + 0.5, row + 0.5, f"{value:.0f}", ha="center", va="center", fontsize=7, color=color)
        ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90)
        ax.set_yticks(np.arange(len(names)) + 0.5, names)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(f"Probability of a higher {score} score (%)", loc="left", fontsize=10)
        ax.set_xlabel("... than a run of this agent")
        ax.set_ylabel("A run of this agent scores higher ...")
    return figure


def learning_curves(results: Results) -> Figure:
    """For each scenario, how often agents chose the partner that values them most, over the course of the game."""
    entries = results.config.scenarios
    columns = min(3, len(entries))
    rows = -(-len(entries) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(7, 3.5 * columns), 2.5 * rows + 0.5), layout="constrained")
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        lowest = 1.0
        for ax, entry in zip(axes, entries, strict=False):
            game = entry.resolve()
            middle = curve_points(game, n=CURVE_POINTS).middle
            for agent, style in _styles(results):
                curve = results.curves[entry.name, agent].interval
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
            _format_axes(ax, entry.name, game.rounds, game.offered)
        axes[0].set_ylim(max(0, np.floor(10 * lowest - 1) / 10), 1.02)
        percent_axis(axes[0].yaxis)
        for ax in axes[len(entries) :]:
            ax.set_visible(False)
        _legend(figure, axes[0])
        figure.supxlabel("Round", fontsize=9)
        gap = "\n" if rows == 1 else " "  # a single row is too low for the label on one line
        label = f"Chose the partner that values it most{gap}(% of choices, 95% interval over seeds)"
        figure.supylabel(label, fontsize=9)
    return figure


def _styles(results: Results) -> Iterable[tuple[str, dict[str, object]]]:
    """The line style of each agent; those that see the hidden state are gray."""
    names = [entry.name for entry in results.config.agents]
    players = [name for name in names if name not in results.privileged]
    for name in names:
        if name in results.privileged:
            dash = DASHES[1 + sorted(results.privileged).index(name) % (len(DASHES) - 1)]
            yield name, {"color": PRIVILEGED_COLOR, "linestyle": dash, "linewidth": 1.2}
        else:
            i = players.index(name)
            dash = DASHES[(i // len(COLORS)) % len(DASHES)]
            yield name, {"color": COLORS[i % len(COLORS)], "linestyle": dash, "linewidth": 1.6}


def _format_axes(ax: Axes, title: str, rounds: int, offered: int) -> None:
    if offered == 2:  # with more, several may be the best: chance depends on the offers
        ax.axhline(0.5, color="0.75", linewidth=0.8, zorder=0)
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_xlim(0, rounds)
    ax.set_xticks(np.linspace(0, rounds, 5).round())


def _dots(ax: Axes, rows: Iterable[float], interval: Interval, score: ScoreName) -> None:
    color, marker = SCORE_STYLES[score]
    y = np.asarray(rows)
    ax.hlines(y, interval.low, interval.high, color=color, linewidth=1.5)
    ax.plot(interval.mean, y, marker, color=color, markersize=3.5, label=score)
    ax.axvline(0, color="0.75", linewidth=0.8, zorder=0)


def _agent_labels(ax: Axes, agents: list[str]) -> None:
    ax.set_yticks(range(len(agents)), agents)
    ax.set_ylim(len(agents) - 0.5, -0.5)
    ax.grid(axis="y", color="0.93", linewidth=0.6)
    ax.set_axisbelow(True)


def _legend(figure: Figure, ax: Axes) -> None:
    """Add a legend above the panels, with as many columns as fit."""
    handles, labels = ax.get_legend_handles_labels()
    inches = 0.5 + 0.065 * max((len(str(label)) for label in labels), default=0)  # the longest name, with its line
    columns = max(1, min(len(labels), int(figure.get_figwidth() / inches)))
    figure.set_figheight(figure.get_figheight() + 0.17 * -(-len(labels) // columns))  # axes keep their height
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
