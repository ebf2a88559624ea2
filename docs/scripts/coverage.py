"""Repeat small benchmarks and studies, and write how often 95% intervals contain the truth.

The page is `docs/results/coverage.md`.

.venv/bin/python docs/scripts/coverage.py
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
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.analysis.curves import Counts, curve_counts, learning_curves
from accept_reject.experiments.analysis.intervals import (
    Interval,
    curve_distance,
    mean_interval,
    ratio_interval,
    share_interval,
)
from accept_reject.experiments.analysis.scores import SCORES
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.benchmark.aggregate import aggregate, interquartile_mean, runs_by_agent
from accept_reject.experiments.benchmark.config import OVERALL, BenchmarkConfig
from accept_reject.experiments.benchmark.run import Results, run
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.replay import replay
from accept_reject.experiments.simulation.simulate import simulate

PAGE = Path(__file__).parents[1] / "results" / "coverage.md"

REPETITIONS, SEEDS, GAMES, PARTICIPANTS = 500, 20, 5, 42
SCENARIOS = ("orthogonal", "few-spots", "drift")
AGENTS = ("bayes-hybrid", "bayes-rank", "delta-hybrid", "delta-rank", "thompson-outcome", "ideal-valuing")

PAGE_TEXT = """# Coverage of intervals

How often do 95% intervals contain the truth? This was measured with {repetitions} repetitions of

- a benchmark: {agents} in {scenarios}, {seeds} seeds of {games} games each;
- a study: {participants} simulated participants like the published ones (`population_babur2024`).

The truth is the value over all repetitions together. *Coverage* is the percentage of 95% intervals that contain
it, averaged over all intervals of a kind. The coverage of a single interval is known to within {noise:.1f}
percentage points, so among many of them the lowest and the highest deviate more. Quantities that never vary are
left out, since their intervals always contain them.

| intervals | from | number | coverage (%) | lowest | highest |
| --- | --- | ---: | ---: | ---: | ---: |
{rows}

Quantities *near a bound* are listed separately: those whose truth is within one percentage point of 0 or 100%. Where
not a single seed has a miss in nearly all repetitions, any interval that contains 100% contains the truth in nearly all
of them, so coverage above 97% can't be avoided there. Intervals of distances between curves contain 0 whenever two
groups of players may be of the same kind.

Performance profiles have no intervals. Seeds differ little within a scenario, so that nearly all runs of a scenario are
above a threshold or nearly all below. Bootstrap intervals contained the truth of a point in 63% of the repetitions on
average, and Wilson intervals in 98%.

## Why not percentile bootstraps

For the means of the benchmark's scores, percentile bootstrap intervals (2,000 resamples, from the 2.5th to the 97.5th
percentile) contain the truth in {percentile:.1f}% of the repetitions. With {seeds} values they are too short: resamples
vary as the values do around *their* mean, and the variance of the values is itself uncertain. Student's t corrects for
both. Interquartile means need a bootstrap, and percentiles further out correct for it. With fewer than five seeds they
can't, and no interval is given.

`docs/scripts/coverage.py` writes this page.
"""


class Counted(NamedTuple):
    """The coverage of each interval of a kind, in percent."""

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
    covered = (intervals.low <= truth + 1e-12) & (truth - 1e-12 <= intervals.high)
    return Counted(kind, of, 100 * covered.mean(axis=0)[varies])


def repeated(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Values of successive seeds or players, `(repetitions * size, ...)`, as `(size, repetitions, ...)`."""
    return values.reshape(-1, size, *values.shape[1:]).swapaxes(0, 1)


def of_means(results: Results) -> Iterator[Counted]:
    """Scores, paired differences and points of learning curves of a benchmark."""
    for score in SCORES:
        values = results.overall(score)
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
    counts = Counts(*(np.concatenate(each, axis=1) for each in zip(*results.curves.values(), strict=True)))
    truth = np.nanmean(counts.shares, axis=0)
    edge = (truth < 0.01) | (truth > 0.99)
    intervals = share_interval(repeated(counts.shares, SEEDS), repeated(counts.total, SEEDS))
    for name, chosen in (("", ~edge), (", near a bound", edge)):
        picked = Interval(*(each[:, chosen] for each in intervals))
        yield count(f"points of learning curves{name}", "benchmark", picked, truth[chosen])


def of_aggregates(results: Results) -> Iterator[Counted]:
    """Interquartile means and probabilities of improvement."""
    everything = [runs_by_agent(results, "valuing")[agent] for agent in AGENTS]
    means, ahead = [], []
    for block in track(range(REPETITIONS), "aggregates"):
        first = results.config.first_seed + block * SEEDS
        config = results.config.model_copy(update={"seeds": SEEDS, "first_seed": first})
        seeds = results.scores.seed.between(first, first + SEEDS - 1)
        again = aggregate(replace(results, config=config, scores=results.scores[seeds]), "valuing")
        order = [again.agents.index(agent) for agent in AGENTS]
        means.append([each[order] for each in again.interquartile_mean])
        ahead.append([each[np.ix_(order, order)] for each in again.improvement])
    truth = np.array([interquartile_mean(each) for each in everything])
    yield count("interquartile means, valuing", "benchmark", Interval(*np.stack(means, axis=1)), truth)
    truth = np.array(
        [[np.mean([higher(*pair) for pair in zip(a.T, b.T, strict=True)]) for b in everything] for a in everything]
    )
    edge = (truth < 0.01) | (truth > 0.99)
    for name, chosen in (("", ~edge), (", near a bound", edge)):
        shown = chosen & ~np.eye(len(AGENTS), dtype=bool)
        picked = Interval(*(each[:, shown] for each in np.stack(ahead, axis=1)))
        yield count(f"probabilities of improvement, valuing{name}", "benchmark", picked, truth[shown])


def higher(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The probability that a run of one is higher than a run of the other."""
    return float(np.searchsorted(np.sort(other), one).mean() / len(other))


def of_studies() -> Iterator[Counted]:
    """Scores, learning curves and stay/switch effects of a study, and predictive accuracy of agents."""
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
    for name, counts in curve_counts(choices).items():
        intervals = share_interval(repeated(counts.shares, PARTICIPANTS), repeated(counts.total, PARTICIPANTS))
        yield count(f"points of learning curves, {name}", "study", intervals, np.nanmean(counts.shares, axis=0))
    yield from of_distances(choices)
    with torch.no_grad():
        nll = np.stack(
            [-replay(make_agent(agent), choices).numpy().mean(axis=1) for agent in ("bayes-hybrid", "delta-hybrid")],
            axis=1,
        )
    yield count("NLL per choice", "study", mean_interval(repeated(nll, PARTICIPANTS)), nll.mean(axis=0))
    apart = nll[:, :1] - nll[:, 1:]
    yield count(
        "NLL per choice, paired differences", "study", mean_interval(repeated(apart, PARTICIPANTS)), apart.mean(axis=0)
    )
    truth = stay_switch(choices)
    studies = [
        stay_switch(choices.take(slice(start, start + PARTICIPANTS)))
        for start in track(range(0, len(choices), PARTICIPANTS), "effects")
    ]
    bounds = (np.stack([each[bound].to_numpy() for each in studies]) for bound in ("estimate", "low", "high"))
    yield count("stay/switch effects", "study", Interval(*bounds), truth.estimate.to_numpy())


def of_distances(choices: Choices) -> Iterator[Counted]:
    """Distances of the learning curves of studies from those of an agent, and from those of the next study."""
    people = learning_curves(choices)["valuing"]
    agent = learning_curves(play(make_agent("bayes-hybrid"), draw(choices.game, 1, len(choices))))["valuing"]
    apart = float(np.sqrt(np.mean((np.nanmean(people, axis=0) - np.nanmean(agent, axis=0)) ** 2)))
    blocks = [slice(start, start + PARTICIPANTS) for start in range(0, len(choices), PARTICIPANTS)]
    for kind, other, truth in (
        ("distances between learning curves", agent, apart),
        ("distances between learning curves, same population", np.roll(people, PARTICIPANTS, axis=0), 0.0),
    ):
        found = [curve_distance(people[block], other[block], paired=False) for block in track(blocks, kind)]
        intervals = Interval(*(np.array(each)[:, None] for each in zip(*found, strict=True)))
        yield count(kind, "study", intervals, np.array([truth]))


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
