"""What to benchmark, as configs say it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from accept_reject.envs.faults import Spec, Whole
from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.entries import AgentEntry, RunName, ScenarioEntry, check_names

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
