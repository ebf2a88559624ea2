"""Configs of benchmarks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from accept_reject.errors import Integer, Spec, suggest
from accept_reject.experiments.entries import AgentEntry, RunName, ScenarioEntry, check_names

OVERALL = "all scenarios"
"""Name of the mean over scenarios in tables; no scenario may have it."""

SUITES = {
    "1.0": (
        "orthogonal",
        "scarce",
        "hidden-ranks",
        "few-spots",
        "open-doors",
        "drift",
        "newcomers",
        "crowd",
        "noisy",
    )
}
"""The scenarios of each version of the benchmark suite. A published version never changes: new scenarios go into a new
one, so that scores of the same version stay comparable."""


class BenchmarkConfig(Spec):
    """Config of a benchmark.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        suite: Version of the benchmark suite, whose scenarios are played; null if others are listed.
        scenarios: The scenarios; by default those of the suite.
        agents: The agents.
        seeds: Number of seeds; intervals are over seeds.
        first_seed: The first seed.
        episodes: Number of episodes that each agent plays for each seed.
    """

    name: RunName = "benchmark"
    kind: Literal["benchmark"] = "benchmark"
    suite: str | None = next(reversed(SUITES))
    scenarios: tuple[ScenarioEntry, ...] = ()
    agents: tuple[AgentEntry, ...]
    seeds: Annotated[Integer, Field(ge=1, le=10_000)] = 40
    first_seed: Annotated[Integer, Field(ge=0)] = 10_000
    episodes: Annotated[Integer, Field(ge=1, le=100_000)] = 25

    @model_validator(mode="before")
    @classmethod
    def _fill_scenarios(cls, data: Any) -> Any:
        """Fill in the scenarios of the suite, or unset the suite if other scenarios are listed."""
        if not isinstance(data, dict):
            return data
        suite = data.get("suite", next(reversed(SUITES)))
        if suite in SUITES:
            listed = data.get("scenarios", SUITES[suite])
            data = {**data, "suite": suite, "scenarios": listed}
            if not isinstance(listed, list | tuple):
                return data  # the validation of the field reports it
            names = [each.get("scenario") if _is_plain(each) else each for each in listed]
            if names != list(SUITES[suite]):
                data["suite"] = None
        return data

    @field_validator("suite")
    @classmethod
    def _check_suite(cls, suite: str | None) -> str | None:
        if suite is not None and suite not in SUITES:
            raise ValueError(f"unknown suite {suite!r}{suggest(suite, SUITES)}")
        return suite

    @field_validator("scenarios", "agents")
    @classmethod
    def _check_entries(cls, entries: tuple[ScenarioEntry | AgentEntry, ...]) -> tuple[Any, ...]:
        names = [entry.name for entry in entries]
        check_names(names)
        if OVERALL in names:
            raise ValueError(f"names must not be {OVERALL!r}, the name of the mean over scenarios; set another label")
        return entries


def _is_plain(entry: Any) -> bool:
    """Return whether a scenario that is written as a mapping has no changes and no label."""
    return isinstance(entry, dict) and not entry.get("game") and not entry.get("label")
