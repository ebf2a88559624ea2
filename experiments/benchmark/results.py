"""Benchmark: every agent plays every scenario on the same drawn luck, and is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.agents.base import PrivilegedAgent
from accept_reject.agents.registry import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.intervals import mean_of_defined
from accept_reject.experiments.play import play_with_beliefs
from accept_reject.experiments.scores import ANCHORED, anchored, insight, learning_curve
from accept_reject.experiments.signatures import stay_effects

CURVE_POINTS = 24
"""Points of a learning curve; each pools the rounds of its share of the game."""


@dataclass(frozen=True, eq=False)
class Results:
    """What a benchmark found.

    Attributes:
        config: What was played.
        scores: A row for each scenario, phase, agent, seed and score; columns `scenario`, `phase` (`all`, and
            `before` and `after` where doors open), `agent`, `seed`, `score`, `value`, with the anchors from which the
            value comes `mean`, `chance` and `best`, and the share of its rounds that the agent `missed`.
        signatures: Stay/switch effects; columns `scenario`, `agent` and those of `stay_effects`.
        curves: Learning curves, `(seeds, points)`, by scenario and agent.
        privileged: Names of the agents that were shown the hidden state.
    """

    config: BenchmarkConfig
    scores: pd.DataFrame
    signatures: pd.DataFrame
    curves: dict[tuple[str, str], NDArray[np.float64]]
    privileged: frozenset[str]

    @property
    def missed(self) -> pd.Series:
        """Share of all rounds that each agent missed, by its name."""
        return self.scores[self.scores.phase == "all"].groupby("agent", sort=False).missed.mean()

    def values(self, score: str, phase: str = "all") -> dict[tuple[str, str], NDArray[np.float64]]:
        """Values of a score for each seed, `(seeds,)`, by scenario and agent."""
        rows = self.scores[(self.scores.score == score) & (self.scores.phase == phase)]
        return {
            (scenario, agent): group.value.to_numpy()
            for (scenario, agent), group in rows.groupby(["scenario", "agent"], sort=False)
        }


def run(config: BenchmarkConfig, on_played: Callable[[str], None] = lambda _: None) -> Results:
    """Play and score.

    Args:
        config: What to play.
        on_played: Is told the scenario's name each time that an agent has played it.
    """
    rows: list[dict[str, Any]] = []
    signatures: list[pd.DataFrame] = []
    curves: dict[tuple[str, str], NDArray[np.float64]] = {}
    agents = {entry.name: make_agent(entry.agent, entry.params) for entry in config.agents}
    for entry in config.scenarios:
        game = entry.resolve()
        phases = _phases(game)
        seeds = range(config.first_seed, config.first_seed + config.seeds)
        episodes = Episodes.join([draw(game, seed, config.episodes) for seed in seeds])  # played side by side: faster
        hidden = episodes.partner_valuation
        for name, agent in agents.items():
            choices, beliefs = play_with_beliefs(agent, episodes)
            by_seed = []
            for i, seed in enumerate(seeds):
                of_seed = slice(i * config.episodes, (i + 1) * config.episodes)
                chosen = choices.take(of_seed)
                tau = None if beliefs is None else insight(beliefs[of_seed], episodes.offered[of_seed], hidden[of_seed])
                by_seed.append(learning_curve(chosen, curve_width(game)))
                for phase, rounds in phases.items():
                    key = {"scenario": entry.name, "phase": phase, "agent": name, "seed": seed}
                    rows += [{**key, **row} for row in _scores(chosen, tau, rounds)]
            curves[entry.name, name] = np.array(by_seed)
            signatures.append(stay_effects(choices).reset_index().assign(scenario=entry.name, agent=name))
            on_played(entry.name)
    privileged = frozenset(name for name, agent in agents.items() if isinstance(agent, PrivilegedAgent))
    effects = pd.concat(signatures, ignore_index=True)
    effects = effects[["scenario", "agent", *effects.columns.drop(["scenario", "agent"])]]
    return Results(config, pd.DataFrame(rows), effects, curves, privileged)


def _scores(choices: Choices, tau: NDArray[np.float64] | None, rounds: slice) -> list[dict[str, Any]]:
    """The scores of some rounds, each with what it comes from."""
    rows: list[dict[str, Any]] = []
    missed = float(choices.missed[:, rounds].mean())
    for name in ANCHORED:
        found = anchored(choices, name, rounds)
        anchors = {"mean": found.mean, "chance": found.chance, "best": found.best}
        rows.append({"score": name, "value": found.score, **anchors, "missed": missed})
    mean = np.nan if tau is None else mean_of_defined(tau[:, rounds], axis=None)
    rows.append({"score": "insight", "value": mean, "mean": mean, "chance": 0.0, "best": 1.0, "missed": missed})
    return rows


def curve_width(game: GameSpec) -> int:
    """How many rounds a point of the learning curve pools."""
    return -(-game.rounds // CURVE_POINTS)


def curve_rounds(game: GameSpec) -> NDArray[np.float64]:
    """The middle of the rounds that each point of the learning curve pools, `(points,)`, counted from 1."""
    starts = np.arange(0, game.rounds, curve_width(game))
    return (starts + 1 + np.append(starts[1:], game.rounds)) / 2


def _phases(game: GameSpec) -> dict[str, slice]:
    phases = {"all": slice(None)}
    if game.open_doors is not None:
        phases |= {"before": slice(0, game.opening_round), "after": slice(game.opening_round, None)}
    return phases
