"""Configs of comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accept_reject.errors import Integer, Spec
from accept_reject.experiments.config import DataPath
from accept_reject.experiments.entries import AgentEntry, Entry, Label, RunName, check_names
from accept_reject.experiments.inference.entries import ModelEntry

FITTED = " (fitted)"
"""Added to the names of models, which may also be names of agents."""


class ParticipantsEntry(Entry):
    """Participants in a config: the bare name or path of their data, or a mapping.

    Attributes:
        data: The folder of a BIDS data set, a config that maps a table's columns, or a population to simulate. A path
            in a config file is relative to the file's folder, on the command line to the current folder.
        label: Their name in tables and figures; the name of the file or folder by default.
    """

    data: DataPath
    label: Label = ""

    @property
    def name(self) -> str:
        """Name in tables and figures."""
        return self.label or Path(self.data).stem


class CompareConfig(Spec):
    """Config of a comparison.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        participants: Data sets.
        agents: Agents with fixed parameters.
        models: Learners that are fitted to the participants: the group distribution of their parameters.
        folds: Number of parts that participants are divided into; what is fitted to the others is scored on each.
        seed: Seed of the folds, of the parameters of fitted players, and of episodes if the participants' own are
            unknown.
    """

    name: RunName = "compare"
    kind: Literal["compare"] = "compare"
    participants: tuple[ParticipantsEntry, ...]
    agents: tuple[AgentEntry, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    folds: Annotated[Integer, Field(ge=2, le=100)] = 5
    seed: Annotated[Integer, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> CompareConfig:
        problems = []
        players = [*(entry.name for entry in self.agents), *(entry.name + FITTED for entry in self.models)]
        for names, key in (([entry.name for entry in self.participants], ".participants"), (players, ".agents")):
            try:
                check_names(names)
            except ValueError as error:
                problems.append(f"{key}: {error}")
        if problems:
            raise ValueError("\n".join(problems))
        return self
