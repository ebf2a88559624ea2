"""Scenarios and agents as configs name them, and what the entries of a list share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from accept_reject.agents.registry import make_agent
from accept_reject.envs.faults import InvalidInputError, Spec
from accept_reject.envs.game import GameSpec
from accept_reject.envs.scenarios import SCENARIOS, resolve_game
from accept_reject.envs.scenarios import scenario as find_scenario

Label = Annotated[str, Field(pattern=r"^([A-Za-z0-9][\w .&<>()+-]{0,60})?$")]
"""What tables, figures and folders call something."""

RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Name of a run or a data set, the first part of its folder's name."""


class Entry(Spec):
    """What can be written out as a mapping, or as a bare name: that of its first field."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {next(iter(cls.model_fields)): data} if isinstance(data, str) else data


class ScenarioEntry(Entry):
    """A scenario in a config: its bare name, or a mapping.

    Attributes:
        scenario: Name of the scenario.
        game: Changes to its game, as keys of `GameSpec`.
        label: What tables and figures call it; its name by default.
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
                raise ValueError("\n".join(f".{fault}" for fault in error.faults)) from None
        return game

    @field_validator("scenario")
    @classmethod
    def _check_scenario(cls, scenario: str) -> str:
        return find_scenario(scenario).name

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return self.label or self.scenario

    def resolve(self) -> GameSpec:
        """The game that is played."""
        return resolve_game(self.scenario, self.game)


class NamedAgent(Entry):
    """What all entries that name an agent have.

    Attributes:
        agent: A registered name, or the dotted path of a class, such as `my_package.my_module:MyAgent`.
        label: What tables and figures call it; its name, or the name of its class, by default.
    """

    agent: str
    label: Label = ""

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return self.label or self.agent.rpartition(":")[2].lstrip("_")


class AgentEntry(NamedAgent):
    """An agent in a config: its bare name, or a mapping.

    Attributes:
        params: Arguments for its class.
    """

    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check_agent(self) -> AgentEntry:
        try:
            make_agent(self.agent, self.params)
        except InvalidInputError as error:
            raise ValueError("\n".join(f"{error.subject}: {fault}" for fault in error.faults)) from None
        return self


def check_names(names: Sequence[str]) -> None:
    """Refuse an empty list, and one in which a name comes twice.

    Raises:
        ValueError: If it is such a list.
    """
    if not names:
        raise ValueError("should hold at least one")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each should have a name of its own (give labels), but these come twice: {', '.join(twice)}")
