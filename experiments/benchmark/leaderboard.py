"""Leaderboards: the scores of a benchmark, with their intervals, as tables of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.experiments.benchmark.config import OVERALL
from accept_reject.experiments.benchmark.results import Results
from accept_reject.experiments.intervals import mean_interval, mean_of_defined
from accept_reject.experiments.scores import ANCHORED, SCORES, ScoreName
from accept_reject.experiments.tables import TextTable, cell


def overall(results: Results) -> TextTable:
    """Every score of every agent over all scenarios, the best on the headline first."""
    values = {score: with_overall(results, score) for score in SCORES}
    rows = [
        (_name(results, agent), *(cell(mean_interval(values[score][OVERALL, agent])) for score in SCORES))
        for agent in ranking(results, SCORES[0])
    ]
    return TextTable("Leaderboard: means over all scenarios", ("agent", *SCORES), tuple(rows))


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
    agents = [entry.name for entry in results.config.agents]
    return sorted(agents, key=lambda agent: -np.nan_to_num(mean_of_defined(values[OVERALL, agent])))


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
    """Values of a score for each seed, by scenario and agent, and their mean over the scenarios that have it."""
    values = results.values(score)
    overall = {}
    for entry in results.config.agents:
        of_agent = [value for (_, agent), value in values.items() if agent == entry.name]
        overall[OVERALL, entry.name] = mean_of_defined(of_agent)
    return overall | values


def _table(
    title: str, results: Results, agents: Sequence[str], columns: dict[str, dict[str, NDArray[np.float64]]]
) -> TextTable:
    """A row for each agent, a column for each named set of values by agent and seed."""
    rows = [
        (_name(results, agent), *(cell(mean_interval(values[agent])) for values in columns.values()))
        for agent in agents
    ]
    return TextTable(title, ("agent", *columns), tuple(rows))


def _name(results: Results, agent: str) -> str:
    return f"{agent}*" if agent in results.privileged else agent
