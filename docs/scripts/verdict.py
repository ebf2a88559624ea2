"""Compare models in simulated studies under several priors and formulas, and write `docs/results/verdict.md`.

.venv/bin/python docs/scripts/verdict.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.progress import track

from accept_reject.envs.choices import Choices
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.inference import quadrature
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.fit import IN_RANGE, LAPLACE, QUADRATURE
from accept_reject.experiments.inference.individual import fit_individually
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.model_selection import select_models
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate

Floats = NDArray[np.float64]

PAGE = Path(__file__).parents[1] / "results" / "verdict.md"
SIZE, STARTS = 42, 2
STUDIES = {48: 20, 96: 20, 144: 20}
PUBLISHED = 144, "Beta(1.1, 1.1), Gamma(1.2, 5)", 100
"""Rounds, priors and number of studies of the published analysis."""

EFFECT_ROUNDS, EFFECT_STUDIES = (36, 48, 64, 96, 144), 50
ACCURACY, JOBS = 1e-3, 2
"""Accuracy of quadrature in nats, and number of processes."""

BETA = {"distribution": "beta", "a": 1.1, "b": 1.1}
PRIORS: dict[str, dict[str, Any]] = {
    "Normal (default)": {},
    "Beta(1.1, 1.1), Gamma(1.2, 5)": {
        "w": BETA, "inverse_temperature": {"distribution": "gamma", "a": 1.2, "scale": 5},
    },
    "Beta(1.1, 1.1), Gamma(2, 3)": {"w": BETA, "inverse_temperature": {"distribution": "gamma", "a": 2, "scale": 3}},
}  # fmt: skip
AGENTS = ("bayes-hybrid", "bayes-rank", "bayes-outcome")

TEXT = """# The published verdict

The study reports that the hybrid model is more frequent than the two models nested in it with a protected exceedance
probability (PXP) of 1. What does it take to get there? Simulated studies of 42 participants who use the hybrid
(`population_babur2024`) were analyzed with three sets of priors and three ways of computing the evidence:

- *quadrature*, which is exact up to rounding;
- *Laplace*, the Laplace approximation on the unbounded scale (the default of `method: map`);
- *Laplace in range*, in the parameters' own ranges, as in the MATLAB toolbox mfit (`method: mfit`).

{table}

*Error* is how far the approximation favors the hybrid, in nats per participant: the log evidence of the hybrid minus
that of the better one of the other two models, minus the same by quadrature.

With 144 rounds, mfit's analysis gives a PXP above 0.99 in {published} of {studies} studies; `fit_babur2024` uses it.
The verdict depends on the prior and the formula, not only on the data. The Gamma priors expect larger inverse
temperatures than the default prior, whose median is 1, and lead to more evidence for the hybrid. mfit's formula favors
the hybrid, too. On the unbounded scale, the Laplace approximation favors the other models. So a PXP of 1
does not imply a long game: {shortest}

## How many rounds did the study have?

We don't know. The standard errors of its stay/switch effects are a hint (rank 0.06, outcome 0.05). In the same
simulated studies, with standard errors averaged over studies:

| rounds | rank effect | SE | outcome effect | SE |
| ---: | ---: | ---: | ---: | ---: |
{effects}

The published standard errors are those of {hint} rounds, fewer than the 144 of our default game; effects depend on
the ranks of partners, too, which we don't know either.

`docs/scripts/verdict.py` writes this page.
"""


def main() -> None:
    cases = [(rounds, name, studies_of(rounds, name)) for rounds in STUDIES for name in PRIORS]
    run = Parallel(n_jobs=JOBS, return_as="generator")
    tasks = (delayed(evidences)(*case) for case in sorted(cases, key=lambda case: -case[0] * case[2]))
    found = dict(
        zip(sorted(cases, key=lambda case: -case[0] * case[2]), track(run(tasks), total=len(cases)), strict=True)
    )
    rows, shares = [], {}
    for rounds, name, studies in cases:
        evidence = found[rounds, name, studies]
        exact = ahead(evidence[QUADRATURE])
        for formula in (QUADRATURE, LAPLACE, IN_RANGE):
            pxp, error = protected(evidence[formula]), np.mean(ahead(evidence[formula]) - exact)
            shares[rounds, name, formula] = (pxp > 0.99).mean()
            cells = f"{(pxp > 0.95).mean():.0%} | {(pxp > 0.99).mean():.0%} | {np.median(pxp):.3f}"
            off = "" if formula == QUADRATURE else f"{error:+.2f}"
            rows.append(f"| {rounds} | {studies} | {name} | {formula} | {cells} | {off} |")
    header = (
        "| rounds | studies | priors of w, inverse temperature | evidence | PXP > 0.95 | PXP > 0.99 | median | error |"
    )
    effects = [stay_effects(rounds) for rounds in EFFECT_ROUNDS]
    near = [rounds for rounds, (_, se) in zip(EFFECT_ROUNDS, effects, strict=True) if abs(se - 0.05) < 0.01]
    (rounds, mfit, studies), short = PUBLISHED, min(STUDIES)
    text = TEXT.format(
        table="\n".join([header, "| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |", *rows]),
        published=f"{shares[rounds, mfit, IN_RANGE] * studies:.0f}",
        studies=studies,
        shortest=f"with {short} rounds, it gives one above 0.99 in {shares[short, mfit, IN_RANGE]:.0%} of studies.",
        effects="\n".join(row for row, _ in effects),
        hint=" to ".join(map(str, (near[0], near[-1]))),
    )
    write(PAGE, text)


def studies_of(rounds: int, name: str) -> int:
    """Number of studies of a case."""
    return PUBLISHED[2] if (rounds, name) == PUBLISHED[:2] else STUDIES[rounds]


def study(rounds: int, studies: int) -> Choices:
    """Simulate the participants of some studies."""
    population = load_config(PopulationConfig, "population_babur2024")
    game = {"scenario": "orthogonal", "game": {"rounds": rounds}}
    changes = {"participants": studies * SIZE, "seed": rounds, "game": game}
    return simulate(PopulationConfig.model_validate({**population.model_dump(), **changes}))[0]


def evidences(rounds: int, name: str, studies: int) -> dict[str, Floats]:
    """Log-evidence of each model for each participant, `(participants, models)`, by each formula."""
    choices = study(rounds, studies)
    columns = [of_model(entry(agent, PRIORS[name]).resolve(), choices) for agent in AGENTS]
    return {formula: np.stack([each[formula] for each in columns], axis=1) for formula in columns[0]}


def entry(agent: str, priors: dict[str, Any]) -> ModelEntry:
    """The config of a model with those of the priors that it has parameters for."""
    plain = ModelEntry(agent=agent)
    return ModelEntry.model_validate(
        {"agent": agent, "priors": {k: v for k, v in priors.items() if k in plain.parameters}}
    )


def of_model(model: Model, choices: Choices) -> dict[str, Floats]:
    """Log-evidence of each participant by each formula."""
    fit = fit_individually(model, choices, starts=STARTS)
    in_range = fit_individually(replace(model, in_range=True), choices, starts=STARTS)
    with patch.object(quadrature, "TOLERANCE", ACCURACY):
        exact = quadrature.integrate(fit, choices).log_evidence
    return {LAPLACE: fit.log_evidence, IN_RANGE: in_range.log_evidence, QUADRATURE: exact}


def ahead(evidence: Floats) -> Floats:
    """Log-evidence of the hybrid minus that of the better one of the other two models, `(participants,)`."""
    return evidence[:, 0] - evidence[:, 1:].max(axis=1)


def protected(evidence: Floats) -> Floats:
    """PXP of the hybrid in each study."""
    return np.array([select_models(each).protected[0] for each in np.split(evidence, len(evidence) // SIZE)])


def stay_effects(rounds: int) -> tuple[str, float]:
    """A row with effects and standard errors, averaged over studies; and the standard error of the outcome's effect."""
    choices = study(rounds, EFFECT_STUDIES)
    found = [stay_switch(choices.take(slice(first, first + SIZE))) for first in range(0, len(choices), SIZE)]
    means = np.mean([each[["estimate", "se"]].to_numpy() for each in found], axis=0)
    cells = " | ".join(f"{effect:.2f} | {se:.3f}" for effect, se in means)
    return f"| {rounds} | {cells} |", float(means[-1, 1])


if __name__ == "__main__":
    main()
