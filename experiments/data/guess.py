"""Guessing how a table is to be read, for a config that a person then checks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accept_reject.experiments.data.cells import as_text
from accept_reject.experiments.data.column_names import LEAST_ROUNDS, named
from accept_reject.experiments.data.config import ORDER
from accept_reject.experiments.data.table_file import FILE_NAME

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "-99", "-999", "-9999")
"""Cells that usually stand for a missing value."""

PLACES = ("left", "right"), ("l", "r"), ("links", "rechts"), ("1", "2"), ("0", "1"), ("a", "b"), ("good", "bad")
"""Pairs of words for the places in an offer."""

YES = ("1", "true", "yes", "y", "win", "won", "gain", "reward", "rewarded", "accept", "accepted", "correct", "hit",
       "ja", "gewonnen", "gewinn", "treffer", "richtig", "angenommen", "belohnung")  # fmt: skip
NO = ("0", "-1", "false", "no", "n", "loss", "lose", "lost", "none", "reject", "rejected", "incorrect", "wrong", "miss",
      "nein", "verloren", "verlust", "niete", "falsch", "abgelehnt", "keine belohnung")  # fmt: skip
"""Words for both outcomes."""

MANY, LOOKED_AT = 30, 2_000
"""Numbers of columns among which offers are searched, and of rows that are looked at for this."""

SLOW = 30
"""A median response time above it is in milliseconds."""


@dataclass
class Guess:
    """What is known about a table.

    Attributes:
        columns: The columns of the table by our names.
        settings: Other keys of the config.
        why: Why a key has its value, by its name.
        unsure: What a person should look at.
        lacking: What was not found.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


def guess(table: pd.DataFrame, many_files: bool) -> Guess:
    """Guess how a table is to be read.

    Args:
        table: The table of text.
        many_files: Whether it consists of several files.
    """
    found = Guess()
    cells = table.apply(lambda column: column.str.strip().replace(dict.fromkeys(MISSING, None)))
    cells = cells.loc[:, cells.notna().any()]
    _whose(cells, many_files, found)
    _choice_and_offer(cells, found)
    _outcome(cells, found)
    _others(cells, found)
    _rounds(cells, found)
    missing = sorted({cell for name in ("choice", "accepted") if name in found.columns
                      for cell in table[found.columns[name]].str.strip().unique() if cell in MISSING})  # fmt: skip
    if missing and not set(missing) <= {"", "n/a", "NA", "NaN"}:
        found.settings["missing"] = missing
    return found


def _free(cells: pd.DataFrame, found: Guess) -> list[str]:
    used = {each for value in found.columns.values() for each in (value if isinstance(value, list) else [value])}
    return [column for column in cells if column not in used]


def _whose(cells: pd.DataFrame, many_files: bool, found: Guess) -> None:
    fits = [column for column in named(cells, "participant") if cells[column].notna().all()]
    repeated = [column for column in fits if cells[column].nunique() < len(cells) / 2]
    if repeated:
        found.columns["participant"] = repeated[0]
        found.why["participant"] = f"{cells[repeated[0]].nunique()} different ones"
        if len(repeated) > 1:
            found.unsure.append(f"participant: {repeated[0]} or {' or '.join(repeated[1:3])}?")
    elif many_files:
        found.columns["participant"] = "sub" if "sub" in cells else FILE_NAME
        found.why["participant"] = "from the names of the files"
    else:
        found.lacking.append("participant: add `participant: COLUMN` under `columns`, with the column of their names")
    for level in ("session", "block"):
        for column in named(_free(cells, found), level):
            if 1 < cells[column].nunique() <= 50 and cells[column].notna().all() and _is_long(cells, column, found):
                found.columns[level] = column
                found.why[level] = "partners are new in each; if they stay the same, write `restart: never`"
                if "run" in column.lower():
                    found.why[level] += ", or `run` in place of `block`"
                break


def _is_long(cells: pd.DataFrame, column: str, found: Guess) -> bool:
    """Whether a session or block has several rounds, so that something can be learned in it."""
    keys = [column] + [each for each in (found.columns.get("participant"),) if each in cells]
    return bool(cells.groupby(keys).size().median() >= LEAST_ROUNDS)


def _choice_and_offer(cells: pd.DataFrame, found: Guess) -> None:
    """The choice is one of two cells in its row, the same place in it, or one of a few constants."""
    free = _free(cells, found)
    texts = {column: as_text(cells[column]) for column in free}
    top = {column: text.iloc[:LOOKED_AT] for column, text in texts.items()}
    candidates = named(free, "choice")
    for choice in [*candidates, *(column for column in free if column not in candidates)][:MANY]:
        answered = top[choice].notna()
        if answered.mean() < 0.3 or top[choice].nunique() < 2:
            continue
        likely = [each for each in free if each != choice and cells[each].notna().all()][:MANY]
        for pair in itertools.combinations(likely, 2):
            left, right = (top[each] for each in pair)
            if not (left != right).all() or left.nunique() < 2:
                continue
            hit = (top[choice] == left) | (top[choice] == right)
            if hit[answered].mean() > 0.98 and (choice in candidates or top[choice].nunique() > 2):
                _take_offer(found, choice, _in_order(pair), "partner", "the choice is one of them in each row")
                return
    for choice in candidates:
        values = texts[choice].dropna().unique().tolist()
        places = next(iter(_places(free, choice)), None)
        if places is not None and len(values) == 2:
            coded = _place(values)
            _take_offer(found, choice, places, coded, "by their names")
            first, second = sorted(values) if isinstance(coded, str) else coded
            found.unsure.append(f"choice: does {first} mean the partner in {places[0]}, and {second} in {places[1]}?")
            return
    for choice in candidates:
        values = sorted(texts[choice].dropna().unique().tolist(), key=lambda each: (len(each), each))
        if 2 <= len(values) <= 6:
            found.columns["choice"] = choice
            found.settings["offered"] = values
            found.why["offered"] = "the only choices in the table: all rounds offer the same partners"
            found.unsure.append(f"offered: are {' and '.join(values)} on offer in each round?")
            return
    if candidates:
        found.columns["choice"] = candidates[0]
    else:
        found.lacking.append("choice: add `choice: COLUMN` under `columns`, with the column of what was chosen")
    found.lacking.append(
        "offered: add `offered: [COLUMN, COLUMN]` under `columns`, or `offered: [A, B]` if all are alike"
    )


def _take_offer(found: Guess, choice: str, pair: Sequence[str], kind: Any, why: str) -> None:
    found.columns |= {"offered": list(pair), "choice": choice}
    found.why["offered"] = why
    if kind != "partner":
        found.settings["choice"] = kind


def _places(columns: Sequence[str], choice: str) -> Iterable[list[str]]:
    """Pairs of columns whose names differ only in the words for a place."""
    for a, b in itertools.permutations([each for each in columns if each != choice], 2):
        for one, other in PLACES:
            if re.search(rf"(?i)(^|[\W_]|\d){one}($|[\W_])", a) or a.lower().endswith(one):
                swapped = re.sub(rf"(?i){one}$|(?<=[\W_]){one}(?=[\W_]|$)|^{one}(?=[\W_])", other, a)
                if swapped.lower() == b.lower() and a.lower() != b.lower():
                    yield [a, b]


def _in_order(pair: Sequence[str]) -> list[str]:
    return next(iter(_places(pair, "")), list(pair))


def _place(values: Sequence[str]) -> Any:
    """How a choice is coded that is one of two places."""
    given = sorted(values)
    if given in (["0", "1"], ["1", "2"]):
        return f"place from {given[0]}"
    for one, other in (*PLACES, ("f", "j"), ("arrowleft", "arrowright"), ("q", "p"), ("z", "m")):
        if sorted(value.lower() for value in values) == sorted((one, other)):
            return sorted(values, key=lambda value: value.lower() != one)
    return given


def _gains_and_losses(cells: pd.DataFrame, found: Guess) -> bool:
    """Take a column of gains and one of losses, which are negative numbers, if there are both."""
    by_name = {re.sub(r"[^a-z]", "", column.lower()): column for column in _free(cells, found)}
    pair = [next((by_name[name] for name in same if name in by_name), "")
            for same in (("gain", "gains", "win", "wins"), ("loss", "losses", "lose"))]  # fmt: skip
    if not all(pair):
        return False
    numbers = cells[pair].apply(pd.to_numeric, errors="coerce")
    total = numbers.sum(axis=1, skipna=False)
    if (cells[pair].notna() & numbers.isna()).any(axis=None) or (numbers[pair[1]] > 0).any() or total.nunique() < 2:
        return False
    _reward(total, pair, found)
    return True


def _reward(values: pd.Series, columns: Any, found: Guess) -> None:
    """Take one column of points, or several whose sum they are."""
    worst, best = float(values.min()), float(values.max())
    found.columns["reward"] = columns
    found.settings["reward"] = [int(each) if each.is_integer() else each for each in (worst, best)]
    what = columns if isinstance(columns, str) else " plus ".join(columns)
    found.unsure.append(f"reward: are {worst:g} and {best:g} the worst and the best that {what} can be?")


def _numbers(cells: pd.Series, found: Guess) -> pd.Series:
    """Convert the cells of a column that are not missing, and take note of decimal commas if all are numbers."""
    text = cells.dropna()
    numbers = pd.to_numeric(text.str.replace(",", "."), errors="coerce")
    if numbers.notna().all() and text.str.contains(",").any():
        found.settings["decimal"] = ","
    return numbers


def _outcome(cells: pd.DataFrame, found: Guess) -> None:
    if _gains_and_losses(cells, found):
        return
    for column in named(_free(cells, found), "accepted"):
        values = as_text(cells[column]).dropna().unique().tolist()
        if len(values) == 2:
            yes, no = _yes_and_no(values, found)
            found.columns["accepted"] = column
            found.settings["accepted"] = [yes, no]
            return
        if len(values) == 1:
            found.unsure.append(f"accepted: {column} is always {values[0]}")
    for column in named(_free(cells, found), "accepted"):
        numbers = _numbers(cells[column], found)
        if numbers.notna().all() and numbers.nunique() > 2:
            _reward(numbers, column, found)
            return
    found.lacking.append(
        "accepted: add `accepted: COLUMN` under `columns`, with a column of two outcomes; for points, `reward: COLUMN` "
        "and above `columns` `reward: [WORST, BEST]`"
    )


def _yes_and_no(values: list[str], found: Guess) -> tuple[str, str]:
    lower = {value.lower(): value for value in values}
    yes = next((lower[word] for word in YES if word in lower), None)
    no = next((lower[word] for word in NO if word in lower and lower[word] != yes), None)
    if yes is not None or no is not None:
        first = yes if yes is not None else next(value for value in values if value != no)
        return first, next(value for value in values if value != first)
    numbers = pd.to_numeric(pd.Series(values), errors="coerce")
    if numbers.notna().all():
        return values[int(numbers.argmax())], values[int(numbers.argmin())]
    found.unsure.append(f"accepted: does {values[0]} mean accepted, and {values[1]} rejected?")
    return values[0], values[1]


def _others(cells: pd.DataFrame, found: Guess) -> None:
    for column in named(_free(cells, found), "condition"):
        if 2 <= cells[column].nunique() <= 20:
            found.columns["condition"] = column
            break
    for role in ("rank", "spots", "response_time", "onset", "feedback_onset"):
        for column in named(_free(cells, found), role):
            numbers = _numbers(cells[column], found)
            if numbers.isna().any() or (role in ("rank", "spots") and not numbers.mod(1).eq(0).all()):
                continue
            found.columns[role] = column
            if role == "response_time" and numbers.median() > SLOW:
                found.settings["unit"] = "ms"
                found.why["unit"] = f"the median of {column} is {numbers.median():.0f}"
            if role == "rank":
                found.settings["ranks"] = int(max(numbers.max(), 2))
                found.unsure.append(f"ranks: the worst rank in the table is {found.settings['ranks']}; are there more?")
            break


def _rounds(cells: pd.DataFrame, found: Guess) -> None:
    """A column that counts, in the order of the rows, for each participant and in each session or block."""
    levels = [found.columns[name] for name in ("participant", "session", "block") if found.columns.get(name) in cells]
    for column in named(_free(cells, found), "round"):
        numbers = pd.to_numeric(cells[column], errors="coerce")
        if numbers.isna().any() or not np.equal(np.mod(numbers, 1), 0).all():
            continue
        for keys in (levels[:1], levels):
            groups = numbers.groupby([cells[key] for key in keys] if keys else np.zeros(len(cells)))
            if groups.apply(lambda each: each.is_unique).all():
                found.columns["round"] = column
                start = numbers.min()
                if ((groups.max() - start + 1) != groups.count()).any():
                    found.settings["gaps"] = True
                    found.why["gaps"] = f"some numbers of {column} are missing"
                    found.unsure.append(f"gaps: were the rounds that are missing in {column} left out on purpose?")
                return
    found.columns["round"] = ORDER
    found.why["round"] = "no column numbers the rounds of each participant"


def stem(path: str) -> str:
    """A name for the config of a file."""
    plain = re.sub(r"[^\w-]+", "-", Path(path.replace("*", "")).name.partition(".")[0]).strip("-_")
    return plain or "data"
