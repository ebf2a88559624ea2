"""From the files of a study to a data set: rounds, participants and ratings, in BIDS."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accept_reject.envs.choices import MISSED, Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.data.bids import check_replaceable, write_dataset
from accept_reject.experiments.data.liking import liking_files
from accept_reject.experiments.files import without_formula, write
from accept_reject.web.bonus import bonus
from accept_reject.web.schedule import CHECK, CONSENT_AGAIN
from accept_reject.web.study import Study

KINDS = ("real", "pilot", "simulated")
"""Kinds of sessions; a data set has sessions of one kind."""

EXTRA = "sourcedata/extra.jsonl"
"""The trials of the study's own, one in each line, as jsPsych collected them."""

MEANINGS: dict[str, Any] = {
    "seed": {"Description": "Seed of the episode"},
    "episode": {"Description": "Number of the episode that the participant played"},
    "language": {"Description": "Language of the texts"},
    "browser": {"Description": "Family of the browser, and kind of device"},
    "device": {"Description": "What most choices were made with", "Levels": {"key": "key", "mouse": "mouse",
               "touch": "touch", "pen": "pen"}},
    "failed_checks": {"Description": "Failed attempts at the comprehension check"},
    "unfocused": {"Description": "How often the page lost the focus during rounds"},
    "unfocused_seconds": {"Description": "How long the page was without focus during rounds", "Units": "s"},
    "fullscreen_left": {"Description": "How often the full screen was left during rounds"},
    "resumed": {"Description": "How often the session was resumed"},
    "second_tabs": {"Description": "How often the session was opened in a second tab"},
    "answered_twice": {"Description": "How often a round was answered differently in another tab"},
    "minutes": {"Description": "From the consent to the last answer", "Units": "min"},
    "finished": {"Description": "Whether the session was completed", "Levels": {"0": "no", "1": "yes"}},
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Exported:
    """What was exported.

    Attributes:
        choices: The choices of participants with at least one round.
        participants: Columns of `participants.tsv`.
        liking: Ratings, a row for each participant and a column for each partner, NaN where missing.
        extra: Trials of the study's own of each participant.
        left_out: Sessions without a round of the game, or without the second consent after a cover story.
        others: Sessions of other kinds.
        withdrawn: Sessions that were withdrawn.
    """

    choices: Choices
    participants: dict[str, list[Any]]
    liking: np.ndarray[Any, np.dtype[np.float64]]
    extra: list[list[dict[str, Any]]]
    left_out: int
    others: int
    withdrawn: int


def export_study(files: Sequence[Path], out: Path, kind: str = "real", license_name: str = "CC0") -> Exported:
    """Write the data set of a study.

    Args:
        files: The files of the study's servers.
        out: The folder of the data set.
        kind: Kind of the sessions.
        license_name: License of the data.

    Raises:
        InvalidInputError: If a file is not of this study, if there is nothing to export, or if the folder can't be
            replaced.
    """
    check_replaceable(out)
    study, exported = read_study(files, kind)
    labels = [f"sub-{label}" for label in exported.choices.ids]
    files_of_study = _liking_files(study, labels, exported.liking) if study.ratings else {}
    if study.extra:
        files_of_study[EXTRA] = _extra_file(labels, exported.extra)
    simulated = "simulated browsers" if kind == "simulated" else None
    write_dataset(
        exported.choices, out, study.name, simulated, exported.participants, MEANINGS, files_of_study, license_name
    )
    return exported


def write_bonuses(files: Sequence[Path], path: Path, kind: str = "real") -> int:
    """Write the bonuses of completed sessions, lines `id,amount` as Prolific takes them; return their number.

    Raises:
        InvalidInputError: If the study has no bonus or no external ids.
    """
    study = study_of(files)
    problems = []
    if study.bonus is None:
        problems.append("bonus: is required in the study's config")
    if not study.recruiting.parameters:
        problems.append("recruiting.parameters: is required in the study's config, for the ids of participants")
    if study.bonus is None or problems:
        raise InvalidInputError(str(files[0]), problems)
    lines = []
    for file in files:
        with _Opened(file) as db:
            for session, episode, external in db.execute(
                "SELECT session.id, episode, value FROM session JOIN external ON external.session = session.id "
                "JOIN outcome ON outcome.session = session.id WHERE outcome = 'complete' AND kind = ? AND name = ? "
                "ORDER BY session.id",
                (kind, study.recruiting.parameters[0]),
            ):
                places = _places(db, session, study.game.rounds)
                accepted = Choices.record(draw(study.game, study.seed, 1, episode), places[None]).accepted
                amount = bonus(study.bonus, int(accepted.sum()), study.game.rounds)
                lines.append((without_formula(external), f"{amount:.2f}"))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(lines)
    write(path, table.getvalue())
    return len(lines)


def read_study(files: Sequence[Path], kind: str) -> tuple[Study, Exported]:
    """Read the sessions of one kind from the files of a study."""
    study = study_of(files)
    rows: list[dict[str, Any]] = []
    left_out = others = withdrawn = 0
    for file in files:
        with _Opened(file) as db:
            withdrawn += db.execute("SELECT count(*) FROM withdrawal").fetchone()[0]
            others += db.execute("SELECT count(*) FROM session WHERE kind != ?", (kind,)).fetchone()[0]
            for session in db.execute("SELECT id FROM session WHERE kind = ? ORDER BY id", (kind,)).fetchall():
                row = _participant(db, session[0], study)
                if not row["recorded"] or not row["consented"]:
                    left_out += 1
                else:
                    rows.append(row)
    if not rows:
        got = f"{left_out} without rounds and {others} of other kinds, see --kind"
        problem = f"must have {kind} sessions with at least one round, got {got}"
        raise InvalidInputError(str(files[0]), [problem])
    tokens = [row["token"] for row in rows]
    if len(set(tokens)) < len(tokens):
        raise InvalidInputError(str(files[0]), ["has sessions that another file has, too; give each file once"])
    rows.sort(key=lambda row: (row["columns"]["episode"], row["token"]))
    width = max(3, len(str(len(rows))))
    choices = Choices.record(
        Episodes.join([draw(study.game, study.seed, 1, row["columns"]["episode"]) for row in rows]),
        np.stack([row["places"] for row in rows]),
        np.stack([row["times"] for row in rows]),
        tuple(f"{i + 1:0{width}}" for i in range(len(rows))),
        np.array([row["recorded"] for row in rows]),
    )
    columns = {name: [row["columns"][name] for row in rows] for name in MEANINGS}
    liking = np.stack([row["liking"] for row in rows])
    extra = [row["extra"] for row in rows]
    return study, Exported(choices, columns, liking, extra, left_out, others, withdrawn)


def _participant(db: sqlite3.Connection, session: int, study: Study) -> dict[str, Any]:
    rounds = study.game.rounds
    episode, language, browser, begin, token = db.execute(
        "SELECT episode, language, browser, at, token FROM session WHERE id = ?", (session,)
    ).fetchone()
    times, devices, last = np.full(rounds, np.nan), [], begin
    unfocused, seconds, left, recorded = 0, 0.0, 0, 0
    for number, response_time, device, times_away, away, fullscreen, at in db.execute(
        "SELECT round, response_time, device, unfocused, unfocused_seconds, fullscreen_left, at FROM round "
        "WHERE session = ? AND part = 'game' ORDER BY round",
        (session,),
    ):
        times[number] = np.nan if response_time is None else response_time
        devices += [device] if device else []
        unfocused, seconds, left = unfocused + times_away, seconds + away, left + fullscreen
        recorded, last = number + 1, max(last, at)
    liking = np.full(study.game.n_partners, np.nan)
    for partner, rating, at in db.execute("SELECT partner, rating, at FROM rating WHERE session = ?", (session,)):
        liking[partner], last = rating, max(last, at)
    checks = [json.loads(each) for (each,) in db.execute(
        "SELECT answers FROM page WHERE session = ? AND page = ?", (session, CHECK)
    )]  # fmt: skip
    right = [question.correct for question in study.languages[language].check.questions]
    events = [event for (event,) in db.execute("SELECT event FROM event WHERE session = ?", (session,))]
    outcome = db.execute("SELECT outcome FROM outcome WHERE session = ?", (session,)).fetchone()
    extra = [
        {"part": part, **trial}
        for part, trials in db.execute("SELECT part, trials FROM extra WHERE session = ? ORDER BY at", (session,))
        for trial in json.loads(trials)
    ]
    again = db.execute("SELECT 1 FROM page WHERE session = ? AND page = ?", (session, CONSENT_AGAIN)).fetchone()
    return {
        "token": token,
        "consented": again is not None or not study.cover_story,
        "places": _places(db, session, rounds),
        "times": times,
        "recorded": recorded,
        "liking": liking,
        "extra": extra,
        "columns": {
            "seed": study.seed,
            "episode": episode,
            "language": language,
            "browser": browser,
            "device": max(set(devices), key=devices.count) if devices else "n/a",
            "failed_checks": sum(answers != right for answers in checks),
            "unfocused": unfocused,
            "unfocused_seconds": round(seconds, 3),
            "fullscreen_left": left,
            "resumed": events.count("resumed"),
            "second_tabs": events.count("second tab"),
            "answered_twice": sum(event.endswith("answered twice") for event in events),
            "minutes": round((last - begin) / 60, 2),
            "finished": int(outcome is not None and outcome[0] == "complete"),
        },
    }


def _places(db: sqlite3.Connection, session: int, rounds: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    places = np.full(rounds, MISSED, np.int64)
    for number, place in db.execute("SELECT round, place FROM round WHERE session = ? AND part = 'game'", (session,)):
        places[number] = MISSED if place is None else place
    return places


def _extra_file(labels: Sequence[str], extra: Sequence[Sequence[dict[str, Any]]]) -> str:
    lines = [
        json.dumps({"participant_id": label, **trial}, ensure_ascii=False)
        for label, trials in zip(labels, extra, strict=True)
        for trial in trials
    ]
    return "".join(f"{line}\n" for line in lines)


def _liking_files(study: Study, labels: Sequence[str], liking: np.ndarray[Any, Any]) -> dict[str, str]:
    texts = next(iter(study.languages.values())).rating
    levels = {str(i): str(i) for i in range(1, study.ratings + 1)}
    levels |= {"1": f"1 ({texts.low})", str(study.ratings): f"{study.ratings} ({texts.high})"}
    return liking_files(labels, liking, lambda name: texts.question.replace("{name}", name), levels)


def study_of(files: Sequence[Path]) -> Study:
    """The study that all files belong to; only their first episodes may differ."""
    found: list[Study] = []
    for file in files:
        with _Opened(file) as db:
            found.append(Study.model_validate_json(db.execute("SELECT study FROM study").fetchone()[0]))
    for file, study in zip(files[1:], found[1:], strict=True):
        if study.model_copy(update={"first_episode": 0}) != found[0].model_copy(update={"first_episode": 0}):
            raise InvalidInputError(str(file), [f"must be a file of the same study as {files[0]}"])
    return found[0]


class _Opened:
    """Open a file of a study to read it, also while its server runs."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> sqlite3.Connection:
        if not self._file.is_file():
            raise InvalidInputError(str(self._file), ["there is no such file"])
        try:
            self._db = sqlite3.connect(f"{self._file.resolve().as_uri()}?mode=ro", uri=True)
            self._db.execute("SELECT study FROM study").fetchone()
        except sqlite3.Error:
            raise InvalidInputError(str(self._file), ["must be the file of a study"]) from None
        return self._db

    def __exit__(self, *error: object) -> None:
        self._db.close()
