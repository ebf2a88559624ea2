"""Intervals: bootstrap intervals over seeds or participants (Efron 1979), by scipy, and spreads of simulations."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

RESAMPLES = 2_000
DISTANCE_RESAMPLES = 500
RESAMPLING_SEED = 0


class Interval(NamedTuple):
    """A mean and its 95% interval; arrays of one shape, or numbers."""

    mean: Any
    low: Any
    high: Any


def mean_of_defined(values: Any, axis: int | None = 0) -> Any:
    """The mean over an axis (or all) of those values that are not NaN; NaN where all are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as it should be
        return np.nanmean(values, axis=axis)


def mean_interval(values: ArrayLike) -> Interval:
    """The mean over the first axis with its 95% percentile-bootstrap interval.

    The resamples are the same at every call, so that the same values give the same interval. Seeds in which a value is
    undefined (NaN) don't count. With a single seed there is nothing to resample: the interval is NaN.

    Args:
        values: `(seeds, ...)`.

    Returns:
        Mean, low and high, each of shape `(...)`; NaN where all values are NaN.
    """
    values = np.asarray(values, np.float64)
    mean = mean_of_defined(values)
    if len(values) < 2:
        return Interval(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # the interval of nothing is NaN
        options: dict[str, Any] = {"n_resamples": RESAMPLES, "batch": 250, "method": "percentile"}
        result = stats.bootstrap((values,), mean_of_defined, axis=0, rng=RESAMPLING_SEED, **options)
    return Interval(mean, result.confidence_interval.low, result.confidence_interval.high)


def ratio_interval(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Interval:
    """The ratio of two sums over the same things, with its 95% percentile-bootstrap interval over them.

    Args:
        numerator: What is summed above, `(n,)`.
        denominator: What is summed below, `(n,)`.

    Returns:
        Three numbers; NaN where the denominators sum to nothing, the interval also for a single thing.
    """
    total = denominator.sum()
    if not total > 1e-9:
        return Interval(np.nan, np.nan, np.nan)
    ratio = float(numerator.sum() / total)
    if len(numerator) < 2:
        return Interval(ratio, np.nan, np.nan)
    rows = np.random.default_rng(RESAMPLING_SEED).integers(len(numerator), size=(RESAMPLES, len(numerator)))
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = numerator[rows].sum(axis=1) / denominator[rows].sum(axis=1)
    return Interval(ratio, *np.nanquantile(resampled, (0.025, 0.975)))


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
