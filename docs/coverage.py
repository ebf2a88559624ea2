"""Repeat small benchmarks and studies and count how often 95% intervals hold the truth, into `docs/coverage.md`.

.venv/bin/python docs/coverage.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from accept_reject.agents import make_agent
from accept_reject.experiments.benchmark.aggregate import (
    THRESHOLDS,
    Aggregates,
    aggregate,
    interquartile_mean,
    runs_by_agent,
)
from accept_reject.experiments.benchmark.config import OVERALL, BenchmarkConfig
from accept_reject.experiments.benchmark.leaderboard import with_overall
from accept_reject.experiments.benchmark.results import Results, run
from accept_reject.experiments.config import load_config
from accept_reject.experiments.curves import by_player
from accept_reject.experiments.files import write
from accept_reject.experiments.intervals import Interval, mean_interval, ratio_interval, share_interval
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import SCORES
from accept_reject.experiments.signatures import stay_effects
from accept_reject.experiments.simulate import simulate

PAGE = Path(__file__).parent / "coverage.md"

REPETITIONS, SEEDS, GAMES, PARTICIPANTS = 500, 20, 5, 42
SCENARIOS, AGENTS = ("orthogonal", "few-spots", "drift"), ("bayes-hybrid", "delta-rank", "thompson-outcome")

PAGE_TEXT = """# Do the intervals hold the truth?

`docs/coverage.py` writes this page. {repetitions} repetitions of

- a benchmark: {agents} in {scenarios}, {seeds} seeds of {games} games each;
- a study: {participants} simulated participants like the published ones (`population_babur2024`).

The truth is what all repetitions together come to. *Coverage* is how often a 95% interval holds it, over all intervals
of a sort. The coverage of each single one is known to {noise:.1f} percentage points, so that of many the lowest and
highest lie further out. Quantities without spread, which their intervals always hold, are left out.

| intervals | of | number | coverage (%) | lowest | highest |
| --- | --- | ---: | ---: | ---: | ---: |
{rows}

What lies at an edge (a truth within one percentage point of 0 or 100%; in profiles and probabilities of improvement
that of a single scenario) is told apart: where most seeds have not a single miss, or hit, {seeds} of them tell little
of how rare these are, and intervals are too short. It is so for many points of a profile, as seeds hardly differ within
a scenario; between such points, too, a profile's intervals are too short to be taken for 95%.

## Why not percentile bootstraps

The means of the benchmark's scores by percentile bootstrap with 2,000 resamples: intervals between the 2.5th and the
97.5th percentile hold the truth in {percentile:.1f}%. For {seeds} values they are too short: a resample varies as the
values do around *their* mean, and how much they vary is itself uncertain. Student's t makes up for both; where an
interquartile mean needs a bootstrap, percentiles further out do. Below five seeds they can't, and no interval is given.
"""


class Counted(NamedTuple):
    """How often each of several intervals held its truth, in percent."""

    kind: str
    of: str
    coverage: NDArray[np.float64]

    def __str__(self) -> str:
        mean, low, high = self.coverage.mean(), self.coverage.min(), self.coverage.max()
        return f"| {self.kind} | {self.of} | {self.coverage.size} | {mean:.1f} | {low:.1f} | {high:.1f} |"


def main() -> None:
    results = run(
        BenchmarkConfig.model_validate(
            {"scenarios": SCENARIOS, "agents": AGENTS, "seeds": REPETITIONS * SEEDS, "episodes": GAMES}
        )
    )
    rows = [each for each in (*of_means(results), *of_aggregates(results), *of_studies()) if each.coverage.size]
    text = PAGE_TEXT.format(
        repetitions=REPETITIONS, seeds=SEEDS, games=GAMES, participants=PARTICIPANTS, agents=", ".join(AGENTS),
        scenarios=", ".join(SCENARIOS), noise=196 * np.sqrt(0.95 * 0.05 / REPETITIONS), rows="\n".join(map(str, rows)),
        percentile=percentile_bootstrap(results),
    )  # fmt: skip
    write(PAGE, text)


def count(kind: str, of: str, intervals: Interval, truth: NDArray[np.float64]) -> Counted:
    """Coverage of intervals, `(repetitions, ...)`, of the quantities that vary."""
    if not intervals.mean.size:
        return Counted(kind, of, np.empty(0))
    varies = np.nanmax(intervals.mean, axis=0) - np.nanmin(intervals.mean, axis=0) > 1e-9
    held = (intervals.low <= truth + 1e-12) & (truth - 1e-12 <= intervals.high)
    return Counted(kind, of, 100 * held.mean(axis=0)[varies])


def repeated(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Values of successive seeds or players, `(repetitions * size, ...)`, as `(size, repetitions, ...)`."""
    return values.reshape(-1, size, *values.shape[1:]).swapaxes(0, 1)


def of_means(results: Results) -> Iterator[Counted]:
    """Scores, paired differences and points of learning curves of a benchmark."""
    for score in SCORES:
        values = with_overall(results, score)
        known = {key: each for key, each in values.items() if not np.isnan(each).any()}
        means = np.stack(list(known.values()), axis=1)
        yield count(score, "benchmark", mean_interval(repeated(means, SEEDS)), means.mean(axis=0))
        pairs = [
            known[scenario, one] - known[scenario, other]
            for scenario in (OVERALL, *SCENARIOS)
            for one, other in combinations(AGENTS, 2)
            if (scenario, one) in known and (scenario, other) in known
        ]
        apart = np.stack(pairs, axis=1)
        yield count(
            f"{score}, paired differences", "benchmark", mean_interval(repeated(apart, SEEDS)), apart.mean(axis=0)
        )
    points = np.concatenate(list(results.curves.values()), axis=1)
    truth = np.nanmean(points, axis=0)
    edge = (truth < 0.01) | (truth > 0.99)
    intervals = share_interval(repeated(points, SEEDS))
    for name, chosen in (("", ~edge), (", at an edge", edge)):
        picked = Interval(*(each[:, chosen] for each in intervals))
        yield count(f"points of learning curves{name}", "benchmark", picked, truth[chosen])


def of_aggregates(results: Results) -> Iterator[Counted]:
    """Interquartile means, profiles and probabilities of improvement."""
    everything = [runs_by_agent(results, "valuing")[agent] for agent in AGENTS]
    found = []
    for block in track(range(REPETITIONS), "aggregates"):
        first = results.config.first_seed + block * SEEDS
        config = results.config.model_copy(update={"seeds": SEEDS, "first_seed": first})
        seeds = results.scores.seed.between(first, first + SEEDS - 1)
        found.append(in_order(aggregate(replace(results, config=config, scores=results.scores[seeds]), "valuing")))

    def repetitions(at: int) -> Interval:
        return Interval(*(np.stack([each[at][bound] for each in found]) for bound in range(3)))

    means = np.array([interquartile_mean(each) for each in everything])
    yield count("interquartile means, valuing", "benchmark", repetitions(0), means)
    above = np.stack([(runs[..., None] > THRESHOLDS).mean(axis=0) for runs in everything])  # by scenario
    ahead = np.array([[[higher(*pair) for pair in zip(a.T, b.T, strict=True)] for b in everything] for a in everything])
    others = ~np.eye(len(AGENTS), dtype=bool)
    for kind, at, truth, shown in (
        ("performance profiles", 1, above.swapaxes(1, 2), np.ones(above[:, 0].shape, bool)),
        ("probabilities of improvement", 2, ahead, others),
    ):
        edge = (((truth > 0) & (truth < 0.01)) | ((truth > 0.99) & (truth < 1))).any(axis=2)
        for name, chosen in (("", shown & ~edge), (", at an edge", shown & edge)):
            picked = Interval(*(each[:, chosen] for each in repetitions(at)))
            yield count(f"{kind}, valuing{name}", "benchmark", picked, truth.mean(axis=2)[chosen])


def higher(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How probably a run of one is higher than one of the other."""
    return float(np.searchsorted(np.sort(other), one).mean() / len(other))


def in_order(found: Aggregates) -> tuple[Interval, Interval, Interval]:
    """The aggregates with agents in the order of `AGENTS`."""
    at = [found.agents.index(agent) for agent in AGENTS]
    return (
        Interval(*(each[at] for each in found.interquartile_mean)),
        Interval(*(each[at] for each in found.profile)),
        Interval(*(each[np.ix_(at, at)] for each in found.improvement)),
    )


def of_studies() -> Iterator[Counted]:
    """What a study shows of its participants, and how well agents foretell their choices."""
    config = load_config(PopulationConfig, "population_babur2024", [f"participants={REPETITIONS * PARTICIPANTS}"])
    choices, _ = simulate(config)
    for name, hidden in (("valuing", choices.valuation), ("accepted", choices.acceptance)):
        worth = hidden.astype(np.float64)
        chance = worth.mean(axis=2)
        gained, room = (choices.of_chosen(worth) - chance).sum(axis=1), (worth.max(axis=2) - chance).sum(axis=1)
        of_each = [
            ratio_interval(*pair)
            for pair in zip(gained.reshape(-1, PARTICIPANTS), room.reshape(-1, PARTICIPANTS), strict=True)
        ]
        intervals = Interval(*(np.array(each)[:, None] for each in zip(*of_each, strict=True)))
        yield count(name, "study", intervals, np.array([gained.sum() / room.sum()]))
    for name, curve in by_player(choices).items():
        kind = f"points of learning curves, {name}"
        yield count(kind, "study", mean_interval(repeated(curve, PARTICIPANTS)), np.nanmean(curve, axis=0))
    with torch.no_grad():
        loss = np.stack(
            [-replay(make_agent(agent), choices).numpy().mean(axis=1) for agent in ("bayes-hybrid", "delta-hybrid")],
            axis=1,
        )
    yield count("loss per choice", "study", mean_interval(repeated(loss, PARTICIPANTS)), loss.mean(axis=0))
    apart = loss[:, :1] - loss[:, 1:]
    yield count(
        "loss per choice, paired differences", "study", mean_interval(repeated(apart, PARTICIPANTS)), apart.mean(axis=0)
    )
    truth = stay_effects(choices)
    studies = [
        stay_effects(choices.take(slice(start, start + PARTICIPANTS)))
        for start in track(range(0, len(choices), PARTICIPANTS), "effects")
    ]
    bounds = (np.stack([each[bound].to_numpy() for each in studies]) for bound in ("estimate", "low", "high"))
    yield count("effects on staying", "study", Interval(*bounds), truth.estimate.to_numpy())


def percentile_bootstrap(results: Results) -> float:
    """Coverage in percent of plain percentile-bootstrap intervals of the benchmark's scores."""
    values = np.stack([each for score in SCORES for each in results.values(score).values()], axis=1)
    values = values[:, ~np.isnan(values).any(axis=0)]
    rows = np.random.default_rng(0).integers(SEEDS, size=(2_000, SEEDS))
    weights = np.stack([np.bincount(row, minlength=SEEDS) for row in rows]) / SEEDS
    means = repeated(values, SEEDS)
    low, high = np.quantile(np.tensordot(weights, means, axes=1), (0.025, 0.975), axis=0)
    return float(count("", "", Interval(means.mean(axis=0), low, high), values.mean(axis=0)).coverage.mean())


if __name__ == "__main__":
    main()
