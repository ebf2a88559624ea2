"""Aggregate scores over scenarios and seeds (Agarwal, Schwarzer, Castro, Courville & Bellemare 2021, NeurIPS).

A run is one seed of one scenario. All agents and scenarios have the same seeds, so a bootstrap resample takes the same
seeds for all of them: each scenario keeps its number of runs, and the dependence through common seeds is kept.

Profiles have no intervals. Runs of a scenario differ little, so that nearly all of them are above a threshold or
nearly all below, and no interval of such shares contains the truth in about 95% of benchmarks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from accept_reject.experiments.analysis.intervals import (
    RESAMPLING_SEED,
    UNKNOWN,
    Interval,
    expanded_levels,
    wilson_interval,
)
from accept_reject.experiments.analysis.scores import ScoreName
from accept_reject.experiments.benchmark.run import Results

Floats = NDArray[np.float64]

RESAMPLES = 2_000

_TOGETHER = 8
"""Number of resamples computed at once; small batches stay in the processor's cache."""

FEWEST_SEEDS = 5
"""With fewer seeds there are no useful intervals."""

PAIRS_PER_RUN = 4
"""Number of trials that a run counts as. A run is part of many pairs, but these are not independent. In simulations of
one to nine scenarios, with agents from equal to far apart, intervals held with this number."""

THRESHOLDS = np.linspace(0, 1, 101)
"""Scores at which performance profiles are computed, from chance to the oracle."""


class Aggregates(NamedTuple):
    """Aggregates of a score over all scenarios.

    Attributes:
        agents: The agents that have the score in all runs, the highest interquartile mean first.
        interquartile_mean: Mean of the middle half of an agent's runs, with a 95% interval, `(agents,)` each.
        profile: Share of an agent's runs above each threshold, `(agents, thresholds)`.
        improvement: Probability that a run of the agent scores higher than a run of the other agent in the same
            scenario, with independent random numbers, ties counting half; averaged over scenarios. With a 95% interval,
            `(agents, agents)` each.
    """

    agents: tuple[str, ...]
    interquartile_mean: Interval
    profile: Floats
    improvement: Interval


def aggregate(results: Results, score: ScoreName) -> Aggregates:
    """Aggregate a score of a benchmark, over the scenarios in which it is defined."""
    by_agent = runs_by_agent(results, score)
    agents = tuple(sorted(by_agent, key=lambda agent: -interquartile_mean(by_agent[agent])))
    runs, n = [by_agent[agent] for agent in agents], results.config.seeds
    rows = np.random.default_rng(RESAMPLING_SEED).integers(n, size=(RESAMPLES, n))
    times = np.stack([np.bincount(row, minlength=n) for row in rows])
    means = [interquartile_mean(each) for each in runs]
    bounds = [_bounds(resampled_means(each, times), n) for each in runs]
    ahead = np.array([[improvement(one, other) for other in runs] for one in runs]).reshape(len(runs), len(runs), 3)
    return Aggregates(
        agents,
        Interval(np.array(means), *np.reshape(bounds, (-1, 2)).T),
        np.reshape([profile(each) for each in runs], (-1, len(THRESHOLDS))),
        Interval(*np.moveaxis(ahead, 2, 0)),
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


def resampled_means(runs: Floats, times: NDArray[np.integer]) -> Floats:
    """Interquartile means of resampled seeds: of runs that are sorted once, each counts as often as its seed.

    Args:
        runs: The runs, `(seeds, scenarios)`.
        times: How often each seed is in each resample, `(resamples, seeds)`; rows sum to the number of seeds.

    Returns:
        `(resamples,)`.
    """
    order = np.argsort(runs, axis=None, kind="stable")
    values, seed = runs.ravel()[order], order // runs.shape[1]
    cut = runs.size // 4
    found = np.empty(len(times))
    for first in range(0, len(times), _TOGETHER):
        weight = times[first : first + _TOGETHER].astype(np.int32)[:, seed]
        up_to = weight.cumsum(axis=1)
        kept = np.minimum(up_to, runs.size - cut) - np.maximum(up_to - weight, cut)
        found[first : first + _TOGETHER] = np.maximum(kept, 0) @ values / (runs.size - 2 * cut)
    return found


def profile(runs: Floats) -> Floats:
    """Share of the runs, `(seeds, scenarios)`, above each threshold, `(thresholds,)`."""
    return np.asarray(1 - np.searchsorted(np.sort(runs, axis=None), THRESHOLDS, side="right") / runs.size)


def improvement(one: Floats, other: Floats) -> Interval:
    r"""The probability that a run of one scores higher than a run of the other in the same scenario: Mann-Whitney U.

    Runs of the same seed share random numbers and are not compared, so that the two runs are independent, unless there
    is only one seed. With $w_{ij}$ for the share of scenarios in which run $i$ of one is higher than run $j$ of the
    other, the estimate is the mean of all $w_{ij}$ with $i \ne j$. Its standard error over n seeds is the one of the
    mean over $i$ of

    $$\frac{1}{n - 1} \sum_{j \ne i} (w_{ij} + w_{ji})$$

    (Hoeffding 1948, Annals of Mathematical Statistics 19, 293-325). For the interval, see `wilson_interval`: each run
    counts as `PAIRS_PER_RUN` trials.

    Args:
        one: Runs, `(seeds, scenarios)`.
        other: Those of another agent.

    Returns:
        The probability, half where all runs are equal, with its 95% interval.
    """
    n = len(one)
    same = (np.sign(one - other) + 1) / 2  # pairs of the same seed
    if n == 1:
        return UNKNOWN._replace(mean=same.mean())
    columns = list(zip(one.T, other.T, same.T, strict=True))
    wins = np.mean([_below(a, b) - equal for a, b, equal in columns], axis=0) / (n - 1)
    losses = np.mean([_below(b, a) - (1 - equal) for a, b, equal in columns], axis=0) / (n - 1)
    probability = wins.mean()
    if n < FEWEST_SEEDS:
        return UNKNOWN._replace(mean=probability)
    return wilson_interval(probability, (wins - losses).std(ddof=1) / np.sqrt(n), n, PAIRS_PER_RUN * one.size)


def _below(values: Floats, others: Floats) -> Floats:
    """The number of others below each value, `(n,)`; those that are equal count half."""
    ordered = np.sort(others)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2


def _bounds(resampled: Floats, n: int) -> tuple[float, float]:
    """The 95% interval of an estimate from n seeds, by a bootstrap."""
    if n < FEWEST_SEEDS:
        return np.nan, np.nan
    low, high = np.quantile(resampled, expanded_levels(n))
    return float(low), float(high)
