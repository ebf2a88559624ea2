"""Model selection, compared with reference toolboxes, closed forms and sampling."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from accept_reject.experiments.inference.model_selection import exceedance_probabilities, select_models

CASES = json.loads((Path(__file__).parent / "reference" / "model_selection.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_results_equal_reference_toolboxes(case: dict[str, Any]) -> None:
    found = select_models(case["input"], case["prior"])
    assert found.alpha == pytest.approx(case["alpha"], abs=1e-5)
    assert found.omnibus_risk == pytest.approx(case["bor"], abs=1e-8)
    assert found.exceedance == pytest.approx(case["xp"], abs=1e-4)
    assert found.protected == pytest.approx(case["pxp"], abs=1e-4)


@given(st.lists(st.floats(0.05, 300), min_size=2, max_size=2))
def test_two_models_have_a_closed_form(alpha: list[float]) -> None:
    first_is_greater = stats.beta(*alpha).sf(0.5)
    assert exceedance_probabilities(alpha)[0] == pytest.approx(first_is_greater, abs=1e-7)


@settings(max_examples=15)
@given(st.lists(st.floats(0.2, 60), min_size=3, max_size=6))
def test_many_models_agree_with_sampling(alpha: list[float]) -> None:
    shares = np.random.default_rng(0).gamma(alpha, size=(200_000, len(alpha)))
    sampled = np.bincount(shares.argmax(axis=1), minlength=len(alpha)) / len(shares)
    assert exceedance_probabilities(alpha) == pytest.approx(sampled, abs=6e-3)


def test_results_do_not_depend_on_constants_in_the_evidence() -> None:
    evidence = np.random.default_rng(0).normal(0, 2, (2000, 2))
    plain, deep = select_models(evidence), select_models(evidence - 1e5)
    assert deep.alpha == pytest.approx(plain.alpha, abs=1e-5)
    assert deep.omnibus_risk == pytest.approx(plain.omnibus_risk, abs=1e-6)
    each = select_models(evidence - np.linspace(0, 1e5, 2000)[:, None])
    assert each.protected == pytest.approx(plain.protected, abs=1e-5)


def test_clear_and_absent_evidence() -> None:
    clear = np.zeros((40, 3))
    clear[:, 1] = 20
    found = select_models(clear)
    assert found.protected[1] > 0.999
    assert found.omnibus_risk < 1e-6
    assert found.responsibilities[:, 1] == pytest.approx(1, abs=1e-6)
    none = select_models(np.zeros((40, 3)))
    assert none.protected == pytest.approx(1 / 3)
    assert none.omnibus_risk > 0.9


def test_results_do_not_depend_on_the_order_of_models() -> None:
    evidence = np.random.default_rng(3).normal(0, 3, (15, 4))
    order = [2, 0, 3, 1]
    plain, permuted = select_models(evidence), select_models(evidence[:, order])
    assert permuted.protected == pytest.approx(plain.protected[order], abs=1e-8)


@pytest.mark.parametrize(
    ("evidence", "prior", "problem"),
    [
        (np.zeros((3, 1)), 1, r"2 or more models\), got \(3, 1\)"),
        (np.zeros(3), 1, r"got \(3,\)"),
        (np.zeros((0, 2)), 1, r"got \(0, 2\)"),
        ([[0.0, np.nan]], 1, "got nan for participant 0 and model 1"),
        ([[0.0, -np.inf]], 1, "got -inf for participant 0 and model 1"),
        ([[0.0, 1.0]], 0, "prior must be a number > 0, got 0"),
    ],
)
def test_invalid_arguments_are_rejected(evidence: Any, prior: float, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        select_models(evidence, prior)


@pytest.mark.parametrize("seed", range(12))
def test_counts_are_those_of_plain_iterations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 10 ** rng.uniform(-1, 1.5), (rng.integers(1, 60), rng.integers(2, 6)))
    prior = [1.0, 1 / evidence.shape[1], 0.05][seed % 3]
    alpha = np.full(evidence.shape[1], prior)
    for _ in range(20_000):
        responsibilities = special.softmax(evidence + special.digamma(alpha), axis=1)
        alpha = prior + responsibilities.sum(axis=0)
    found = select_models(evidence, prior)
    assert found.alpha == pytest.approx(alpha, abs=1e-6)
    assert found.responsibilities == pytest.approx(responsibilities, abs=1e-6)
    assert found.iterations < 100


@pytest.mark.parametrize(
    ("scale", "participants", "models"), [(1e-3, 5000, 3), (0.1, 5000, 3), (1.0, 2000, 8), (1e8, 2000, 3)]
)
@pytest.mark.parametrize("shared", [False, True])
def test_it_always_ends(scale: float, participants: int, models: int, shared: bool) -> None:
    """Plain iterations take more than 20,000 steps if models have nearly equal evidence."""
    evidence = np.random.default_rng(0).normal(0, scale, (participants, models))
    found = select_models(evidence, 1 / models if shared else 1.0)
    assert found.iterations < 200
    assert found.alpha.sum() == pytest.approx(participants + found.prior.sum())
    log_share = special.digamma(found.alpha) - special.digamma(found.alpha.sum())
    again = found.prior + special.softmax(evidence + log_share, axis=1).sum(axis=0)
    assert again == pytest.approx(found.alpha, abs=1e-5)


def test_missing_convergence_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="not converged after 2 iterations"):
        select_models(np.random.default_rng(0).normal(0, 1, (20, 3)), max_iterations=2)
