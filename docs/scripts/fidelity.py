"""Simulate studies of the shipped populations, and write the results into `docs/results/fidelity.md`.

.venv/bin/python docs/scripts/fidelity.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
from rich.progress import track

from accept_reject.agents import make_agent
from accept_reject.envs import Episodes, draw, scenario
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.analysis.ratings import anova, with_levels
from accept_reject.experiments.analysis.scores import ANCHORED, score
from accept_reject.experiments.analysis.stay_switch import EFFECTS, stay_switch
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.liking import as_ratings
from accept_reject.experiments.files import write
from accept_reject.experiments.reporting.tables import cell
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig, draw_parameters
from accept_reject.experiments.simulation.ratings import rate
from accept_reject.experiments.simulation.simulate import simulate

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results" / "fidelity.md"
MARK = "<!-- everything below is written by docs/scripts/fidelity.py -->\n"

STUDIES = 200
PUBLISHED = {"rank": (0.21, 0.06), "outcome": (0.22, 0.05)}
POPULATIONS = {
    "babur2024": "as published",
    "w1": "only ranks, w = 1",
    "w0": "only outcomes, w = 0",
    "scrambled": "another participant's feedback",
}
AGENTS = ("bayes-hybrid", "bayes-rank", "bayes-outcome", "delta-hybrid", "delta-rank", "delta-outcome",
          "ideal-valuing", "ideal-accepted")  # fmt: skip
SEEDS, GAMES = 40, 25

EFFECTS_TABLE = """## {studies} simulated studies of 42 participants

Stay/switch effects (logistic, standardized): the mean and the SD over studies, the mean of the standard errors that the
studies report, and the distance of the mean from the published effect in published standard errors (for control
populations, from 0 in standard errors of the mean).

| population | effect | mean | SD over studies | mean SE | published | distance |
| --- | --- | ---: | ---: | ---: | ---: | ---: |"""

RATING_STUDIES = 100
PUBLISHED_RATINGS = {"rank": (20.39, 0.33), "outcome": (13.76, 0.25)}
RATINGS_TABLE = """## Ratings in {studies} simulated studies of 42 participants

Repeated-measures analysis of variance of ratings after the last round: the mean and the SD over studies of F and of
partial eta squared, and the share of studies with p < 0.05. A rating is the participant's belief plus noise, with two
numbers chosen for the published effects: the SD of the noise, 0.3, and the odds of w, which are four times those in
choices. With the same w in ratings and choices, and a noise of 0.2, rank has a mean F of about 20, but outcome of about
80: if ratings are beliefs of this kind, ranks count more in them than in choices.

| population | effect | F | SD | published | partial eta² | SD | published | p < 0.05 |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""

TWO_SIGNALS = """## What learning from two signals achieves

Scores over {games:,} games with common random numbers, and 95% intervals over {seeds} seeds. *Minus hybrid* is
the paired difference from the hybrid learner of the same type (for the ideal observers, from the Bayesian
hybrid). In `orthogonal`, the sum of both scores is higher for the hybrids than for learners from one signal,
and than for an ideal observer with a single goal. In `open-doors`, it is hardly higher than for learners from
ranks, since acceptance follows the rank once the doors are open. In neither game are learners from one signal
good at both goals, as the lower of the two scores shows.
"""


def main() -> None:
    text = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    write(PAGE, "\n".join([text + MARK, *parameters(), *studies(), *ratings(), *two_signals()]))


def parameters() -> list[str]:
    found = draw_parameters(shipped("babur2024"), 100_000)
    lines = ["## The simulated participants", "", "100,000 draws of `configs/population_babur2024.yaml`:", ""]
    lines += ["| parameter | published median | here | published mean | here |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, median, mean in (("w", 0.52, 0.48), ("inverse_temperature", 1.51, 2.46)):
        values = found[name]
        lines.append(f"| {name} | {median} | {np.median(values):.3f} | {mean} | {values.mean():.3f} |")
    return [*lines, ""]


def studies() -> list[str]:
    lines = [EFFECTS_TABLE.format(studies=STUDIES)]
    for name, about in POPULATIONS.items():
        config = shipped(name)
        found = [stay_switch(simulate(config, seed)[0]) for seed in track(range(STUDIES), description=name)]
        for effect in EFFECTS:
            estimate = np.array([each.estimate[effect] for each in found])
            mean, sd, se = estimate.mean(), estimate.std(ddof=1), np.mean([each.se[effect] for each in found])
            centre, error = PUBLISHED[effect]
            if name == "babur2024":
                published, distance = f"{centre} (SE {error})", f"{(mean - centre) / error:+.1f} SE"
            else:
                published, distance = "", f"{mean / (sd / STUDIES**0.5):+.1f} SEM"
            lines.append(
                f"| {name}: {about} | {effect} | {mean:.3f} | {sd:.3f} | {se:.3f} | {published} | {distance} |"
            )
    return [*lines, ""]


def ratings() -> list[str]:
    lines = [RATINGS_TABLE.format(studies=RATING_STUDIES)]
    for name in ("babur2024", "w1", "w0"):
        config, found = shipped(name), []
        for seed in track(range(RATING_STUDIES), description=f"{name}: ratings"):
            choices, drawn = simulate(config, seed)
            found.append(anova(with_levels(as_ratings(rate(config, choices, drawn, seed)), choices)))
        for effect, published in PUBLISHED_RATINGS.items():
            cells = []
            for column, shown in zip(("F", "partial_eta2"), published, strict=True):
                values = np.array([each[column][effect] for each in found])
                cells += [f"{values.mean():.2f}", f"{values.std(ddof=1):.2f}"]
                cells.append(str(shown) if name == "babur2024" else "")
            share = np.mean([each.p[effect] < 0.05 for each in found])
            lines.append(f"| {name}: {POPULATIONS[name]} | {effect} | {' | '.join(cells)} | {share:.0%} |")
    return [*lines, ""]


def two_signals() -> list[str]:
    lines = [TWO_SIGNALS.format(games=SEEDS * GAMES, seeds=SEEDS)]
    for name in ("orthogonal", "open-doors"):
        episodes = Episodes.join([draw(scenario(name).game, 10_000 + seed, GAMES) for seed in range(SEEDS)])
        by_agent = {}
        for agent in track(AGENTS, description=name):
            choices = play(make_agent(agent), episodes)
            seeds = [choices.take(slice(i * GAMES, (i + 1) * GAMES)) for i in range(SEEDS)]
            by_agent[agent] = np.array([[score(each, name).value for name in ANCHORED] for each in seeds])
        lines += [f"| {name} | valuing | accepted | sum | minus hybrid | lower of the two | minus hybrid |"]
        lines += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
        for agent, values in by_agent.items():
            hybrid = by_agent["delta-hybrid" if agent.startswith("delta") else "bayes-hybrid"]
            cells = [cell(mean_interval(each)) for each in values.T]
            for combined in (np.sum, np.min):
                mine, its = combined(values, axis=1), combined(hybrid, axis=1)
                cells += [cell(mean_interval(mine)), "" if values is hybrid else cell(mean_interval(mine - its))]
            lines.append(f"| {agent} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def shipped(name: str) -> PopulationConfig:
    return load_config(PopulationConfig, str(ROOT / "configs" / f"population_{name}.yaml"))


if __name__ == "__main__":
    main()
