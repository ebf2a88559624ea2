"""Figures of a fit: estimates, model comparison, predictive check."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from accept_reject.experiments.analysis.curves import CURVES
from accept_reject.experiments.fit.config import PARTICIPANTS
from accept_reject.experiments.fit.predictive_check import Check
from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference.fit import ModelFit
from accept_reject.experiments.reporting.panels import percent_axis, stay_effects, title
from accept_reject.experiments.reporting.style import STYLE, colors
from accept_reject.experiments.reporting.tables import probability

AXIS_SCALE = 1.5
"""Limit of an axis of an unbounded parameter, relative to the largest estimate; intervals can be infinitely long."""


def estimates(results: FitResults) -> Figure:
    """Each participant's estimates with 95% intervals, sorted, with a panel for each parameter of each model."""
    panels = [
        (name, each, j, color)
        for (name, each), color in zip(results.models.items(), colors(len(results.models)), strict=True)
        for j in range(len(each.parameters))
    ]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * columns, 2.5 * rows + 0.3), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (name, each, j, color) in zip(axes, panels, strict=False):
            _caterpillar(ax, each, j, color)
            title(ax, f"{name}: {each.parameters[j].replace('_', ' ')}")
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        figure.supxlabel("Participants, sorted by estimate", fontsize=9)
        figure.supylabel("Estimate (95% interval)", fontsize=9)
    return figure


def _caterpillar(ax: Axes, each: ModelFit, j: int, color: str) -> None:
    """One parameter's estimates in ascending order."""
    n, value = len(each.estimates), each.estimates[:, j]
    low, high = (end[:, j] for end in each.interval())
    limits = each.fit.model.learner.free_parameters()[each.parameters[j]]
    bottom = limits.low if np.isfinite(limits.low) else AXIS_SCALE * min(value.min(), 0)
    top = limits.high if np.isfinite(limits.high) else AXIS_SCALE * max(value.max(), 0)
    margin = 0.04 * (top - bottom) or 1.0
    ax.set_ylim(bottom - margin, top + margin)
    low, high = (np.clip(end, *ax.get_ylim()) for end in (low, high))  # some intervals are infinite
    order, at = np.argsort(value), np.arange(1, n + 1)
    ax.vlines(at, low[order], high[order], color=color, alpha=0.45, linewidth=min(2.0, 120 / n))
    ax.plot(at, value[order], "o", color=color, markersize=min(3.5, 200 / n))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    median = float(np.median(value))
    ax.axhline(median, color="0.45", linewidth=0.8, linestyle="--")
    label = f"median {median:.2f}"
    ax.annotate(label, (0.02, 0.98), xycoords="axes fraction", color="0.35", fontsize=7.5, va="top")


def comparison(results: FitResults) -> Figure:
    """The frequency of each model among participants, and its log evidence below each participant's best model."""
    selection, evidence = results.selection, results.evidence_method
    assert selection is not None  # only called if models were compared
    names = list(results.models)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 0.45 * len(names) + 1.9), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for i, (alpha, color) in enumerate(zip(selection.alpha, colors(len(names)), strict=True)):
            share = stats.beta(alpha, selection.alpha.sum() - alpha)
            left.hlines(i, *(100 * q for q in share.interval(0.95)), color=color, linewidth=2)
            left.plot(100 * share.mean(), i, "o", color=color, markersize=7)
            place = float(np.clip(100 * share.mean(), 10, 90)), i
            label = f"PXP {probability(selection.protected[i])}"
            left.annotate(label, place, xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8)
        left.set_xlim(-4, 104)
        left.set_xlabel("Expected frequency among participants\n(%, 95% interval)")
        per_participant = np.stack([each.evidence[evidence] for each in results.models.values()], axis=1)
        behind = per_participant.max(axis=1, keepdims=True) - per_participant
        for i, color in enumerate(colors(len(names))):
            jitter = np.linspace(-0.22, 0.22, len(behind))
            right.plot(behind[:, i], i + jitter, "o", color=color, markersize=3, alpha=0.6, markeredgewidth=0)
        right.set_xlabel(f"Log evidence below the best model\n(nats, {evidence}; a dot per participant)")
        left.set_yticks(range(len(names)), names)
        left.set_ylim(len(names) - 0.5, -0.7)
    return figure


def predictive_check(check: Check) -> Figure:
    """Learning curves and stay/switch effects of the participants, and of players with the fitted parameters."""
    shown = [
        curve
        for curve in CURVES
        if (curve, PARTICIPANTS) in check.curves and np.isfinite(check.curves[curve, PARTICIPANTS].mean).any()
    ]
    players = dict.fromkeys([*(player for _, player in check.curves), *check.effects.player])
    models = [name for name in players if name != PARTICIPANTS]
    styles = dict(zip(models, colors(len(models)), strict=True))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * (len(shown) + 1), 3.4), layout="constrained")
        axes = np.atleast_1d(figure.subplots(1, len(shown) + 1))
        for ax, curve in zip(axes, shown, strict=False):
            for name, color in styles.items():
                if (curve, name) in check.curves:
                    interval = check.curves[curve, name]
                    ax.fill_between(check.rounds, interval.low, interval.high, color=color, alpha=0.18, linewidth=0)
                    ax.plot(check.rounds, interval.mean, color=color, linewidth=1.5)
            interval = check.curves[curve, PARTICIPANTS]
            error = [interval.mean - interval.low, interval.high - interval.mean]
            ax.errorbar(check.rounds, interval.mean, error, fmt="o", color="black", markersize=3.5, linewidth=0.9)
            ax.set_xlabel("Round")
            ax.set_ylabel(CURVES[curve])
            percent_axis(ax.yaxis)
        all_styles = {PARTICIPANTS: "black", **styles}
        stay_effects(axes[-1], check.effects, all_styles, {PARTICIPANTS: "participants"})
        handles, labels = axes[-1].get_legend_handles_labels()
        if handles:
            columns = min(len(labels), 2 * (len(shown) + 1))
            figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
    return figure
