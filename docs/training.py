"""Write `docs/training_results.md` and its pictures: what trained networks reach, as measured here.

.venv/bin/python docs/training.py

Trainings that stand in `runs/training` already are not made again. All of them take two hours on two cores.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import io
import time
from concurrent.futures import ProcessPoolExecutor
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
from accept_reject.agents.recurrent import RecurrentAgent
from accept_reject.envs import draw, scenario
from accept_reject.envs.choices import Choices
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.signatures import EFFECTS, reoffers, stay_effects
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.style import STYLE, colours, to_bytes
from accept_reject.experiments.tables import DASH
from accept_reject.experiments.train.meta import EVALUATION_SEED, MetaConfig, MetaLearning
from accept_reject.experiments.train.run import WEIGHTS, load_train_config, start

HERE = Path(__file__).parent
RUNS = HERE.parent / "runs" / "training"
EPISODES = 8192
TAUGHT = 1000
SECONDS = "seconds.txt"
TEXT = """# What trained networks reach

Measured by `docs/training.py`, one core for each training; [training.md](training.md) tells what was trained and how.

![Left: regret against rounds seen. Right: share of the explainable information against participants](training.png)

Left: a greedy evaluation after every few updates, three seeds of the partner-state network. Right: five seeds, each
with participants of its own to learn from, all scored on the same 1,000 held-out participants; beside them the
study's hybrid, its group fitted to the same participants and updated with each held-out participant's own choices.

Regret: what the best offers promise over those that were chosen, summed over an episode, over 8,192 episodes that all
met alike. Share: (chance - loss) / (chance - ceiling), where the ceiling is the Bayesian mixture over the true
population. Participants: those learned from; a quarter as many more (500 with 5,000) are for early stopping, except
that the 42 are all there are, 10 of them for stopping, and that their network is another one (online weights). The
hybrid is fitted to both. Seconds are process time and include scoring. In distillation all teachers have the same w,
1,000 of them are learned from and 1,000 others laid beside the imitator, which plays their episodes by itself; the
difference comes with its 95% interval from one regression in which an episode, whoever played it, is a cluster.
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
        return RUNS / load_train_config(self.config, self.changes).folder


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
        ("seed=0", "name=meta-flat-plain", "epochs=1", "minibatches=1", "network.critic=false", "entropy=0"),
    ),
]
SIZES = (42, 200, 800, 1000, 5000)
IMITATION = {size: [imitation(size, seed) for seed in SEEDS] for size in SIZES}
DISTILLATION = {teacher: distillation(teacher) for teacher in TEACHERS}


def trained(job: Job) -> Path:
    """The run's folder, trained if it is not yet, with the process time that it took."""
    if not (job.folder / SECONDS).exists():
        begin = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            start(load_train_config(job.config, job.changes), RUNS)
        write(job.folder / SECONDS, f"{time.process_time() - begin:.0f}\n".encode())
    return job.folder


def main() -> None:
    for teacher, w in TEACHERS.items():
        text = (HERE.parent / "configs" / "population_w0.yaml").read_text(encoding="utf-8")
        text = text.replace("name: w0", f"name: {teacher}").replace("w: 0\n", f"w: {w}\n")
        RUNS.mkdir(parents=True, exist_ok=True)
        write(RUNS / f"{teacher}.yaml", text.encode())
    jobs = [*ORTHOGONAL, MIXTURE, *FLAT, *DISTILLATION.values(), *(job for size in SIZES for job in IMITATION[size])]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for folder in track(pool.map(trained, jobs), "training", total=len(jobs)):
            print(folder, flush=True)
    regrets = measured_regrets()
    write(HERE / "training.png", to_bytes(figure(), "png"))
    write(HERE / "training_results.md", "\n".join([TEXT, *played(regrets), *imitated(), *distilled()]))


def measured_regrets() -> dict[str, float]:
    """Regret of an episode, played greedily, over episodes that all meet alike."""
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
    """Regrets over the very episodes in which a training is evaluated."""
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
    """Left: regret as the game is learned. Right: what imitators explain, by how many participants they learn from."""
    partner_state, flat, plain = colours(3)
    with mpl.rc_context(STYLE):
        drawn = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = drawn.subplots(1, 2)
        lines = [(job, partner_state, "partner-state" if not i else None) for i, job in enumerate(ORTHOGONAL)]
        lines += [(FLAT[0], flat, "flat, PPO"), (FLAT[1], plain, "flat, plain policy gradient")]
        for job, colour, label in lines:
            scalars = pd.read_csv(job.folder / "scalars.csv").query("name == 'eval/regret'")
            left.plot(scalars.rounds / 1e6, scalars.value, color=colour, linewidth=1.4, label=label)
        for (name, regret), dash in zip(references().items(), ("--", ":"), strict=True):
            left.axhline(regret, color="0.35", linestyle=dash, linewidth=1, label=name)
        left.set_yscale("log")
        left.set_yticks([2, 3, 5, 10, 20], ["2", "3", "5", "10", "20"])
        left.minorticks_off()
        left.set_xlabel("Rounds seen (millions)")
        left.set_ylabel("Regret of an episode, played greedily")
        left.legend(frameon=False, fontsize=8)
        table = losses()
        for player, colour in (("network", partner_state), ("bayes-hybrid", "0.35")):
            rows = table.dropna(subset=[player])
            right.plot(rows["size"], rows[player], "o", color=colour, markersize=4, alpha=0.7, label=player)
            means = rows.groupby("size")[player].mean()
            means = means[means.index > 42] if player == "network" else means  # the 42's network is another one
            right.plot(means.index, means, color=colour, linewidth=1.4)
        right.axhline(1, color="0.75", linewidth=0.8)
        right.set_xscale("log")
        right.set_xticks(SIZES, [f"{size:,}" if size != 800 else "" for size in SIZES])
        right.minorticks_off()
        right.set_xlabel("Participants learned from")
        right.set_ylabel("Share of the explainable information")
        right.legend(frameon=False, fontsize=8, loc="lower right")
    return drawn


def losses() -> pd.DataFrame:
    """A row for each imitation: shares of network and fitted hybrid, their losses, and the seconds it took."""
    rows = []
    for size, jobs in IMITATION.items():
        for seed, job in enumerate(jobs):
            table = pd.read_csv(job.folder / "held_out.csv").set_index("player")
            row = {"size": size, "seed": seed, "ceiling": table.loss["ceiling"], "chance": table.loss["chance"]}
            row |= {player: table.share.get(player) for player in ("network", "bayes-hybrid")}
            row |= {f"loss of {player}": table.loss.get(player) for player in ("network", "bayes-hybrid")}
            rows.append({**row, "seconds": float((job.folder / SECONDS).read_text())})
    return pd.DataFrame(rows)


def played(regrets: dict[str, float]) -> list[str]:
    lines = [
        "## The study's game, learned by playing it",
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
    table = losses()
    lines = ["## Imitation", ""]
    lines += ["| participants | network | loss | share, mean | share of each seed | hybrid | seconds |"]
    lines += ["| ---: | --- | ---: | ---: | --- | ---: | ---: |"]
    for size, rows in table.groupby("size"):
        network = "online" if size == 42 else "recurrent"
        each = ", ".join(f"{share:.3f}" for share in rows.network)
        hybrid = rows["loss of bayes-hybrid"].mean()
        told = DASH if np.isnan(hybrid) else f"{hybrid:.4f} ({rows['bayes-hybrid'].mean():.3f})"
        loss, share = rows["loss of network"].mean(), rows.network.mean()
        cells = (f"{size:,}", network, f"{loss:.4f}", f"{share:.3f}", each, told, f"{rows.seconds.mean():.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def distilled() -> list[str]:
    lines = ["## Distillation", ""]
    lines += ["| teachers | effect | teachers, 95% interval | imitator by itself | difference | share explained |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: |"]
    for teacher, job in DISTILLATION.items():
        share = pd.read_csv(job.folder / "held_out.csv").set_index("player").share["network"]
        teachers, _ = simulate(load_config(PopulationConfig, str(RUNS / f"{teacher}.yaml"), [f"participants={TAUGHT}"]))
        with torch.no_grad():
            network = play(RecurrentAgent(job.folder / WEIGHTS), draw(teachers.game, 0, TAUGHT))
        theirs, ours, gaps = stay_effects(teachers), stay_effects(network), paired_gaps(teachers, network)
        for effect in EFFECTS:
            gap, margin = gaps[effect]
            told = f"{theirs.estimate[effect]:.3f} [{theirs.low[effect]:.3f}, {theirs.high[effect]:.3f}]"
            cells = (f"w = {TEACHERS[teacher]:g}", effect, told, f"{ours.estimate[effect]:.3f}")
            lines.append("| " + " | ".join((*cells, f"{gap:+.3f} ± {margin:.3f}", f"{share:.3f}")) + " |")
    return [*lines, ""]


def paired_gaps(teachers: Choices, network: Choices) -> dict[str, tuple[float, float]]:
    """By how much the network's stay/switch effects surpass its teachers', with the half width of the 95% interval.

    Both are estimated by one regression in which an episode, whoever played it, is a cluster: their luck is shared.
    """
    parts = []
    for choices, player in ((teachers, "teachers"), (network, "network")):
        data = reoffers(choices)
        standardised = ((data[list(EFFECTS)] - data[list(EFFECTS)].mean()) / data[list(EFFECTS)].std(ddof=0)).fillna(
            0.0
        )
        design = standardised.assign(one=1.0).add_prefix(f"{player} ")
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
