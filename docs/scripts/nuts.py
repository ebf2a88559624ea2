"""Compare full posteriors by grids with those by NUTS, and write the results into `docs/results/posteriors.md`.

.venv/bin/python docs/scripts/nuts.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from accept_reject.envs.choices import Choices
from accept_reject.experiments.files import write
from accept_reject.experiments.inference import bayes
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.simulation.simulate import simulate

Floats = NDArray[np.float64]

PAGE = Path(__file__).parents[1] / "results" / "posteriors.md"
STUDIES = 10
NAMES = ("mean of logit w", "mean of log inverse temperature", "SD of logit w", "SD of log inverse temperature",
         "correlation")  # fmt: skip

TEXT = """# Full posteriors: grids and NUTS

`method: bayes` integrates the parameters of participants over grids and then draws the few parameters of the group.
NUTS draws all of them at once, and is used for models with more than three parameters. Here both draw from the
posterior of the hybrid model, for {studies} simulated studies of 42 participants with 144 rounds
(`population_babur2024`).

| group parameter | largest difference of means (posterior SDs) | ratio of SDs |
| --- | ---: | ---: |
{rows}

For participants' parameters, the difference of posterior means is {participants[0]:.3f} posterior SDs on average
(root mean square) and {participants[1]:.3f} at most, and the ratio of posterior SDs is from {participants[2]:.2f} to
{participants[3]:.2f}. Differences are due to the limited number of draws, mostly of NUTS: with an effective sample size
of 400, the standard error of a posterior mean is 0.05 posterior SDs.

| | grids | NUTS |
| --- | ---: | ---: |
| CPU time for a study (s) | {times[0]:.0f} | {times[1]:.0f} |
| draws | {draws[0]:,} | {draws[1]:,} |
| smallest effective sample size of a group parameter, median over studies | {ess[0]:.0f} | {ess[1]:.0f} |
| largest R-hat | {rhat[0]:.3f} | {rhat[1]:.3f} |
| divergent transitions | | {divergences} |

`docs/scripts/nuts.py` writes this page.
"""


def main() -> None:
    model = ModelEntry(agent="bayes-hybrid").resolve()
    pairs = [both(model, simulate("population_babur2024", seed=seed)[0]) for seed in track(range(STUDIES))]
    grid, nuts = ([each for each, _ in (pair[i] for pair in pairs)] for i in (0, 1))
    differences, ratios = compared([group(each) for each in grid], [group(each) for each in nuts])
    rows = [
        f"| {name} | {np.abs(a).max():.3f} | {r.min():.2f} to {r.max():.2f} |"
        for name, a, r in zip(NAMES, differences.T, ratios.T, strict=True)
    ]
    differences, ratios = compared([each.unbounded for each in grid], [each.unbounded for each in nuts])
    text = TEXT.format(
        studies=STUDIES,
        rows="\n".join(rows),
        participants=(np.sqrt((differences**2).mean()), np.abs(differences).max(), ratios.min(), ratios.max()),
        times=[np.mean([pair[i][1] for pair in pairs]) for i in (0, 1)],
        draws=[each[0].coordinates[..., 0].size for each in (grid, nuts)],
        ess=[np.median([found.ess.min() for found in each]) for each in (grid, nuts)],
        rhat=[max(found.rhat.max() for found in each) for each in (grid, nuts)],
        divergences=sum(found.divergences for found in nuts),
    )
    write(PAGE, text)


def both(model: Model, choices: Choices) -> list[tuple[bayes.Bayes, float]]:
    """The posterior by a grid and by NUTS, each with the time that it took."""
    found = []
    for limit in (3, 0):
        start = time.process_time()
        with patch.object(bayes, "MAX_PARAMETERS", limit):
            posterior = bayes.fit_bayes(model, choices, Design.common(len(choices)))
        found.append((posterior, time.process_time() - start))
    return found


def group(found: bayes.Bayes) -> Floats:
    """Draws of the group's parameters, `(chains, draws, 5)`."""
    return np.concatenate([found.coefficients[:, :, 0], found.sd[:, :, 0], found.correlations[..., :1, 1]], axis=2)


def compared(one: list[Floats], other: list[Floats]) -> tuple[Floats, Floats]:
    """Differences of means in posterior SDs, and ratios of SDs, `(studies, ...)` each."""
    means, sds = (
        np.stack([[getattr(draws, statistic)(axis=(0, 1)) for draws in each] for each in (one, other)])
        for statistic in ("mean", "std")
    )
    return (means[0] - means[1]) / sds[1], sds[0] / sds[1]


if __name__ == "__main__":
    main()
