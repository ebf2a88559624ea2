"""One flat table of anybody's, read through a column map in a config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, ValidationInfo, field_validator

from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import Spec, Whole
from accept_reject.experiments.data.faults import DataFaults
from accept_reject.experiments.data.rounds import TOLD, RoundsReader
from accept_reject.experiments.data.text import read_table
from accept_reject.experiments.entries import ScenarioEntry

Cell = bool | int | float | str
Name = Annotated[str, Field(min_length=1)]


class Columns(Spec):
    """What the table calls its columns.

    Attributes:
        participant, round: Who, and which round of that participant, from 1.
        offered: The columns of the offered partners, in the order of the offer.
        choice: The partner that was asked, by the same names; missing where nobody was.
        accepted: The outcome.
        rank, spots, response_time: If there are such columns; the time in seconds.
        valuation, acceptance: The hidden state of the offered partners, in the order of the offer, if it is known.
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
            raise ValueError(f"should name a column for each of the {len(offered)} offered partners, or none")
        return columns


class DataConfig(Spec):
    """How to read a flat table.

    Attributes:
        file: The table, seen from the config's folder: CSV or TSV, or with semicolons.
        columns: What it calls its columns.
        missing: Cells that stand for nothing.
        accepted: The cell that means accepted, and the one that means rejected, such as `[1, -1]`.
        choice: What the choice column holds: the partner's name, or its place in the offer, counted from 0 or from 1.
        decimal: What separates decimals.
        ranks: Length of the ladder of ranks, where no game is given.
        game: The game that was played, if it is one that can be told; otherwise only its size is known.
    """

    kind: Literal["data"] = "data"
    file: Name
    columns: Columns
    missing: tuple[Cell, ...] = ("", "n/a", "NA", "NaN")
    accepted: tuple[Cell, Cell] = (1, 0)
    choice: Literal["partner", "place from 0", "place from 1"] = "partner"
    decimal: Literal[".", ","] = "."
    ranks: Annotated[Whole, Field(ge=2, le=100)] = 8
    game: ScenarioEntry | None = None


def read_flat(config: DataConfig, folder: Path) -> Choices:
    """Read a flat table whole.

    Args:
        config: How to read it.
        folder: The folder from which the config's file is seen.

    Raises:
        InvalidInputError: With every fault, each with file, row and column; nothing is loaded then.
    """
    faults = DataFaults()
    table = read_table(folder / config.file, config.file, None, faults)
    wanted = _wanted(config.columns)
    if table is not None:
        for column in wanted.values():
            if column not in table:
                faults.add(f"the column is missing (the table has {', '.join(table.columns)})", config.file, 1, column)
    faults.raise_if_any(config.file)
    assert table is not None  # else there was a fault
    texts = {name: table[column].str.strip() for name, column in wanted.items()}
    missing = {_text(cell) for cell in config.missing}
    frame = pd.DataFrame({name: cells.mask(_as_text(cells).isin(missing), None) for name, cells in texts.items()})
    frame = frame.astype(object).where(frame.notna(), None).reset_index(drop=True)
    names = [column for column in frame if column.startswith("offered_") or column == "choice"]
    if config.choice == "partner" and frame[names].stack().str.fullmatch(r"-?(0|[1-9]\d*)(\.0+)?").all():
        for column in names:  # numbers for names: a column with gaps may have come out as 7.0, another as 7
            frame[column] = _as_text(frame[column])
    if config.decimal == ",":
        numbers = frame.columns.difference([*names, "participant"])
        frame[numbers] = frame[numbers].apply(lambda cells: cells.str.replace(",", "."))
    frame = frame.assign(file=config.file, row=table.index)
    _recode_accepted(frame, config, faults)
    if config.choice != "partner":
        _recode_choice(frame, config, faults)
    game = config.game.resolve() if config.game else None
    reader = RoundsReader(frame, game.ranks if game else config.ranks, faults, lambda name: wanted.get(name, name))
    choices = reader.read(game)
    faults.raise_if_any(config.file)
    assert choices is not None  # else there was a fault
    return choices


def _wanted(columns: Columns) -> dict[str, str]:
    """What the table calls each column, by the name that it has here."""
    single = ("participant", "round", "choice", "accepted", "rank", "spots", "response_time")
    wanted = {name: getattr(columns, name) for name in single if getattr(columns, name)}
    for name in ("offered", "valuation", "acceptance"):
        wanted |= {f"{name}_{j + 1}": column for j, column in enumerate(getattr(columns, name))}
    return wanted


def _text(cell: Any) -> str:
    """A cell as text; numbers and truth values in one form: -999 and -999.0 are the same, and TRUE and true."""
    if str(cell).lower() in ("true", "false"):
        return str(cell).lower()
    try:
        number = float(cell)
    except ValueError:
        return str(cell)
    return str(cell) if number != number else f"{number:.17g}"


def _as_text(cells: pd.Series) -> pd.Series:
    """`_text` of every cell that is not missing."""
    return cells.map({cell: _text(cell) for cell in cells.dropna().unique()})


def _recode_accepted(frame: pd.DataFrame, config: DataConfig, faults: DataFaults) -> None:
    yes, no = (_text(cell) for cell in config.accepted)
    given = _as_text(frame.accepted)
    wrong = given.notna() & ~given.isin([yes, no])
    faults.add_rows(
        config.columns.accepted,
        (
            (config.file, int(row), f"should be {yes} (accepted) or {no} (rejected), but is {cell!r}")
            for row, cell in zip(frame.row[wrong], frame.accepted[wrong], strict=True)
        ),
    )
    frame["accepted"] = given.map({yes: "1", no: "0"}).astype(object).where(given.isin([yes, no]), None)
    frame.loc[wrong, "accepted"] = TOLD


def _recode_choice(frame: pd.DataFrame, config: DataConfig, faults: DataFaults) -> None:
    first = 0 if config.choice == "place from 0" else 1
    n = len(config.columns.offered)
    given = _as_text(frame.choice)
    places = {str(first + j): f"offered_{j + 1}" for j in range(n)}
    wrong = given.notna() & ~given.isin(places)
    faults.add_rows(
        config.columns.choice,
        (
            (config.file, int(row), f"should be a place from {first} to {first + n - 1}, but is {cell!r}")
            for row, cell in zip(frame.row[wrong], frame.choice[wrong], strict=True)
        ),
    )
    for place, column in places.items():
        frame.loc[given == place, "choice"] = frame.loc[given == place, column]
    frame.loc[wrong, "choice"] = TOLD
