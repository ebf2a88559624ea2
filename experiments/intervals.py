"""Intervals: bootstrap intervals over seeds or participants (Efron 1979), by scipy, and spreads of simulations."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

RESAMPLES = 2_000
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
