"""Write `docs/recovery.md`: what fits of simulated studies find, as measured here.

.venv/bin/python docs/recovery.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from scipy import special

from accept_reject.envs.choices import Choices
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.fit.hierarchical import fit_hierarchically
from accept_reject.experiments.fit.individual import fit_individually
from accept_reject.experiments.fit.likelihood import Likelihood
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.fit.model_selection import select_models
from accept_reject.experiments.fit.quadrature import integrate
from accept_reject.experiments.population import draw_parameters
from accept_reject.experiments.progress import OnProgress, stages, steps
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.figures import design
from accept_reject.experiments.recover.results import run
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.style import mark_simulated, to_bytes

Floats = NDArray[np.float64]

HERE = Path(__file__).parent
CONFIG = load_config(RecoverConfig, str(HERE.parent / "configs" / "recover_design.yaml"))
SIZE = 42
STUDIES = {144: 100, 432: 30}
STARTS = 4

TEXT = """# What fits recover

Everything below is measured on simulated participants, by `docs/recovery.py`. The hybrid's participants are those of
`population_babur2024`; such as learn from one signal alone have the same inverse temperatures. Fits are MAP under the
learners' own priors: w nearly uniform (its logit Normal with mean 0 and SD 1.5), the inverse temperature lognormal with
median 1 and 0.14 to 7.1 (95%).
"""


def main() -> None:
    with stages(Console()) as on_progress:
        lines = [TEXT, *verdicts(on_progress), *sizes(on_progress)]
    write(HERE / "recovery.md", "\n".join(lines))


def verdicts(on_progress: OnProgress) -> list[str]:
    """The hybrid's verdict in studies of 42, and its parameters in games of 144 rounds."""
    lines = [
        "## Does a study of 42 find the hybrid?",
        "",
        "Protected exceedance probability (PXP) of the hybrid among the study's three models, where hybrids made the",
        "choices. *Prior* is the prior count of each model.",
        "",
        "| rounds | studies | evidence | prior | hybrid wins | PXP > 0.95 | PXP > 0.99 | median PXP |",
        "| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    more: list[str] = []
    models = [entry.resolve() for entry in CONFIG.models]
    for rounds, studies in STUDIES.items():
        people = studies * SIZE
        choices, truth = simulate(CONFIG.models[0].simulated(people, CONFIG.game_of(rounds), seed=rounds))
        step = steps(on_progress, f"hybrid, {rounds} rounds", 2 * 3 * people)
        fits = [fit_individually(model, choices, starts=STARTS, on_fitted=step) for model in models]
        posteriors = [integrate(fit, choices, step) for fit in fits]
        ways = {
            "Laplace": np.stack([fit.log_evidence for fit in fits], axis=1),
            "quadrature": np.stack([posterior.log_evidence for posterior in posteriors], axis=1),
        }
        if rounds == 144:
            ways["true distribution"] = under_the_truth(models, choices.take(slice(people // 2)))
        for way, evidence in ways.items():
            for name, prior in (("1", 1.0), ("1/3", 1 / 3)):
                found = [select_models(each, prior).protected for each in np.split(evidence, len(evidence) // SIZE)]
                pxp, wins = np.array(found)[:, 0], np.mean([each.argmax() == 0 for each in found])
                cells = [
                    f"{wins:.0%}",
                    f"{(pxp > 0.95).mean():.0%}",
                    f"{(pxp > 0.99).mean():.0%}",
                    f"{np.median(pxp):.3f}",
                ]
                lines.append(f"| {rounds} | {len(found)} | {way} | {name} | {' | '.join(cells)} |")
        if rounds == 144:
            more = estimates(fits[0].estimates, posteriors[0].mean, truth, studies)
            more += groups(models[0], choices, truth, studies)
    return [*lines, "", LESSON, *more]


LESSON = """At 144 rounds, which is our choice and not the study's number, 42 such participants seldom decide the
matter: many of them hardly follow any value (an inverse temperature of 1.5, the median, means choices near chance), and
a quarter learn nearly from outcomes alone. That is no flaw of the fits: the evidence under the *true distribution*,
from which their parameters are drawn, does not decide it either. Longer games do, and quadrature decides sooner
than Laplace's approximation.
"""


def under_the_truth(models: list[Model], choices: Choices, draws: int = 1000) -> Floats:
    """Each participant's log-evidence of each model under the distribution that parameters are drawn from."""
    columns = []
    for entry, model in zip(CONFIG.models, models, strict=True):
        values = draw_parameters(entry.simulated(1, CONFIG.game, seed=0), draws, seed=1)
        links = {"w": special.logit, "inverse_temperature": np.log}
        free = torch.from_numpy(np.stack([links[name](values[name]) for name in model.parameters], axis=1))
        likelihood = Likelihood(model, choices)
        with torch.no_grad():
            found = [likelihood.of(np.full(draws, row))(free).logsumexp(0).item() for row in range(len(choices))]
        columns.append(np.array(found) - np.log(draws))
    return np.stack(columns, axis=1)


def estimates(map_: Floats, mean: Floats, truth: dict[str, Floats], studies: int) -> list[str]:
    names = ("w", "inverse_temperature")
    lines = [
        f"## The hybrid's parameters, {studies} studies of {SIZE}, 144 rounds",
        "",
        "| parameter | true median | median of estimates | of posterior means | mean distance of a study's medians |",
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
        "Correlation of estimated with true w, among participants whose inverse temperature is above a bound:",
        "",
    ]
    lines += ["| inverse temperature | participants | MAP | posterior mean |", "| --- | ---: | ---: | ---: |"]
    for bound in (0, 1, 2, 4):
        who = truth["inverse_temperature"] > bound
        r = [np.corrcoef(each[who, 0], truth["w"][who])[0, 1] for each in (map_, mean)]
        lines.append(f"| {'any' if bound == 0 else f'above {bound}'} | {who.sum()} | {r[0]:.3f} | {r[1]:.3f} |")
    return [*lines, ""]


def groups(hybrid: Model, choices: Choices, truth: dict[str, Floats], studies: int, most: int = 20) -> list[str]:
    """What expectation-maximisation makes of the first studies."""
    found = []
    for i in range(min(studies, most)):
        group = fit_hierarchically(hybrid, choices.take(slice(i * SIZE, (i + 1) * SIZE)), starts=STARTS)
        model = group.fit.model
        found.append([*model.constrain(model.prior_mean).tolist(), *model.prior_sd.tolist(), group.iterations])
    w, temperature, w_sd, temperature_sd, iterations = np.array(found).T
    return [
        "## Hierarchical fits",
        "",
        f"Over the first {most} of these studies the group's median of w was {w.mean():.2f} (SD over studies",
        f"{w.std():.2f}), of the inverse temperature {temperature.mean():.2f} ({temperature.std():.2f}). The groups'",
        f"SDs in free space were {w_sd.mean():.2f} and {temperature_sd.mean():.2f}, those of the participants",
        f"{special.logit(truth['w']).std():.2f} and {np.log(truth['inverse_temperature']).std():.2f}:",
        "expectation-maximisation with Laplace's approximation makes groups narrower than they are where many",
        f"participants tell little. It took {int(np.median(iterations))} iterations (median).",
        "",
    ]


def sizes(on_progress: OnProgress) -> list[str]:
    """Model recovery at the study's size, and the design curves of the shipped config."""
    results = run(CONFIG, on_progress)
    figure = design(results)
    mark_simulated(figure)
    write(HERE / "design.png", to_bytes(figure, "png"))
    confusion = results.confusion_frame()
    here = confusion[(confusion.rounds == 144) & (confusion.participants == SIZE)]
    names = [entry.name for entry in CONFIG.models]
    lines = [
        f"## Which model is taken for which? {CONFIG.studies} studies of {SIZE}, 144 rounds, Laplace's evidence",
        "",
        f"| made the choices | {' | '.join(f'{name} wins' for name in names)} |",
        "| --- |" + " ---: |" * len(names),
    ]
    for name in names:
        wins = here[here.generating == name].set_index("fitted").wins
        lines.append(f"| {name} | {' | '.join(f'{wins[fitted]:.0%}' for fitted in names)} |")
    lines += ["", "## How many rounds, how many participants?", "", "![Design curves](design.png)", ""]
    lines += [
        "`accept-reject recover recover_design` makes this figure, and a report that tells its methods in words. The "
        "same for",
        "each length of the game:",
        "",
    ]
    lines += ["| rounds | model | parameter | r | of posterior means | bias | RMSE | 95% intervals hold the truth |"]
    lines += ["| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in results.parameters_frame().drop_duplicates(["rounds", "model", "parameter"]).itertuples():
        numbers = [f"{value:.2f}" for value in (row.r, row.r_posterior_mean, row.bias, row.rmse)]
        lines.append(f"| {row.rounds} | {row.model} | {row.parameter} | {' | '.join(numbers)} | {row.coverage:.0%} |")
    return [*lines, ""]


if __name__ == "__main__":
    main()
