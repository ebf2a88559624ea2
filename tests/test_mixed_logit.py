"""The mixed-effects logistic regression, compared with lme4."""

import numpy as np
import pandas as pd
import pytest

import accept_reject as ar
from accept_reject.experiments.analysis.last_choice import mixed_last_choice
from accept_reject.experiments.analysis.mixed_logit import mixed_logit
from accept_reject.experiments.analysis.stay_switch import mixed_stay_switch


def answers() -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(7)
    n, m = 30, 40
    effect = np.array([0.4, 0.8, -0.5]) + rng.standard_normal((n, 3)) * [0.6, 0.5, 0.0]
    player, kept = np.repeat(np.arange(n), m), rng.random(n * m) < 0.9
    x = np.stack([np.ones(n * m), rng.standard_normal(n * m), rng.integers(0, 2, n * m) - 0.5], 1)
    y = rng.random(n * m) < 1 / (1 + np.exp(-(x * effect[player]).sum(1)))
    return y[kept], pd.DataFrame(x[kept], columns=["constant", "a", "b"]), player[kept]


def test_it_agrees_with_lme4() -> None:
    """`glmer(y ~ a + b + (a + b || player), family = binomial)`, lme4 1.1-31, with bobyqa and rhoend = 1e-8."""
    found = mixed_logit(*answers())
    assert found.estimate.tolist() == pytest.approx([0.1701110, 0.8599063, -0.6964291], rel=1e-3)
    assert found.se.tolist() == pytest.approx([0.1146977, 0.1002692, 0.1396221], rel=1e-2)
    assert found.sd.tolist() == pytest.approx([0.5022665, 0.3256581, 0.0], rel=1e-3, abs=1e-4)
    assert ((found.high - found.low) / found.se).tolist() == pytest.approx([3.919928] * 3)


def test_the_same_for_stay_switch_effects() -> None:
    """`glmer(stay ~ rank + outcome + (rank + outcome || player))` of the shipped population, both standardized."""
    found = mixed_stay_switch(ar.load("population_babur2024").choices)
    assert found.estimate.to_dict() == pytest.approx({"rank": 0.24311431, "outcome": 0.17648655}, rel=1e-3)
    assert found.se.to_dict() == pytest.approx({"rank": 0.05222530, "outcome": 0.03538687}, rel=1e-2)
    assert found.sd.to_dict() == pytest.approx({"rank": 0.2854541, "outcome": 0.1927602}, rel=1e-3)


def test_rows_of_a_participant_may_be_in_any_order() -> None:
    y, x, player = answers()
    order = np.random.default_rng(0).permutation(len(y))
    mixed = mixed_logit(y[order], x.iloc[order].reset_index(drop=True), player[order])
    pd.testing.assert_frame_equal(mixed, mixed_logit(y, x, player), rtol=1e-4, atol=1e-4)


def test_what_can_not_be_estimated() -> None:
    y, x, player = answers()
    cases = {
        "collinear": (y, x.assign(c=x.a + x.b), player),
        "one participant": (y, x, np.zeros_like(player)),
        "always the same answer": (np.ones_like(y), x, player),
        "separated": (x.a.to_numpy() > 0, x, player),
    }
    for name, (answer, predictors, groups) in cases.items():
        assert mixed_logit(answer, predictors, groups).isna().all().all(), name


def test_effects_of_the_last_rounds_have_a_row_for_each_lag() -> None:
    found = mixed_last_choice(ar.load("population_babur2024").choices.take(slice(12)), lags=2)
    assert found[["effect", "lag"]].to_numpy().tolist() == [
        ["outcome", 1],
        ["outcome", 2],
        ["choice", 1],
        ["choice", 2],
    ]
    assert found.estimate.notna().all() and (found.se > 0).all()
