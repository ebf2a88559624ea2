"""Train networks, and write how well they play and imitate into `docs/results/training.md`.

.venv/bin/python docs/scripts/training.py

Trainings that are finished in `runs/training` are not repeated. All of them take two hours on two cores.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import io
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import statsmodels.api as sm
import torch
from matplotlib.figure import Figure
from rich.progress import track

from accept_reject.agents import make_agent
from accept_reject.agents.networks.agent import RecurrentAgent
from accept_reject.envs import draw, scenario
from accept_reject.envs.choices import Choices
from accept_reject.experiments.analysis.stay_switch import EFFECTS, repeat_offers, stay_switch
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.reporting.style import STYLE, colors, to_bytes
from accept_reject.experiments.reporting.tables import DASH
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate
from accept_reject.experiments.train.config import MetaConfig
from accept_reject.experiments.train.experiment import WEIGHTS, load_training, make_training, start
from accept_reject.experiments.train.meta import EVALUATION_SEED, MetaLearning

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUNS = ROOT / "runs" / "training"
EPISODES = 8192
COMPARED_TEACHERS = 1000
SECONDS = "seconds.txt"
TEXT = """# Training results

How well trained networks play and imitate. [Train recurrent networks](../guides/training.md) describes what was trained
and how. Each training ran on one core. `docs/scripts/training.py` writes this page.

![Regret during training, and share of explainable information by number of participants](../assets/training.png)

Left: greedy evaluations during training, with three seeds of the partner-state network. Right: five seeds, each with
different training participants, all scored on the same 1,000 held-out participants, next to the study's hybrid. The
hybrid's group is fitted to the same participants, and its beliefs about each held-out participant are updated with that
participant's own choices.

- **Regret** is the expected reward of the best partners on offer minus that of the chosen ones, summed over an episode.
  It is averaged over 8,192 episodes, the same for all players.
- **NLL** is the held-out negative log-likelihood per choice.
- **Share** is the share of the explainable information, (chance - NLL) / (chance - noise ceiling). The noise ceiling is
  the Bayesian mixture over the true population.
- **Participants** are those for training. A quarter as many more (500 with 5,000) are for early stopping. The 42 are an
  exception: they include 10 for early stopping, and their network has online weights. The hybrid is fitted to all of
  them.
- **Seconds** are process time, including scoring.

In distillation, all teachers have the same w. The network is trained on 1,000 of them and compared with 1,000 others,
whose episodes it plays on its own. The 95% interval of the difference is from one regression that clusters by episode,
whether the teacher or the network played it.
"""
TEACHERS = {"w0": 0.0, "w05": 0.5, "w1": 1.0}


class Job(NamedTuple):
    """A training.

    Attributes:
        config: A shipped config.
        changes: Changes to it.
    """

    config: str
    changes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return RUNS / folder_name(self)


@cache
def folder_name(job: Job) -> str:
    """The name of a job's folder, which depends on its data."""
    return make_training(load_training(job.config, job.changes)).folder_name


def imitation(participants: int, seed: int) -> Job:
    if participants == 42:
        return Job("imitation_study", (f"seed={seed}",))
    held = 500 if participants >= 5000 else participants // 4
    updates = 1000 if participants >= 5000 else 400
    models = "[bayes-hybrid]" if participants <= 1000 else "[]"
    changes = (f"participants={participants}", f"validation={held}", f"updates={updates}", f"models={models}")
    return Job("imitation", (*changes, f"seed={seed}"))


def distillation(teacher: str) -> Job:
    changes = (f"population={RUNS / teacher}.yaml", "participants=1000", "validation=250", "updates=400", "models=[]")
    return Job("imitation", (f"name=distillation-{teacher}", *changes))


SEEDS = range(5)
ORTHOGONAL = [Job("meta_orthogonal", (f"seed={seed}",)) for seed in range(3)]
MIXTURE = Job("meta_mixture", ("seed=0",))
FLAT = [
    Job("meta_flat", ("seed=0",)),
    Job(
        "meta_flat",
        ("seed=0", "name=meta-flat-plain", "n_epochs=1", "n_minibatches=1", "network.critic=false", "ent_coef=0"),
    ),
]
SIZES = (42, 200, 800, 1000, 5000)
IMITATION = {size: [imitation(size, seed) for seed in SEEDS] for size in SIZES}
DISTILLATION = {teacher: distillation(teacher) for teacher in TEACHERS}


def trained(job: Job) -> Path:
    """Train a job, unless it is finished, and write the process time into its folder."""
    if not (job.folder / SECONDS).exists():
        begin = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            start(load_training(job.config, job.changes), RUNS)
        write(job.folder / SECONDS, f"{time.process_time() - begin:.0f}\n".encode())
    return job.folder


def main() -> None:
    for teacher, w in TEACHERS.items():
        text = (ROOT / "configs" / "population_w0.yaml").read_text(encoding="utf-8")
        text = text.replace("name: w0", f"name: {teacher}").replace("w: 0\n", f"w: {w}\n")
        RUNS.mkdir(parents=True, exist_ok=True)
        write(RUNS / f"{teacher}.yaml", text.encode())
    jobs = [*ORTHOGONAL, MIXTURE, *FLAT, *DISTILLATION.values(), *(job for size in SIZES for job in IMITATION[size])]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for folder in track(pool.map(trained, jobs), "training", total=len(jobs)):
            print(folder, flush=True)
    regrets = measured_regrets()
    write(DOCS / "assets" / "training.png", to_bytes(figure(), "png"))
    write(DOCS / "results" / "training.md", "\n".join([TEXT, *played(regrets), *imitated(), *distilled()]))


def measured_regrets() -> dict[str, float]:
    """The regret per episode of greedy play, over the same episodes for all players."""
    task = MetaLearning(load_config(MetaConfig, "meta_orthogonal"))
    episodes = draw(scenario("orthogonal").game, EVALUATION_SEED, EPISODES)
    greedy = {"inverse_temperature": 1e6}
    agents = {
        "ideal observer": make_agent("ideal-accepted"),
        "ideal observer, partners independent": make_agent("ideal-accepted", {"joint": False}),
        **{f"partner-state, seed {i}": network_of(job) for i, job in enumerate(ORTHOGONAL)},
        "greedy Beta learner": make_agent("bayes-outcome", greedy),
        "flat, PPO": network_of(FLAT[0]),
        "flat, plain policy gradient": network_of(FLAT[1]),
        "random": make_agent("random"),
    }
    with torch.no_grad():
        return {name: task.regret(play(agent, episodes)) for name, agent in agents.items()}


def references() -> dict[str, float]:
    """Regrets of reference agents over the episodes that a training is evaluated on."""
    config = load_config(MetaConfig, "meta_orthogonal")
    episodes = draw(scenario("orthogonal").game, EVALUATION_SEED, config.evaluation_episodes)
    agents = {
        "greedy Beta learner": make_agent("bayes-outcome", {"inverse_temperature": 1e6}),
        "ideal observer, partners independent": make_agent("ideal-accepted", {"joint": False}),
    }
    return {name: MetaLearning(config).regret(play(agent, episodes)) for name, agent in agents.items()}


def network_of(job: Job) -> RecurrentAgent:
    return RecurrentAgent(job.folder / WEIGHTS, greedy=True)


def figure() -> Figure:
    """Left: regret during training. Right: share of explainable information by number of training participants."""
    partner_state, flat, plain = colors(3)
    with mpl.rc_context(STYLE):
        drawn = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = drawn.subplots(1, 2)
        lines = [(job, partner_state, "partner-state" if not i else None) for i, job in enumerate(ORTHOGONAL)]
        lines += [(FLAT[0], flat, "flat, PPO"), (FLAT[1], plain, "flat, plain policy gradient")]
        for job, color, label in lines:
            scalars = pd.read_csv(job.folder / "scalars.csv").query("name == 'eval/regret'")
            left.plot(scalars.rounds / 1e6, scalars.value, color=color, linewidth=1.4, label=label)
        for (name, regret), dash in zip(references().items(), ("--", ":"), strict=True):
            left.axhline(regret, color="0.35", linestyle=dash, linewidth=1, label=name)
        left.set_yscale("log")
        left.set_yticks([2, 3, 5, 10, 20], ["2", "3", "5", "10", "20"])
        left.minorticks_off()
        left.set_xlabel("Rounds of training (millions)")
        left.set_ylabel("Regret per episode, greedy play")
        left.legend(frameon=False, fontsize=8)
        table = predictions()
        for player, color in (("network", partner_state), ("bayes-hybrid", "0.35")):
            rows = table.dropna(subset=[player])
            right.plot(rows["size"], rows[player], "o", color=color, markersize=4, alpha=0.7, label=player)
            means = rows.groupby("size")[player].mean()
            means = means[means.index > 42] if player == "network" else means  # with 42, the network differs
            right.plot(means.index, means, color=color, linewidth=1.4)
        right.axhline(1, color="0.75", linewidth=0.8)
        right.set_xscale("log")
        right.set_xticks(SIZES, [f"{size:,}" if size != 800 else "" for size in SIZES])
        right.minorticks_off()
        right.set_xlabel("Training participants")
        right.set_ylabel("Share of explainable information")
        right.legend(frameon=False, fontsize=8, loc="lower right")
    return drawn


def predictions() -> pd.DataFrame:
    """A row for each imitation: shares of network and fitted hybrid, their NLLs, and the seconds it took."""
    rows = []
    for size, jobs in IMITATION.items():
        for seed, job in enumerate(jobs):
            table = pd.read_csv(job.folder / "held_out.csv").set_index("player")
            row = {"size": size, "seed": seed}
            row |= {player: table.share_explained.get(player) for player in ("network", "bayes-hybrid")}
            row |= {f"NLL of {player}": table.nll.get(player) for player in ("network", "bayes-hybrid")}
            rows.append({**row, "seconds": float((job.folder / SECONDS).read_text())})
    return pd.DataFrame(rows)


def played(regrets: dict[str, float]) -> list[str]:
    lines = [
        "## Training on the study's game",
        "",
        "| player | regret | process time |",
        "| --- | ---: | ---: |",
    ]
    jobs = {f"partner-state, seed {i}": job for i, job in enumerate(ORTHOGONAL)}
    jobs |= {"flat, PPO": FLAT[0], "flat, plain policy gradient": FLAT[1]}
    for name, regret in regrets.items():
        took = f"{(jobs[name].folder / SECONDS).read_text().strip()} s" if name in jobs else ""
        lines.append(f"| {name} | {regret:.3f} | {took} |")
    return [*lines, ""]


def imitated() -> list[str]:
    table = predictions()
    lines = ["## Imitation", ""]
    lines += ["| participants | network | NLL | mean share | share of each seed | hybrid: NLL (share) | seconds |"]
    lines += ["| ---: | --- | ---: | ---: | --- | ---: | ---: |"]
    for size, rows in table.groupby("size"):
        network = "online" if size == 42 else "recurrent"
        each = ", ".join(f"{share:.3f}" for share in rows.network)
        nll, share = rows["NLL of bayes-hybrid"].mean(), rows["bayes-hybrid"].mean()
        hybrid = DASH if np.isnan(nll) else f"{nll:.4f} ({share:.3f})"
        nll, share = rows["NLL of network"].mean(), rows.network.mean()
        cells = (f"{size:,}", network, f"{nll:.4f}", f"{share:.3f}", each, hybrid, f"{rows.seconds.mean():.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def distilled() -> list[str]:
    lines = ["## Distillation", ""]
    lines += ["| teachers | effect | effect of teachers [95% interval] | effect of the network | difference | share |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: |"]
    for teacher, job in DISTILLATION.items():
        share = pd.read_csv(job.folder / "held_out.csv").set_index("player").share_explained["network"]
        population = load_config(PopulationConfig, str(RUNS / f"{teacher}.yaml"), [f"participants={COMPARED_TEACHERS}"])
        teachers, _ = simulate(population)
        with torch.no_grad():
            network = play(RecurrentAgent(job.folder / WEIGHTS), draw(teachers.game, 0, COMPARED_TEACHERS))
        theirs, ours, gaps = stay_switch(teachers), stay_switch(network), paired_gaps(teachers, network)
        for effect in EFFECTS:
            gap, margin = gaps[effect]
            interval = f"{theirs.estimate[effect]:.3f} [{theirs.low[effect]:.3f}, {theirs.high[effect]:.3f}]"
            cells = (f"w = {TEACHERS[teacher]:g}", effect, interval, f"{ours.estimate[effect]:.3f}")
            lines.append("| " + " | ".join((*cells, f"{gap:+.3f} ± {margin:.3f}", f"{share:.3f}")) + " |")
    return [*lines, ""]


def paired_gaps(teachers: Choices, network: Choices) -> dict[str, tuple[float, float]]:
    """Differences of stay/switch effects, network minus teachers, with half the width of their 95% intervals.

    Both are estimated by one regression that clusters by episode: teachers and network share random numbers.
    """
    parts = []
    for choices, player in ((teachers, "teachers"), (network, "network")):
        data = repeat_offers(choices)
        signals = data[list(EFFECTS)]
        standardized = ((signals - signals.mean()) / signals.std(ddof=0)).fillna(0.0)
        design = standardized.assign(one=1.0).add_prefix(f"{player} ")
        parts.append(design.assign(stay=data.stay, episode=data.player))
    both = pd.concat(parts, ignore_index=True).fillna(0.0)
    clusters = {"cov_type": "cluster", "cov_kwds": {"groups": both.episode.astype(int)}}
    fit = sm.Logit(both.stay, both.drop(columns=["stay", "episode"])).fit(disp=False, **clusters)
    gaps = {}
    for effect in EFFECTS:
        ours, theirs = f"network {effect}", f"teachers {effect}"
        covariance = fit.cov_params()
        variance = covariance.loc[ours, ours] + covariance.loc[theirs, theirs] - 2 * covariance.loc[ours, theirs]
        gaps[effect] = (fit.params[ours] - fit.params[theirs], 1.96 * np.sqrt(variance))
    return gaps


if __name__ == "__main__":
    main()
