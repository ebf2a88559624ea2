"""Fit models to simulated studies, and write the results into `docs/results/recovery.md`.

.venv/bin/python docs/scripts/recovery.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy import special

from accept_reject.envs.choices import Choices
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.inference.bayes import fit_bayes
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.hierarchical import fit_hierarchically
from accept_reject.experiments.inference.individual import fit_individually
from accept_reject.experiments.inference.marginal import Posteriors
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.quadrature import integrate
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.figures import design
from accept_reject.experiments.recover.run import run
from accept_reject.experiments.reporting.progress import OnProgress, stages, steps
from accept_reject.experiments.reporting.style import mark_simulated, to_bytes
from accept_reject.experiments.simulation.population import PopulationConfig, draw_parameters
from accept_reject.experiments.simulation.simulate import simulate

Floats = NDArray[np.float64]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIG = load_config(RecoverConfig, str(ROOT / "configs" / "recover_design.yaml"))
SIZE = 42
STUDIES = 100
STARTS = 4

TEXT = """# Parameter and model recovery

What do fits recover, and how large must a study be? Everything on this page was measured on simulated
participants. Those of the hybrid model are from `population_babur2024`; those of the two nested models have the
same distribution of inverse temperatures. Fits are MAP with the learners' own priors: w is nearly uniform (its
logit is Normal with mean 0 and SD 1.5), and the inverse temperature is lognormal with median 1 and a 95% range
of 0.14 to 7.1. Whether a study identifies the hybrid depends on more than its size:
[The published verdict](verdict.md). `docs/scripts/recovery.py` writes this page.
"""


def main() -> None:
    with stages(Console()) as on_progress:
        lines = [TEXT, *parameters(on_progress), *groups(on_progress), *sizes(on_progress)]
    write(DOCS / "results" / "recovery.md", "\n".join(lines))


def parameters(on_progress: OnProgress) -> list[str]:
    """The parameters of hybrids in games of 144 rounds."""
    participants = STUDIES * SIZE
    choices, truth = simulate(CONFIG.models[0].simulated(participants, CONFIG.game_of(144), seed=144))
    step = steps(on_progress, "hybrid, 144 rounds", 2 * participants)
    fit = fit_individually(CONFIG.models[0].resolve(), choices, starts=STARTS, on_fitted=step)
    return estimates(fit.estimates, integrate(fit, choices, step).mean, truth, STUDIES)


def estimates(map_: Floats, mean: Floats, truth: dict[str, Floats], studies: int) -> list[str]:
    names = ("w", "inverse_temperature")
    lines = [
        f"## Parameters of the hybrid: {studies} studies of {SIZE} participants, 144 rounds",
        "",
        "| parameter | true median | median of estimates | median of posterior means | "
        "mean absolute error of a study's median |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for j, name in enumerate(names):
        by_study = [np.median(each.reshape(studies, SIZE), axis=1) for each in (map_[:, j], truth[name])]
        cells = [
            np.median(truth[name]),
            np.median(map_[:, j]),
            np.median(mean[:, j]),
            np.abs(by_study[0] - by_study[1]).mean(),
        ]
        lines.append(f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    lines += [
        "",
        "Correlation between estimated and true w, by inverse temperature:",
        "",
    ]
    lines += ["| inverse temperature | participants | MAP | posterior mean |", "| --- | ---: | ---: | ---: |"]
    for bound in (0, 1, 2, 4):
        above = truth["inverse_temperature"] > bound
        r = [np.corrcoef(each[above, 0], truth["w"][above])[0, 1] for each in (map_, mean)]
        lines.append(f"| {'any' if bound == 0 else f'above {bound}'} | {above.sum()} | {r[0]:.3f} | {r[1]:.3f} |")
    return [*lines, ""]


GROUPS = """## Hierarchical fits: {studies} studies of {size} participants, 144 rounds

`method: hierarchical` and `method: bayes` estimate the group from all participants. On the unbounded scale, over
studies:

| group | method | parameter | true mean | estimate | coverage | true SD | estimate | coverage | of participants |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

Estimates are means over studies of posterior modes (`hierarchical`) and of posterior medians (`bayes`),
with standard errors; coverage is the share of 95% intervals that contain the true value. The *Normal* group is what the
methods assume. In `population_babur2024`, the logit of w is a mixture of two distributions, so that no Normal group can
be right.

Version 0.1 used expectation-maximization with the Laplace approximation. In the Normal group, it estimated a mean of
0.77 for the log inverse temperature, and SDs of 0.82 and 0.77; its intervals contained this mean in 30% of the
studies, and participants' w in 75 to 79%.
"""

GROUP_STUDIES = 40

NORMAL = {"parameters": ["w", "inverse_temperature"], "mean": [0.1, 0.41], "covariance": [[1.44, 0], [0, 1]]}


def groups(on_progress: OnProgress) -> list[str]:
    """Hierarchical fits of groups that are Normal on the unbounded scale, and of the shipped population."""
    shipped = load_config(PopulationConfig, str(ROOT / "configs" / "population_babur2024.yaml"))
    normal = PopulationConfig.model_validate(
        {"name": "normal", "agent": shipped.agent, "game": shipped.game.model_dump(), "correlated": [NORMAL]}
    )
    rows = []
    for name, population in (("Normal", normal), ("`population_babur2024`", shipped)):
        for method, of_study in (("hierarchical", by_likelihood), ("bayes", by_posterior)):
            step = steps(on_progress, f"groups by {method}, {population.name}", GROUP_STUDIES)
            rows += group_rows(f"{name} | {method}", population, of_study, step)
    return [GROUPS.format(studies=GROUP_STUDIES, size=SIZE, rows="\n".join(rows))]


class Estimates(NamedTuple):
    """Estimates of a group with d parameters, `(d,)` each, and posteriors of its participants."""

    mean: Floats
    mean_interval: tuple[Floats, Floats]
    sd: Floats
    sd_interval: tuple[Floats, Floats]
    participants: Posteriors


def by_likelihood(model: Model, choices: Choices) -> Estimates:
    """Estimates by `method: hierarchical`."""
    group = fit_hierarchically(model, choices, starts=STARTS)
    d = len(model.parameters)
    means = [group.combination(group.design.mean_of(0, j, d)) for j in range(d)]
    sds = [group.combination(group.design.log_sd_of(0, j, d)) for j in range(d)]
    mean, _, low, high = np.array(means).T
    sd, _, sd_low, sd_high = np.exp(np.array(sds).T)
    return Estimates(mean, (low, high), sd, (sd_low, sd_high), group.posteriors)


def by_posterior(model: Model, choices: Choices) -> Estimates:
    """Estimates by `method: bayes`."""
    found = fit_bayes(model, choices, Design.common(len(choices)), starts=STARTS)
    low, mean, high = np.quantile(found.coefficients[:, :, 0], (0.025, 0.5, 0.975), axis=(0, 1))
    sd_low, sd, sd_high = np.quantile(found.sd[:, :, 0], (0.025, 0.5, 0.975), axis=(0, 1))
    return Estimates(mean, (low, high), sd, (sd_low, sd_high), found.posteriors)


def group_rows(
    name: str,
    population: PopulationConfig,
    of_study: Callable[[Model, Choices], Estimates],
    step: Callable[[int], None],
) -> list[str]:
    """Bias and coverage of hierarchical fits of studies of one population."""
    hybrid = CONFIG.models[0].resolve()
    many = draw_parameters(population.model_copy(update={"participants": 100_000}), 100_000, seed=1)
    drawn = np.stack([special.logit(many["w"]), np.log(many["inverse_temperature"])], axis=1)
    mean, sd = drawn.mean(axis=0), drawn.std(axis=0)
    choices, truth = simulate(population.model_copy(update={"participants": SIZE * GROUP_STUDIES}), seed=2)
    values = np.stack([truth[each] for each in hybrid.parameters], axis=1)
    estimates, hits = [], []
    for i in range(GROUP_STUDIES):
        rows = slice(i * SIZE, (i + 1) * SIZE)
        found = of_study(hybrid, choices.take(rows))
        inside = (found.participants.low < values[rows]) & (values[rows] < found.participants.high)
        estimates.append([found.mean, found.sd])
        hits.append(
            [
                (found.mean_interval[0] < mean) & (mean < found.mean_interval[1]),
                (found.sd_interval[0] < sd) & (sd < found.sd_interval[1]),
                inside.mean(axis=0),
            ]
        )
        step(1)
    average, error = np.mean(estimates, axis=0), np.std(estimates, axis=0) / GROUP_STUDIES**0.5
    share = np.mean(hits, axis=0)
    return [
        f"| {name} | {parameter} | {mean[j]:.2f} | {average[0, j]:.2f} ± {error[0, j]:.2f} | {share[0, j]:.0%} | "
        f"{sd[j]:.2f} | {average[1, j]:.2f} ± {error[1, j]:.2f} | {share[1, j]:.0%} | {share[2, j]:.1%} |"
        for j, parameter in enumerate(hybrid.parameters)
    ]


def sizes(on_progress: OnProgress) -> list[str]:
    """Model recovery at the study's size, and the design curves of the shipped config."""
    results = run(CONFIG, on_progress)
    figure = design(results)
    mark_simulated(figure)
    write(DOCS / "assets" / "design.png", to_bytes(figure, "png"))
    confusion = results.confusion
    here = confusion[(confusion.rounds == 144) & (confusion.participants == SIZE)]
    names = [entry.name for entry in CONFIG.models]
    lines = [
        f"## Model recovery: {CONFIG.studies} studies of {SIZE} participants, 144 rounds, Laplace evidence",
        "",
        f"| generating model | {' | '.join(f'{name} wins' for name in names)} |",
        "| --- |" + " ---: |" * len(names),
    ]
    for name in names:
        wins = here[here.generating == name].set_index("fitted").wins
        lines.append(f"| {name} | {' | '.join(f'{wins[fitted]:.0%}' for fitted in names)} |")
    lines += ["", "## How many rounds, how many participants?", "", "![Design curves](../assets/design.png)", ""]
    lines += [
        "`accept-reject recover recover_design` creates this figure and a report that describes the methods. Parameter",
        "recovery by length of the game:",
        "",
    ]
    lines += ["| rounds | model | parameter | r | r of posterior means | bias | RMSE | coverage of 95% intervals |"]
    lines += ["| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in results.parameters.drop_duplicates(["rounds", "model", "parameter"]).itertuples():
        numbers = [f"{value:.2f}" for value in (row.r, row.r_posterior_mean, row.bias, row.rmse)]
        lines.append(f"| {row.rounds} | {row.model} | {row.parameter} | {' | '.join(numbers)} | {row.coverage:.0%} |")
    return [*lines, ""]


if __name__ == "__main__":
    main()
