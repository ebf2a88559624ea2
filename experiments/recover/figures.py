"""Figures of a recovery: estimates against truths, which model is taken for which, and what a design's size buys."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.recover.run import RecoverResults, wilson
from accept_reject.experiments.reporting.panels import title
from accept_reject.experiments.reporting.style import STYLE, colors

SHOWN = 1_500
"""Participants of a scatter plot at most; more only hide each other."""


def scatter(results: RecoverResults) -> Figure:
    """Estimates against truths in the longest game, a panel for each parameter of each model."""
    longest = results.estimates[results.estimates.rounds == max(results.config.lengths)]
    panels = list(longest.groupby(["model", "parameter"], sort=False))
    found = results.parameters.drop_duplicates(["rounds", "model", "parameter"])
    found = found[found.rounds == max(results.config.lengths)].set_index(["model", "parameter"])
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    models = [entry.name for entry in results.config.models]
    shades = dict(zip(models, colors(len(models)), strict=True))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.2 * columns, 3.1 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, ((model, parameter), each) in zip(axes, panels, strict=False):
            some = each.iloc[:SHOWN]
            ax.plot(some.truth, some.estimate, "o", color=shades[model], markersize=2.5, alpha=0.35, markeredgewidth=0)
            if _is_scale(results, model, parameter):
                ax.set_xscale("log")
                ax.set_yscale("log")
                for axis in (ax.xaxis, ax.yaxis):
                    axis.set_major_formatter("{x:g}")
                    axis.set_minor_formatter(NullFormatter())
            ends = [min(some.truth.min(), some.estimate.min()), max(some.truth.max(), some.estimate.max())]
            ax.plot(ends, ends, color="0.4", linewidth=0.9)
            r = found.r[model, parameter]
            title(ax, f"{model}: {parameter.replace('_', ' ')}")
            if np.isfinite(r):
                ax.annotate(f"r = {r:.2f}", (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8)
            ax.set_xlabel("True")
            ax.set_ylabel("Estimated")
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
    return figure


def confusion(results: RecoverResults) -> Figure:
    """How often each model wins where each one made the choices, a panel for each size of a study."""
    config, frame = results.config, results.confusion
    names = [entry.name for entry in config.models]
    width, height = 0.62 * len(names), 0.5 * len(names)
    with mpl.rc_context(STYLE):
        size = (1.9 + (width + 0.25) * len(config.lengths), 1.2 + (height + 0.45) * len(config.participants))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(config.participants), len(config.lengths), squeeze=False, sharex=True, sharey=True)
        for row, people in zip(axes, config.participants, strict=True):
            for ax, rounds in zip(row, config.lengths, strict=True):
                here = frame[(frame.rounds == rounds) & (frame.participants == people)]
                wins = here.pivot(index="generating", columns="fitted", values="wins").loc[names, names]
                share = 100 * wins.to_numpy(float)
                ax.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
                for (i, j), value in np.ndenumerate(share):
                    shade = "white" if value > 60 else "black"
                    ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=shade, fontsize=8)
                ax.set_xticks(range(len(names)), names, rotation=35, ha="right")
                ax.set_yticks(range(len(names)), names)
                ax.spines[:].set_visible(False)
                ax.tick_params(length=0)
                ax.set_title(f"{people} people, {rounds} rounds", fontsize=8)
        figure.supxlabel("Model that wins (% of studies)", fontsize=9)
        figure.supylabel("Model that made the choices", fontsize=9)
    return figure


def design(results: RecoverResults) -> Figure:
    """What more rounds and more participants buy: verdicts between models above, parameters below."""
    config = results.config
    models, several = [entry.name for entry in config.models], len(config.models) > 1
    parameters = results.parameters
    panels = list(parameters.groupby(["model", "parameter"], sort=False))
    columns = max(len(models) if several else 0, len(panels))
    shades = dict(zip(config.participants, colors(len(config.participants)), strict=True))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 * columns, 5.6 if several else 3.1), layout="constrained")
        axes = figure.subplots(1 + several, columns, squeeze=False)
        if several:
            confused = results.confusion
            right = confused[confused.generating == confused.fitted]
            for ax, model in zip(axes[0], models, strict=False):
                _verdicts(ax, right[right.fitted == model], config.studies, shades)
                title(ax, f"{model} made the choices")
            axes[0, 0].set_ylabel(f"Studies that decide for it (%)\n(PXP > {DECIDED:g})")
            for ax in axes[0, len(models) :]:
                ax.set_visible(False)
        for ax, ((model, parameter), each) in zip(axes[-1], panels, strict=False):
            for place, (size, color) in enumerate(shades.items()):
                rows = each[each.participants == size]
                ends = [rows.r - rows.r_low, rows.r_high - rows.r]
                at = _dodged(rows.rounds.to_numpy(), place, len(shades))
                ax.errorbar(at, rows.r, np.maximum(ends, 0), fmt="o-", color=color, markersize=4, linewidth=1.2)
            title(ax, f"{model}: {parameter.replace('_', ' ')}")
            ax.set_ylim(min(0, parameters.r_low.min()) - 0.02, 1.02)
            _rounds_axis(ax, config.lengths)
        axes[-1, 0].set_ylabel("Correlation of estimates with truths\n(95% of studies)")
        for ax in axes[-1, len(panels) :]:
            ax.set_visible(False)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        if several:
            figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _verdicts(ax: Axes, rows: Any, studies: int, shades: dict[int, str]) -> None:
    """Share of studies that decide for the model that made the choices, with Wilson's 95% intervals."""
    for place, (size, color) in enumerate(shades.items()):
        of_size = rows[rows.participants == size]
        share, low, high = wilson(of_size.decided.to_numpy(), studies)
        error = 100 * np.abs([low - share, high - share])
        at = _dodged(of_size.rounds.to_numpy(), place, len(shades))
        label = f"{size} participants"
        ax.errorbar(at, 100 * share, error, fmt="o-", color=color, markersize=4, linewidth=1.2, label=label)
    ax.set_ylim(-3, 103)
    ax.axhline(95, color="0.75", linewidth=0.8, linestyle="--", zorder=0)
    _rounds_axis(ax, tuple(dict.fromkeys(rows.rounds)))


def _rounds_axis(ax: Axes, lengths: tuple[int, ...]) -> None:
    if len(lengths) > 1:
        ax.set_xscale("log")
    ax.minorticks_off()
    ax.set_xticks(sorted(lengths), [str(length) for length in sorted(lengths)])
    ax.set_xlabel("Rounds")


def _dodged(rounds: np.ndarray, place: int, of: int) -> np.ndarray:
    """Rounds moved a little sideways, so that the intervals of several sizes don't hide each other."""
    return rounds * (1 + 0.03 * (place - (of - 1) / 2))


def _is_scale(results: RecoverResults, model: str, parameter: str) -> bool:
    """Whether a parameter is bounded below and not above, so that a logarithmic axis shows it best."""
    entry = next(entry for entry in results.config.models if entry.name == model)
    limits = entry.resolve().learner.free_parameters()[parameter]
    return bool(np.isfinite(limits.low) and np.isinf(limits.high))
