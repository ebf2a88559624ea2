"""What to compare, as configs say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accept_reject.envs.faults import Spec, Whole
from accept_reject.experiments.entries import AgentEntry, Entry, Label, RunName, check_names
from accept_reject.experiments.fit.config import ModelEntry

FITTED = ", fitted"
"""What is added to the names of models, which may be those of agents."""


class PeopleEntry(Entry):
    """Participants in a config: the bare name or path of their data, or a mapping.

    Attributes:
        data: The folder of a BIDS data set, a config that maps a table's columns, or a population to simulate. A path
            in a config file is seen from the file's folder, one given on the command line from the current folder.
        label: What tables and figures call them; the name of the file or folder by default.
    """

    data: Annotated[str, Field(min_length=1)]
    label: Label = ""

    @property
    def name(self) -> str:
        """What tables and figures call them."""
        return self.label or Path(self.data).stem


class CompareConfig(Spec):
    """Whom to compare with whom.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        people: Participants.
        agents: Players as they are.
        models: Learners that are fitted to the participants: the group's distribution of parameters.
        folds: In so many parts participants are divided; what is fitted to the others is scored on each.
        seed: Seed of the division, of the parameters of fitted players, and of episodes where the participants' own are
            not known.
    """

    name: RunName = "compare"
    kind: Literal["compare"] = "compare"
    people: tuple[PeopleEntry, ...]
    agents: tuple[AgentEntry, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    folds: Annotated[Whole, Field(ge=2, le=100)] = 5
    seed: Annotated[Whole, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> CompareConfig:
        faults = []
        players = [*(entry.name for entry in self.agents), *(entry.name + FITTED for entry in self.models)]
        for names, key in (([entry.name for entry in self.people], ".people"), (players, ".agents")):
            try:
                check_names(names)
            except ValueError as error:
                faults.append(f"{key}: {error}")
        if faults:
            raise ValueError("\n".join(faults))
        return self
