"""Run a benchmark: every agent plays every scenario with common random numbers, and is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.agents.base import PrivilegedAgent
from accept_reject.agents.registry import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.envs.game import GameSpec
from accept_reject.errors import within
from accept_reject.experiments.analysis.curves import Counts, curve_counts
from accept_reject.experiments.analysis.intervals import mean_of_defined
from accept_reject.experiments.analysis.scores import ANCHORED, SCORES, ScoreName, insight, score
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.benchmark.config import OVERALL, BenchmarkConfig
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps
from accept_reject.experiments.simulation.memory import require_memory
from accept_reject.experiments.simulation.play import play_with_beliefs

Floats = NDArray[np.float64]
BySeed = dict[tuple[str, str], Floats]
"""Values for each seed, `(seeds,)`, by scenario and agent."""

CURVE_POINTS = 24
"""Points of a learning curve."""


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a benchmark.

    Attributes:
        config: The config.
        scores: A row for each scenario, phase, agent, seed and score; columns `scenario`, `phase` (`all`, and `before`
            and `after` where doors open), `agent`, `seed`, `score`, `value`, what the value is computed from (`mean`,
            `chance` and `best`), and the share of rounds that the agent `missed`.
        stay_switch: Stay/switch effects; columns `scenario`, `agent` and those of `stay_switch`.
        curves: Choices of the partner that values the player most, a row for each seed, by scenario and agent.
        privileged: Names of the agents that see the hidden state.
    """

    config: BenchmarkConfig
    scores: pd.DataFrame
    stay_switch: pd.DataFrame
    curves: dict[tuple[str, str], Counts]
    privileged: frozenset[str]

    @cached_property
    def _by_phase(self) -> dict[tuple[str, str], BySeed]:
        """Values by score and phase."""
        by_phase: dict[tuple[str, str], BySeed] = {}
        for key, group in self.scores.groupby(["score", "phase", "scenario", "agent"], sort=False):
            name, phase, scenario, agent = key
            by_phase.setdefault((name, phase), {})[scenario, agent] = group.value.to_numpy()
        return by_phase

    @cached_property
    def _overall(self) -> dict[str, BySeed]:
        """Values by score, those over all scenarios first."""
        return {
            name: with_overall(self.values(name), self.agents, self.scenarios) for name in SCORES if self.values(name)
        }

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents."""
        return tuple(entry.name for entry in self.config.agents)

    @property
    def competitors(self) -> tuple[str, ...]:
        """Names of the agents that don't see the hidden state."""
        return tuple(name for name in self.agents if name not in self.privileged)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the scenarios."""
        return tuple(entry.name for entry in self.config.scenarios)

    @cached_property
    def missed(self) -> pd.Series:
        """Share of all rounds that each agent missed, by its name."""
        return self.scores[self.scores.phase == "all"].groupby("agent", sort=False).missed.mean()

    def values(self, name: str, phase: str = "all") -> BySeed:
        """Values of a score for each seed, by scenario and agent."""
        return self._by_phase.get((name, phase), {})

    def overall(self, name: ScoreName) -> BySeed:
        """Values of a score for each seed, by scenario and agent; the scenario `all scenarios` contains their means."""
        return self._overall[name]

    def ranking(self, name: ScoreName) -> list[str]:
        """The agents by their score over all scenarios, the best first."""
        values = self.overall(name)
        return best_first({agent: values[OVERALL, agent] for agent in self.agents})

    def leader(self, name: ScoreName, scenario: str = OVERALL) -> str | None:
        """The agent with the highest score of those that don't see the hidden state; None if none has the score."""
        values = self.overall(name)
        known = {agent: values[scenario, agent] for agent in self.competitors}
        known = {agent: each for agent, each in known.items() if not np.isnan(each).all()}
        return best_first(known)[0] if known else None

    def label(self, agent: str) -> str:
        """An agent's name, with a star if it sees the hidden state."""
        return f"{agent}*" if agent in self.privileged else agent


def run(config: BenchmarkConfig, on_progress: OnProgress = silent) -> Results:
    """Let all agents play, and score them.

    Args:
        config: The config.
        on_progress: Called with the scenario and the share of agents that have played it.

    Raises:
        InvalidInputError: If the games of a scenario don't fit into memory.
    """
    rows: list[dict[str, Any]] = []
    effects: list[pd.DataFrame] = []
    curves: dict[tuple[str, str], Counts] = {}
    agents = {entry.name: make_agent(entry.agent, entry.params) for entry in config.agents}
    for entry in config.scenarios:  # before the first game
        require_memory(f"{config.name}: seeds x episodes", config.seeds * config.episodes, entry.resolve())
    for entry in config.scenarios:
        game = entry.resolve()
        step = steps(on_progress, entry.name, len(agents))
        phases = _phases(game)
        seeds = range(config.first_seed, config.first_seed + config.seeds)
        episodes = Episodes.join([draw(game, seed, config.episodes) for seed in seeds])  # in one batch: faster
        hidden = episodes.partner_valuation
        for name, agent in agents.items():
            with within(f"agent {name} in {entry.name}"):
                choices, beliefs = play_with_beliefs(agent, episodes)
            for i, seed in enumerate(seeds):
                of_seed = slice(i * config.episodes, (i + 1) * config.episodes)
                chosen = choices.take(of_seed)
                tau = None if beliefs is None else insight(beliefs[of_seed], episodes.offered[of_seed], hidden[of_seed])
                for phase, rounds in phases.items():
                    key = {"scenario": entry.name, "phase": phase, "agent": name, "seed": seed}
                    rows += [{**key, **row} for row in _scores(chosen, tau, rounds)]
            curves[entry.name, name] = curve_counts(choices, n=CURVE_POINTS)["valuing"].pool(config.seeds)
            effects.append(stay_switch(choices).reset_index().assign(scenario=entry.name, agent=name))
            step(1)
    privileged = frozenset(name for name, agent in agents.items() if isinstance(agent, PrivilegedAgent))
    table = pd.concat(effects, ignore_index=True)
    table = table[["scenario", "agent", *table.columns.drop(["scenario", "agent"])]]
    return Results(config, pd.DataFrame(rows), table, curves, privileged)


def with_overall(values: BySeed, agents: tuple[str, ...], scenarios: tuple[str, ...]) -> BySeed:
    """Values of a score, preceded by their means over the scenarios that have it.

    An agent without the score in a scenario where others have it has no mean: means are over the same scenarios for
    all agents.
    """
    runs = np.stack([[values[scenario, agent] for scenario in scenarios] for agent in agents])
    missing = np.isnan(runs)  # (agents, scenarios, seeds)
    incomplete = (missing & ~missing.all(axis=0)).any(axis=1)  # (agents, seeds)
    never = missing.all(axis=2, keepdims=True)  # in no seed of a scenario, (agents, scenarios, 1)
    incomplete |= np.any(never & ~np.all(never, axis=0), axis=1)
    means = np.where(incomplete, np.nan, mean_of_defined(runs, axis=1))
    return {(OVERALL, agent): each for agent, each in zip(agents, means, strict=True)} | values


def best_first(values: Mapping[str, Floats]) -> list[str]:
    """Sort names by the mean of their values, the highest first and those without values last."""
    means = {name: float(mean_of_defined(each)) for name, each in values.items()}
    return sorted(means, key=lambda name: -np.inf if np.isnan(means[name]) else means[name], reverse=True)


def _scores(choices: Choices, tau: Floats | None, rounds: slice) -> list[dict[str, Any]]:
    """The scores of some rounds, each with the values that it is computed from."""
    rows: list[dict[str, Any]] = []
    missed = float(choices.missed[:, rounds].mean())
    for name in ANCHORED:
        result = score(choices, name, rounds)
        anchors = {"mean": result.mean, "chance": result.chance, "best": result.best}
        rows.append({"score": name, "value": result.value, **anchors, "missed": missed})
    mean = np.nan if tau is None else mean_of_defined(tau[:, rounds], axis=None)
    rows.append({"score": "insight", "value": mean, "mean": mean, "chance": 0.0, "best": 1.0, "missed": missed})
    return rows


def _phases(game: GameSpec) -> dict[str, slice]:
    phases = {"all": slice(None)}
    if game.open_doors is not None:
        phases |= {"before": slice(0, game.opening_round), "after": slice(game.opening_round, None)}
    return phases
