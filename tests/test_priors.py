"""Beta and Gamma priors are those of scipy; `mfit` is MAP and the Laplace approximation in the ranges of parameters."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from fitting import model, participants
from pydantic import ValidationError
from scipy import optimize, special, stats

from accept_reject.agents.learner import NormalPrior, Parameter
from accept_reject.errors import list_problems
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.fit import IN_RANGE, QUADRATURE, fit
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.model_selection import select_models
from accept_reject.experiments.inference.priors import BetaPrior, GammaPrior, Prior
from accept_reject.experiments.recover.config import SimulatedModel
from accept_reject.experiments.simulation.simulate import simulate

BETA = {"distribution": "beta", "a": 1.1, "b": 1.1}
GAMMA = {"distribution": "gamma", "a": 1.2, "scale": 5}
PRIORS = {"w": BETA, "inverse_temperature": GAMMA}
SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
X = np.linspace(-12, 6, 20_001)


@pytest.mark.parametrize(
    ("prior", "in_range"),
    [
        (NormalPrior(0.4, 1.2), None),
        (BetaPrior(1.1, 2.5), stats.beta(1.1, 2.5).logpdf(special.expit(X)) - 2 * np.log(2 * np.cosh(X / 2))),
        (GammaPrior(1.2, 5), stats.gamma(1.2, scale=5).logpdf(np.exp(X)) + X),
    ],
)  # fmt: skip
def test_densities_and_moments(prior: Prior, in_range: Any) -> None:
    log_density = prior.log_density(torch.from_numpy(X)).numpy()
    expected = stats.norm(0.4, 1.2).logpdf(X) if in_range is None else in_range
    assert log_density == pytest.approx(expected, abs=1e-9)
    mean = np.trapezoid(np.exp(log_density) * X, X)
    assert prior.mean == pytest.approx(mean, abs=1e-3)
    assert prior.sd == pytest.approx(np.sqrt(np.trapezoid(np.exp(log_density) * (X - mean) ** 2, X)), abs=2e-3)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 3), (2, np.inf), (-np.inf, 5), (-np.inf, np.inf)])
def test_slopes_are_derivatives(low: float, high: float) -> None:
    parameter = Parameter(0, low, high, "")
    x = torch.linspace(-4, 4, 9, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(parameter.constrain(x).sum(), x)
    assert parameter.log_slope(x).detach().numpy() == pytest.approx(slope.abs().log().numpy())


def test_mfit_equals_scipy_in_the_ranges_of_the_parameters() -> None:
    """MAP by scipy over w and the inverse temperature, and Laplace with a Hessian of finite differences there."""
    choices = participants(6, seed=5)
    found = fit(model(priors=PRIORS), choices, "mfit", starts=4)
    likelihood = Likelihood(model(), choices)
    for i in range(6):

        def objective(theta: Any, i: int = i) -> float:
            w, beta = theta
            x = torch.tensor([[special.logit(w), np.log(beta)]], dtype=torch.float64)
            with torch.no_grad():
                value = likelihood.of(np.array([i]))(x).item()
            return value + float(stats.beta(1.1, 1.1).logpdf(w) + stats.gamma(1.2, scale=5).logpdf(beta))

        begin = found.estimates[i]
        best = optimize.minimize(
            lambda theta, f=objective: -f(theta), begin, method="L-BFGS-B", bounds=[(1e-9, 1 - 1e-9), (1e-9, 100)]
        )
        assert objective(begin) >= -best.fun - 1e-6
        steps = np.diag(1e-3 * np.minimum(begin, [1 - begin[0], np.inf]))
        hessian = [
            [
                sum(s * t * objective(begin + s * u + t * v) for s in (1, -1) for t in (1, -1))
                / (4 * u.sum() * v.sum())
                for v in steps
            ]
            for u in steps
        ]
        laplace = objective(begin) + np.log(2 * np.pi) - np.linalg.slogdet(-np.array(hessian))[1] / 2
        assert found.evidence[IN_RANGE][i] == pytest.approx(laplace, abs=2e-3)


def test_quadrature_under_other_priors_equals_a_grid() -> None:
    choices = participants(2, seed=2, rounds=60)
    found = fit(model(priors=PRIORS), choices, "mfit", starts=3)
    same = fit(model(priors=PRIORS), choices, "map", starts=3)
    w, beta = (np.arange(200) + 0.5) / 200, np.linspace(0.01, 40, 2_000)
    grid = np.stack(np.meshgrid(w, beta, indexing="ij"), axis=-1).reshape(-1, 2)
    unbounded = torch.from_numpy(np.stack([special.logit(grid[:, 0]), np.log(grid[:, 1])], axis=1))
    log_prior = stats.beta(1.1, 1.1).logpdf(grid[:, 0]) + stats.gamma(1.2, scale=5).logpdf(grid[:, 1])
    log_cell = np.log(w[1] - w[0]) + np.log(beta[1] - beta[0])
    likelihood = Likelihood(model(), choices)
    with torch.no_grad():
        parts = [likelihood.of(np.zeros(len(part), np.int64))(part).numpy() for part in unbounded.split(20_000)]
    exact = special.logsumexp(np.concatenate(parts) + log_prior) + log_cell
    assert found.evidence[QUADRATURE][0] == pytest.approx(exact, abs=5e-3)
    assert same.evidence[QUADRATURE] == pytest.approx(found.evidence[QUADRATURE], abs=1e-3)


@pytest.mark.slow
def test_published_analysis_finds_the_hybrid() -> None:
    """As in the study, its protected exceedance probability is 1; exact evidence is less certain."""
    choices, _ = simulate("population_babur2024", seed=3)
    priors = {name: {"inverse_temperature": GAMMA} for name in ("bayes-rank", "bayes-outcome")}
    models = [model(priors=PRIORS), *(model(name, priors=each) for name, each in priors.items())]
    fits = [fit(each, choices, "mfit", starts=2) for each in models]
    pxp = {
        name: select_models(np.stack([each.evidence[name] for each in fits], axis=1)).protected[0]
        for name in (IN_RANGE, QUADRATURE)
    }
    assert pxp[IN_RANGE] > 0.99
    error = [np.mean(each.evidence[IN_RANGE] - each.evidence[QUADRATURE]) for each in fits]
    assert error[0] - max(error[1:]) > 0.05


@pytest.mark.parametrize(
    ("agent", "priors", "problem"),
    [
        ("bayes-rank", {"inverse_temperature": BETA}, "beta .* two bounds, got a number >= 0"),
        ("bayes-hybrid", {"w": GAMMA}, "gamma .* a single bound, got a number from 0 to 1"),
        ("bayes-hybrid", {"w": {**BETA, "a": 0}}, "^priors.w.a: must be a number > 0, got 0"),
        ("bayes-hybrid", {"w": {"distribution": "gauss", "mean": 0, "sd": 1}}, "^priors.w.*distribution"),
    ],
)  # fmt: skip
def test_invalid_priors(agent: str, priors: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as error:
        ModelEntry.model_validate({"agent": agent, "priors": priors})
    assert re.search(problem, "\n".join(list_problems(error.value, ModelEntry)))


def test_groups_begin_with_the_moments_of_other_priors() -> None:
    """Groups are Normal, so that a Beta prior counts by its mean and SD on the unbounded scale."""
    choices = participants(8, seed=4, rounds=60)
    outcome = {"agent": "bayes-outcome", "fit": ["inverse_temperature"]}
    gamma = GammaPrior(1.2, 5)
    normal = {"inverse_temperature": {"mean": gamma.mean, "sd": gamma.sd}}
    found = [
        fit(ModelEntry.model_validate({**outcome, "priors": priors}).resolve(), choices, "bayes", starts=1).bayes
        for priors in ({"inverse_temperature": GAMMA}, normal)
    ]
    assert found[0] and found[1]
    assert found[0].coordinates == pytest.approx(found[1].coordinates, abs=1e-6)


def test_columns_need_a_hierarchical_method() -> None:
    with pytest.raises(ValidationError, match="groups: is only valid with method hierarchical or bayes, got map"):
        FitConfig.model_validate({"data": "x", "models": ["bayes-hybrid"], "groups": "diagnosis"})


def test_recovery_draws_from_these_priors() -> None:
    entry = SimulatedModel.model_validate({"agent": "bayes-hybrid", "priors": PRIORS})
    population = entry.simulated(5, {"scenario": "orthogonal"}, 0)  # type: ignore[arg-type]
    quantiles = {name: each.quantile(np.array([0.5]))[0] for name, each in population.parameters.items()}  # type: ignore[union-attr]
    assert quantiles == pytest.approx({"w": 0.5, "inverse_temperature": stats.gamma(1.2, scale=5).median()})
