"""Evidence by quadrature equals fine grids and scipy; hierarchical fits are fixed points that recover the group."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from fitting import model, participants, with_missed
from numpy.typing import NDArray
from scipy import integrate as scipy_integrate
from scipy import optimize, special, stats
from torch import Tensor

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import Choices
from accept_reject.experiments.config import load_config
from accept_reject.experiments.inference import hierarchical
from accept_reject.experiments.inference import nodes as nodes_module
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.hierarchical import fit_hierarchically
from accept_reject.experiments.inference.individual import fit_individually
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.marginal import MIN_SD, posteriors
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.nodes import place_nodes
from accept_reject.experiments.inference.quadrature import integrate
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate


def log_joint(fitted: Model, choices: object, row: int, point: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return Likelihood(fitted, choices).of(np.full(len(point), row))(point) + fitted.log_prior(point)  # type: ignore[arg-type]


def test_evidence_of_two_parameters_equals_a_fine_grid() -> None:
    hybrid, choices = model(), participants(8, seed=1)
    posterior = integrate(fit_individually(hybrid, choices), choices)
    x, y = torch.linspace(-10, 10, 201, dtype=torch.float64), torch.linspace(-7, 7, 351, dtype=torch.float64)
    grid, log_cell = torch.cartesian_prod(x, y), np.log(20 / 200) + np.log(14 / 350)
    for row in range(8):
        log_mass = torch.cat([log_joint(hybrid, choices, row, part) for part in grid.split(5000)]) + log_cell
        assert posterior.log_evidence[row] == pytest.approx(log_mass.logsumexp(0).item(), abs=1e-6)
        mean = (log_mass.softmax(0)[:, None] * hybrid.constrain(grid)).sum(0)
        assert posterior.mean[row] == pytest.approx(mean.numpy(), rel=1e-5)
    assert posterior.error.max() < 1e-4


def test_evidence_of_one_parameter_equals_scipy() -> None:
    half, choices = model("delta-outcome", fit=["inverse_temperature"]), participants(3, seed=2, rounds=40)
    fit = fit_individually(half, choices)
    posterior = integrate(fit, choices)
    for row in range(3):
        top = fit.log_likelihood[row] + fit.log_prior[row]

        def density(x: float, row: int = row, top: float = top) -> float:
            return float(np.exp(log_joint(half, choices, row, torch.tensor([[x]], dtype=torch.float64)).item() - top))

        mass = scipy_integrate.quad(density, -10, 8, epsabs=1e-10, points=[fit.unbounded[row].item()])[0]
        assert posterior.log_evidence[row] == pytest.approx(top + np.log(mass), abs=1e-6)


def test_evidence_of_three_parameters_equals_a_grid() -> None:
    wide, choices = model(fit=["w", "inverse_temperature", "rank_prior"]), participants(2, seed=3, rounds=30)
    posterior = integrate(fit_individually(wide, choices), choices)
    axes = [torch.linspace(-8, 8, 57, dtype=torch.float64), torch.linspace(-6, 5, 61, dtype=torch.float64)]
    grid = torch.cartesian_prod(*axes, axes[0])
    log_cell = 2 * np.log(16 / 56) + np.log(11 / 60)
    for row in range(2):
        log_mass = torch.cat([log_joint(wide, choices, row, part) for part in grid.split(5000)]) + log_cell
        assert posterior.log_evidence[row] == pytest.approx(log_mass.logsumexp(0).item(), abs=1e-6)


def test_evidence_without_choices_is_zero() -> None:
    choices = with_missed(participants(2, seed=4), np.array([[True], [False]]).repeat(144, axis=1))
    posterior = integrate(fit_individually(model(), choices), choices)
    assert posterior.log_evidence[0] == pytest.approx(0, abs=1e-8)
    assert posterior.mean[0, 0] == pytest.approx(0.5, abs=1e-6)
    assert np.isfinite(posterior.log_evidence).all()


def test_quadrature_rejects_other_fits() -> None:
    choices = participants(2, seed=5, rounds=10)
    with pytest.raises(ValueError, match="at most 3 parameters, got 4"):
        integrate(fit_individually(model("delta-hybrid"), choices, starts=1), choices)
    with pytest.raises(ValueError, match="needs a prior"):
        integrate(fit_individually(model(), choices, bayesian=False), choices)


def grid_likelihood(fitted: Model, choices: Choices) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a fine grid, `(points, 2)`, and the likelihood of each participant there, relative to its maximum."""
    grid = torch.cartesian_prod(*(torch.linspace(-b, b, 121, dtype=torch.float64) for b in (9, 6)))
    with torch.no_grad():
        likelihood = Likelihood(fitted, choices)
        rows = [likelihood.of(np.full(len(grid), i))(grid).numpy() for i in range(len(choices))]
    return grid.numpy(), np.exp([row - row.max() for row in rows])


def density(grid: NDArray[np.float64], mean: Any, cov: Any) -> NDArray[np.float64]:
    return np.asarray(stats.multivariate_normal(mean, cov).pdf(grid))


def test_group_has_the_highest_posterior_density() -> None:
    """A general optimizer on a fine grid leads to the same group, with and without a correlation."""
    hybrid, choices = model(), participants(20, seed=6)
    group = fit_hierarchically(hybrid, choices, starts=3)
    assert group.converged
    grid, likelihood = grid_likelihood(hybrid, choices)

    def log_posterior(x: NDArray[np.float64]) -> float:
        sd, correlation = np.exp(x[2:4]), np.array([[1, np.tanh(x[4])], [np.tanh(x[4]), 1]])
        log_likelihood = np.log(likelihood @ density(grid, x[:2], correlation * np.outer(sd, sd))).sum()
        return float(log_likelihood + stats.gamma(2, scale=[1.5, 1.0]).logpdf(sd).sum())

    def best(free: int) -> NDArray[np.float64]:
        whole = np.zeros(5)

        def loss(x: NDArray[np.float64]) -> float:
            whole[:free] = x
            return -log_posterior(whole)

        return np.asarray(optimize.minimize(loss, np.zeros(free), method="BFGS", options={"gtol": 1e-3}).x)

    mode, correlated = best(4), best(5)
    assert group.fit.model.prior_mean.numpy() == pytest.approx(mode[:2], abs=2e-3)
    assert group.log_sd[0] == pytest.approx(mode[2:], abs=2e-3)
    found = group.correlations
    assert found.estimate[0, 1] == pytest.approx(np.tanh(correlated[4]), abs=4e-3)
    assert (found.low[0, 1] < found.estimate[0, 1] < found.high[0, 1]) and (found.low == found.low.T).all()
    steps, h, mode = np.eye(5)[:4], 1e-2, np.append(mode, 0)
    hessian = [
        [sum(a * b * log_posterior(mode + h * (a * u + b * v)) for a in (1, -1) for b in (1, -1)) / (4 * h * h)
         for v in steps]
        for u in steps
    ]  # fmt: skip
    errors = np.sqrt(np.diag(np.linalg.inv(-np.array(hessian))))
    assert [*group.coefficient_se[0], *group.log_sd_se[0]] == pytest.approx(errors, rel=0.01)
    evidence = group.fit.log_evidence
    assert group.integrated_bic(evidence) == pytest.approx(-2 * evidence.sum() + 4 * np.log(20 * 144))


def test_posterior_intervals_equal_those_of_a_fine_grid() -> None:
    """With one group, and averaged over several."""
    hybrid, choices = model(), participants(6, seed=9)
    fit = fit_individually(hybrid, choices)
    posterior, nodes = integrate(fit, choices), place_nodes(fit, choices, Design.common(len(choices)), 0)
    grid, likelihood = grid_likelihood(hybrid, choices)
    groups = np.array([[0, 0, np.log(1.5), 0], [0.4, -0.3, np.log(1.2), 0.2]])
    one = likelihood * density(grid, groups[0, :2], np.diag(np.exp(2 * groups[0, 2:])))
    other = likelihood * density(grid, groups[1, :2], np.diag(np.exp(2 * groups[1, 2:])))
    both = one / one.sum(axis=1, keepdims=True) + other / other.sum(axis=1, keepdims=True)
    for found, weights in ((posterior, one), (posteriors(nodes, groups, hybrid.constrain), both)):
        weights = (weights / weights.sum(axis=1, keepdims=True)).reshape(6, 121, 121)
        for j, (axis, inverse) in enumerate(((0, special.logit), (1, np.log))):
            at = np.unique(grid[:, j])
            cumulative = weights.sum(axis=2 - axis).cumsum(axis=1)
            for i in range(6):
                ends = np.interp([0.025, 0.975], cumulative[i], at + (at[1] - at[0]) / 2)
                width = ends[1] - ends[0]
                assert inverse([found.low[i, j], found.high[i, j]]) == pytest.approx(ends, abs=0.02 * width)
        mean = weights.reshape(6, -1) @ hybrid.constrain(torch.from_numpy(grid)).numpy()
        assert found.mean == pytest.approx(mean, rel=1e-3)


def test_importance_sampling_finds_the_group_of_quadrature(monkeypatch: pytest.MonkeyPatch) -> None:
    hybrid, choices = model(), participants(20, seed=6)
    exact = fit_hierarchically(hybrid, choices, starts=2)
    monkeypatch.setattr(nodes_module, "MAX_PARAMETERS", 1)
    sampled = fit_hierarchically(hybrid, choices, starts=2)
    assert sampled.converged
    assert sampled.fit.model.prior_mean.numpy() == pytest.approx(exact.fit.model.prior_mean.numpy(), abs=0.05)
    assert sampled.fit.model.prior_sd.numpy() == pytest.approx(exact.fit.model.prior_sd.numpy(), abs=0.05)
    assert sampled.coefficient_se == pytest.approx(exact.coefficient_se, rel=0.05)
    assert sampled.posteriors.low == pytest.approx(exact.posteriors.low, rel=0.1, abs=0.05)
    assert sampled.posteriors.mean == pytest.approx(exact.posteriors.mean, rel=0.05)


def test_group_is_recovered_with_its_standard_error() -> None:
    """With many rounds the standard error of the group's mean is sd / sqrt(n)."""
    truth = {"parameters": ["inverse_temperature"], "mean": [1.2], "covariance": [[0.36]]}
    config = PopulationConfig.model_validate(
        {
            "name": "group",
            "agent": "bayes-outcome",
            "participants": 60,
            "correlated": [truth],
            "game": {"scenario": "orthogonal", "game": {"rounds": 600}},
        }
    )
    found = []
    for seed in range(6):
        choices, _ = simulate(config, seed)
        group = fit_hierarchically(model("bayes-outcome"), choices, starts=2)
        mean, sd = group.fit.model.prior_mean.item(), group.fit.model.prior_sd.item()
        assert group.coefficient_se[0, 0] == pytest.approx(sd / 60**0.5, rel=0.1)
        found.append(((mean - 1.2) / group.coefficient_se[0, 0], sd))
    z, sds = np.array(found).T
    assert np.abs(z).max() < 3.5
    assert sds.mean() == pytest.approx(0.6, abs=0.07)


def test_missing_convergence_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchical, "MAX_ITERATIONS", 2)
    monkeypatch.setattr(hierarchical, "NEAR", 1e-9)
    calls: list[tuple[int, float]] = []
    group = fit_hierarchically(
        model(), participants(5, seed=7), starts=1, on_iteration=lambda *each: calls.append(each)
    )
    assert not group.converged
    assert [iteration for iteration, _ in calls] == [1, 2]
    assert group.last_change == calls[-1][1] > 1e-9


def test_group_of_identical_participants_is_narrow() -> None:
    """Its SD is smaller than what is known about each of them, but not 0."""
    choices = participants(1, seed=8).take(np.zeros(4, int))
    group = fit_hierarchically(model("bayes-outcome"), choices, starts=2)
    assert group.converged
    alone = fit_individually(model("bayes-outcome"), choices, bayesian=False)
    assert MIN_SD < group.fit.model.prior_sd.item() < float(alone.unbounded_sd[0, 0])


def test_group_of_uninformative_participants_stays_the_prior() -> None:
    """The model only uses ranks, and all ranks are hidden."""
    choices = participants(4, seed=8)
    hidden = replace(choices, rank=np.zeros_like(choices.rank))
    group = fit_hierarchically(model("bayes-rank", priors={"inverse_temperature": {"mean": 0.3, "sd": 0.7}}), hidden)
    assert group.converged
    assert group.fit.model.prior_mean.item() == pytest.approx(0.3)
    assert group.fit.model.prior_sd.item() == pytest.approx(0.7)
    assert np.isinf(group.coefficient_se).all()


def test_groups_of_fewer_than_two_are_rejected() -> None:
    choices = participants(2, seed=8)
    for missed in ([True, True], [True, False]):
        with pytest.raises(InvalidInputError, match="at least 2 participants"):
            fit_hierarchically(model(), with_missed(choices, np.array(missed)[:, None].repeat(144, axis=1)), starts=1)


def test_mappings_to_ranges_equal_scipy() -> None:
    x = torch.linspace(-5, 5, 11, dtype=torch.float64)
    both = model().constrain(torch.stack([x, x], dim=-1)).numpy()
    assert both[:, 0] == pytest.approx(special.expit(x.numpy()))
    assert both[:, 1] == pytest.approx(np.exp(x.numpy()))


def test_laplace_differs_from_quadrature_for_shipped_participants() -> None:
    """For participants like those of the study, the Laplace approximation is off by some tenths of a nat."""
    choices, _ = simulate(load_config(PopulationConfig, "population_babur2024"))
    fit = fit_individually(model(), choices, starts=3)
    error = integrate(fit, choices).log_evidence - fit.log_evidence
    assert 0.05 < np.abs(error).max() < 1


class NotBroadcasting(BayesianHybrid):
    """A learner whose policy needs evidence of each player."""

    def log_policy(self, evidence: Tensor) -> Tensor:
        beta = self.values["inverse_temperature"].reshape(-1, 1, 1, 1).expand(-1, *evidence.shape[1:3], 1)
        both = torch.cat([evidence, beta], dim=-1)
        return torch.log_softmax(both[..., -1] * self.value(both[..., :-1]), dim=-1)


def test_evidence_is_shared_where_the_policy_broadcasts() -> None:
    choices = participants(3, rounds=30)
    points = torch.linspace(-1, 1, 10, dtype=torch.float64).reshape(5, 2)
    usual = Likelihood(model(), choices)
    assert usual.shares_evidence
    assert torch.equal(usual.at_points(2, points), usual.of(np.full(5, 2))(points))
    assert not Likelihood(model("delta-hybrid"), choices).shares_evidence, "learning rates change the evidence"
    other = Likelihood(Model("other", NotBroadcasting, model().priors, {}), choices)
    assert not other.shares_evidence
    assert torch.isfinite(other.of(np.arange(3))(points[:3])).all()
