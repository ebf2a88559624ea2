"""Split-half reliability of estimates."""

import numpy as np
import pytest
import torch
from fitting import model, participants, with_missed

from accept_reject.experiments.inference.individual import fit_from, fit_individually
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.reliability import split_half


def test_halves_add_up() -> None:
    hybrid, choices = model(), participants(3, rounds=41)
    likelihood, rows = Likelihood(hybrid, choices), np.arange(3)
    x = torch.tensor([[0.2, 0.5]], dtype=torch.float64).expand(3, -1)
    halves = [likelihood.of(rows, slice(first, None, 2))(x) for first in (0, 1)]
    assert (halves[0] + halves[1]).numpy() == pytest.approx(likelihood.of(rows)(x).numpy())
    assert halves[0].numpy() == pytest.approx(likelihood.by_round(rows)(x)[:, ::2].sum(dim=1).numpy())


def test_reliability_is_that_of_the_halves() -> None:
    outcome, choices = model("bayes-outcome"), participants(12, seed=3)
    fit = fit_individually(outcome, choices, starts=3)
    (found,) = split_half(fit, choices)
    odd, even = (fit_from(outcome, choices, fit.unbounded[:, None], rounds=slice(k, None, 2)).unbounded for k in (0, 1))
    r = np.corrcoef(odd[:, 0], even[:, 0])[0, 1]
    assert found.correlation == pytest.approx(r)
    assert found.reliability == pytest.approx(2 * r / (1 + r))
    half = 1.96 / 3  # on Fisher's z scale, with 12 - 3 degrees of freedom
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    assert [found.low, found.high] == pytest.approx([2 * low / (1 + low), 2 * high / (1 + high)], abs=1e-3)


def test_participants_without_choices_are_left_out() -> None:
    silent = with_missed(participants(6, seed=3, rounds=40), (np.arange(6) == 2)[:, None].repeat(40, axis=1))
    fit = fit_individually(model("bayes-outcome"), silent, starts=2)
    assert split_half(fit, silent)[0].participants == 5
    few = silent.take(slice(0, 3))
    assert np.isnan(split_half(fit_individually(model("bayes-outcome"), few, starts=2), few)[0].reliability)
