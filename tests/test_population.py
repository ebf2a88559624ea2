"""Populations and stay/switch effects: as published, equal to independent references; invalid configs are rejected."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import optimize, stats

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, draw, scenario
from accept_reject.experiments.analysis.stay_switch import repeat_offers, stay_switch
from accept_reject.experiments.config import load_config
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig, draw_parameters
from accept_reject.experiments.simulation.simulate import simulate

GOOD: dict[str, Any] = {"name": "some", "agent": "bayes-hybrid", "participants": 5, "parameters": {"w": 0.4}}


def population(**changes: Any) -> PopulationConfig:
    return PopulationConfig.model_validate({**GOOD, **changes})


def shipped(name: str) -> PopulationConfig:
    return load_config(PopulationConfig, f"population_{name}")


def test_shipped_population_has_the_published_medians_and_means() -> None:
    found = draw_parameters(shipped("babur2024"), 100_000)
    assert np.median(found["w"]) == pytest.approx(0.52, abs=0.02)
    assert np.mean(found["w"]) == pytest.approx(0.48, abs=0.02)
    assert np.median(found["inverse_temperature"]) == pytest.approx(1.51, abs=0.02)
    assert np.mean(found["inverse_temperature"]) == pytest.approx(2.46, abs=0.02)


def test_simulated_studies_show_the_published_effects() -> None:
    effects = np.array([stay_switch(simulate(shipped("babur2024"), seed)[0]).estimate for seed in range(30)])
    assert abs(effects[:, 0].mean() - 0.21) < 0.06
    assert abs(effects[:, 1].mean() - 0.22) < 0.05


@pytest.mark.parametrize(("name", "absent"), [("w1", [1]), ("w0", [0]), ("scrambled", [0, 1])])
def test_contrast_populations_lack_the_expected_effects(name: str, absent: list[int]) -> None:
    effects = np.array([stay_switch(simulate(shipped(name), seed)[0]).estimate for seed in range(60)])
    for effect in (0, 1):
        t = effects[:, effect].mean() / stats.sem(effects[:, effect])
        assert (abs(t) < 3.5) == (effect in absent)


def test_distributions_are_those_of_scipy() -> None:
    config = population(
        parameters={
            "w": {"distribution": "beta", "a": 2, "b": 5},
            "inverse_temperature": {
                "mixture": [
                    {"distribution": "gamma", "a": 2, "scale": 0.5},
                    {"distribution": "uniform", "loc": 5, "scale": 1},
                ],
                "weights": [3, 1],
            },
            "rank_prior": 0.4,
        }
    )
    found = draw_parameters(config, 50_000)
    assert stats.kstest(found["w"], stats.beta(2, 5).cdf).pvalue > 1e-4
    beta = found["inverse_temperature"]
    assert (
        stats.kstest(beta, lambda x: 0.75 * stats.gamma(2, scale=0.5).cdf(x) + 0.25 * stats.uniform(5, 1).cdf(x)).pvalue
        > 1e-4
    )
    assert (found["rank_prior"] == 0.4).all()
    assert abs(np.corrcoef(found["w"], beta)[0, 1]) < 0.02


def test_correlated_normals_are_mapped_to_the_ranges() -> None:
    group = {"parameters": ["w", "inverse_temperature"], "mean": [0.3, 0.5], "covariance": [[1.0, 0.6], [0.6, 0.5]]}
    found = draw_parameters(population(parameters={}, correlated=[group]), 100_000)
    z = np.stack([np.log(found["w"] / (1 - found["w"])), np.log(found["inverse_temperature"])])
    assert z.mean(axis=1) == pytest.approx([0.3, 0.5], abs=0.02)
    assert np.cov(z) == pytest.approx(np.array(group["covariance"]), abs=0.02)


def test_participants_do_not_depend_on_their_number() -> None:
    config = shipped("babur2024")
    many, few = draw_parameters(config, 50), draw_parameters(config, 7)
    assert all(np.array_equal(many[name][:7], few[name]) for name in few)
    big, small = (
        simulate(config.model_copy(update={"participants": 30}))[0],
        simulate(config.model_copy(update={"participants": 9}))[0],
    )
    assert np.array_equal(big.choice[:9], small.choice)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"agent": "bayes"}, "agent: unknown agent 'bayes'; did you mean"),
        ({"agent": "random"}, "agent: must be a learner"),
        ({"participants": 0}, "participants: must be an integer >= 1, got 0"),
        ({"parameters": {"u": 1}}, "parameters: unknown parameter 'u' (known: "),
        ({"parameters": {"w": 1.5}}, "parameters.w: must be a number from 0 to 1, got values from 1.5 to 1.5"),
        (
            {"parameters": {"w": {"distribution": "norm", "loc": 0.5, "scale": 1}}},
            "parameters.w: must be a number from 0 to 1, got values from -",
        ),
        (
            {"parameters": {"w": {"distribution": "bta", "a": 1, "b": 1}}},
            "w.distribution: must be a continuous distribution of scipy.stats, got 'bta'; did you mean 'beta'?",
        ),
        ({"parameters": {"w": {"distribution": "beta", "a": 1}}}, "arguments of beta (a, b, loc, scale), got {'a': 1}"),
        ({"parameters": {"w": {"distribution": "beta", "a": -1, "b": 2}}}, "valid arguments of beta, got"),
        (
            {"parameters": {"w": {"distribution": "beta", "a": "x", "b": 2}}},
            "parameters.w.a: must be a finite number, got 'x'",
        ),
        *[
            ({"parameters": {"w": {"distribution": "norm", "loc": value}}}, "parameters.w.loc: must be a finite number")
            for value in (float("inf"), float("nan"), True)
        ],
        (
            {"parameters": {"w": {"distribution": "constant", "value": "x"}}},
            "parameters.w.value: must be a finite number",
        ),
        ({"parameters": {"w": {"mixture": [0.1, 0.2], "weights": [1]}}}, "parameters.w.weights: must have one number"),
        ({"parameters": {"w": {"mixture": [0.1, 0.2], "weights": [0, 0]}}}, "weights: must have a sum > 0"),
        ({"parameters": {"w": {"mixture": [], "weights": []}}}, "parameters.w.mixture: must have at least 1 item"),
        ({"parameters": {"w": "x"}}, "parameters.w: must be a number or a distribution, got 'x'"),
        (
            {"correlated": [{"parameters": ["w"], "mean": [0], "covariance": [[1]]}]},
            "correlated.0.parameters: must be unique across parameters and correlated, got 'w' more than once",
        ),
        (
            {"parameters": {}, "correlated": [{"parameters": ["w"], "mean": [0, 1], "covariance": [[1]]}]},
            "correlated.0.mean: must have one number for each parameter (1), got 2",
        ),
        (
            {"parameters": {}, "correlated": [{"parameters": ["w"], "mean": [0], "covariance": [[1, 2]]}]},
            "correlated.0.covariance: must be a 1 x 1 matrix",
        ),
        (
            {"parameters": {}, "correlated": [{"parameters": ["w"], "mean": [0], "covariance": [[-1]]}]},
            "correlated.0.covariance: must be symmetric and positive",
        ),
        ({"game": "orthogonl"}, "game.scenario: unknown scenario 'orthogonl'"),
        ({"color": 1}, "unknown key 'color'"),
        ({"name": "a b"}, "name: must be at most 100 letters, digits"),
    ],
)
def test_invalid_populations_are_rejected(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "population.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_config(PopulationConfig, str(path))
    assert any(problem in line for line in caught.value.problems), str(caught.value)


def test_repeat_offers_equal_a_plain_loop() -> None:
    choices = play(make_agent("bayes-hybrid", {"inverse_temperature": 2}), draw(scenario("orthogonal").game, 1, 3))
    expected = []
    for i in range(3):
        last: dict[int, tuple[float, int]] = {}
        for t in range(144):
            chosen = int(choices.offered[i, t, choices.choice[i, t]])
            for partner in choices.offered[i, t].tolist():
                if partner in last:
                    expected.append((i, t + 1, partner == chosen, *last[partner]))
            rank = int(choices.rank[i, t])
            last[chosen] = ((8 - rank) / 7 if rank else math.nan, int(choices.accepted[i, t]))
    found = sorted(map(repr, repeat_offers(choices).astype(float).itertuples(index=False, name=None)))
    assert found == sorted(repr(tuple(map(float, row))) for row in expected)


def test_effects_equal_an_independent_regression() -> None:
    choices = simulate(shipped("babur2024"))[0]
    data = repeat_offers(choices)
    x = data[["rank", "outcome"]].to_numpy()
    z = (x - np.nanmean(x, axis=0)) / np.nanstd(x, axis=0)
    design, y = np.column_stack([np.ones(len(x)), np.nan_to_num(z)]), data.stay.to_numpy(float)

    def loss(b: np.ndarray) -> float:
        eta = design @ b
        return float(np.logaddexp(0, eta).sum() - y @ eta)

    b = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x
    p = 1 / (1 + np.exp(-design @ b))
    bread = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
    score = design * (y - p)[:, None]
    by_player = np.array([score[data.player == i].sum(axis=0) for i in range(42)])
    g, n, k = 42, len(y), 3
    sandwich = bread @ (by_player.T @ by_player) @ bread * (g / (g - 1)) * ((n - 1) / (n - k))
    found = stay_switch(choices)
    assert found.estimate.to_numpy() == pytest.approx(b[1:], abs=1e-5)
    assert found.se.to_numpy() == pytest.approx(np.sqrt(np.diag(sandwich))[1:], rel=1e-4)
    assert found.odds_ratio.to_numpy() == pytest.approx(np.exp(b[1:]), abs=1e-5)


def test_effects_without_information_are_undefined() -> None:
    hidden = play(make_agent("bayes-outcome"), draw(scenario("hidden-ranks").game, 0, 20))
    effects = stay_switch(hidden)
    assert np.isnan(effects.estimate["rank"])
    assert effects.estimate["outcome"] > 0.5
    shown = play(make_agent("bayes-hybrid"), draw(scenario("few-spots").game, 0, 20))
    always_third = stay_switch(replace(shown, rank=np.full_like(shown.rank, 3)))
    assert np.isnan(always_third.estimate["rank"])
    assert always_third.estimate["outcome"] > 0.1
    collinear = replace(shown, rank=np.where(shown.accepted, 2, 6).astype(np.uint8))
    assert np.isnan(stay_switch(collinear).estimate).all()
    one_player = stay_switch(play(make_agent("random"), draw(scenario("orthogonal").game, 0, 1)))
    assert np.isnan(one_player.estimate).all()


@pytest.mark.parametrize("rounds", [2, 3, 4, 5])
def test_effects_of_few_repeated_offers_are_undefined(rounds: int) -> None:
    """As many offers as parameters leave no degrees of freedom."""
    game = scenario("orthogonal").game.model_copy(update={"rounds": rounds})
    for seed in range(20):
        assert np.isnan(stay_switch(play(make_agent("random"), draw(game, seed, 2))).estimate).any()
