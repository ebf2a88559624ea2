"""Figures of a recovery study: estimates against true values, confusion matrices, and recovery by design size."""

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

MAX_POINTS = 1_500
"""Maximum number of participants in a scatter plot; more points would only overlap."""


def scatter(results: RecoverResults) -> Figure:
    """Estimates against true values in the longest game, with a panel for each parameter of each model."""
    longest = results.estimates[results.estimates.rounds == max(results.config.lengths)]
    panels = list(longest.groupby(["model", "parameter"], sort=False))
    recovery = results.parameters.drop_duplicates(["rounds", "model", "parameter"])
    recovery = recovery[recovery.rounds == max(results.config.lengths)].set_index(["model", "parameter"])
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    models = [entry.name for entry in results.config.models]
    palette = dict(zip(models, colors(len(models)), strict=True))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.2 * columns, 3.1 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, ((model, parameter), each) in zip(axes, panels, strict=False):
            x, y = each.truth.iloc[:MAX_POINTS], each.estimate.iloc[:MAX_POINTS]
            ax.plot(x, y, "o", color=palette[model], markersize=2.5, alpha=0.35, markeredgewidth=0)
            if _is_log_scale(results, model, parameter):
                ax.set_xscale("log")
                ax.set_yscale("log")
                for axis in (ax.xaxis, ax.yaxis):
                    axis.set_major_formatter("{x:g}")
                    axis.set_minor_formatter(NullFormatter())
            ends = [min(x.min(), y.min()), max(x.max(), y.max())]
            ax.plot(ends, ends, color="0.4", linewidth=0.9)
            r = recovery.r[model, parameter]
            title(ax, f"{model}: {parameter.replace('_', ' ')}")
            if np.isfinite(r):
                ax.annotate(f"r = {r:.2f}", (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8)
            ax.set_xlabel("True")
            ax.set_ylabel("Estimated")
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
    return figure


def confusion(results: RecoverResults) -> Figure:
    """Confusion matrices: how often each fitted model wins by generating model, with a panel for each design size."""
    config, frame = results.config, results.confusion
    names = [entry.name for entry in config.models]
    width, height = 0.62 * len(names), 0.5 * len(names)
    with mpl.rc_context(STYLE):
        size = (1.9 + (width + 0.25) * len(config.lengths), 1.2 + (height + 0.45) * len(config.participants))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(config.participants), len(config.lengths), squeeze=False, sharex=True, sharey=True)
        for row, participants in zip(axes, config.participants, strict=True):
            for ax, rounds in zip(row, config.lengths, strict=True):
                panel = frame[(frame.rounds == rounds) & (frame.participants == participants)]
                wins = panel.pivot(index="generating", columns="fitted", values="wins").loc[names, names]
                share = 100 * wins.to_numpy(float)
                ax.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
                for (i, j), value in np.ndenumerate(share):
                    color = "white" if value > 60 else "black"
                    ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=color, fontsize=8)
                ax.set_xticks(range(len(names)), names, rotation=35, ha="right")
                ax.set_yticks(range(len(names)), names)
                ax.spines[:].set_visible(False)
                ax.tick_params(length=0)
                ax.set_title(f"{participants} participants,\n{rounds} rounds", fontsize=8)
        figure.supxlabel("Model that wins (% of studies)", fontsize=9)
        figure.supylabel("Generating model", fontsize=9)
    return figure


def design(results: RecoverResults) -> Figure:
    """Recovery by number of rounds and participants: models at the top, parameters at the bottom."""
    config = results.config
    models, several = [entry.name for entry in config.models], len(config.models) > 1
    parameters = results.parameters
    panels = list(parameters.groupby(["model", "parameter"], sort=False))
    columns = max(len(models) if several else 0, len(panels))
    palette = dict(zip(config.participants, colors(len(config.participants)), strict=True))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 * columns, 5.6 if several else 3.1), layout="constrained")
        axes = figure.subplots(1 + several, columns, squeeze=False)
        if several:
            confusion_frame = results.confusion
            recovered = confusion_frame[confusion_frame.generating == confusion_frame.fitted]
            for ax, model in zip(axes[0], models, strict=False):
                _decisions(ax, recovered[recovered.fitted == model], config.studies, palette)
                title(ax, f"Generated by {model}")
            axes[0, 0].set_ylabel(f"Decisive studies (%)\n(PXP > {DECIDED:g})")
            for ax in axes[0, len(models) :]:
                ax.set_visible(False)
        for ax, ((model, parameter), each) in zip(axes[-1], panels, strict=False):
            for index, (size, color) in enumerate(palette.items()):
                rows = each[each.participants == size]
                ends = [rows.r - rows.r_low, rows.r_high - rows.r]
                at = _dodge(rows.rounds.to_numpy(), index, len(palette))
                ax.errorbar(at, rows.r, np.maximum(ends, 0), fmt="o-", color=color, markersize=4, linewidth=1.2)
            title(ax, f"{model}: {parameter.replace('_', ' ')}")
            ax.set_ylim(min(0, parameters.r_low.min()) - 0.02, 1.02)
            _rounds_axis(ax, config.lengths)
        axes[-1, 0].set_ylabel("Correlation with true values\n(central 95% of studies)")
        for ax in axes[-1, len(panels) :]:
            ax.set_visible(False)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        if several:
            figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _decisions(ax: Axes, rows: Any, studies: int, palette: dict[int, str]) -> None:
    """Draw the share of studies with decisive evidence for the generating model, with Wilson's 95% intervals."""
    for index, (size, color) in enumerate(palette.items()):
        of_size = rows[rows.participants == size]
        share, low, high = wilson(of_size.decided.to_numpy(), studies)
        error = 100 * np.abs([low - share, high - share])
        at = _dodge(of_size.rounds.to_numpy(), index, len(palette))
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


def _dodge(rounds: np.ndarray, index: int, n: int) -> np.ndarray:
    """Shift rounds sideways, so that the intervals of n design sizes don't overlap."""
    return rounds * (1 + 0.03 * (index - (n - 1) / 2))


def _is_log_scale(results: RecoverResults, model: str, parameter: str) -> bool:
    """Return whether a parameter has only a lower bound, so that a logarithmic axis is appropriate."""
    entry = next(entry for entry in results.config.models if entry.name == model)
    limits = entry.resolve().learner.free_parameters()[parameter]
    return bool(np.isfinite(limits.low) and np.isinf(limits.high))
