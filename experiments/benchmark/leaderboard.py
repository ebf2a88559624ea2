"""Leaderboards: the scores of a benchmark, with their intervals, as tables of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.experiments.benchmark.aggregate import THRESHOLDS, Aggregates
from accept_reject.experiments.benchmark.config import OVERALL
from accept_reject.experiments.benchmark.results import Results
from accept_reject.experiments.intervals import Interval, mean_interval, mean_of_defined
from accept_reject.experiments.scores import ANCHORED, SCORES, ScoreName
from accept_reject.experiments.tables import DASH, TextTable, cell

NOTHING = Interval(np.nan, np.nan, np.nan)
SHOWN_THRESHOLDS = (0.25, 0.5, 0.75, 0.9)
"""Those of a performance profile that a table shows."""


def overall(results: Results) -> TextTable:
    """Every score of every agent over all scenarios, the best on the headline first; and who missed rounds."""
    values = {score: with_overall(results, score) for score in SCORES}
    agents = ranking(results, SCORES[0])
    columns: dict[str, list[str]] = {
        score: [cell(mean_interval(values[score][OVERALL, agent])) for agent in agents] for score in SCORES
    }
    if results.missed.any():
        columns["missed rounds (%)"] = [f"{100 * results.missed[agent]:.1f}" for agent in agents]
    names = (starred(results, agent) for agent in agents)
    return TextTable(
        "Leaderboard: means over all scenarios", ("agent", *columns), tuple(zip(names, *columns.values(), strict=True))
    )


def by_scenario(results: Results, score: ScoreName) -> TextTable:
    """A score of every agent, the best first, in every scenario; where doors open also before and after."""
    by_phase = {"": with_overall(results, score)}
    by_phase |= {f", {phase}": results.values(score, phase) for phase in ("before", "after")}
    agents = ranking(results, score)
    columns = {
        scenario + phase: {agent: values[scenario, agent] for agent in agents}
        for scenario in [OVERALL, *(entry.name for entry in results.config.scenarios)]
        for phase, values in by_phase.items()
        if (scenario, agents[0]) in values
    }
    return _table(f"{score.capitalize()} by scenario", results, agents, columns)


def open_doors(results: Results) -> TextTable | None:
    """The anchored scores of every agent before and after the doors open; None if they open in no scenario."""
    agents = ranking(results, SCORES[0])
    columns = {}
    for score in ANCHORED:
        for phase in ("before", "after"):
            values = results.values(score, phase)
            if values:
                columns[f"{score} {phase}"] = {
                    agent: mean_of_defined([value for (_, name), value in values.items() if name == agent])
                    for agent in agents
                }
    return _table("Before and after the doors open", results, agents, columns) if columns else None


def ranking(results: Results, score: ScoreName) -> list[str]:
    """The agents by their score over all scenarios, the best first."""
    values = with_overall(results, score)
    return best_first({entry.name: values[OVERALL, entry.name] for entry in results.config.agents})


def interquartile_means(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> TextTable:
    """The interquartile mean of every score of every agent over all runs."""
    columns = {score: _by_agent(aggregates[score].agents, aggregates[score].interquartile_mean) for score in SCORES}
    rows = [
        (starred(results, agent), *(cell(columns[score].get(agent, NOTHING)) for score in SCORES))
        for agent in ranking(results, SCORES[0])
    ]
    return TextTable("Interquartile means over all scenarios", ("agent", *SCORES), tuple(rows))


def profiles(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> TextTable:
    """Percentages of every agent's runs that score above some thresholds."""
    columns: dict[str, dict[str, Interval]] = {}
    for score in ANCHORED:
        found = aggregates[score]
        for threshold in SHOWN_THRESHOLDS:
            at = int(np.abs(THRESHOLDS - threshold).argmin())
            share = Interval(*(100 * each[:, at] for each in found.profile))
            columns[f"{score} > {threshold}"] = _by_agent(found.agents, share)
    rows = [
        (starred(results, agent), *(cell(of.get(agent, NOTHING), 0) for of in columns.values()))
        for agent in ranking(results, SCORES[0])
    ]
    return TextTable("Runs above a score (%)", ("agent", *columns), tuple(rows))


def improvement(results: Results, aggregates: Aggregates, score: ScoreName) -> TextTable:
    """How probably a run of the agent in each row scores higher than a run of the one in each column, in percent."""
    names = [starred(results, agent) for agent in aggregates.agents]
    found = Interval(*(100 * each for each in aggregates.improvement))
    rows = [
        (name, *(DASH if i == j else cell(Interval(*(each[i, j] for each in found)), 0) for j in range(len(names))))
        for i, name in enumerate(names)
    ]
    return TextTable(f"Probability of a higher {score} score (%)", ("agent", *names), tuple(rows))


def paired_differences(results: Results) -> pd.DataFrame:
    """How much every agent is ahead of every other one on the same luck.

    Columns: `score`, `scenario` (one of them is `all scenarios`), `agent`, `versus`, and `difference` (agent minus
    versus, the mean over seeds) with its 95% interval `low`, `high`.
    """
    rows = []
    agents = [entry.name for entry in results.config.agents]
    for score in SCORES:
        values = with_overall(results, score)
        for scenario in dict.fromkeys(scenario for scenario, _ in values):
            for agent, versus in combinations(agents, 2):
                interval = mean_interval(values[scenario, agent] - values[scenario, versus])
                key = {"score": score, "scenario": scenario, "agent": agent, "versus": versus}
                rows.append({**key, "difference": interval.mean, "low": interval.low, "high": interval.high})
    columns = ["score", "scenario", "agent", "versus", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def with_overall(results: Results, score: ScoreName) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Values of a score for each seed, by scenario and agent, and their mean over the scenarios that have it.

    Who lacks the score where others have it has none over all scenarios: means are of the same scenarios for everyone.
    """
    values = results.values(score)
    names = [entry.name for entry in results.config.agents]
    runs = np.stack([[values[entry.name, name] for entry in results.config.scenarios] for name in names])
    absent = np.isnan(runs)  # (agents, scenarios, seeds)
    lacking = (absent & ~absent.all(axis=0)).any(axis=1)  # at a seed, (agents, seeds)
    never = absent.all(axis=2, keepdims=True)  # in a scenario, (agents, scenarios, 1)
    lacking |= np.any(never & ~np.all(never, axis=0), axis=1)
    means = np.where(lacking, np.nan, mean_of_defined(runs, axis=1))
    return {(OVERALL, name): each for name, each in zip(names, means, strict=True)} | values


def best_first(values: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Names by the mean of their values, the highest first, those without any last."""
    means = {name: float(mean_of_defined(each)) for name, each in values.items()}
    return sorted(means, key=lambda name: -np.inf if np.isnan(means[name]) else means[name], reverse=True)


def _by_agent(agents: Sequence[str], found: Interval) -> dict[str, Interval]:
    return {agent: Interval(*(each[row] for each in found)) for row, agent in enumerate(agents)}


def _table(
    title: str, results: Results, agents: Sequence[str], columns: dict[str, dict[str, NDArray[np.float64]]]
) -> TextTable:
    """A row for each agent, a column for each named set of values by agent and seed."""
    rows = [
        (starred(results, agent), *(cell(mean_interval(values[agent])) for values in columns.values()))
        for agent in agents
    ]
    return TextTable(title, ("agent", *columns), tuple(rows))


def starred(results: Results, agent: str) -> str:
    """The agent's name, with a star if it sees the hidden state."""
    return f"{agent}*" if agent in results.privileged else agent
