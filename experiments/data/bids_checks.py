"""Checks of the files of a BIDS data set, before their rows are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from accept_reject.envs.game import GameSpec
from accept_reject.errors import shorten
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.rounds import REQUIRED, is_known


def check_columns(tables: Mapping[tuple[str, str], pd.DataFrame], problems: DataProblems) -> None:
    """Check that required columns are there, that no column has a slightly wrong name, and that all files agree."""
    somewhere = {
        column: name for (_, name), table in reversed(list(tables.items())) for column in table if is_known(column)
    }
    for (_, name), table in tables.items():
        for column in table:
            alike = _alike(column)
            if not is_known(column) and is_known(alike) and alike not in table:
                problems.add(f"unknown column, did you mean {alike!r}?", name, 1, column)
        for column in REQUIRED:
            if column not in table:
                problems.add("is required in the header", name, 1, column)
        for column, other in somewhere.items():
            if column not in table and column not in REQUIRED:
                problems.add(f"is required in the header, as in {other}; n/a marks missing values", name, 1, column)


def _alike(column: str) -> str:
    """Return a column's name without capitals, spaces and punctuation, in our spelling: `Offered 1` is `offered_1`."""
    plain = re.sub(r"[^a-z0-9]", "", column.lower())
    return {"responsetime": "response_time"}.get(plain, re.sub(r"(?<=[a-z])(?=\d+$)", "_", plain))


def check_whole(tables: Mapping[tuple[str, str], pd.DataFrame], game: GameSpec | None, problems: DataProblems) -> None:
    """Check that no file was cut: it ends with a line feed, unless none of them does and they have all rounds."""
    whole = [table.attrs["whole"] for table in tables.values()]
    longest = game.rounds if game else max((len(table) for table in tables.values()), default=0)
    for (_, name), table in tables.items():
        if not table.attrs["whole"] and (any(whole) or len(table) < longest):
            problem = "must end with a line feed; the file may have been cut here: if it is complete, add one"
            problems.add(problem, name, int(table.index[-1]))


class _DuplicateKeyError(ValueError):
    """A key that an object of JSON has more than once."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKeyError(next(name for name in names if names.count(name) > 1))
    return found


def read_json(path: Path, problems: DataProblems) -> dict[str, Any] | None:
    """Read an object of JSON; return None if there is a problem."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_unique)
    except OSError as error:
        problems.add(f"can't be read: {error.strerror}", path.name)
    except UnicodeDecodeError:
        problems.add("must be UTF-8 text", path.name)
    except json.JSONDecodeError as error:
        problems.add(f"must be JSON: {error.msg} at character {error.colno}", path.name, error.lineno)
    except RecursionError:
        problems.add("must be JSON without deeply nested values", path.name)
    except _DuplicateKeyError as error:
        problems.add(f"keys must be unique, got {shorten(str(error))} more than once", path.name)
    except ValueError:  # from `int`, of thousands of digits
        problems.add("must be JSON without numbers of thousands of digits", path.name)
    else:
        if isinstance(content, dict):
            return content
        problems.add(f"must be an object, got {shorten(content)}", path.name)
    return None
