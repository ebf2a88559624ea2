"""Full posteriors equal brute-force grids and NUTS; groups and covariates are those of closed forms and other fits."""

from typing import Any

import numpy as np
import pytest
import torch
from fitting import model, participants, with_missed
from numpy.typing import NDArray
from scipy import optimize, special, stats

from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference import bayes, nuts, sampling
from accept_reject.experiments.inference.bayes import Bayes, fit_bayes
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.hierarchical import fit_hierarchically
from accept_reject.experiments.inference.hyperprior import hyperprior
from accept_reject.experiments.inference.leave_one_out import MAX_PARETO_K
from accept_reject.experiments.inference.likelihood import Likelihood

Floats = NDArray[np.float64]

OUTCOME = model("bayes-outcome")
MEANS, LOG_SDS = np.linspace(-3, 3, 81), np.linspace(np.log(bayes.MIN_SD), 1.6, 81)


def test_hyperprior_is_the_density_of_its_distributions() -> None:
    hybrid = model(priors={"w": {"mean": 0.3, "sd": 1.2}})
    design = Design.of(["a", "b", "b"], {"age": [1, 2, 4]}, 3)
    rng = np.random.default_rng(0)
    coordinates = rng.normal(size=(5, 6 + 4 + 1)) / 2
    means, log_sds, pair = (
        coordinates[:, :6].reshape(5, 3, 2),
        coordinates[:, 6:10].reshape(5, 2, 2),
        coordinates[:, 10],
    )
    expected = stats.norm([[0.3, 0], [0.3, 0], [0, 0]], [1.2, 1]).logpdf(means).sum(axis=(1, 2))
    expected += (stats.halfnorm(scale=[1.2, 1]).logpdf(np.exp(log_sds)) + log_sds).sum(axis=(1, 2))
    squared = 1 - np.tanh(pair) ** 2  # LKJ(2): 3/4 (1 - r^2); the change of variables has the derivative 1 - r^2
    expected += np.log(0.75 * squared) + np.log(squared)
    assert hyperprior(hybrid, design)(torch.from_numpy(coordinates)).numpy() == pytest.approx(expected)


@pytest.fixture(scope="module")
def choices() -> Choices:
    return participants(12, seed=3, rounds=60)


@pytest.fixture(scope="module")
def posterior(choices: Choices) -> Bayes:
    return fit_bayes(OUTCOME, choices, Design.common(12), starts=2)


def marginal_likelihoods(choices: Choices) -> Floats:
    """Log-likelihood of each participant given each group of a grid, `(n, means, log SDs)`, by a sum over points."""
    x = np.linspace(-12, 10, 1201)
    with torch.no_grad():
        likelihood = Likelihood(OUTCOME, choices)
        points = torch.from_numpy(x)[:, None]
        values = np.stack([likelihood.of(np.full(len(x), i))(points).numpy() for i in range(len(choices))])
    groups = np.exp(stats.norm(MEANS[:, None], np.exp(LOG_SDS)).logpdf(x[:, None, None])) * (x[1] - x[0])
    top = values.max(axis=1)
    return np.log(np.tensordot(np.exp(values - top[:, None]), groups, axes=1)) + top[:, None, None]


def log_prior() -> Floats:
    scale = OUTCOME.prior_sd.item()
    sd = stats.halfnorm(scale=scale).logpdf(np.exp(LOG_SDS)) + LOG_SDS
    return np.asarray(stats.norm(OUTCOME.prior_mean.item(), scale).logpdf(MEANS)[:, None] + sd)


def test_group_and_leave_one_out_equal_a_grid(choices: Choices, posterior: Bayes) -> None:
    each, prior = marginal_likelihoods(choices), log_prior()
    weights = special.softmax(each.sum(axis=0) + prior)
    for found, values, margin in (
        (posterior.coefficients, MEANS, weights.sum(axis=1)),
        (posterior.sd, np.exp(LOG_SDS), weights.sum(axis=0)),
    ):
        mean = margin @ values
        sd = np.sqrt(margin @ (values - mean) ** 2)
        assert found.mean() == pytest.approx(mean, abs=0.07 * sd)
        assert found.std() == pytest.approx(sd, rel=0.07)
    for i in range(len(choices)):
        others = np.delete(each, i, axis=0).sum(axis=0) + prior
        exact = special.logsumexp(others + each[i]) - special.logsumexp(others)
        assert posterior.log_predictive[i] == pytest.approx(
            exact, abs=0.03 if posterior.pareto_k[i] < MAX_PARETO_K else 0.4
        )
    assert posterior.converged
    assert (posterior.pareto_k < MAX_PARETO_K).sum() >= 11  # one participant differs much from all others


def test_participants_are_those_of_the_draws(posterior: Bayes) -> None:
    values = OUTCOME.constrain(torch.from_numpy(posterior.unbounded)).flatten(0, 1).numpy()
    sd = values.std(axis=0)
    assert (np.abs(values.mean(axis=0) - posterior.posteriors.mean) < 0.1 * sd).all()
    low, high = np.quantile(values, (0.025, 0.975), axis=0)
    assert (np.abs(np.log(low / posterior.posteriors.low)) < 0.25).all()
    assert (np.abs(np.log(high / posterior.posteriors.high)) < 0.2).all()


def test_same_seed_same_draws(choices: Choices, posterior: Bayes) -> None:
    again = fit_bayes(OUTCOME, choices, Design.common(12), starts=2)
    assert (again.coordinates == posterior.coordinates).all()
    assert (again.unbounded == posterior.unbounded).all()


def test_participants_without_choices_have_the_distribution_of_the_group(choices: Choices) -> None:
    silent = with_missed(choices, (np.arange(12) == 5)[:, None].repeat(60, axis=1))
    found = fit_bayes(OUTCOME, silent, Design.common(12), starts=2)
    assert found.log_likelihood[..., 5] == pytest.approx(0, abs=1e-3)
    z = (found.unbounded[..., 5, 0] - found.coefficients[..., 0, 0]) / found.sd[..., 0, 0]
    assert stats.kstest(z.ravel()[::8], "norm").pvalue > 0.001


def test_sampler_draws_from_a_skewed_distribution() -> None:
    """A Gamma distribution, and a Normal one that depends on it."""

    def log_density(x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(stats.gamma(3).logpdf(x[:, 0]) + stats.norm(x[:, 0], 0.5).logpdf(x[:, 1]))

    found = sampling.sample(log_density, np.array([2.0, 2.0]), np.eye(2), np.random.default_rng(0))
    assert found.x.mean(axis=(0, 1)) == pytest.approx([3, 3], abs=0.2)
    assert found.x.std(axis=(0, 1)) == pytest.approx([3**0.5, 3.25**0.5], rel=0.1)
    assert sampling.rhat(found.x).max() < 1.02
    assert 0.4 < found.acceptance < 1


@pytest.mark.slow
def test_nuts_draws_from_the_same_posterior(
    choices: Choices, posterior: Bayes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bayes, "MAX_PARAMETERS", 0)
    monkeypatch.setattr(nuts, "WARMUP", 80)
    monkeypatch.setattr(nuts, "DRAWS", 100)
    found = fit_bayes(OUTCOME, choices, Design.common(12), starts=2)
    assert found.sampler == "NUTS"
    sd = posterior.coordinates.std(axis=(0, 1))
    assert (np.abs(found.coordinates.mean(axis=(0, 1)) - posterior.coordinates.mean(axis=(0, 1))) < 0.35 * sd).all()
    assert found.coordinates.std(axis=(0, 1)) == pytest.approx(sd, rel=0.25)
    own = posterior.unbounded.std(axis=(0, 1))
    assert (np.abs(found.unbounded.mean(axis=(0, 1)) - posterior.unbounded.mean(axis=(0, 1))) < 0.35 * own).all()
    usual = posterior.pareto_k < 0.5
    assert found.log_predictive[usual] == pytest.approx(posterior.log_predictive[usual], abs=0.1)


def test_nuts_is_asked_for_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nuts, "available", lambda: False)
    wide = model("bayes-outcome", fit=["inverse_temperature"])
    monkeypatch.setattr(bayes, "MAX_PARAMETERS", 0)
    with pytest.raises(InvalidInputError, match=r"needs NumPyro .* pip install 'accept-reject\[nuts\]'"):
        fit_bayes(wide, participants(3, rounds=20), Design.common(3), starts=1)


def test_groups_without_covariates_are_those_of_separate_fits() -> None:
    choices = participants(24, seed=8)
    member = np.arange(24) % 2
    design = Design.of([f"g{i}" for i in member], {}, 24)
    together = fit_hierarchically(model(), choices, starts=2, design=design)
    assert together.converged
    apart = [fit_hierarchically(model(), choices.take(np.flatnonzero(member == i)), starts=2) for i in (0, 1)]
    for i, alone in enumerate(apart):
        assert together.coefficients[i] == pytest.approx(alone.coefficients[0], abs=5e-3)
        assert together.log_sd[i] == pytest.approx(alone.log_sd[0], abs=5e-3)
        assert together.coefficient_se[i] == pytest.approx(alone.coefficient_se[0], rel=0.02)
        assert together.fit.log_evidence[member == i] == pytest.approx(alone.fit.log_evidence, abs=0.02)
    contrast = together.combination(design.mean_of(0, 1, 2) - design.mean_of(1, 1, 2))
    assert contrast.estimate == pytest.approx(apart[0].coefficients[0, 1] - apart[1].coefficients[0, 1], abs=0.01)
    raw = np.hypot(*(each.coefficient_se[0, 1] for each in apart))
    assert contrast.se == pytest.approx(raw * (24 / 22) ** 0.5, rel=0.02)
    assert (contrast.high - contrast.low) / 2 == pytest.approx(stats.t.ppf(0.975, 22) * contrast.se)


def test_slope_of_a_covariate_has_the_highest_posterior_density() -> None:
    choices = participants(15, seed=4, rounds=80)
    design = Design.of(None, {"age": np.random.default_rng(1).normal(40, 9, 15).tolist()}, 15)
    found = fit_hierarchically(OUTCOME, choices, starts=2, design=design)
    assert found.converged
    x = np.linspace(-10, 8, 901)
    likelihood = Likelihood(OUTCOME, choices)
    with torch.no_grad():
        rows = [likelihood.of(np.full(901, i))(torch.from_numpy(x)[:, None]).numpy() for i in range(15)]
    values, regressors = np.exp([row - row.max() for row in rows]), design.regressors.numpy()
    prior = stats.gamma(2, scale=OUTCOME.prior_sd.item())

    def loss(x_group: Any) -> float:
        *coefficients, log_sd = x_group
        weights = values * stats.norm((regressors @ coefficients)[:, None], np.exp(log_sd)).pdf(x)
        return float(-np.log(weights.sum(axis=1)).sum() - prior.logpdf(np.exp(log_sd)))

    *coefficients, log_sd = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-4}).x
    assert found.coefficients[:, 0] == pytest.approx(coefficients, abs=2e-3)
    assert found.log_sd[0, 0] == pytest.approx(log_sd, abs=2e-3)


def test_designs() -> None:
    design = Design.of(["b", "a", "b"], {"x": [1.0, 2.0, 3.0]}, 3)
    assert design.groups == ("a", "b")
    assert design.regressors.tolist() == [[0, 1, -1], [1, 0, 0], [0, 1, 1]]
    assert design.sizes(2) == (6, 4)
    mean, sd, pairs = design.of_each(torch.arange(11, dtype=torch.float64), 2)
    assert mean.tolist() == [[2 - 4, 3 - 5], [0, 1], [2 + 4, 3 + 5]]
    assert sd.log().tolist() == pytest.approx(np.array([[8, 9], [6, 7], [8, 9]]))
    assert pairs.tolist() == [10]
    few: Any = fit_hierarchically
    with pytest.raises(InvalidInputError, match="at least 2 participants with choices in group 'a', got 1"):
        few(OUTCOME, participants(3, rounds=10), starts=1, design=design)
