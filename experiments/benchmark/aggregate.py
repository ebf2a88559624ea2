"""Aggregate scores over scenarios and seeds (Agarwal, Schwarzer, Castro, Courville & Bellemare 2021, NeurIPS).

A run is one seed of one scenario. All agents and scenarios have the same seeds, so a bootstrap resample takes the same
seeds for all of them: each scenario keeps its number of runs, and the dependence through common seeds is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from accept_reject.experiments.analysis.intervals import RESAMPLING_SEED, Interval, expanded_levels
from accept_reject.experiments.analysis.scores import ScoreName
from accept_reject.experiments.benchmark.run import Results

Floats = NDArray[np.float64]

RESAMPLES = 2_000

FEWEST_SEEDS = 5
"""With fewer seeds, a bootstrap gives no useful interval."""

THRESHOLDS = np.linspace(0, 1, 101)
"""Scores at which performance profiles are computed, from chance to the oracle."""


class Aggregates(NamedTuple):
    """Aggregates of a score over all scenarios, with 95% intervals.

    Attributes:
        agents: The agents that have the score in all runs, the highest interquartile mean first.
        interquartile_mean: Mean of the middle half of an agent's runs, `(agents,)`.
        profile: Share of an agent's runs above each threshold, `(agents, thresholds)`.
        improvement: Probability that a run of the agent scores higher than a run of the other agent in the same
            scenario, with independent random numbers, ties counting half; averaged over scenarios, `(agents, agents)`.

    Each interval has three arrays of the shape given.
    """

    agents: tuple[str, ...]
    interquartile_mean: Interval
    profile: Interval
    improvement: Interval


def aggregate(results: Results, score: ScoreName) -> Aggregates:
    """Aggregate a score of a benchmark, over the scenarios in which it is defined."""
    by_agent = runs_by_agent(results, score)
    if not by_agent:
        return Aggregates((), *(Interval(*[np.empty(shape)] * 3) for shape in ((0,), (0, len(THRESHOLDS)), (0, 0))))
    agents = tuple(sorted(by_agent, key=lambda agent: -interquartile_mean(by_agent[agent])))
    runs, n = [by_agent[agent] for agent in agents], results.config.seeds
    rows = np.random.default_rng(RESAMPLING_SEED).integers(n, size=(RESAMPLES, n))
    rows = rows[np.ptp(rows, axis=1) > 0] if n > 1 else rows  # one seed alone has no pairs
    counts = np.stack([np.bincount(row, minlength=n) for row in rows])  # draws of each seed, (resamples, seeds)
    ones = np.ones((1, n), np.int64)

    def over_resamples(estimate: Floats, resampled: Floats) -> Interval:
        if n < FEWEST_SEEDS:
            return Interval(estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan))
        return Interval(estimate, *np.quantile(resampled, expanded_levels(n), axis=0))

    def against(other: Floats) -> Interval:
        wins = [(improvement(each, other, ones)[0], improvement(each, other, counts)) for each in runs]
        return over_resamples(
            np.array([estimate for estimate, _ in wins]), np.stack([each for _, each in wins], axis=1)
        )

    return Aggregates(
        agents,
        _stack([over_resamples(interquartile_mean(each), interquartile_mean(each[rows])) for each in runs]),
        _stack([over_resamples(profile(each), profile(each[rows])) for each in runs]),
        _stack([against(each) for each in runs], axis=1),
    )


def runs_by_agent(results: Results, score: ScoreName) -> dict[str, Floats]:
    """The runs of each agent that has the score in all of them, `(seeds, scenarios)`.

    Only for scenarios in which some agent has the score at every seed: where all offers are ties, no agent has one.
    """
    values = results.values(score)
    names = [entry.name for entry in results.config.agents]
    runs = np.stack([[values[entry.name, name] for entry in results.config.scenarios] for name in names])
    undefined = np.isnan(runs).all(axis=0)  # (scenarios, seeds)
    runs = runs[:, undefined.sum(axis=1) == 0].swapaxes(1, 2)  # (agents, seeds, scenarios)
    return {name: each for name, each in zip(names, runs, strict=True) if each.size and not np.isnan(each).any()}


def interquartile_mean(runs: Floats) -> Floats:
    """Mean of the middle half of the runs, `(..., seeds, scenarios)`: a quarter is cut off at each end."""
    return np.asarray(stats.trim_mean(runs.reshape(*runs.shape[:-2], -1), 0.25, axis=-1))


def profile(runs: Floats) -> Floats:
    """Share of the runs, `(..., seeds, scenarios)`, above each threshold, `(..., thresholds)`."""
    ordered = np.sort(runs.reshape(-1, runs.shape[-2] * runs.shape[-1]), axis=1)
    above = np.stack([1 - np.searchsorted(each, THRESHOLDS, side="right") / len(each) for each in ordered])
    return above.reshape(*runs.shape[:-2], len(THRESHOLDS))


def improvement(one: Floats, other: Floats, counts: NDArray[np.int64]) -> Floats:
    """The probability that a run of one scores higher than a run of the other in the same scenario: Mann-Whitney U.

    Runs of the same seed share random numbers and are not compared, so that the two runs are independent, unless there
    is only one seed.

    Args:
        one: Runs, `(seeds, scenarios)`.
        other: Those of another agent.
        counts: Number of draws of each seed, `(resamples, seeds)`.

    Returns:
        For each resample, `(resamples,)`; half where the runs are equal.
    """
    n, scenarios = one.shape
    wins = np.zeros((n, n))
    for of_one, of_other in zip(one.T, other.T, strict=True):
        wins += (np.sign(of_one[:, None] - of_other) + 1) / (2 * scenarios)
    if n == 1:
        return np.repeat(wins[0], len(counts))
    np.fill_diagonal(wins, 0)
    pairs = counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)
    probability: Floats = ((counts @ wins) * counts).sum(axis=1) / pairs
    return probability


def _stack(intervals: list[Interval], axis: int = 0) -> Interval:
    return Interval(*(np.stack(each, axis=axis) for each in zip(*intervals, strict=True)))
