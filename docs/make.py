"""Run the full benchmark; make `docs/leaderboard.md`, `docs/scenarios.md` and the README's pictures of what it leaves.

.venv/bin/python docs/make.py
"""

from pathlib import Path

import gymnasium as gym
import pandas as pd
from PIL import Image

from accept_reject.agents.registry import AGENTS
from accept_reject.envs import SCENARIOS, GameSpec, Scenario
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.run_folder import run_benchmark
from accept_reject.experiments.config import load_config
from accept_reject.experiments.files import write
from accept_reject.experiments.intervals import mean_interval
from accept_reject.experiments.tables import cell

HERE = Path(__file__).parent
ROOT = HERE.parent
PRIVILEGED = [name for name, entry in AGENTS.items() if entry.privileged]

INTRODUCTION = """# Scenarios

Each scenario is a named game with one question. `accept-reject games` lists them, `gym.make` makes them, and
`gym.make(id, game={{...}})` or `GameSpec` changes them. Ranks run from 1 (best) to 8; a partner's hidden valuation is
`(8 - mean rank) / 7`. *Chance* is a player who asks anyone offered with equal chances, the *oracle* one who knows the
hidden state: the anchors at which a score is 0 and 1. Everything below is measured: {games:,} games for each scenario,
with 95% intervals over {seeds} seeds. `docs/make.py` writes this page.
"""


def main() -> None:
    config = load_config(BenchmarkConfig, str(ROOT / "configs" / "benchmark_full.yaml"))
    folder = run_benchmark(config, ROOT / "runs")
    for name in ("leaderboard.md", "interquartile_means.png", "scores_by_scenario.png", "learning_curves.png"):
        write(HERE / name, (folder / name).read_bytes())
    scores = pd.read_csv(folder / "scores.csv").query("phase == 'all'")
    cards = [INTRODUCTION.format(games=config.seeds * config.episodes, seeds=config.seeds)]
    cards += [card(each, scores[scores.scenario == each.name]) for each in SCENARIOS.values()]
    write(HERE / "scenarios.md", "\n".join(cards))
    draw_round(HERE / "round.png")


def draw_round(path: Path) -> None:
    """A round worth looking at: rejected by a partner who ranked the player high."""
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
    for score, what in (("valuing", "mean valuation of those asked"), ("accepted", "mean acceptance probability")):
        anchors = scores[scores.score == score]
        lines.append(f"| {what} | {anchors.chance.mean():.3f} | {anchors.best.mean():.3f} |")
    lines += ["", "| player | valuing | accepted |", "| --- | ---: | ---: |"]
    found = scores[~scores.agent.isin(PRIVILEGED)].pivot(index="seed", columns=["score", "agent"], values="value")
    for player in found["valuing"].mean().sort_values(ascending=False).index:
        cells = [cell(mean_interval(found[score, player])) for score in ("valuing", "accepted")]
        lines.append(f"| {player} | {cells[0]} | {cells[1]} |")
    return "\n".join([*lines, ""])


def parameters(game: GameSpec) -> list[str]:
    lines = [f"- {game.rounds} rounds, {game.offered} of {game.n_present} partners offered in each; {game.rule} rule"]
    for kind in game.partners:
        how = f"accepts with probability {kind.acceptance}" if kind.spots is None else f"{spots(kind.spots)} spots"
        shown = "rank shown" if kind.rank_shown else "rank hidden"
        lines.append(f"- {kind.count} with mean rank {kind.mean_rank:g} (SD {game.rank_sd:g}), {how}, {shown}")
    if game.n_partners > game.n_present:
        lines.append(f"- {game.n_partners} partners in all; {len(game.arrivals)} come later, each in another's place")
    if game.drift:
        lines.append(f"- mean ranks make a random walk, SD {game.drift:g} a round, between 1 and {game.ranks}")
    if game.open_doors:
        opened = f"everyone has {spots(game.open_doors.spots)} spots and acceptance follows the rank"
        lines.append(f"- from round {game.opening_round + 1} on {opened}")
    return lines


def spots(fewest_most: tuple[int, int]) -> str:
    fewest, most = fewest_most
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


if __name__ == "__main__":
    main()
