"""Fits of participants: as good as those of scipy, correct curvature, and sensible for uninformative choices."""

import math
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from fitting import model, participants, with_missed
from scipy import optimize, stats

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.agents.learner import NormalPrior, Parameter
from accept_reject.envs import GameSpec, InvalidInputError, draw
from accept_reject.experiments.inference.individual import BATCH_SIZE, fit_individually
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.newton import MAX_ITERATIONS, evaluate, maximize
from accept_reject.experiments.simulation.play import play

MODELS = ["bayes-hybrid", "bayes-rank", "bayes-outcome", "delta-hybrid", "delta-outcome", "delta-gain-loss"]


def by_scipy(fitted: Model, choices: Any, row: int, starts: np.ndarray, bayesian: bool) -> float:
    """Optimize the same objective with its gradient by scipy, for one participant."""
    log_likelihood = Likelihood(fitted, choices.take(np.array([row]))).of(np.array([0]))

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.from_numpy(x[None]).requires_grad_()
        value = log_likelihood(point) + (fitted.log_prior(point) if bayesian else 0)
        (gradient,) = torch.autograd.grad(value.sum(), point)
        return -value.item(), -gradient[0].numpy()

    options = {"jac": True, "method": "L-BFGS-B", "bounds": [(-30, 30)] * starts.shape[1]}
    return max(-optimize.minimize(negative, start, **options).fun for start in starts)


def test_optima_are_as_high_as_those_of_scipy() -> None:
    hybrid, choices = model(), participants(200, seed=1)
    fit = fit_individually(hybrid, choices, starts=5)
    starts = np.random.default_rng(0).normal(size=(4, 2)) * 1.5
    reference = np.array([by_scipy(hybrid, choices, row, starts, True) for row in range(200)])
    assert (fit.log_likelihood + fit.log_prior >= reference - 1e-6).all()
    assert fit.converged.all()


@pytest.mark.parametrize("name", ["delta-hybrid", "delta-gain-loss"])
def test_optima_of_delta_rules_are_as_high_as_those_of_scipy(name: str) -> None:
    fitted, choices = model(name), participants(4, seed=2, rounds=40)
    fit = fit_individually(fitted, choices, starts=8)
    starts = np.random.default_rng(0).normal(size=(3, len(fitted.parameters)))
    reference = np.array([by_scipy(fitted, choices, row, starts, True) for row in range(4)])
    assert (fit.log_likelihood + fit.log_prior >= reference - 1e-6).all()


@pytest.mark.parametrize("name", MODELS)
def test_curvature_equals_finite_differences(name: str) -> None:
    fitted, choices = model(name), participants(3, seed=3, rounds=40)
    fit = fit_individually(fitted, choices, starts=2)
    log_likelihood = Likelihood(fitted, choices).of(np.arange(3))
    d, h = len(fitted.parameters), 1e-4

    def gradient(point: torch.Tensor) -> torch.Tensor:
        return evaluate(lambda x: log_likelihood(x) + fitted.log_prior(x), point)[1]

    steps = torch.eye(d, dtype=torch.float64) * h
    columns = [(gradient(fit.unbounded - step) - gradient(fit.unbounded + step)) / (2 * h) for step in steps]
    expected = torch.stack(columns, dim=-1).numpy()
    scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
    assert (np.abs(fit.precision.numpy() - expected) <= 1e-4 * scale).all()
    assert np.abs(gradient(fit.unbounded).numpy()).max() < 1e-5


def test_properties_of_a_fit() -> None:
    hybrid, choices = model(priors={"w": {"mean": 0.3, "sd": 0.8}}), participants(6, seed=4)
    fit = fit_individually(hybrid, choices)
    for i in range(6):
        covariance = np.linalg.inv(fit.precision[i].numpy())
        point = fit.unbounded[i].numpy()
        log_prior = stats.norm([0.3, 0], [0.8, 1]).logpdf(point).sum()
        peak = stats.multivariate_normal(point, covariance).logpdf(point)
        assert fit.log_evidence[i] == pytest.approx(fit.log_likelihood[i] + log_prior - peak, abs=1e-9)
        low, high = (point[0] + z * covariance[0, 0] ** 0.5 for z in stats.norm.ppf([0.025, 0.975]))
        ends = 1 / (1 + np.exp(-np.array([low, point[0], high])))
        assert [fit.interval()[0][i, 0], fit.estimates[i, 0], fit.interval()[1][i, 0]] == pytest.approx(ends)
        assert fit.contraction[i, 0] == pytest.approx(max(0, 1 - covariance[0, 0] / 0.64))
        draws = 1 / (1 + np.exp(-(point[0] + covariance[0, 0] ** 0.5 * np.random.default_rng(0).normal(size=200_000))))
        assert fit.laplace_mean[i, 0] == pytest.approx(draws.mean(), abs=2e-3)
    assert fit.aic == pytest.approx(4 - 2 * fit.log_likelihood)
    assert fit.bic == pytest.approx(2 * np.log(144) - 2 * fit.log_likelihood)
    assert fit.pseudo_r2 == pytest.approx(1 - fit.log_likelihood / (144 * np.log(0.5)))
    drawn = np.stack([fit.draw(np.random.default_rng(seed)).numpy() for seed in range(3000)])
    assert drawn.mean(axis=0) == pytest.approx(fit.unbounded.numpy(), abs=0.08)
    assert drawn.std(axis=0) == pytest.approx(fit.unbounded_sd, rel=0.06)


def test_fits_do_not_depend_on_other_participants() -> None:
    hybrid, choices = model(), participants(30, seed=5)
    starts = BATCH_SIZE // 12  # 30 participants are fitted in three parts
    whole = fit_individually(hybrid, choices, starts=starts)
    assert whole.names == choices.names()
    alone = fit_individually(hybrid, choices.take(slice(17, 18)), starts=starts)
    assert alone.unbounded[0] == pytest.approx(whole.unbounded[17], abs=1e-6)
    again = fit_individually(hybrid, choices, starts=starts)
    assert torch.equal(again.unbounded, whole.unbounded)


def test_fixed_and_additional_parameters() -> None:
    choices = participants(3, seed=6)
    fit = fit_individually(model(fit=["inverse_temperature"], fixed={"w": 1.0}), choices)
    half = fit_individually(model("bayes-rank"), choices)
    assert fit.log_evidence == pytest.approx(half.log_evidence)
    wide = fit_individually(model(fit=["w", "inverse_temperature", "rank_prior"]), choices)
    narrow = fit_individually(model(), choices)
    at_default = stats.norm(0, 1.5).logpdf(0)  # of rank_prior, which has its default in the narrow model
    assert (wide.log_likelihood + wide.log_prior >= narrow.log_likelihood + narrow.log_prior + at_default - 1e-6).all()
    assert wide.unbounded.shape == (3, 3)


@pytest.mark.parametrize("outcome_only", [True, False])
def test_maximum_likelihood_of_a_bandit_equals_scipy(outcome_only: bool) -> None:
    """With two options and without ranks, the delta rule is Q-learning with a softmax."""
    kinds = [
        {"mean_rank": 4.5, "acceptance": 0.7, "rank_shown": False},
        {"mean_rank": 4.5, "acceptance": 0.3, "rank_shown": False},
    ]
    game = GameSpec.model_validate({"rounds": 60, "partners": kinds})
    rng = np.random.default_rng(1)
    learner = model("delta-outcome").learner(inverse_temperature=rng.uniform(1, 6, 5), rate_outcome=rng.random(5))
    choices = play(learner, draw(game, 3, 5))
    fitted = model("delta-outcome") if outcome_only else model("delta-hybrid")
    fit = fit_individually(fitted, choices, bayesian=False, starts=20)

    def negative(x: np.ndarray, row: int) -> float:
        value, total = [0.5, 0.5], 0.0
        beta, rate = np.exp(x[0]), 1 / (1 + np.exp(-x[1]))  # some optima are at the edge of the range
        for t in range(60):
            chosen = int(choices.offered[row, t, choices.choice[row, t]])
            total += -np.logaddexp(0, beta * (value[1 - chosen] - value[chosen]))
            value[chosen] += rate * (float(choices.accepted[row, t]) - value[chosen])
        return -total

    bounds = [(-25, 25), (-25, 25)]
    for row in range(5):
        best = max(
            -optimize.minimize(negative, start, args=(row,), bounds=bounds, method="L-BFGS-B").fun
            for start in rng.normal(0, 2, (20, 2))
        )
        assert fit.log_likelihood[row] == pytest.approx(best, abs=1e-4)
        assert fit.log_likelihood[row] >= best - 1e-6
    if not outcome_only:  # w and the learning rate of hidden ranks are not identifiable
        assert all("rate_rank" in flag for flag in fit.flags)


def odd_participants() -> Any:
    """Participants with three rounds, always the first place, always the first partner, no choice, and nothing odd."""
    choices = participants(5, seed=7)
    where = np.zeros(choices.choice.shape, bool)
    where[0, 3:] = True
    where[3] = True
    choice = choices.choice.copy()
    choice[1] = 0
    choice[2] = np.argmin(choices.offered[2], axis=-1)
    return with_missed(replace(choices, choice=choice), where)


@pytest.mark.parametrize("name", MODELS)
def test_uninformative_participants_are_fitted_by_the_prior(name: str) -> None:
    fitted = model(name)
    fit = fit_individually(fitted, odd_participants(), starts=2)
    numbers = [fit.estimates, *fit.interval(), fit.log_evidence, fit.aic, fit.bic, fit.pseudo_r2, fit.laplace_mean]
    assert all(np.isfinite(each).all() for each in numbers)
    assert fit.unbounded[3] == pytest.approx(fitted.prior_mean)
    assert fit.log_evidence[3] == pytest.approx(0, abs=1e-9)
    assert fit.flags[3] == "no choices"
    assert fit.flags[0].startswith("flat: ")
    assert fit.pseudo_r2[3] == 0


def test_maximum_likelihood_rejects_participants_without_choices() -> None:
    choices = replace(odd_participants(), ids=("ann", "bob", "cem", "dee", "eve"))
    with pytest.raises(InvalidInputError, match="participant dee: must have made a choice"):
        fit_individually(model(), choices, bayesian=False)
    fit = fit_individually(model(), choices.take(np.array([0, 1, 2, 4])), bayesian=False)
    low, high = fit.interval()
    assert not np.isnan(np.concatenate([fit.estimates, low, high])).any()
    assert fit.flags[0].startswith("flat")
    assert (low <= fit.estimates).all()
    assert (fit.estimates <= high).all()


class Forgetful(BayesianHybrid):
    """Uses a parameter in its memory outside of autograd."""

    parameters: ClassVar = {**BayesianHybrid.parameters, "doubt": Parameter(0.5, 0, 1, "")}

    def learn(self, feedback: Any) -> None:
        super().learn(feedback)
        self._counts *= 0.5 + self.parameter("doubt", torch.zeros(self.n_players, 1, 1)).detach().numpy()


class Detached(BayesianHybrid):
    """Hides one of its parameters from autograd when it decides."""

    def value(self, evidence: torch.Tensor) -> torch.Tensor:
        w = self.values["w"]
        self.values["w"] = w.detach()
        worth = super().value(evidence)
        self.values["w"] = w
        return worth


@pytest.mark.parametrize(("learner", "hidden"), [(Forgetful, "doubt"), (Detached, "w")])
@pytest.mark.parametrize("bayesian", [True, False])
def test_learners_with_wrong_gradients_are_rejected(learner: type[BayesianHybrid], hidden: str, bayesian: bool) -> None:
    known = learner.free_parameters()
    names = ("w", "inverse_temperature", *(["doubt"] if "doubt" in known else []))
    model_ = Model("hidden", learner, {name: known[name].prior for name in names}, {})
    with pytest.raises(InvalidInputError, match=rf"gradients are wrong for .*{hidden}"):
        fit_individually(model_, participants(3, seed=8), bayesian=bayesian, starts=2)


def test_gradients_are_checked_for_participants_with_choices() -> None:
    known = Detached.free_parameters()
    detached = Model("detached", Detached, {name: known[name].prior for name in ("w", "inverse_temperature")}, {})
    first_missed = np.arange(6)[:, None].repeat(144, axis=1) < 5
    with pytest.raises(InvalidInputError, match="gradients are wrong for w"):
        fit_individually(detached, with_missed(participants(6, seed=8), first_missed), starts=1)


class Squared(BayesianHybrid):
    """Its logits depend on the square of a parameter: the prior mean is a saddle point between two maxima."""

    parameters: ClassVar = {**BayesianHybrid.parameters, "bias": Parameter(0, -math.inf, math.inf, "")}

    def logits(self, evidence: torch.Tensor) -> torch.Tensor:
        worth = self.value(evidence)
        return self.parameter("bias", worth) ** 2 * worth


class Rooted(BayesianHybrid):
    """Its values have an infinite derivative."""

    parameters: ClassVar = {**BayesianHybrid.parameters, "power": Parameter(0.5, 0, 1, "")}

    def value(self, evidence: torch.Tensor) -> torch.Tensor:
        return (evidence[..., 0] * 0) ** self.parameter("power", evidence[..., 0])


def test_saddle_points_are_left_and_infinite_derivatives_reported() -> None:
    squared = Model("squared", Squared, {"bias": NormalPrior(0, 3)}, {})
    choices = participants(6, seed=9)
    fit = fit_individually(squared, choices, starts=1)
    assert fit.converged.all()
    assert fit.unbounded.abs().max() > 0.1
    assert np.isfinite(fit.log_evidence).all()
    rooted = Model("rooted", Rooted, {"power": NormalPrior(0, 1)}, {})
    with pytest.raises(InvalidInputError, match=r"model rooted: .* must be finite"):
        fit_individually(rooted, choices)


def test_wide_priors_do_not_overflow() -> None:
    wide = model(priors={"inverse_temperature": {"mean": 20, "sd": 20}})
    fit = fit_individually(wide, participants(3, seed=10))
    assert np.isfinite(fit.estimates).all()


def test_only_unidentifiable_parameters_are_flat_under_maximum_likelihood() -> None:
    """Without ranks only the product of 1 - w and the inverse temperature is identifiable, and the outcome rate."""
    choices = participants(6, seed=11, rounds=60)
    hidden = replace(choices, rank=np.zeros_like(choices.rank))
    fit = fit_individually(model("delta-hybrid"), hidden, bayesian=False, starts=2)
    nested = fit_individually(model("delta-outcome"), hidden, bayesian=False, starts=2)
    rate, rank = fit.model.parameters.index("rate_outcome"), fit.model.parameters.index("rate_rank")
    informative = nested.unbounded_sd[:, nested.model.parameters.index("rate_outcome")] < 2
    assert informative.sum() >= 2
    assert np.isinf(fit.unbounded_sd[:, rank]).all()
    assert np.isfinite(fit.unbounded_sd[informative, rate]).all()


def test_newton_finds_maxima_of_many_functions() -> None:
    """Narrow, skewed and bumpy functions: each problem ends at a local maximum from any start."""
    rng = np.random.default_rng(0)
    scale, place = torch.from_numpy(rng.lognormal(0, 1, (60, 2))), torch.from_numpy(rng.normal(0, 3, (60, 2)))

    def objective_of(rows: np.ndarray) -> Any:
        s, c = scale[rows], place[rows]

        def value(x: torch.Tensor) -> torch.Tensor:
            u = x - c
            skewed = u[:, 0] - u[:, 0].exp()
            return skewed * s[:, 0] - s[:, 1] * (u[:, 1] - 0.3 * u[:, 0] ** 2) ** 2 + 0.1 * torch.cos(u[:, 1])

        return value

    found = maximize(objective_of, torch.from_numpy(rng.normal(0, 4, (60, 2))))
    assert found.converged.all()
    for i in range(60):
        objective = objective_of(np.array([i]))
        here = found.value[i].item()
        better = optimize.minimize(
            lambda x, f=objective: -f(torch.from_numpy(x[None])).item(), found.x[i].numpy(), method="Nelder-Mead"
        )
        assert -better.fun <= here + 1e-6
    _, gradient, hessian = evaluate(objective_of(np.arange(60)), found.x)
    assert gradient.abs().max() < 1e-4
    assert torch.linalg.eigvalsh(hessian).max() < 0
    assert torch.allclose(hessian, found.hessian)


def test_newton_does_not_converge_without_a_maximum() -> None:
    found = maximize(lambda rows: lambda x: (x - (-x).exp()).sum(dim=1), torch.zeros(2, 1, dtype=torch.float64))
    assert not found.converged.any()
    assert (found.x > MAX_ITERATIONS).all()
