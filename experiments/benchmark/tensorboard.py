"""TensorBoard scalars of a benchmark: a run for each scenario and agent."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from tensorboard.summary import Writer

from accept_reject.experiments.benchmark.results import Results, curve_width
from accept_reject.experiments.intervals import mean_of_defined
from accept_reject.experiments.scores import SCORES


def write_scalars(results: Results, folder: Path) -> None:
    """Write `eval/<score>` and, by round, `eval/asked_more_valuing`; what stood in the folder before is replaced.

    Event files hold the time of writing, in their names and within: of all that a run leaves they alone differ from one
    run of the same config to the next.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for entry in results.config.scenarios:
        game = entry.resolve()
        for agent in results.config.agents:
            writer = Writer(str(folder / entry.name / agent.name))
            for i, value in enumerate(mean_of_defined(results.curves[entry.name, agent.name])):
                if not np.isnan(value):
                    step = min((i + 1) * curve_width(game), game.rounds)
                    writer.add_scalar("eval/asked_more_valuing", float(value), step)
            for score in SCORES:
                value = mean_of_defined(results.values(score)[entry.name, agent.name])
                if not np.isnan(value):
                    writer.add_scalar(f"eval/{score}", float(value), game.rounds)
            writer.close()
