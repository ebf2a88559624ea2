"""Confidence intervals over seeds or participants, and spreads of simulations."""

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
"""An undefined interval."""


def mean_of_defined(values: Any, axis: int | None = 0) -> Any:
    """Compute the mean over an axis, or over all values, without NaN; NaN where all values are NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no values is NaN, as intended
        return np.nanmean(values, axis=axis)


def mean_interval(values: ArrayLike) -> Interval:
    """Compute the mean over the first axis with its 95% interval by Student's t.

    Percentile bootstrap intervals would be too narrow for the 20 seeds of a benchmark: their coverage is 93%. NaN are
    ignored. A single value has no interval: NaN.

    Args:
        values: `(seeds, ...)`.

    Returns:
        Mean, low and high, each of shape `(...)`; NaN where all values are NaN.
    """
    return _student(*_mean_and_error(np.asarray(values, np.float64)))


def share_interval(shares: ArrayLike, trials: ArrayLike) -> Interval:
    """Compute the mean of shares over the first axis with its 95% interval, see `wilson_interval`.

    Args:
        shares: Shares of hits, `(seeds, ...)`; NaN are ignored.
        trials: The number of trials of each share, `(seeds, ...)`.

    Returns:
        Mean, low and high, each of shape `(...)`; NaN where all values are NaN. A single value has no interval: NaN.
    """
    shares, trials = np.asarray(shares, np.float64), np.asarray(trials)
    return wilson_interval(*_mean_and_error(shares), np.where(np.isnan(shares), 0, trials).sum(axis=0))


def wilson_interval(share: Any, standard_error: Any, n: Any, trials: Any) -> Interval:
    """Return a share over n units with its 95% interval by Wilson's method with the effective number of trials.

    Trials of a unit are not independent. The share is only as precise as one of `share (1 - share) / standard_error^2`
    independent trials, and this number replaces that of the trials if it is smaller (Korn & Graubard 1998, Survey
    Methodology 24, 193-201). Near 0 and 1, where units hardly differ, intervals by Student's t would be far too short.
    The quantile is that of Student's t, since the standard error is estimated (see also Franco, Little, Louis & Slud
    2019, Journal of Survey Statistics and Methodology 7, 334-364).

    Args:
        share: The share.
        standard_error: Its standard error over units.
        n: Number of units.
        trials: Number of trials of all units.

    Returns:
        Arrays of the shape of `share`, within 0..1; an unknown interval for fewer than two units.
    """
    share, n = np.asarray(share, np.float64), np.asarray(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        independent = np.fmin(share * (1 - share) / np.square(standard_error), trials)
        square = np.where(n > 1, stats.t.ppf(0.975, np.maximum(n - 1, 1)), np.nan) ** 2 / independent
    center = (share + square / 2) / (1 + square)
    half = np.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    # no interval leaves out its own share by rounding
    return Interval(share[()], np.minimum(center - half, share)[()], np.maximum(center + half, share)[()])


def ratio_interval(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Interval:
    """Compute the ratio of two sums over n units, with its 95% interval over units by Student's t.

    The error of the ratio is linearized (Cochran 1977, *Sampling Techniques*, ch. 6).

    Args:
        numerator: Terms of the numerator, `(n,)`.
        denominator: Terms of the denominator, `(n,)`.

    Returns:
        Three numbers; NaN if the denominator is 0. A single unit has no interval: NaN.
    """
    total = denominator.sum()
    if not total > 1e-9:
        return UNKNOWN
    ratio, n = float(numerator.sum() / total), len(numerator)
    residual = numerator - ratio * denominator  # its sum is 0
    return _student(ratio, np.sqrt((residual**2).sum() * n / max(n - 1, 1)) / total, n)


def _mean_and_error(values: NDArray[np.float64]) -> tuple[Any, Any, Any]:
    """Return the mean over the first axis, its standard error, and the number of values, without NaN."""
    mean = mean_of_defined(values)
    n = (~np.isnan(values)).sum(axis=0)
    return mean, np.sqrt(mean_of_defined((values - mean) ** 2) / np.maximum(n - 1, 1)), n


def _student(mean: Any, standard_error: Any, n: Any) -> Interval:
    """Return a mean of n values with its 95% interval; NaN for fewer than two values."""
    half = np.where(n > 1, stats.t.ppf(0.975, np.maximum(n - 1, 1)) * standard_error, np.nan)[()]
    return Interval(mean, mean - half, mean + half)


def expanded_levels(n: int) -> tuple[float, float]:
    """Return the quantiles of a bootstrap over n >= 2 units that bound a 95% interval (Hesterberg 2015).

    With these expanded percentiles, the interval of a mean is as wide as by Student's t. Plain percentiles, 0.025 and
    0.975, are too narrow for small n.
    """
    low = float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)))
    return low, 1 - low


def curve_distance(one: NDArray[np.float64], other: NDArray[np.float64], paired: bool) -> Interval:
    r"""Estimate the root mean square distance between the mean curves of two kinds of players, with a 95% interval.

    The mean square difference of two samples' mean curves, $Q$, exceeds the squared distance by the variance of their
    difference, so that samples of the same kind of player would seem to differ. A bootstrap adds this variance $v$ once
    more: it is estimated as the mean of resampled values $Q^*$, minus $Q$. The squared distance is estimated as
    $Q - v$, with percentiles of $Q^* - 2 v$ as its interval, all at least 0. Percentiles of $Q^*$ itself would never
    contain small distances.

    Args:
        one: The curve of each player, `(n, points)`; NaN where a player has no value.
        other: The curves of other players, `(m, points)`.
        paired: Whether row i of both belongs to the same game, so that both are resampled together.

    Returns:
        The distance with its interval, which is unknown if one of the samples has fewer than two players.
    """

    def square(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        return float(mean_of_defined((mean_of_defined(first) - mean_of_defined(second)) ** 2))

    fewest = min(len(one), len(other))
    found = square(one, other)
    if fewest < 2 or np.isnan(found):
        return Interval(np.sqrt(found), np.nan, np.nan)
    rng = np.random.default_rng(RESAMPLING_SEED)
    resampled = []
    for _ in range(DISTANCE_RESAMPLES):
        rows = rng.integers(len(one), size=len(one))
        resampled.append(square(one[rows], other[rows if paired else rng.integers(len(other), size=len(other))]))
    variance = max(float(mean_of_defined(np.array(resampled))) - found, 0.0)
    low, high = np.nanquantile(resampled, expanded_levels(fewest)) - 2 * variance
    return Interval(*np.sqrt(np.maximum([found - variance, low, high], 0)))


def spread(values: ArrayLike) -> Interval:
    """Compute the mean and the central 95% of values over the first axis; NaN where all values are NaN.

    Args:
        values: `(simulations, ...)`; NaN are ignored.
    """
    values = np.asarray(values, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the quantile of no values is NaN, as intended
        low, high = np.nanquantile(values, (0.025, 0.975), axis=0)
    return Interval(mean_of_defined(values), low, high)
