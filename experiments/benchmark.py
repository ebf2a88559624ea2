"""Benchmark: every agent plays every scenario on the same drawn luck, and is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from accept_reject.agents.base import Agent, PrivilegedAgent
from accept_reject.agents.registry import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.envs.faults import Spec, Whole
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.entries import AgentEntry, RunName, ScenarioEntry, check_names
from accept_reject.experiments.intervals import mean_of_defined
from accept_reject.experiments.play import play
from accept_reject.experiments.scores import ANCHORED, anchored, insight, learning_curve
from accept_reject.experiments.signatures import stay_effects

CURVE_POINTS = 24
"""Points of a learning curve; each pools the rounds of its share of the game."""

OVERALL = "all scenarios"
"""What tables call the mean over scenarios; no scenario may be called so."""


class BenchmarkConfig(Spec):
    """What to play.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        scenarios: The scenarios.
        agents: The agents.
        seeds: How many seeds; intervals are over them.
        first_seed: The first of them.
        episodes: How many games each agent plays for each seed.
    """

    name: RunName = "benchmark"
    scenarios: tuple[ScenarioEntry, ...]
    agents: tuple[AgentEntry, ...]
    seeds: Annotated[Whole, Field(ge=1, le=10_000)] = 40
    first_seed: Annotated[Whole, Field(ge=0)] = 10_000
    episodes: Annotated[Whole, Field(ge=1, le=100_000)] = 25

    @field_validator("scenarios", "agents")
    @classmethod
    def _check_entries(cls, entries: tuple[ScenarioEntry | AgentEntry, ...]) -> tuple[Any, ...]:
        names = [entry.name for entry in entries]
        check_names(names)
        if OVERALL in names:
            raise ValueError(f"{OVERALL!r} is the name of the mean over scenarios; give another label")
        return entries

    @property
    def folder(self) -> str:
        """Name of the run's folder: the same config, whatever its comments and order of keys, has the same one."""
        return f"{self.name}-{content_hash(dump_config(self))}"


@dataclass(frozen=True, eq=False)
class Results:
    """What a benchmark found.

    Attributes:
        config: What was played.
        scores: A row for each scenario, phase, agent, seed and score; columns `scenario`, `phase` (`all`, and
            `before` and `after` where doors open), `agent`, `seed`, `score`, `value`, and with the anchors from which
            the value comes `mean`, `chance` and `best`.
        signatures: Stay/switch effects; columns `scenario`, `agent` and those of `stay_effects`.
        curves: Learning curves, `(seeds, points)`, by scenario and agent.
        privileged: Names of the agents that were shown the hidden state.
    """

    config: BenchmarkConfig
    scores: pd.DataFrame
    signatures: pd.DataFrame
    curves: dict[tuple[str, str], NDArray[np.float64]]
    privileged: frozenset[str]

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


def play_with_beliefs(agent: Agent, episodes: Episodes) -> tuple[Choices, NDArray[np.float64] | None]:
    """Choices, and the agent's beliefs after each round, `(n, rounds, partners)`, if it has any."""
    beliefs: list[Any] = []
    choices = play(agent, episodes, on_learned=lambda: beliefs.append(agent.valuations()))
    return choices, None if beliefs[0] is None else np.stack([np.asarray(each) for each in beliefs], axis=1)


def _scores(choices: Choices, tau: NDArray[np.float64] | None, rounds: slice) -> list[dict[str, Any]]:
    """The scores of some rounds, each with what it comes from."""
    rows: list[dict[str, Any]] = []
    for name in ANCHORED:
        found = anchored(choices, name, rounds)
        anchors = {"mean": found.mean, "chance": found.chance, "best": found.best}
        rows.append({"score": name, "value": found.score, **anchors})
    mean = np.nan if tau is None else mean_of_defined(tau[:, rounds], axis=None)
    rows.append({"score": "insight", "value": mean, "mean": mean, "chance": 0.0, "best": 1.0})
    return rows


def curve_width(game: GameSpec) -> int:
    """How many rounds a point of the learning curve pools."""
    return -(-game.rounds // CURVE_POINTS)


def _phases(game: GameSpec) -> dict[str, slice]:
    phases = {"all": slice(None)}
    if game.open_doors is not None:
        phases |= {"before": slice(0, game.opening_round), "after": slice(game.opening_round, None)}
    return phases
