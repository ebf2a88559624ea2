"""Choices as a BIDS `beh` data set (https://bids-specification.readthedocs.io), and back.

    dataset_description.json    README    participants.tsv    participants.json
    task-acceptreject_beh.json                      what the columns mean, and the game
    sub-001/beh/sub-001_task-acceptreject_beh.tsv   a row for each round

Tables are UTF-8 with tabs, `n/a` where there is nothing, partners are named A, B, C, ... as a player sees them.
"""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError, parse
from accept_reject.envs.game import GameSpec
from accept_reject.envs.rendering import partner_name
from accept_reject.experiments.data.faults import DataFaults
from accept_reject.experiments.data.rounds import REQUIRED, RoundsReader, is_known
from accept_reject.experiments.data.text import read_table
from accept_reject.experiments.files import write

BIDS_VERSION = "1.10.0"
TASK = "acceptreject"
SIDECAR = f"task-{TASK}_beh.json"
MISSING = "n/a"

_COLUMNS = {
    "round": {"Description": "Number of the round, from 1"},
    "offered": {"Description": "A partner that was offered, by place in the offer"},
    "choice": {"Description": "The partner that was asked; n/a where the round was missed"},
    "rank": {"Description": "The partner's rank of the participant, 1 being best; n/a where it was not shown"},
    "spots": {"Description": "How many spots the partner had; n/a where the rank was not shown"},
    "accepted": {"Description": "Whether the partner accepted", "Levels": {"0": "rejected", "1": "accepted"}},
    "response_time": {"Description": "From offer to answer", "Units": "s"},
    "valuation": {"Description": "Hidden: how much the offered partner values the participant, from 0 to 1"},
    "acceptance": {"Description": "Hidden: how probably the offered partner accepts the participant"},
}


def write_dataset(
    choices: Choices, folder: Path, name: str, simulated: str | None, participants: dict[str, Any] | None = None
) -> None:
    """Write choices as a data set.

    It is made beside its place and moved there whole. A data set that stands there already is replaced, anything else
    is left alone.

    Args:
        choices: The choices; the players' names become the participants' labels.
        folder: Where to.
        name: The data set's name.
        simulated: Who made the choices, if no person did: the data set says so wherever it describes itself.
        participants: More columns of `participants.tsv`, by name, in the order of the players.

    Raises:
        InvalidInputError: If the folder holds something else than a data set of this task.
    """
    if folder.exists() and not (folder / SIDECAR).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(str(folder), ["exists and is no data set of this task: it is left as it is"])
    new = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(new, ignore_errors=True)
    labels = [f"sub-{label}" for label in _labels(choices)]
    about = f"Choices in the accept-or-reject game. {'SIMULATED: made by ' + simulated if simulated else ''}".strip()
    description = {
        "Name": f"{name} (simulated)" if simulated else name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": "CC0",
        "Simulated": simulated is not None,
        "GeneratedBy": [{"Name": "accept-reject", "Version": metadata.version("accept-reject"), "Description": about}],
    }
    _write_json(new / "dataset_description.json", description)
    write(new / "README", f"{name}\n\n{about}\n")
    table = pd.DataFrame({"participant_id": labels, **(participants or {})})
    if simulated:
        table.insert(1, "simulated", 1)
    write(new / "participants.tsv", _tsv(table))
    meanings = {"participant_id": "Label of the participant", "simulated": "1: no person, but a program"}
    _write_json(
        new / "participants.json",
        {key: {"Description": meanings.get(key, f"Parameter {key} of the simulated participant")} for key in table},
    )
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
    recorded = [length] * len(labels) if choices.recorded is None else choices.recorded.tolist()
    for i, label in enumerate(labels):
        part = rounds.iloc[i * length : i * length + recorded[i]].drop(columns="participant")
        write(new / label / "beh" / f"{label}_task-{TASK}_beh.tsv", _tsv(part))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def read_dataset(folder: Path) -> tuple[Choices, bool]:
    """Read a data set whole, and whether it tells the game that was played.

    Raises:
        InvalidInputError: With every fault, each with file, row and column; nothing is loaded then.
    """
    faults = DataFaults()
    game, ranks = _read_game(folder, faults)
    listed = _read_participants(folder, faults)
    found = {path.name: path for path in sorted(folder.glob("sub-*")) if path.is_dir()}
    for label in listed:
        if label not in found:
            faults.add(f"{label!r} is listed, but has no folder", "participants.tsv", listed[label], "participant_id")
    frames = []
    for label, path in found.items():
        if listed and label not in listed:
            faults.add("is not listed in participants.tsv", label)
        file = path / "beh" / f"{label}_task-{TASK}_beh.tsv"
        name = str(file.relative_to(folder))
        table = read_table(file, name, "\t", faults)
        if table is None:
            continue
        absent = [column for column in REQUIRED if column not in table]
        for column in absent:
            faults.add("the column is missing", name, 1, column)
        if not absent:
            known = table[[column for column in table if is_known(column)]]
            known = known.where(known != MISSING, None)
            frames.append(known.assign(file=name, row=table.index, participant=label.removeprefix("sub-")))
    if not found:
        faults.add("holds no participants' folders (sub-...)", str(folder))
    choices = None
    if frames:
        names = [partner_name(i) for i in range(game.n_partners)] if game else None
        reader = RoundsReader(pd.concat(frames, ignore_index=True), ranks, faults)
        choices = reader.read(game, names)
    faults.raise_if_any(str(folder))
    assert choices is not None  # else there was a fault
    return choices, game is not None


def is_simulated(folder: Path) -> bool:
    """Whether a data set says that no people made its choices."""
    description = (folder / "dataset_description.json").read_text(encoding="utf-8-sig")
    return json.loads(description).get("Simulated") is True


def _read_json(path: Path, faults: DataFaults) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        faults.add(f"can't be read: {error.strerror}", path.name)
    except UnicodeDecodeError:
        faults.add("is not UTF-8 text", path.name)
    except json.JSONDecodeError as error:
        faults.add(f"is not JSON: {error.msg}, column {error.colno}", path.name, error.lineno)
    else:
        if isinstance(content, dict):
            return content
        faults.add("should hold an object", path.name)
    return None


def _read_game(folder: Path, faults: DataFaults) -> tuple[GameSpec | None, int]:
    """The game, if the data set tells it, and the length of its ladder of ranks."""
    _read_json(folder / "dataset_description.json", faults)
    content = _read_json(folder / SIDECAR, faults)
    if content is None or "Game" not in content:
        ranks = (content or {}).get("Ranks", 8)
        if not isinstance(ranks, int) or isinstance(ranks, bool) or not 2 <= ranks <= 100:
            faults.add(f"Ranks: should be a whole number from 2 to 100, but is {ranks!r}", SIDECAR)
            return None, 8
        return None, ranks
    try:
        game = parse(GameSpec, content["Game"], SIDECAR)
    except InvalidInputError as error:
        for fault in error.faults:
            faults.add(f"Game.{fault}", SIDECAR)
        return None, 8
    return game, game.ranks


def _read_participants(folder: Path, faults: DataFaults) -> dict[str, int]:
    """The rows of the participants in `participants.tsv`, by label."""
    table = read_table(folder / "participants.tsv", "participants.tsv", "\t", faults)
    if table is None:
        return {}
    if "participant_id" not in table:
        faults.add("the column is missing", "participants.tsv", 1, "participant_id")
        return {}
    listed: dict[str, int] = {}
    for label, row in zip(table.participant_id, table.index, strict=True):
        if label in listed:
            faults.add(f"{label!r} is listed again", "participants.tsv", int(row), "participant_id")
        if not label.startswith("sub-"):
            faults.add(f"should begin with 'sub-', but is {label!r}", "participants.tsv", int(row), "participant_id")
        listed[label] = int(row)
    return listed


def _labels(choices: Choices) -> list[str]:
    """BIDS labels, letters and digits only: the players' names if they are such, else numbers."""
    names = choices.names()
    if choices.ids and all(name.isalnum() and name.isascii() for name in names):
        return list(names)
    width = max(3, len(str(len(names))))
    return [f"{i + 1:0{width}d}" for i in range(len(names))]


def _tsv(table: pd.DataFrame) -> str:
    return table.to_csv(sep="\t", index=False, na_rep=MISSING, lineterminator="\n")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
