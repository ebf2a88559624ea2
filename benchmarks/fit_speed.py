"""Speed of fits on one core, compared with SciPy for one participant at a time.

.venv/bin/python benchmarks/fit_speed.py
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import time

import numpy as np
import torch
from rich.console import Console
from scipy import optimize

from accept_reject.envs.choices import Choices
from accept_reject.experiments.config import load_config
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.hierarchical import fit_hierarchically
from accept_reject.experiments.inference.individual import Fit, fit_individually, starting_points
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.quadrature import integrate
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate

STARTS = 10
REPETITIONS = 5


def by_scipy(model: Model, choices: Choices, starts: np.ndarray) -> np.ndarray:
    """Compute the best log-posterior of each participant by L-BFGS-B from every start, with the same objective.

    As in our fits, the evidence of the learner is computed once for each participant, not in each evaluation.
    """
    best = np.full(len(choices), -np.inf)
    for row in range(len(choices)):
        log_likelihood = Likelihood(model, choices.take(np.array([row]))).of(np.array([0]))

        def negative(x: np.ndarray, log_likelihood=log_likelihood) -> tuple[float, np.ndarray]:  # type: ignore[no-untyped-def]
            point = torch.from_numpy(x[None]).requires_grad_()
            value = log_likelihood(point) + model.log_prior(point)
            (gradient,) = torch.autograd.grad(value.sum(), point)
            return -value.item(), -gradient[0].numpy()

        for start in starts:
            best[row] = max(best[row], -optimize.minimize(negative, start, jac=True, method="L-BFGS-B").fun)
    return best


def fitted(models: list[Model], choices: Choices) -> tuple[list[Fit], float]:
    """Fit with Hessian and evidence, and measure the seconds."""
    begin = time.process_time()
    fits = [fit_individually(model, choices, starts=STARTS) for model in models]
    for fit in fits:
        _ = fit.log_evidence
    return fits, time.process_time() - begin


def main() -> None:
    console = Console()
    choices, _ = simulate(load_config(PopulationConfig, "population_babur2024"))
    models = [entry.resolve() for entry in load_config(FitConfig, "fit_babur2024").models]
    fitted(models, choices.take(slice(2)))  # warm up torch
    ours, theirs, gaps = [], [], []
    for _ in range(REPETITIONS):
        fits, seconds = fitted(models, choices)
        ours.append(seconds)
        begin = time.process_time()
        best = [by_scipy(model, choices, starting_points(model, STARTS, seed=0).numpy()) for model in models]
        theirs.append(time.process_time() - begin)
        gaps += [(top - fit.log_likelihood - fit.log_prior).max() for top, fit in zip(best, fits, strict=True)]
    ratio = np.median(np.array(theirs) / ours)
    console.print(
        f"MAP, Hessian and evidence, 42 participants x 144 rounds x {STARTS} starts x 3 models: "
        f"{np.median(ours):.2f} s of process time (target: below 10); SciPy, one participant at a time: "
        f"{np.median(theirs):.1f} s, {ratio:.0f} times as long (target: at least 20); medians of {REPETITIONS}. "
        f"The optima of SciPy are higher by at most {max(gaps):.1g}."
    )
    begin = time.process_time()
    groups = [fit_hierarchically(model, choices, starts=STARTS) for model in models]
    seconds = time.process_time() - begin
    iterations = ", ".join(str(group.iterations) for group in groups)
    console.print(
        f"Hierarchical fits of the 3 models: {seconds:.1f} s, {iterations} iterations, all converged: "
        f"{all(group.converged for group in groups)} (target: below 60 s)"
    )
    begin = time.process_time()
    for fit in fits:
        integrate(fit, choices)
    console.print(f"Quadrature of the 3 models: {time.process_time() - begin:.1f} s")
    delta = ModelEntry.model_validate("delta-hybrid").resolve()
    begin = time.process_time()
    fit_individually(delta, choices, starts=STARTS)
    console.print(f"MAP of the delta rule with 4 parameters, same data: {time.process_time() - begin:.1f} s")


if __name__ == "__main__":
    main()
