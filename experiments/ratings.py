"""The command `ratings`: effects of ranks and outcomes on ratings, and their agreement with a model's beliefs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from accept_reject.errors import InvalidInputError, parse
from accept_reject.experiments.analysis.intervals import Interval, mean_interval
from accept_reject.experiments.analysis.ratings import (
    Levels,
    anova,
    complete_cells,
    correlations,
    experience,
    mixed_model,
    with_levels,
)
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.files import write
from accept_reject.experiments.folders import locked, replace_folder
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.individual import fit_individually
from accept_reject.experiments.reporting.style import COLORS, STYLE, write_figures
from accept_reject.experiments.reporting.tables import DASH, TextTable, cell, probability
from accept_reject.experiments.simulation.replay import evidence_at_end

NAMES = {"rank": "rank", "outcome": "outcome", "rank:outcome": "rank x outcome"}
FILES = ("anova.csv", "mixed_model.csv", "correlations.csv", "ratings.csv", "ratings.svg", "ratings.png", "ratings.pdf")


class Analyzed(NamedTuple):
    """The analyses of ratings of one time.

    Attributes:
        time: When the partners were rated; empty if they were rated once.
        levels: The ratings with levels of partners, and the columns `belief_...` of `beliefs`.
        anova: See `anova`.
        mixed_model: See `mixed_model`.
        correlations: See `correlations`.
        left_out: Participants that are not in the analysis of variance.
    """

    time: str
    levels: Levels
    anova: pd.DataFrame
    mixed_model: pd.DataFrame
    correlations: pd.DataFrame
    left_out: tuple[str, ...]


def analyze(data: Data, model: str) -> list[Analyzed]:
    """Analyze ratings, separately for each time.

    Args:
        data: Choices with ratings.
        model: Name of the learner that is fitted, by its most probable parameters for each participant.

    Raises:
        InvalidInputError: If there are no ratings, or if the model can't be fitted.
    """
    if data.ratings is None or not len(data.ratings):
        problem = "must have ratings: `ratings` in a config, or phenotype/liking.tsv in a BIDS data set"
        raise InvalidInputError("ratings", [problem])
    beliefs = {"mean rank": (seen := experience(data.choices))["rank"], "share of acceptances": seen["outcome"]}
    beliefs |= _fitted_beliefs(data, model)
    times = data.ratings.groupby("time", sort=False) if "time" in data.ratings else [("", data.ratings)]
    found = []
    for time, ratings in times:
        levels = with_levels(ratings, data.choices)
        without = set(ratings.player) - set(complete_cells(levels).index)
        left_out = tuple(data.choices.names()[player] for player in sorted(without)) if levels.factors else ()
        agreement = correlations(ratings, beliefs)
        found.append(Analyzed(str(time), levels, anova(levels), mixed_model(levels), agreement, left_out))
    return found


def _fitted_beliefs(data: Data, model: str) -> dict[str, NDArray[np.float64]]:
    """The beliefs of a fitted learner about all partners at the end."""
    entry = parse(ModelEntry, {"agent": model}, "--model")
    fitted = fit_individually(entry.resolve(), data.choices)
    parameters = dict(zip(fitted.model.parameters, fitted.estimates.T, strict=True))
    learner = fitted.model.learner(**fitted.model.fixed, **parameters)
    with torch.no_grad():
        evidence = evidence_at_end(learner, data.choices)
        beliefs = learner.beliefs(evidence)
        found = {"value": learner.value(evidence)}
    for name in ("rank_value", "outcome_value"):
        each = None if beliefs is None else getattr(beliefs, name)
        if each is not None:
            found[name.replace("_", " ")] = each.expand(found["value"].shape)
    return {f"{model}: {name}": each.numpy() for name, each in found.items()}


def tables(found: Analyzed) -> list[TextTable]:
    """Return the analyses as tables of text."""
    at = f", {found.time}" if found.time else ""
    effects = TextTable(
        f"Ratings, analysis of variance{at}",
        ("effect", "high", "low", "F", "df", "p", "partial eta²"),
        tuple(
            (
                NAMES[str(name)],
                *(_number(value) for value in (row.high, row.low, row.F)),
                DASH if np.isnan(row.F) else f"{row.df1:.0f}, {row.df2:.0f}",
                _probability(row.p),
                _number(row.partial_eta2),
            )
            for name, row in found.anova.iterrows()
        ),
    )
    mixed = found.mixed_model.rename(index=NAMES).rename(columns={"estimate": "mean"})
    model = TextTable(
        f"Ratings, mixed model{at}",
        ("effect", "estimate [95% interval]", "p", "SD of participants"),
        tuple((*_estimate(name, row), _number(row.sd)) for name, row in mixed.iterrows()),
    )
    within = found.correlations.rename(columns={"r": "mean"})
    agreement = TextTable(
        f"Correlation of ratings within participants{at}",
        ("with", "mean r [95% interval]", "p", "participants"),
        tuple((*_estimate(name, row), f"{row.participants:.0f}") for name, row in within.iterrows()),
    )
    return [effects, model, agreement] if found.levels.factors else [agreement]


def _estimate(name: object, row: pd.Series) -> tuple[str, str, str]:
    return str(name), cell(Interval(row["mean"], row.low, row.high)), _probability(row.p)


def _number(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.2f}"


def _probability(p: float) -> str:
    return DASH if np.isnan(p) else probability(p)


def figure(found: list[Analyzed]) -> Figure:
    """Mean ratings by the levels of partners, with 95% intervals and participants as dots; a row for each time."""
    with mpl.rc_context(STYLE):
        whole = Figure(figsize=(6.4, 2.6 * len(found) + 0.4), layout="constrained")
        for row, each in zip(whole.subplots(len(found), 2, squeeze=False), found, strict=True):
            _cells(row[0], each)
            _agreement(row[1], each)
    return whole


def _cells(ax: Axes, found: Analyzed) -> None:
    ratings, factors = found.levels.known, found.levels.factors
    ax.set_ylabel(f"Rating{', ' * bool(found.time)}{found.time} (mean, 95% interval)")
    if not factors:
        ax.text(0.5, 0.5, "levels of partners are unknown", ha="center", transform=ax.transAxes, color="0.4")
        return
    x_name, lines = factors[0], [True, False] if len(factors) == 2 else [None]
    titles = {"rank": ("bad ranks", "good ranks"), "outcome": ("seldom accepts", "often accepts")}
    for i, level in enumerate(lines):
        part = ratings if level is None else ratings[ratings[factors[1]] == level]
        means = part.groupby(["player", x_name]).rating.mean().unstack(x_name)
        shift = 0.08 * (2 * i - 1) if level is not None else 0.0
        label = None if level is None else titles[factors[1]][int(level)]
        for x, high in enumerate((False, True)):
            if high not in means:
                continue
            values = means[high].dropna().to_numpy()
            if not len(values):
                continue
            spread = np.linspace(-0.05, 0.05, len(values)) if len(values) > 1 else np.zeros(1)
            ax.plot(x + shift + spread, values, ".", color=COLORS[i], alpha=0.25, markersize=4, markeredgewidth=0)
            mean, low, high_end = mean_interval(values)
            ax.errorbar(
                x + shift, mean, [[mean - low], [high_end - mean]], fmt="os"[i], color=COLORS[i], markersize=5,
                label=label if x == 0 else None,
            )  # fmt: skip
        ax.plot(np.arange(2) + shift, means.mean().reindex([False, True]), "-" if i == 0 else "--", color=COLORS[i])
    ax.set_xticks([0, 1], titles[x_name])
    ax.set_xlim(-0.4, 1.4)
    if len(lines) == 2:
        ax.legend(frameon=False, fontsize=8)


def _agreement(ax: Axes, found: Analyzed) -> None:
    shown = found.correlations[found.correlations.r.notna()]
    for y, (_, row) in enumerate(shown.iterrows()):
        ax.errorbar(row.r, y, xerr=[[row.r - row.low], [row.high - row.r]], fmt="o", color=COLORS[0], markersize=5)
    ax.set_yticks(range(len(shown)), shown.index)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.axvline(0, color="0.75", linewidth=0.8, zorder=0)
    ax.set_xlim(min(-0.1, *ax.get_xlim()), 1)
    ax.set_xlabel("Correlation with ratings\n(mean, 95% interval)")


def check_folder(folder: Path) -> None:
    """Check that a folder is new, or one of this command.

    Raises:
        InvalidInputError: If it has other files.
    """
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise InvalidInputError(str(folder), ["must not be the current folder or one that contains it"])
    others = [path.name for path in folder.glob("*") if path.name not in FILES] if folder.is_dir() else []
    if others or folder.is_file():
        got = repr(others[0]) if others else "a file"
        raise InvalidInputError(str(folder), [f"must be a new folder or one of this command, got {got}"])


def write_ratings(found: list[Analyzed], data: Data, folder: Path) -> None:
    """Write the analyses as tables and a figure into a folder, which is replaced, see `check_folder`."""
    names = np.array(data.choices.names(), dtype=object)
    with locked(folder), replace_folder(folder) as new:
        for name in ("anova", "mixed_model", "correlations"):
            parts = [getattr(each, name).assign(time=each.time) for each in found]
            _write(new / f"{name}.csv", pd.concat(parts).reset_index())
        ratings = pd.concat([each.levels.ratings.assign(time=each.time) for each in found])
        _write(new / "ratings.csv", _readable(ratings, names))
        write_figures({"ratings": figure(found)}, new, data.simulated)


def _readable(ratings: pd.DataFrame, names: NDArray[np.object_]) -> pd.DataFrame:
    """Return ratings with names in place of numbers and truth values."""
    words = {"rank": {True: "good", False: "bad"}, "outcome": {True: "often", False: "seldom"}}
    levels = {name: ratings[name].map(words[name]) for name in words if name in ratings}
    others = ratings.drop(columns=["player", "partner", "name", *levels])
    return pd.DataFrame({"participant": names[ratings.player], "partner": ratings.name.array}).join(
        others.assign(**levels).reset_index(drop=True)
    )


def _write(path: Path, table: pd.DataFrame) -> None:
    if (table.time == "").all():
        table = table.drop(columns="time")
    write(path, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))
