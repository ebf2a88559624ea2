"""All numbers of a benchmark as data frames."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from accept_reject.experiments.analysis.curves import curve_points
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.analysis.scores import SCORES, ScoreName
from accept_reject.experiments.benchmark.aggregate import THRESHOLDS, Aggregates
from accept_reject.experiments.benchmark.run import CURVE_POINTS, Results


def frames(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> dict[str, pd.DataFrame]:
    """The data frames by name; learning curves and profiles are shares from 0 to 1."""
    return {
        "scores": results.scores,
        "differences": paired_differences(results),
        "stay_switch": results.stay_switch,
        "curves": _curves(results),
        "interquartile_means": pd.concat(
            pd.DataFrame({"score": score, "agent": aggregate.agents, **aggregate.interquartile_mean._asdict()})
            for score, aggregate in aggregates.items()
        ),
        "profiles": pd.concat(_profiles(score, aggregate) for score, aggregate in aggregates.items()),
        "improvement": pd.concat(_improvement(score, aggregate) for score, aggregate in aggregates.items()),
    }


def paired_differences(results: Results) -> pd.DataFrame:
    """Paired differences between the scores of all pairs of agents.

    Columns: `score`, `scenario` (one of them is `all scenarios`), `agent`, `versus`, and `difference` (agent minus
    versus, the mean over seeds) with its 95% interval `low`, `high`.
    """
    rows = []
    for score in SCORES:
        values = results.overall(score)
        for scenario in dict.fromkeys(scenario for scenario, _ in values):
            for agent, versus in combinations(results.agents, 2):
                interval = mean_interval(values[scenario, agent] - values[scenario, versus])
                key = {"score": score, "scenario": scenario, "agent": agent, "versus": versus}
                rows.append({**key, "difference": interval.mean, "low": interval.low, "high": interval.high})
    return pd.DataFrame(rows, columns=["score", "scenario", "agent", "versus", "difference", "low", "high"])


def _curves(results: Results) -> pd.DataFrame:
    rounds = {entry.name: curve_points(entry.resolve(), n=CURVE_POINTS).middle for entry in results.config.scenarios}
    return pd.concat(
        pd.DataFrame({"scenario": scenario, "agent": agent, "round": rounds[scenario], **counts.interval._asdict()})
        for (scenario, agent), counts in results.curves.items()
    )


def _profiles(score: ScoreName, aggregate: Aggregates) -> pd.DataFrame:
    agents, thresholds = np.repeat(aggregate.agents, len(THRESHOLDS)), np.tile(THRESHOLDS, len(aggregate.agents))
    return pd.DataFrame({"score": score, "agent": agents, "threshold": thresholds, "share": aggregate.profile.ravel()})


def _improvement(score: ScoreName, aggregate: Aggregates) -> pd.DataFrame:
    n = len(aggregate.agents)
    agents, versus = np.repeat(aggregate.agents, n), np.tile(aggregate.agents, n)
    probabilities = {name: each.ravel() for name, each in aggregate.improvement._asdict().items()}
    table = pd.DataFrame({"score": score, "agent": agents, "versus": versus, **probabilities})
    return table[table.agent != table.versus]
