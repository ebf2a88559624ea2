"""The config that says how to read a table."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from accept_reject.errors import Integer, Number, Spec
from accept_reject.experiments.data.participants import ParticipantsTable
from accept_reject.experiments.data.ratings_table import RatingsTable
from accept_reject.experiments.data.table_file import Cell, Name, TableFile, as_tuple
from accept_reject.experiments.entries import ScenarioEntry

ORDER = "order of rows"
"""In place of a column of rounds: the rows of a participant are its rounds."""


PART = re.compile(r"\{([^{}]+)\}")
"""In the name of a partner: the cells of a column."""


def compiled(wide: str) -> re.Pattern[str]:
    """Return what matches the names of columns of single rounds."""
    pattern = re.escape(wide).replace(r"\{name\}", r"(?P<name>.+?)").replace(r"\{round\}", r"(?P<round>\d+)")
    return re.compile(pattern)


class Columns(Spec):
    """Names of a table's columns.

    With many files, parts of their names stand for columns, too: `file name`, and in names such as
    `sub-01_ses-2_events.tsv` also `sub` and `ses`.

    Attributes:
        participant: Name of the participant.
        round: Number of the round, or `order of rows`. Rounds are numbered for each participant, or anew in each
            session or block, from any number.
        offered: The offered partners, one column for each place in the offer, unless they are always the same.
        choice: The chosen partner or its place, see `DataConfig.choice`; missing in missed rounds.
        accepted: The outcome; not needed with a reward.
        reward: Graded reward, if there is such a column, or several columns whose sum it is, such as gains and
            (negative) losses; see `DataConfig.reward`.
        session: Name of the session, if there are several.
        block: Name of the block, if there are several.
        rank: The partner's rank of the participant, if there is such a column.
        spots: The partner's number of spots, if there is such a column.
        response_time: Time from offer to choice, if there is such a column.
        run: Number of the scanner run, if there are several; it begins no new partners.
        condition: The condition of the round, if there are several within participants.
        onset: Time of the offer since the start of the scanner run, if there is such a column.
        feedback_onset: Time of the feedback since the start of the scanner run, if there is such a column.
        valuation: How much each offered partner values the participant, if it is known; one column for each place.
        acceptance: The probability that each offered partner accepts, if it is known; one column for each place.
        properties: Properties of the participant that are in each of its rows, such as its group or its age.
    """

    participant: Name
    round: Name
    offered: Annotated[tuple[Name, ...], Field(min_length=2)] | None = None
    choice: Name
    accepted: Name | None = None
    reward: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = ()
    session: Name | None = None
    block: Name | None = None
    rank: Name | None = None
    spots: Name | None = None
    response_time: Name | None = None
    run: Name | None = None
    condition: Name | None = None
    onset: Name | None = None
    feedback_onset: Name | None = None
    valuation: tuple[Name, ...] = ()
    acceptance: tuple[Name, ...] = ()
    properties: tuple[Name, ...] = ()

    @field_validator("valuation", "acceptance")
    @classmethod
    def _check_hidden(cls, columns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        offered = info.data.get("offered") or columns
        if columns and len(columns) != len(offered):
            raise ValueError(
                f"must have one column for each of the {len(offered)} offered partners, got {len(columns)}"
            )
        return columns

    @model_validator(mode="after")
    def _check_unique(self) -> Columns:
        used: dict[str, list[str]] = {}
        for name, column in self.by_name.items():
            used.setdefault(column, []).append(name)
        problems = [
            f"must be different columns, got {column!r} for {' and '.join(names)}"
            for column, names in used.items()
            if len(names) > 1
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def by_name(self) -> dict[str, str]:
        """The columns of the table by our names, such as `offered_1`; without `order of rows`."""
        several = ("offered", "reward", "valuation", "acceptance", "properties")
        single = {name: getattr(self, name) for name in type(self).model_fields if name not in several}
        found = {name: column for name, column in single.items() if column not in (None, ORDER)}
        for name in several:
            found |= {f"{name}_{j + 1}": column for j, column in enumerate(getattr(self, name) or ())}
        return found


class DataConfig(TableFile):
    """A table and how to read it.

    Attributes:
        exclude: Participants that are left out.
        where: Which rows are rounds: a column, and what is in its cells, such as `{phase: test}`.
        wide: If each round has columns of its own: their names, such as `{name}_{round}`. In `columns`, they are called
            by what stands in place of `{name}`, and `round: round`.
        columns: Names of its columns.
        accepted: The cells for accepted and rejected, such as `[1, -1]`.
        reward: The worst and the best reward, which become 0 and 1. Without a column of outcomes, rewards above the
            middle count as accepted.
        offered: The partners, if all rounds offer the same ones; otherwise they are in `columns.offered`. A column's
            name in braces stands for its cells: a bet for or against a partner is a choice between `{partner} for` and
            `{partner} against`.
        choice: Content of the choice column: the partner, its place in the offer, counted from 0 or from 1, or a list
            of the cells for each place, such as `[left, right]`.
        restart: Where partners are new, although they have the same names: in each session, in each block, or never. By
            default in each block, or in each session without blocks.
        gaps: Whether numbers of rounds may be missing, because rounds were excluded.
        unit: Unit of response times and onsets.
        ranks: Number of ranks, if no game is given.
        game: The game, if it can be specified; otherwise only its size is known.
        participants: Another table with properties of the participants, such as groups and questionnaires.
        ratings: Another table with ratings of the partners.
    """

    kind: Literal["data"] = "data"
    exclude: Annotated[tuple[Cell, ...], BeforeValidator(as_tuple)] = ()
    where: dict[Name, Annotated[tuple[Cell, ...], Field(min_length=1), BeforeValidator(as_tuple)]] = {}
    wide: Name | None = None
    columns: Columns
    accepted: tuple[Cell, Cell] = (1, 0)
    reward: tuple[Number, Number] | None = None
    offered: Annotated[tuple[Cell, ...], Field(min_length=2)] | None = None
    choice: Literal["partner", "place from 0", "place from 1"] | Annotated[tuple[Cell, ...], Field(min_length=2)] = (
        "partner"
    )
    restart: Literal["session", "block", "never"] | None = None
    gaps: bool = False
    unit: Literal["s", "ms"] = "s"
    ranks: Annotated[Integer, Field(ge=2, le=100)] = 8
    game: ScenarioEntry | None = None
    participants: ParticipantsTable | None = None
    ratings: RatingsTable | None = None

    @field_validator("wide")
    @classmethod
    def _check_wide(cls, pattern: str | None) -> str | None:
        if pattern is not None and (pattern.count("{name}") != 1 or pattern.count("{round}") != 1):
            raise ValueError(f"must contain {{name}} and {{round}}, such as '{{name}}_{{round}}', got {pattern!r}")
        return pattern

    @model_validator(mode="after")
    def _check(self) -> DataConfig:
        problems = []
        if (self.offered is None) == (self.columns.offered is None):
            got = "neither" if self.offered is None else "both"
            problems.append(f"must have columns.offered, or offered if it is always the same, got {got}")
        n = len(self.offered or self.columns.offered or ())
        if not isinstance(self.choice, str) and n and len(self.choice) != n:
            problems.append(f".choice: must have a cell for each of the {n} places, got {len(self.choice)}")
        if (self.reward is None) == bool(self.columns.reward):
            name, other = (".reward", "columns.reward") if self.reward is None else (".columns.reward", "reward")
            problems.append(f"{name}: is required with {other}" + (", as [worst, best]" if name == ".reward" else ""))
        elif self.reward is not None and self.reward[0] == self.reward[1]:
            problems.append(f".reward: must be two different numbers, got {self.reward[0]:g} twice")
        if self.columns.feedback_onset is not None and self.columns.onset is None:
            problems.append(".columns.feedback_onset: needs columns.onset")
        if self.columns.accepted is None and not self.columns.reward:
            problems.append(".columns.accepted: is required, unless there is columns.reward")
        if self.restart in ("session", "block") and getattr(self.columns, self.restart) is None:
            problems.append(f".restart: needs columns.{self.restart}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def parts_of_offers(self) -> tuple[str, ...]:
        """The columns whose cells are parts of the names in `offered`."""
        names = [name for name in self.offered or () if isinstance(name, str)]
        return tuple(dict.fromkeys(column for name in names for column in PART.findall(name)))

    @property
    def restarts(self) -> tuple[str, ...]:
        """The columns in which a change makes partners new."""
        level = self.restart or ("block" if self.columns.block else "session")
        given = tuple(name for name in ("session", "block") if getattr(self.columns, name))
        return () if level == "never" else given[:1] if level == "session" and self.columns.session else given

    @property
    def wide_columns(self) -> re.Pattern[str] | None:
        """Matches the names of columns of single rounds."""
        return None if self.wide is None else compiled(self.wide)
