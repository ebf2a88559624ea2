"""Tables in any format, read through a config that maps their columns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, ValidationInfo, field_validator, model_validator

from accept_reject.envs.choices import Choices
from accept_reject.errors import Integer, Spec
from accept_reject.experiments.config import DataPath
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.rounds import REPORTED, RoundsReader
from accept_reject.experiments.data.text import read_table, unread_columns
from accept_reject.experiments.entries import ScenarioEntry

Cell = bool | int | float | str
Name = Annotated[str, Field(min_length=1)]


class Columns(Spec):
    """Names of a table's columns.

    Attributes:
        participant: Name of the participant.
        round: Number of the round, from 1 for each participant.
        offered: The offered partners, one column for each place in the offer.
        choice: The chosen partner or its place, see `DataConfig.choice`; missing in missed rounds.
        accepted: The outcome.
        rank: The partner's rank of the participant, if there is such a column.
        spots: The partner's number of spots, if there is such a column.
        response_time: Seconds from offer to choice, if there is such a column.
        valuation: How much each offered partner values the participant, if it is known; one column for each place.
        acceptance: The probability that each offered partner accepts, if it is known; one column for each place.
    """

    participant: Name
    round: Name
    offered: Annotated[tuple[Name, ...], Field(min_length=2)]
    choice: Name
    accepted: Name
    rank: Name | None = None
    spots: Name | None = None
    response_time: Name | None = None
    valuation: tuple[Name, ...] = ()
    acceptance: tuple[Name, ...] = ()

    @field_validator("valuation", "acceptance")
    @classmethod
    def _check_hidden(cls, columns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        offered = info.data.get("offered", columns)
        if columns and len(columns) != len(offered):
            raise ValueError(
                f"must have one column for each of the {len(offered)} offered partners, got {len(columns)}"
            )
        return columns

    @model_validator(mode="after")
    def _check_unique(self) -> Columns:
        used: dict[str, list[str]] = {}
        for name, column in _wanted(self).items():
            used.setdefault(column, []).append(name)
        problems = [
            f"must be different columns, got {column!r} for {' and '.join(names)}"
            for column, names in used.items()
            if len(names) > 1
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


class DataConfig(Spec):
    """A table and how to read it.

    Attributes:
        file: The table, with commas, tabs or semicolons; a path relative to the config's folder.
        columns: Names of its columns.
        missing: Cells that count as missing.
        accepted: The cells for accepted and rejected, such as `[1, -1]`.
        choice: Content of the choice column: the partner, or its place in the offer, counted from 0 or from 1.
        decimal: The decimal separator.
        ranks: Number of ranks, if no game is given.
        game: The game, if it can be specified; otherwise only its size is known.
    """

    kind: Literal["data"] = "data"
    file: DataPath
    columns: Columns
    missing: tuple[Cell, ...] = ("", "n/a", "NA", "NaN")
    accepted: tuple[Cell, Cell] = (1, 0)
    choice: Literal["partner", "place from 0", "place from 1"] = "partner"
    decimal: Literal[".", ","] = "."
    ranks: Annotated[Integer, Field(ge=2, le=100)] = 8
    game: ScenarioEntry | None = None


def read_flat(config: DataConfig) -> tuple[Choices, list[str]]:
    """Read a table.

    Args:
        config: The table and how to read it.

    Returns:
        The choices, and notes about what was not read.

    Raises:
        InvalidInputError: With every problem, each with file, row and column.
    """
    path, problems = Path(config.file), DataProblems()
    table = read_table(path, path.name, None, problems)
    wanted = _wanted(config.columns)
    if table is not None:
        for column in wanted.values():
            if column not in table:
                problems.add(f"is required in the header, got {', '.join(table.columns)}", path.name, 1, column)
    problems.raise_if_any(config.file)
    assert table is not None  # else there was a problem
    texts = {name: table[column].str.strip() for name, column in wanted.items()}
    missing = {_text(cell) for cell in config.missing}
    frame = pd.DataFrame({name: cells.mask(_as_text(cells).isin(missing), None) for name, cells in texts.items()})
    frame = frame.astype(object).where(frame.notna(), None).reset_index(drop=True)
    names = [column for column in frame if column.startswith("offered_") or column == "choice"]
    if config.choice == "partner" and frame[names].stack().str.fullmatch(r"-?(0|[1-9]\d*)(\.0+)?").all():
        for column in names:  # numbers as names: exports have 7.0 instead of 7 where a column has missing cells
            frame[column] = _as_text(frame[column])
    if config.decimal == ",":
        numbers = frame.columns.difference([*names, "participant"])
        frame[numbers] = frame[numbers].apply(lambda cells: cells.str.replace(",", "."))
    frame = frame.assign(file=path.name, row=table.index)
    _recode_accepted(frame, config, problems)
    if config.choice != "partner":
        _recode_choice(frame, config, problems)
    game = config.game.resolve() if config.game else None
    reader = RoundsReader(frame, game.ranks if game else config.ranks, problems, lambda name: wanted.get(name, name))
    choices = reader.read(game)
    problems.raise_if_any(config.file)
    assert choices is not None  # else there was a problem
    notes = [] if table.attrs["whole"] else [f"{path.name} ends without a line feed; the last row may be cut"]
    return choices, [*unread_columns(path.name, table, set(wanted.values())), *notes]


def _wanted(columns: Columns) -> dict[str, str]:
    """Return the names of the table's columns by ours."""
    single = ("participant", "round", "choice", "accepted", "rank", "spots", "response_time")
    wanted = {name: getattr(columns, name) for name in single if getattr(columns, name)}
    for name in ("offered", "valuation", "acceptance"):
        wanted |= {f"{name}_{j + 1}": column for j, column in enumerate(getattr(columns, name))}
    return wanted


def _text(cell: Any) -> str:
    """Return a cell as text, in the same form for -999 and -999.0, and for TRUE and true."""
    if str(cell).lower() in ("true", "false"):
        return str(cell).lower()
    try:
        number = float(cell)
    except ValueError:
        return str(cell)
    return str(cell) if number != number else f"{number:.17g}"


def _as_text(cells: pd.Series) -> pd.Series:
    """Apply `_text` to every cell that is not missing."""
    return cells.map({cell: _text(cell) for cell in cells.dropna().unique()})


def _recode_accepted(frame: pd.DataFrame, config: DataConfig, problems: DataProblems) -> None:
    yes, no = (_text(cell) for cell in config.accepted)
    given = _as_text(frame.accepted)
    wrong = given.notna() & ~given.isin([yes, no])
    problems.add_rows(
        config.columns.accepted,
        (
            (file, int(row), f"must be {yes} (accepted) or {no} (rejected), got {cell!r}")
            for file, row, cell in zip(frame.file[wrong], frame.row[wrong], frame.accepted[wrong], strict=True)
        ),
    )
    frame["accepted"] = given.map({yes: "1", no: "0"}).astype(object).where(given.isin([yes, no]), None)
    frame.loc[wrong, "accepted"] = REPORTED


def _recode_choice(frame: pd.DataFrame, config: DataConfig, problems: DataProblems) -> None:
    first = 0 if config.choice == "place from 0" else 1
    n = len(config.columns.offered)
    given = _as_text(frame.choice)
    places = {str(first + j): f"offered_{j + 1}" for j in range(n)}
    wrong = given.notna() & ~given.isin(places)
    problems.add_rows(
        config.columns.choice,
        (
            (file, int(row), f"must be a place from {first} to {first + n - 1}, got {cell!r}")
            for file, row, cell in zip(frame.file[wrong], frame.row[wrong], frame.choice[wrong], strict=True)
        ),
    )
    for place, column in places.items():
        frame.loc[given == place, "choice"] = frame.loc[given == place, column]
    frame.loc[wrong, "choice"] = REPORTED
