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
from accept_reject.experiments.benchmark.aggregate import THRESHOLDS, Aggregates, aggregate
from accept_reject.experiments.benchmark.config import OVERALL, BenchmarkConfig
from accept_reject.experiments.benchmark.leaderboard import with_overall
from accept_reject.experiments.benchmark.results import Results, run
from accept_reject.experiments.config import load_config
from accept_reject.experiments.curves import by_player
from accept_reject.experiments.files import write
from accept_reject.experiments.intervals import Interval, mean_interval, ratio_interval
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

What lies at an edge (a truth within one percentage point of 0 or 100%) is told apart: where most seeds have not a
single miss, or hit, {seeds} of them tell little of how rare these are, and intervals are too short.

## Why not percentile bootstraps

The means of the benchmark's scores by percentile bootstrap with 2,000 resamples: intervals between the 2.5th and the
97.5th percentile hold the truth in {percentile:.1f}%. For {seeds} values they are too short, since a resample varies as
the values do around *their* mean and has fatter tails than a Normal. Student's t makes up for both; where an
interquartile mean needs a bootstrap, percentiles further out do.
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
    rows = [*of_means(results), *of_aggregates(results), *of_studies()]
    text = PAGE_TEXT.format(
        repetitions=REPETITIONS, seeds=SEEDS, games=GAMES, participants=PARTICIPANTS, agents=", ".join(AGENTS),
        scenarios=", ".join(SCENARIOS), noise=196 * np.sqrt(0.95 * 0.05 / REPETITIONS), rows="\n".join(map(str, rows)),
        percentile=percentile_bootstrap(results),
    )  # fmt: skip
    write(PAGE, text)


def count(kind: str, of: str, intervals: Interval, truth: NDArray[np.float64]) -> Counted:
    """Coverage of intervals, `(repetitions, ...)`, of the quantities that vary."""
    varies = np.ptp(intervals.mean, axis=0) > 1e-9
    held = (intervals.low <= truth + 1e-12) & (truth - 1e-12 <= intervals.high)
    return Counted(kind, of, 100 * held.mean(axis=0)[varies])


def apart_at_edges(kind: str, intervals: Interval, truth: NDArray[np.float64]) -> Iterator[Counted]:
    """Coverage for a benchmark's shares, those near 0 or 1 apart."""
    edge = (truth < 0.01) | (truth > 0.99)
    for name, chosen in ((kind, ~edge), (f"{kind}, at an edge", edge)):
        counted = count(name, "benchmark", Interval(*(each[:, chosen] for each in intervals)), truth[chosen])
        if counted.coverage.size:
            yield counted


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
    yield from apart_at_edges("points of learning curves", mean_interval(repeated(points, SEEDS)), truth)


def of_aggregates(results: Results) -> Iterator[Counted]:
    """Interquartile means, profiles and probabilities of improvement."""
    truth = aggregate(results, "valuing")
    found = []
    for block in track(range(REPETITIONS), "aggregates"):
        first = results.config.first_seed + block * SEEDS
        config = results.config.model_copy(update={"seeds": SEEDS, "first_seed": first})
        seeds = results.scores.seed.between(first, first + SEEDS - 1)
        found.append(in_order(aggregate(replace(results, config=config, scores=results.scores[seeds]), "valuing")))
    shown = [int(np.abs(THRESHOLDS - threshold).argmin()) for threshold in (0.25, 0.5, 0.75)]
    true_means = in_order(truth)
    kinds = ("interquartile means, valuing", "performance profiles, valuing", "probabilities of improvement, valuing")
    parts = (lambda each: each, lambda each: each[:, shown], lambda each: each[~np.eye(len(AGENTS), dtype=bool)])
    for at, (kind, part) in enumerate(zip(kinds, parts, strict=True)):
        intervals = Interval(*(np.stack([part(each[at][bound]) for each in found]) for bound in range(3)))
        yield from apart_at_edges(kind, intervals, part(true_means[at].mean))


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
        "the same, paired differences", "study", mean_interval(repeated(apart, PARTICIPANTS)), apart.mean(axis=0)
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
