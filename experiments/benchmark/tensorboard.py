"""TensorBoard scalars of a benchmark: a run for each scenario and agent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tensorboard.summary import Writer

from accept_reject.experiments.analysis.curves import curve_points
from accept_reject.experiments.analysis.intervals import mean_of_defined
from accept_reject.experiments.analysis.scores import SCORES
from accept_reject.experiments.benchmark.run import CURVE_POINTS, Results


def write_scalars(results: Results, folder: Path) -> None:
    """Write `eval/<score>` and, by round, `eval/chose_more_valuing`.

    Event files have timestamps in their names and content: they are the only files that differ between runs of the same
    config.
    """
    for entry in results.config.scenarios:
        game = entry.resolve()
        ends = [*(curve_points(game, n=CURVE_POINTS).first[1:] - 1).tolist(), game.rounds]
        for agent in results.config.agents:
            writer = Writer(str(folder / entry.name / agent.name))
            for i, value in enumerate(results.curves[entry.name, agent.name].interval.mean):
                if not np.isnan(value):
                    writer.add_scalar("eval/chose_more_valuing", float(value), ends[i])
            for score in SCORES:
                value = mean_of_defined(results.values(score)[entry.name, agent.name])
                if not np.isnan(value):
                    writer.add_scalar(f"eval/{score}", float(value), game.rounds)
            writer.close()
