"""Fit groups and covariates of simulated studies, and write how well intervals hold into `docs/results/groups.md`.

.venv/bin/python docs/scripts/groups.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy import special

from accept_reject.agents import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.envs.scenarios import scenario
from accept_reject.experiments.files import write
from accept_reject.experiments.inference.bayes import fit_bayes
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.hierarchical import Combination, fit_hierarchically
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.simulation.play import play

Floats = NDArray[np.float64]

PAGE = Path(__file__).parents[1] / "results" / "groups.md"
STUDIES = {"hierarchical": 200, "bayes": 80}
"""Number of studies for each method; those of `bayes` take up to a minute each."""

SIZE, STARTS = 30, 2
MEAN, SD = (0.1, 0.41), (1.2, 1.0)
APART, CORRELATION = 0.8, 0.5

TEXT = """# Groups and covariates

Do intervals of contrasts between groups and of slopes of covariates hold? Studies were simulated, each of two groups
with {size} participants and 144 rounds. On the unbounded scale, the groups differ in w of the hybrid model by
{apart} standard deviations. Within groups, w has a correlation of {correlation} with the covariate `related`. Another
covariate, `unrelated`, has no effect, and the inverse temperature does not depend on any of the three.

Each study was fitted with the groups and both covariates in one model: {studies}.

| method | effect | truth | mean estimate | SD of estimates | mean standard error | intervals with the truth (%) |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
{rows}

Differences between groups and slopes are on the unbounded scale: log odds of w, and the logarithm of the inverse
temperature. A slope is the difference that one standard deviation of the covariate makes. For effects whose truth is 0,
an interval without 0 is an error of type I: {errors}. If coverage is 95%, percentages of single rows have a standard
error of {noise} points.

Intervals of `hierarchical` come from the curvature at the maximum. Without the prior that keeps group SDs away from 0,
the SD of w was 0 in a fifth of the studies, and intervals of the slopes of w contained the truth in 92.0% (`related`)
and 87.5% (`unrelated`) of them.

`docs/scripts/groups.py` writes this page.
"""


class Effect(NamedTuple):
    """An effect on a parameter: a contrast of groups (None) or the slope of a covariate."""

    covariate: str | None
    parameter: str
    truth: float

    def __str__(self) -> str:
        of = "difference between the groups" if self.covariate is None else f"slope of `{self.covariate}`"
        return f"{of}, {self.parameter}"


EFFECTS = (
    Effect(None, "w", APART * SD[0]),
    Effect("related", "w", CORRELATION * SD[0]),
    Effect("unrelated", "w", 0),
    Effect(None, "inverse_temperature", 0),
    Effect("related", "inverse_temperature", 0),
    Effect("unrelated", "inverse_temperature", 0),
)


def main() -> None:
    model = ModelEntry(agent="bayes-hybrid").resolve()
    methods: dict[str, Callable[[Choices, Design], Callable[[Floats], Combination]]] = {
        "hierarchical": lambda choices, design: (
            fit_hierarchically(model, choices, starts=STARTS, design=design).combination
        ),
        "bayes": lambda choices, design: fit_bayes(model, choices, design, starts=STARTS).combination,
    }
    found: dict[str, list[list[Combination]]] = {name: [] for name in STUDIES}
    for name, studies in STUDIES.items():
        for seed in track(range(studies), name):
            choices, design = study(seed)
            found[name].append(estimates(model, design, methods[name](choices, design)))
    write(PAGE, page(found))


def page(found: dict[str, list[list[Combination]]]) -> str:
    """The page, from the estimates of all effects in each study, by method."""
    rows, errors = [], []
    for name, each in found.items():
        estimate, se, low, high = np.moveaxis(np.array(each), 2, 0)
        truth = np.array([effect.truth for effect in EFFECTS])
        covered = (low < truth) & (truth < high)
        rows += [
            f"| {name} | {effect} | {effect.truth:.2f} | {estimate[:, i].mean():.2f} | {estimate[:, i].std():.2f} | "
            f"{se[:, i].mean():.2f} | {100 * covered[:, i].mean():.1f} |"
            for i, effect in enumerate(EFFECTS)
        ]
        errors.append(f"{100 * (1 - covered[:, truth == 0].mean()):.1f}% for `{name}`")
    return TEXT.format(
        studies=" and ".join(f"{len(each)} studies by `{name}`" for name, each in found.items()),
        size=SIZE,
        apart=APART,
        correlation=CORRELATION,
        rows="\n".join(rows),
        errors=" and ".join(errors),
        noise=" and ".join(f"{100 * np.sqrt(0.95 * 0.05 / len(each)):.1f}" for each in found.values()),
    )


def study(seed: int) -> tuple[Choices, Design]:
    """Two groups of participants with covariates, and the design of the model that generated them."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(["a", "b"], SIZE)
    related, unrelated, w, beta = rng.normal(size=(4, 2 * SIZE))
    related = (related - related.mean()) / related.std(ddof=1)  # as in the model
    w = CORRELATION * related + np.sqrt(1 - CORRELATION**2) * w + np.where(groups == "a", APART, -APART) / 2
    agent = make_agent(
        "bayes-hybrid", {"w": special.expit(MEAN[0] + SD[0] * w), "inverse_temperature": np.exp(MEAN[1] + SD[1] * beta)}
    )
    choices = play(agent, draw(scenario("orthogonal").game, seed, 2 * SIZE), seed)
    covariates = {"related": related.tolist(), "unrelated": unrelated.tolist()}
    return choices, Design.of(groups.tolist(), covariates, 2 * SIZE)


def estimates(model: Model, design: Design, combination: Callable[[Floats], Combination]) -> list[Combination]:
    """The estimates of all effects."""
    d, found = len(model.parameters), []
    for effect in EFFECTS:
        j = model.parameters.index(effect.parameter)
        if effect.covariate is None:
            weights = design.mean_of(0, j, d) - design.mean_of(1, j, d)
        else:
            weights = design.mean_of(len(design.groups) + design.covariates.index(effect.covariate), j, d)
        found.append(combination(weights))
    return found


if __name__ == "__main__":
    main()
