"""Intervals over seeds or participants, and spreads of simulations."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

DISTANCE_RESAMPLES = 500
RESAMPLING_SEED = 0


class Interval(NamedTuple):
    """A mean and its 95% interval; arrays of one shape, or numbers."""

    mean: Any
    low: Any
    high: Any


UNKNOWN = Interval(np.nan, np.nan, np.nan)
"""Where nothing can be told."""


def mean_of_defined(values: Any, axis: int | None = 0) -> Any:
    """The mean over an axis (or all) of those values that are not NaN; NaN where all are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as it should be
        return np.nanmean(values, axis=axis)


def mean_interval(values: ArrayLike) -> Interval:
    """The mean over the first axis with its 95% interval by Student's t.

    Percentile-bootstrap intervals are too narrow for the 20 seeds of a benchmark: they hold the truth in 93% of
    repetitions (`docs/coverage.md`). Values that are undefined (NaN) don't count. A single value has no interval: NaN.

    Args:
        values: `(seeds, ...)`.

    Returns:
        Mean, low and high, each of shape `(...)`; NaN where all values are NaN.
    """
    values = np.asarray(values, np.float64)
    mean = mean_of_defined(values)
    n = (~np.isnan(values)).sum(axis=0)
    return _student(mean, np.sqrt(mean_of_defined((values - mean) ** 2) / np.maximum(n - 1, 1)), n)


def share_interval(shares: ArrayLike) -> Interval:
    """`mean_interval` of shares: what lies beyond 0 and 1 is cut off, which takes no truth out of an interval."""
    return Interval(*(np.clip(each, 0, 1) for each in mean_interval(shares)))


def ratio_interval(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Interval:
    """The ratio of two sums over the same things, with its 95% interval over them by Student's t.

    The ratio's error is taken as linear in the two sums (Cochran 1977, *Sampling Techniques*, ch. 6).

    Args:
        numerator: What is summed above, `(n,)`.
        denominator: What is summed below, `(n,)`.

    Returns:
        Three numbers; NaN where the denominators sum to nothing, the interval also for a single thing.
    """
    total = denominator.sum()
    if not total > 1e-9:
        return Interval(np.nan, np.nan, np.nan)
    ratio, n = float(numerator.sum() / total), len(numerator)
    left = numerator - ratio * denominator  # sums to nothing
    return _student(ratio, np.sqrt((left**2).sum() * n / max(n - 1, 1)) / total, n)


def _student(mean: Any, standard_error: Any, n: Any) -> Interval:
    """A mean of n values and its 95% interval; NaN for fewer than two."""
    half = np.where(n > 1, stats.t.ppf(0.975, np.maximum(n - 1, 1)) * standard_error, np.nan)[()]
    return Interval(mean, mean - half, mean + half)


def expanded_levels(n: int) -> tuple[float, float]:
    """Quantiles of a bootstrap over n things, 2 or more, between which a 95% interval lies (Hesterberg 2015).

    They are so far out that the interval of a mean is as wide as Student's t makes it; plain percentiles, 0.025 and
    0.975, are too close for small n.
    """
    low = float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)))
    return low, 1 - low


def curve_distance(one: NDArray[np.float64], other: NDArray[np.float64], paired: bool) -> Interval:
    """How far two mean curves lie apart: the root mean square over their points, with a 95% bootstrap interval.

    Chance alone makes it positive; two groups of the same sort of players have a distance too.

    Args:
        one: A curve for each player, `(n, points)`; NaN where a player has no value.
        other: Other players' curves, `(m, points)`.
        paired: Whether row i of both belongs to the same game, so that both are resampled alike.
    """

    def apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        gap = mean_of_defined(first) - mean_of_defined(second)
        return float(np.sqrt(mean_of_defined(gap**2)))

    rng = np.random.default_rng(RESAMPLING_SEED)
    resampled = []
    for _ in range(DISTANCE_RESAMPLES):
        rows = rng.integers(len(one), size=len(one))
        resampled.append(apart(one[rows], other[rows if paired else rng.integers(len(other), size=len(other))]))
    return Interval(apart(one, other), *spread(resampled)[1:])


def spread(values: ArrayLike) -> Interval:
    """The mean over the first axis, and the range of the middle 95% of the values; NaN where all are.

    Args:
        values: `(simulations, ...)`; those that are NaN don't count.
    """
    values = np.asarray(values, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the quantile of nothing is NaN, as it should be
        low, high = np.nanquantile(values, (0.025, 0.975), axis=0)
    return Interval(mean_of_defined(values), low, high)
