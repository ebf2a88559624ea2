"""All numbers of a comparison as data frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from accept_reject.experiments.analysis.intervals import UNKNOWN, mean_interval
from accept_reject.experiments.compare.run import CompareResults


def frames(results: CompareResults) -> dict[str, pd.DataFrame]:
    """The data frames by name; columns `participants` (the data set) and `player` come first."""
    parts: dict[str, list[pd.DataFrame]] = {"players": [], "nll": [], "curves": [], "stay_switch": []}
    for comparison in results.comparisons:
        for player in (comparison.participants, *comparison.players):
            key = {"participants": comparison.entry.name, "player": player.name}
            row: dict[str, Any] = dict(key)
            measures = {**player.scores, **{f"distance_{curve}": each for curve, each in player.distances.items()}}
            if player.nll is not None:
                measures["nll"] = mean_interval(player.nll)
                measures["nll_behind_best"] = comparison.behind_the_best.get(player.name, UNKNOWN)
                participants = comparison.data.choices.names()
                parts["nll"].append(pd.DataFrame({**key, "participant": participants, "nll": player.nll}))
            for name, interval in measures.items():
                row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
            parts["players"].append(pd.DataFrame([row]))
            for by, curves in player.curves.items():
                for name, curve in curves.items():
                    at = {"curve": name, "by": by, "x": comparison.points[by].middle}
                    episodes = (~np.isnan(curve.values)).sum(axis=0)
                    parts["curves"].append(pd.DataFrame({**key, **at, **curve.mean._asdict(), "episodes": episodes}))
            if player.effects is not None:
                parts["stay_switch"].append(player.effects.assign(**key))
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items() if frames}
    if "stay_switch" in tables:
        effects = tables["stay_switch"]
        tables["stay_switch"] = effects[[*key, *effects.columns.drop(list(key))]]
    return tables
