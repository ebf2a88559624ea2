"""Where a table is and how it is written."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator

from accept_reject.errors import Integer, Spec
from accept_reject.experiments.config import DataPath

Cell = bool | int | float | str
Name = Annotated[str, Field(min_length=1)]

FILE_NAME = "file name"
"""In place of a column: the name of the file, without its ending."""


def as_tuple(value: Any) -> Any:
    """A single value need not be a list."""
    return value if isinstance(value, list | tuple) else (value,)


class TableFile(Spec):
    """A table in a file.

    Attributes:
        file: The table: text with commas, tabs or semicolons, also compressed (`.gz`), an Excel workbook, JSON of
            jsPsych or JATOS, or a file of SPSS or Stata. A path relative to the config's folder. With `*`, such as
            `data/*.csv`, all files that match are parts of one table.
        encoding: The encoding of a text; by default UTF-8, or UTF-16 with a byte-order mark.
        delimiter: The delimiter of a text; by default the most frequent one in the header.
        comment: What lines begin with that are left out, such as `#`.
        skip_rows: Numbers of rows that are left out, as an editor or a spreadsheet shows them. A single number is how
            many rows are left out at the top.
        sheet: The sheet of a workbook, by name; by default the first one.
        missing: Cells that count as missing.
        decimal: The decimal separator.
    """

    file: DataPath
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    comment: Annotated[str, Field(min_length=1)] | None = None
    skip_rows: Integer | tuple[Integer, ...] = ()
    sheet: Name | None = None
    missing: Annotated[tuple[Cell, ...], BeforeValidator(as_tuple)] = ("", "n/a", "NA", "NaN")
    decimal: Literal[".", ","] = "."

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, name: str | None) -> str | None:
        try:
            codecs.lookup(name or "utf-8")
        except LookupError:
            raise ValueError(f"must be an encoding such as utf-8, cp1252 or utf-16, got {name!r}") from None
        return name

    def like(self, other: TableFile) -> Self:
        """Return the config with what it lacks of another one: missing cells and the decimal separator."""
        inherited = {"missing": (*self.missing, *other.missing), "decimal": other.decimal}
        return self.model_copy(update={key: inherited[key] for key in inherited.keys() - self.model_fields_set})

    @property
    def skipped(self) -> frozenset[int]:
        """Numbers of the rows that are left out."""
        return frozenset(range(1, self.skip_rows + 1) if isinstance(self.skip_rows, int) else self.skip_rows)
