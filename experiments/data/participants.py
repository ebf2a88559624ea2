"""Tables with properties of participants, such as groups and questionnaires."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accept_reject.experiments.data.cells import mark_missing, name_alike, with_points
from accept_reject.experiments.data.formats import read_files
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.table_file import Name, TableFile

_NAMED = 5
"""Number of participants that a note names."""


class ParticipantsTable(TableFile):
    """A table with a row for each participant.

    Attributes:
        participant: The column with the participants' names, as in the table of rounds.
    """

    participant: Name


def read_participants(
    config: ParticipantsTable, ids: Sequence[str], problems: DataProblems, notes: list[str]
) -> pd.DataFrame:
    """Read the properties of participants.

    Args:
        config: The table.
        ids: The participants with rounds.
        problems: Where problems are added.
        notes: Where participants are listed that are in only one of the tables.

    Returns:
        The cells as text, None where missing, with the participants' names as the index, in their order.
    """
    parts, origin = [], list[tuple[str, int]]()
    for name, table in read_files(config, problems).items():
        if config.participant not in table:
            header = ", ".join(map(str, table.columns))
            problems.add(f"is required in the header, got {header}", name, 1, config.participant)
            continue
        cells = table.drop(columns=list(table.attrs.get("added", ())))
        parts.append(cells.apply(lambda column: column.str.strip()))
        origin += [(name, int(row)) for row in table.index]
    if not parts:
        return pd.DataFrame(index=list(ids))
    whole = pd.concat(parts, ignore_index=True)
    whole = with_points(mark_missing(whole, config.missing), config.decimal)
    whole[config.participant] = name_alike(whole[config.participant], ids)
    without, again = whole[config.participant].isna(), whole[config.participant].duplicated()
    for wrong, message in ((without, "is required"), (again & ~without, "must be unique")):
        got = whole[config.participant]
        problems.add_rows(
            config.participant,
            ((*origin[i], message if without[i] else f"{message}, got {got[i]!r} again") for i in whole.index[wrong]),
        )
    known = whole[~without & ~again].set_index(config.participant)
    note_others("participants", known.index, ids, notes)
    return known.reindex(list(ids)).astype(object).where(lambda cells: cells.notna(), None)


def note_others(what: str, found: Sequence[str] | pd.Index, ids: Sequence[str], notes: list[str]) -> None:
    """List participants that have only rounds, and those that have none.

    Args:
        what: The other table.
        found: Names in the other table.
        ids: Participants with rounds.
        notes: Where they are listed.
    """
    for names, message in (
        ([each for each in ids if each not in set(found)], f"not in the table of {what}"),
        ([each for each in dict.fromkeys(found) if each not in set(ids)], f"only in the table of {what}"),
    ):
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            notes.append(f"{message}: {', '.join(names[:_NAMED])}{more}")
