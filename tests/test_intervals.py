"""Intervals of ratios and of distances between curves equal those of scipy, and cover."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from accept_reject.experiments.analysis.intervals import (
    curve_distance,
    mean_interval,
    ratio_interval,
    share_interval,
    wilson_interval,
)


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


def test_shares_of_independent_trials_have_wilson_intervals() -> None:
    """With the standard error of independent trials and many units, only the quantile differs, hardly."""
    share, trials = np.array([0.0, 0.004, 0.5, 0.93, 1.0]), 1_000
    found = wilson_interval(share, np.sqrt(share * (1 - share) / trials), 10_000, trials)
    for i, hits in enumerate((0, 4, 500, 930, 1_000)):
        expected = stats.binomtest(hits, trials).proportion_ci(method="wilson")
        assert (found.low[i], found.high[i]) == pytest.approx((expected.low, expected.high), abs=2e-5)


def test_shares_of_dependent_trials_have_intervals_like_those_of_means() -> None:
    shares = np.random.default_rng(0).uniform(0.3, 0.7, (200, 3))
    found, by_t = share_interval(shares, np.full((200, 3), 50)), mean_interval(shares)
    np.testing.assert_allclose(found, by_t, atol=1e-3)
    clumped = share_interval(np.repeat([0.0, 1.0], 20), np.full(40, 1_000))  # one trial in 1,000 counts
    assert clumped.high - clumped.low == pytest.approx(mean_interval(np.repeat([0.0, 1.0], 20)).high * 2 - 1, rel=0.1)


def test_shares_without_a_miss_are_known_as_well_as_the_trials_allow() -> None:
    for trials, low in ((5, 0.958), (500, 0.9995)):
        found = share_interval(np.ones(20), np.full(20, trials))
        assert (found.mean, found.high) == (1, 1)
        assert found.low == pytest.approx(low, abs=1e-3)
    assert np.isnan(share_interval([0.4], [10])[1:]).all()
    gappy = share_interval([[np.nan, np.nan], [0.2, np.nan], [0.4, np.nan]], np.full((3, 2), 9))
    assert gappy.mean[0] == pytest.approx(0.3)
    assert np.isfinite(gappy.low).tolist() == [True, False]


@pytest.mark.parametrize("chance", [0.995, 0.9, 0.5])
def test_intervals_of_shares_hold_near_a_bound(chance: float) -> None:
    rng = np.random.default_rng(1)
    of_game = rng.beta(10 * chance, 10 * (1 - chance), (2_000, 20, 5))  # games of a seed differ
    shares = (rng.binomial(6, of_game) / 6).mean(axis=2).T
    found = share_interval(shares, np.full(shares.shape, 30))
    assert 0.92 < np.mean((found.low <= chance) & (chance <= found.high)) < 0.98
