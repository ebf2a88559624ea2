"""Intervals of ratios and of distances between curves equal those of scipy, and cover."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from accept_reject.experiments.analysis.intervals import curve_distance, ratio_interval


def test_a_ratio_and_its_interval() -> None:
    rng = np.random.default_rng(0)
    above, below = rng.random(50), rng.random(50) + 1
    found = ratio_interval(above, below)
    assert found.mean == pytest.approx(above.sum() / below.sum())

    def ratio(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return a.sum(axis=axis) / b.sum(axis=axis)

    reference = stats.bootstrap((above, below), ratio, paired=True, vectorized=True, method="percentile", rng=1)
    assert found[1:] == pytest.approx(tuple(reference.confidence_interval), abs=0.01)
    plain = ratio_interval(above, np.ones(50))  # a ratio to constants is a mean
    assert plain == pytest.approx((above.mean(), *stats.ttest_1samp(above, 0).confidence_interval()))
    assert np.isnan(ratio_interval(above, np.zeros(50))).all()
    assert np.isnan(ratio_interval(above[:1], below[:1])[1:]).all()


def test_the_distance_of_curves() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(50, 5, (40, 6))
    apart = curve_distance(one, one + 3, paired=True)
    assert apart == pytest.approx((3, 3, 3))
    other = rng.normal(54, 5, (60, 6))
    found = curve_distance(one, other, paired=False)
    variance = (one.var(0, ddof=1) / 40 + other.var(0, ddof=1) / 60).mean()
    assert found.mean**2 == pytest.approx(((one.mean(0) - other.mean(0)) ** 2).mean() - variance, rel=0.02)
    assert np.isnan(curve_distance(one[:1], other, paired=False)[1:]).all()


@pytest.mark.parametrize(("gap", "least"), [(0.0, 0.97), (0.04, 0.89)])
def test_intervals_of_distances_cover(gap: float, least: float) -> None:
    """Also near 0; there the lower end is 0 in almost all studies. With 100 studies, coverage is known to 4%."""
    rng = np.random.default_rng(1)

    def players(mean: float) -> NDArray[np.float64]:
        chance = np.clip(mean + rng.normal(0, 0.1, (42, 1)), 0.02, 0.98)
        return np.asarray(rng.binomial(12, chance, (42, 12)) / 12)

    found = [curve_distance(players(0.6), players(0.6 + gap), paired=False) for _ in range(100)]
    assert np.mean([each.low <= gap <= each.high for each in found]) >= least
    assert np.median([each.mean for each in found]) == pytest.approx(gap, abs=0.012)
