"""Run the full benchmark, and write the pages and figures that show its results.

The pages are `docs/results/leaderboard.md` and `docs/guides/scenarios.md`.

.venv/bin/python docs/scripts/leaderboard.py
"""

from pathlib import Path

import gymnasium as gym
import pandas as pd
from PIL import Image

from accept_reject.agents.registry import AGENTS
from accept_reject.envs import SCENARIOS, GameSpec, Scenario
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.reporting.tables import cell
from accept_reject.experiments.reporting.words import counted
from accept_reject.experiments.runner import run_experiment

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ASSETS = DOCS / "assets"
FIGURES = ("interquartile_means.png", "scores_by_scenario.png", "learning_curves.png")
PRIVILEGED = [name for name, entry in AGENTS.items() if entry.privileged]

INTRODUCTION = """# Scenarios

Each scenario is a named game that asks one question. `accept-reject games` lists them, and `gym.make` creates them:

```python
import gymnasium as gym

import accept_reject.envs  # registers the ids

env = gym.make("accept_reject/Orthogonal-v0")
longer = gym.make("accept_reject/Orthogonal-v0", game={{"rounds": 500}})  # the same game with changes
```

Ranks run from 1 (best) to 8, and the hidden valuation of a partner is `(8 - mean rank) / 7`. There are two
feedback rules. With the *orthogonal* rule, rank and acceptance are drawn independently, with spots that agree
with both. With the *causal* rule, acceptance follows from rank and spots.

A score is 0 for *chance*, a player that chooses uniformly at random, and 1 for the *oracle*, which knows the
hidden state. Both anchors are listed for each scenario. All numbers are measured: {games:,} games per scenario,
with 95% intervals over {seeds} seeds. `docs/scripts/leaderboard.py` writes this page.
"""


def main() -> None:
    config = load_config(BenchmarkConfig, str(ROOT / "configs" / "benchmark_full.yaml"))
    folder = run_experiment(Benchmark(config), ROOT / "runs")
    page = (folder / "leaderboard.md").read_text(encoding="utf-8")
    for name in FIGURES:
        write(ASSETS / name, (folder / name).read_bytes())
        page = page.replace(f"]({name})", f"](../assets/{name})")
    write(DOCS / "results" / "leaderboard.md", page)
    scores = pd.read_csv(folder / "scores.csv").query("phase == 'all'")
    cards = [INTRODUCTION.format(games=config.seeds * config.episodes, seeds=config.seeds)]
    cards += [card(each, scores[scores.scenario == each.name]) for each in SCENARIOS.values()]
    write(DOCS / "guides" / "scenarios.md", "\n".join(cards))
    draw_round(ASSETS / "round.png")


def draw_round(path: Path) -> None:
    """Draw a telling round: the player is rejected by a partner that ranked it second."""
    env = gym.make("accept_reject/FewSpots-v0", render_mode="rgb_array")
    observation, _ = env.reset(seed=7)
    for played in range(144):
        observation, *_ = env.step(played % 2)
        if played > 20 and observation["last_rank"] == 2 and not observation["last_accepted"]:
            break
    Image.fromarray(env.render()).save(path, optimize=True)


def card(scenario: Scenario, scores: pd.DataFrame) -> str:
    lines = [
        f"## {scenario.name}",
        "",
        f"`{scenario.env_id}`",
        "",
        f"*{scenario.question}*",
        "",
        *parameters(scenario.game),
    ]
    lines += ["", "| | chance | oracle |", "| --- | ---: | ---: |"]
    for score, hidden in (("valuing", "valuation"), ("accepted", "acceptance probability")):
        anchors = scores[scores.score == score]
        numbers = f"{anchors.chance.mean():.3f} | {anchors.best.mean():.3f}"
        lines.append(f"| mean {hidden} of the chosen partners | {numbers} |")
    lines += ["", "| agent | valuing | accepted |", "| --- | ---: | ---: |"]
    found = scores[~scores.agent.isin(PRIVILEGED)].pivot(index="seed", columns=["score", "agent"], values="value")
    for agent in found["valuing"].mean().sort_values(ascending=False).index:
        cells = [cell(mean_interval(found[score, agent])) for score in ("valuing", "accepted")]
        lines.append(f"| {agent} | {cells[0]} | {cells[1]} |")
    return "\n".join([*lines, ""])


def parameters(game: GameSpec) -> list[str]:
    lines = [f"- {game.rounds} rounds with {game.offered} of {game.n_present} partners on offer; {game.rule} rule"]
    for kind in game.partners:
        partners = counted(kind.count, "partner")
        how = f"acceptance probability {kind.acceptance}" if kind.spots is None else f"{spots(kind.spots)} spots"
        shown = "rank shown" if kind.rank_shown else "rank hidden"
        lines.append(f"- {partners} with mean rank {kind.mean_rank:g} (SD {game.rank_sd:g}), {how}, {shown}")
    if game.n_partners > game.n_present:
        late = f"of which {len(game.arrivals)} arrive later, each replacing another"
        lines.append(f"- {game.n_partners} partners in total, {late}")
    if game.drift:
        lines.append(f"- mean ranks follow a random walk with SD {game.drift:g} per round, between 1 and {game.ranks}")
    if game.open_doors:
        opened = f"all partners have {spots(game.open_doors.spots)} spots and acceptance follows from the rank"
        lines.append(f"- from round {game.opening_round + 1} on, {opened}")
    return lines


def spots(fewest_most: tuple[int, int]) -> str:
    fewest, most = fewest_most
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


if __name__ == "__main__":
    main()
