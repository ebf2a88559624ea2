"""Choices as BIDS `beh` data sets (https://bids-specification.readthedocs.io).

    dataset_description.json    README    participants.tsv    participants.json
    task-acceptreject_beh.json                      descriptions of columns, and the game
    sub-001/beh/sub-001_task-acceptreject_beh.tsv   one row for each round

Data sets of others may have sessions and runs, see `bids_sessions`.

Tables are tab-separated UTF-8 text. Missing values are `n/a`, partners have the names that players see: A, B, C, ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec
from accept_reject.envs.rendering import partner_name
from accept_reject.errors import InvalidInputError, parse, shorten
from accept_reject.experiments.data.bids_checks import check_columns, check_whole, read_json
from accept_reject.experiments.data.bids_sessions import files_of, number_sessions
from accept_reject.experiments.data.liking import LIKING, read_liking
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.rounds import REQUIRED, RoundsReader, is_known
from accept_reject.experiments.data.text import TextFormat, read_table, unread_columns
from accept_reject.experiments.files import indented_json, tsv, write
from accept_reject.experiments.folders import locked, make_folder, replace_folder

BIDS_VERSION = "1.10.0"
TASK = "acceptreject"
SIDECAR = f"task-{TASK}_beh.json"
MISSING = "n/a"
TSV = TextFormat(delimiter="\t", encoding="utf-8-sig")

_TABLE = rf"sub-[A-Za-z0-9]+(/beh(/sub-[A-Za-z0-9]+_task-{TASK}_beh\.tsv)?)?"
_FILES = rf"dataset_description\.json|README|participants\.(tsv|json)|{re.escape(SIDECAR)}"
_FOLDERS = r"phenotype(/\w+\.(tsv|json))?|sourcedata(/\w+\.jsonl)?"
_OWN = re.compile(rf"{_FILES}|{_FOLDERS}|{_TABLE}")
"""Names of the files and folders of a data set that this program writes."""

_COLUMNS = {
    "round": {"Description": "Number of the round, from 1"},
    "offered": {"Description": "Offered partner, by place in the offer"},
    "choice": {"Description": "Chosen partner; n/a if the round was missed"},
    "rank": {"Description": "The chosen partner's rank of the participant, 1 is best; n/a if it was not shown"},
    "spots": {"Description": "Number of spots of the chosen partner; n/a if the rank was not shown"},
    "accepted": {"Description": "Whether the chosen partner accepted", "Levels": {"0": "rejected", "1": "accepted"}},
    "reward": {"Description": "Graded reward, from 0 to 1; n/a if the round was missed"},
    "response_time": {"Description": "Time from offer to choice", "Units": "s"},
    "valuation": {"Description": "Hidden: how much the offered partner values the participant, from 0 to 1"},
    "acceptance": {"Description": "Hidden: probability that the offered partner accepts the participant"},
}


def write_dataset(
    choices: Choices,
    folder: Path,
    name: str,
    simulated: str | None,
    participants: dict[str, Any] | None = None,
    meanings: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    license_name: str = "CC0",
) -> None:
    """Write choices as a data set.

    It replaces a simulated data set in the same folder, in one step, but nothing else.

    Args:
        choices: The choices; labels of participants are the players' names.
        folder: The folder.
        name: Name of the data set.
        simulated: Description of the program that made the choices; None for choices of people.
        participants: Further columns of `participants.tsv` by name, in the order of the players.
        meanings: Descriptions of these columns, as in `participants.json`; by default they are parameters.
        files: The text of further files, by path.
        license_name: The license of the data.

    Raises:
        InvalidInputError: If the folder has other content than a simulated data set.
    """
    with locked(folder):
        check_replaceable(folder)
        with replace_folder(folder) as new:
            _write_files(new, choices, name, simulated, participants or {}, meanings or {}, license_name)
            for path, text in (files or {}).items():
                write(new / path, text)


def check_replaceable(folder: Path) -> None:
    """Refuse to replace data of people, or files that a simulated data set does not have.

    Raises:
        InvalidInputError: If the folder can't be created, or if it has other content than a simulated data set.
    """
    make_folder(folder.parent)
    if not folder.exists():
        return
    problem = "must be a new folder or a simulated data set without other files"
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise InvalidInputError(str(folder), ["must not be the current folder or one that contains it"])
    if not folder.is_dir():
        raise InvalidInputError(str(folder), [f"{problem}, got a file; it was not changed"])
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*"))]
    foreign = [name for name in names if not _OWN.fullmatch(name)]
    if foreign:
        raise InvalidInputError(str(folder), [f"{problem}, got {foreign[0]!r}; it was not changed"])
    if names and not is_simulated(folder):
        raise InvalidInputError(str(folder), [f"{problem}, got one that is not simulated; it was not changed"])


def _write_files(
    new: Path,
    choices: Choices,
    name: str,
    simulated: str | None,
    participants: dict[str, Any],
    meanings: Mapping[str, Any],
    license_name: str,
) -> None:
    labels = labels_of(choices)
    about = f"Choices in the accept-or-reject game. {'SIMULATED: made by ' + simulated if simulated else ''}".strip()
    description = {
        "Name": f"{name} (simulated)" if simulated else name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": license_name,
        "Simulated": simulated is not None,
        "GeneratedBy": [{"Name": "accept-reject", "Version": metadata.version("accept-reject"), "Description": about}],
    }
    _write_json(new / "dataset_description.json", description)
    write(new / "README", f"{name}\n\n{about}\n")
    table = pd.DataFrame({"participant_id": labels, **participants})
    if simulated:
        table.insert(1, "simulated", 1)
    write(new / "participants.tsv", tsv(table))
    described = {
        "participant_id": {"Description": "Label of the participant"},
        "simulated": {"Description": "1: simulated by a program"},
        **{key: {"Description": f"Parameter {key} of the simulated participant"} for key in participants},
        **meanings,
    }
    _write_json(new / "participants.json", {key: described[key] for key in table})
    rounds = choices.to_frame()
    for column in rounds.columns:
        if column.startswith("offered_") or column == "choice":
            rounds[column] = rounds[column].map(lambda number: partner_name(int(number)), na_action="ignore")
    described = {
        column: _COLUMNS.get(column, _COLUMNS.get(column.rpartition("_")[0], {})) for column in rounds.columns[1:]
    }
    game = choices.game.model_dump(mode="json")
    _write_json(new / SIDECAR, {"TaskName": TASK, "TaskDescription": about, "Game": game, **described})
    length = choices.game.rounds
    for i, label in enumerate(labels):
        part = rounds.iloc[i * length : i * length + choices.lengths[i]].drop(columns="participant")
        write(new / label / "beh" / f"{label}_task-{TASK}_beh.tsv", tsv(part))


class Dataset(NamedTuple):
    """A data set that was read.

    Attributes:
        choices: The choices.
        simulated: Whether it is marked as simulated.
        game_known: Whether it specifies the game.
        notes: What was not read.
        participants: The columns of `participants.tsv` as text, a row for each row of `choices`.
        rounds: What else is known about each round, see `Data.rounds`.
        ratings: Ratings of partners, see `Data.ratings`.
    """

    choices: Choices
    simulated: bool
    game_known: bool
    notes: list[str]
    participants: pd.DataFrame
    rounds: pd.DataFrame
    ratings: pd.DataFrame | None


def read_dataset(folder: Path) -> Dataset:
    """Read a data set.

    Args:
        folder: The folder.

    Raises:
        InvalidInputError: With every problem, each with file, row and column.
    """
    problems = DataProblems()
    simulated = _read_simulated(folder, problems)
    game, ranks = _read_game(folder, problems)
    participants = _read_participants(folder, problems)
    listed = dict(zip(participants.index, participants.pop("row").tolist(), strict=True))
    found = {path.name: path for path in sorted(folder.glob("sub-*")) if path.is_dir()}
    for label in listed:
        if label not in found:
            problems.add(
                f"must have a folder, got none for {label!r}", "participants.tsv", listed[label], "participant_id"
            )
    tables, entities, notes = {}, {}, list[str]()
    for label, path in found.items():
        if listed and label not in listed:
            problems.add("must be listed in participants.tsv", label)
        for file, parts in files_of(path, TASK, notes).items():
            name = str(file.relative_to(folder))
            table = read_table(file, name, TSV, problems)
            if table is not None:
                tables[label, name], entities[name] = table, parts
    if not found:
        problems.add("must have folders of participants, got none", "sub-*")
    check_columns(tables, problems)
    several = any(entities.values())
    check_whole(tables, None if several else game, problems)
    frames = []
    for (label, name), table in tables.items():
        if all(column in table for column in REQUIRED):
            known = table[[column for column in table if is_known(column)]]
            known = known.where(known != MISSING, None)
            frames.append(
                known.assign(file=name, row=table.index, participant=label.removeprefix("sub-"), **entities[name])
            )
            notes += unread_columns(name, table, set(known))
    choices = ratings = None
    if frames:
        frame = pd.concat(frames, ignore_index=True)
        if several:
            number_sessions(frame, read_json(folder / SIDECAR, DataProblems()), SIDECAR, problems)
            problems.raise_if_any(str(folder))
        if game is not None and several and _is_played_anew(frame, game):
            game = None
            notes.append(f"{SIDECAR}: Game is not used, because participants play it again in each session or run")
        names = [partner_name(i) for i in range(game.n_partners)] if game else None
        reader = RoundsReader(frame, ranks, problems)
        choices = reader.read(game, names)
        anew = "unit" in frame and frame.unit.nunique() > 1
        if anew and (folder / f"{LIKING}.tsv").exists():
            notes.append(f"{LIKING}.tsv is not read, as partners are new in each session or run")
        elif choices is not None:
            labels = [f"sub-{name}" for name in choices.names()]
            ratings = read_liking(folder, labels, reader.partners(), problems, notes)
    problems.raise_if_any(str(folder))
    assert choices is not None and reader.rounds is not None  # else there was a problem
    if listed:
        participants = participants.loc[[f"sub-{name}" for name in choices.names()]]
    return Dataset(choices, simulated, game is not None, notes, participants, reader.rounds, ratings)


def _is_played_anew(frame: pd.DataFrame, game: GameSpec) -> bool:
    """Whether participants have more rounds or more partners than in one game."""
    units = frame.groupby("participant").unit.nunique().max() if "unit" in frame else 1
    return bool(units > 1 or pd.to_numeric(frame["round"], errors="coerce").max() > game.rounds)


def is_simulated(folder: Path) -> bool:
    """Return whether a data set is marked as simulated; one whose description can't be read is not."""
    return _read_simulated(folder, DataProblems())


def _read_simulated(folder: Path, problems: DataProblems) -> bool:
    description = read_json(folder / "dataset_description.json", problems) or {}
    simulated = description.get("Simulated", False)
    if not isinstance(simulated, bool):
        problems.add(f"Simulated: must be true or false, got {shorten(simulated)}", "dataset_description.json")
    return simulated is True


def _read_game(folder: Path, problems: DataProblems) -> tuple[GameSpec | None, int]:
    """Return the game, if the data set specifies it, and the number of ranks."""
    content = read_json(folder / SIDECAR, problems)
    if content is None or "Game" not in content:
        ranks = (content or {}).get("Ranks", 8)
        if not isinstance(ranks, int) or isinstance(ranks, bool) or not 2 <= ranks <= 100:
            problems.add(f"Ranks: must be an integer from 2 to 100, got {shorten(ranks)}", SIDECAR)
            return None, 8
        return None, ranks
    try:
        game = parse(GameSpec, content["Game"], SIDECAR)
    except InvalidInputError as error:
        for problem in error.problems:
            problems.add(f"Game.{problem}", SIDECAR)
        return None, 8
    return game, game.ranks


def _read_participants(folder: Path, problems: DataProblems) -> pd.DataFrame:
    """Return `participants.tsv` with the labels as the index, and the column `row` with the row in the file."""
    table = read_table(folder / "participants.tsv", "participants.tsv", TSV, problems)
    empty = pd.DataFrame({"row": []})
    if table is None:
        return empty
    if "participant_id" not in table:
        problems.add("is required in the header", "participants.tsv", 1, "participant_id")
        return empty
    if (folder / "participants.json").exists():
        read_json(folder / "participants.json", problems)
    repeated = table.participant_id.duplicated()
    for label, row, again in zip(table.participant_id, table.index, repeated, strict=True):
        if again:
            problems.add(
                f"must be unique, got {label!r} more than once", "participants.tsv", int(row), "participant_id"
            )
        if not label.startswith("sub-"):
            problems.add(f"must begin with 'sub-', got {label!r}", "participants.tsv", int(row), "participant_id")
    table = table[~repeated]
    return table.drop(columns="row", errors="ignore").assign(row=table.index).set_index("participant_id")


def labels_of(choices: Choices) -> list[str]:
    """Return labels such as `sub-001`: with the players' names if they are letters and digits, else with numbers."""
    names = choices.names()
    if choices.ids and all(name.isalnum() and name.isascii() for name in names):
        return [f"sub-{name}" for name in names]
    width = max(3, len(str(len(names))))
    return [f"sub-{i + 1:0{width}d}" for i in range(len(names))]


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write(path, indented_json(content))
