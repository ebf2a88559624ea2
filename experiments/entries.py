"""Scenarios and agents in configs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from accept_reject.envs.game import GameSpec
from accept_reject.envs.scenarios import SCENARIOS, resolve_game
from accept_reject.envs.scenarios import scenario as find_scenario
from accept_reject.errors import InvalidInputError, Spec

_LABEL = {"must_be": "at most 61 letters, digits, spaces and characters of _.&<>()+-, beginning with a letter or digit"}
Label = Annotated[str, Field(pattern=r"^([A-Za-z0-9][\w .&<>()+-]{0,60})?$", json_schema_extra=_LABEL)]
"""Name in tables, figures and folders."""

_RUN_NAME = {"must_be": "at most 100 letters, digits and characters of _.-, beginning with a letter or digit"}
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", json_schema_extra=_RUN_NAME)]
"""Name of a run or a data set; the name of its folder begins with it."""


class Entry(Spec):
    """Base class of entries that are a mapping or, for short, the value of their first field."""

    model_config = ConfigDict(json_schema_extra={"must_be": "a name or a mapping"})

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {next(iter(cls.model_fields)): data} if isinstance(data, str) else data


class ScenarioEntry(Entry):
    """A scenario in a config: its name, or a mapping.

    Attributes:
        scenario: Name of the scenario.
        game: Changes to its game, with the keys of `GameSpec`.
        label: Name in tables and figures; by default that of the scenario.
    """

    scenario: str
    game: dict[str, Any] = {}
    label: Label = ""

    @field_validator("game")
    @classmethod
    def _check_game(cls, game: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if info.data.get("scenario") in SCENARIOS:
            try:
                resolve_game(info.data["scenario"], game)
            except InvalidInputError as error:
                raise ValueError("\n".join(f".{problem}" for problem in error.problems)) from None
        return game

    @field_validator("scenario")
    @classmethod
    def _check_scenario(cls, scenario: str) -> str:
        return find_scenario(scenario).name

    @property
    def name(self) -> str:
        """Name in tables and figures."""
        return self.label or self.scenario

    def resolve(self) -> GameSpec:
        """Return the game."""
        return resolve_game(self.scenario, self.game)


class NamedAgent(Entry):
    """Base class of entries with an agent.

    Attributes:
        agent: Registered name, or the dotted path of a class, such as `my_package.my_module:MyAgent`.
        label: Name in tables and figures; by default the registered name or the name of the class.
    """

    agent: str
    label: Label = ""

    @property
    def name(self) -> str:
        """Name in tables and figures."""
        return self.label or self.agent.rpartition(":")[2].lstrip("_")


class AgentEntry(NamedAgent):
    """An agent in a config: its name, or a mapping.

    Attributes:
        params: Arguments of its class.
    """

    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check_agent(self) -> AgentEntry:
        from accept_reject.agents.registry import make_agent  # not at the top: scenarios don't need torch

        try:
            make_agent(self.agent, self.params)
        except InvalidInputError as error:
            raise ValueError("\n".join(f"{error.subject}: {problem}" for problem in error.problems)) from None
        return self


def check_names(names: Sequence[str]) -> None:
    """Check that there are names, and that they are unique.

    Raises:
        ValueError: If not.
    """
    if not names:
        raise ValueError("must have at least 1 item, got none")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        text = ", ".join(map(repr, repeated))
        raise ValueError(f"names must be unique, got {text} more than once; set different labels")
