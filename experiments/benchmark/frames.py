"""Every number of a benchmark that its figures and reports show, as tables of data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from accept_reject.experiments.benchmark.aggregate import THRESHOLDS, Aggregates
from accept_reject.experiments.benchmark.leaderboard import paired_differences
from accept_reject.experiments.benchmark.results import Results, curve_rounds
from accept_reject.experiments.intervals import share_interval
from accept_reject.experiments.scores import ScoreName


def frames(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> dict[str, pd.DataFrame]:
    """The tables by name; scores are numbers, learning curves and profiles shares from 0 to 1."""
    return {
        "scores": results.scores,
        "differences": paired_differences(results),
        "signatures": results.signatures,
        "curves": _curves(results),
        "interquartile_means": pd.concat(
            pd.DataFrame({"score": score, "agent": found.agents, **found.interquartile_mean._asdict()})
            for score, found in aggregates.items()
        ),
        "profiles": pd.concat(_profiles(score, found) for score, found in aggregates.items()),
        "improvement": pd.concat(_improvement(score, found) for score, found in aggregates.items()),
    }


def _curves(results: Results) -> pd.DataFrame:
    games = {entry.name: entry.resolve() for entry in results.config.scenarios}
    return pd.concat(
        pd.DataFrame(
            {
                "scenario": scenario,
                "agent": agent,
                "round": curve_rounds(games[scenario]),
                **share_interval(values)._asdict(),
            }
        )
        for (scenario, agent), values in results.curves.items()
    )


def _profiles(score: ScoreName, found: Aggregates) -> pd.DataFrame:
    agents, thresholds = np.repeat(found.agents, len(THRESHOLDS)), np.tile(THRESHOLDS, len(found.agents))
    shares = {name: each.ravel() for name, each in found.profile._asdict().items()}
    return pd.DataFrame({"score": score, "agent": agents, "threshold": thresholds, **shares})


def _improvement(score: ScoreName, found: Aggregates) -> pd.DataFrame:
    agents, versus = np.repeat(found.agents, len(found.agents)), np.tile(found.agents, len(found.agents))
    probabilities = {name: each.ravel() for name, each in found.improvement._asdict().items()}
    table = pd.DataFrame({"score": score, "agent": agents, "versus": versus, **probabilities})
    return table[table.agent != table.versus]
