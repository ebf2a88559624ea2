"""From the results of a static study to the file that a server would have written.

The answers are given again to a server's sessions, at the times at which they were given. So they are checked like
requests, and stored in the same way.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError

from accept_reject.errors import InvalidInputError, list_problems, shorten
from accept_reject.web.bodies import ExtraAnswer, PageAnswer, RatingAnswer, RoundAnswer, Start
from accept_reject.web.sessions import RefusedError, Sessions
from accept_reject.web.static import version_of
from accept_reject.web.store import Store
from accept_reject.web.study import Study

MAX_RESULTS = 100_000_000
"""Bytes of a file of results."""

_TEXTS, _ARCHIVES = (".json", ".txt"), (".zip", ".jzip")

_SPACE = re.compile(r"\s*")
_EVENT = re.compile(r"resumed|second tab|(practice|game) \d{1,6} answered twice")

_Time = Annotated[StrictFloat | StrictInt, AllowInfNan(False), Field(ge=0, le=1e11)]
_Kind = Literal["page", "round", "rating", "extra", "note", "expired"]

_NOW: ContextVar[float] = ContextVar("now")
"""The time at which an answer was given; sessions are imported side by side, each at its own time."""


class Result(BaseModel):
    """What the page of a static study records of a session: how it began, and answers with their times in seconds."""

    model_config = ConfigDict(extra="forbid")

    study: StrictStr
    version: StrictStr
    kind: Literal["real", "simulated"]
    token: Annotated[StrictStr, Field(pattern=r"^[0-9a-f-]{36}$")]
    browser: Annotated[StrictStr, Field(pattern=r"^[A-Za-z]{1,20}, (computer|phone or tablet)$")]
    start: Start
    at: _Time
    answers: Annotated[list[tuple[_Kind, dict[str, Any], _Time]], Field(max_length=100_000)]


class Imported(NamedTuple):
    """How many sessions were imported: all, and those that were not in the file before."""

    sessions: int
    new: int


def import_study(study: Study, paths: Sequence[Path], file: Path, pilot: bool = False) -> Imported:
    """Read results and add them to the file of a study. What is in it already stays as it is.

    Args:
        study: The study that was exported.
        paths: Files of results (JSON, or JATOS's text with a result in each line), archives of them (`.zip`,
            `.jzip`), or folders.
        file: The file of the study.
        pilot: Whether sessions are pilots.

    Raises:
        InvalidInputError: With all problems of the results; nothing is imported then.
    """
    problems: list[str] = []
    found: dict[str, tuple[str, Result]] = {}
    for path in paths:
        for name, result in _results(path, problems):
            if result.version != version_of(study):
                problems.append(f"{name}: must be a result of this version of {study.name}, got {result.study}")
            elif result.token not in found or len(result.answers) > len(found[result.token][1].answers):
                found[result.token] = name, result
    results = sorted(found.values(), key=lambda each: (each[1].at, each[1].token))
    if not problems:
        problems = asyncio.run(_submit_all(study, Store(None, study.model_dump_json()), results, pilot))
    if problems:
        raise InvalidInputError("results", problems)
    store = Store(file, study.model_dump_json())
    before = {token for (token,) in store.read("SELECT token FROM session")}
    try:
        asyncio.run(_submit_all(study, store, results, pilot))
    except sqlite3.Error as error:
        raise InvalidInputError(str(file), [f"can't be written: {error}; import again to add the rest"]) from None
    return Imported(len(results), len(found.keys() - before))


async def _submit_all(study: Study, store: Store, results: Iterable[tuple[str, Result]], pilot: bool) -> list[str]:
    """Begin all sessions, answer their questions, and return what was refused."""
    sessions = Sessions(study, store, free=True, clock=_NOW.get)
    known = {session.token for session in sessions.all()}
    answering, problems = [], []
    for name, result in results:
        _NOW.set(result.at)
        sessions.kind = "pilot" if pilot and result.kind == "real" else result.kind
        try:
            if result.token not in known:
                await sessions.start(result.start, result.browser, result.token)
        except RefusedError as error:
            problems.append(f"{name}: {error}")
        else:
            answering.append(_submit(sessions, name, result))
    problems += [problem for problem in await asyncio.gather(*answering) if problem]
    store.close()
    return problems


async def _submit(sessions: Sessions, name: str, result: Result) -> str | None:
    """Answer the questions of a session; return the first problem."""
    session = sessions.find(result.token)
    noted = {at for (at,) in sessions.store.read("SELECT at FROM event WHERE session = ?", (session.id,))}
    for i, (kind, content, at) in enumerate(result.answers):
        _NOW.set(at)
        try:
            await sessions.state(session)  # ends it if it paused for too long
            match kind:
                case "page":
                    await sessions.answer_page(session, PageAnswer.model_validate(content))
                case "round":
                    await sessions.answer_round(session, RoundAnswer.model_validate(content))
                case "rating":
                    await sessions.answer_rating(session, RatingAnswer.model_validate(content))
                case "extra":
                    await sessions.answer_extra(session, ExtraAnswer.model_validate(content))
                case "note" if not _EVENT.fullmatch(str(content.get("event"))):
                    return f"{name}, answers.{i}: event: must be one of the page's, got {shorten(content.get('event'))}"
                case "note" if at not in noted:
                    await sessions.note(session, str(content["event"]))
        except RefusedError as error:
            return f"{name}, answers.{i}: {error}"
        except ValidationError as error:
            model: Any = {"page": PageAnswer, "round": RoundAnswer, "rating": RatingAnswer}.get(kind, ExtraAnswer)
            return f"{name}, answers.{i}: {'; '.join(list_problems(error, model))}"
    return None


def _results(path: Path, problems: list[str]) -> Iterator[tuple[str, Result]]:
    """The results in a file, an archive or a folder, with names for messages."""
    any_result, before = False, len(problems)
    for name, text in _texts(path, problems):
        for number, value in enumerate(_values(name, text, problems), 1):
            if not isinstance(value, dict) or not value.keys() >= {"version", "token", "answers"}:
                continue  # archives have descriptions of the study, too
            any_result = True
            where = f"{name}, result {number}"
            try:
                yield where, Result.model_validate(value)
            except ValidationError as error:
                problems += [f"{where}: {problem}" for problem in list_problems(error, Result)]
    if not any_result and len(problems) == before:
        problems.append(f"{path}: must have results of a static study (.json, .txt, .zip or .jzip), got none")


def _texts(path: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    try:
        if path.is_dir():
            for each in sorted(path.rglob("*")):
                if each.is_file():
                    yield from _texts(each, problems)
        elif path.suffix.lower() in _ARCHIVES:
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if Path(info.filename).suffix.lower() not in _TEXTS:
                        continue
                    if info.file_size > MAX_RESULTS:
                        problems.append(f"{path}, {info.filename}: must have at most {MAX_RESULTS} bytes")
                    else:
                        yield f"{path}, {info.filename}", archive.read(info).decode("utf-8", "replace")
        elif path.suffix.lower() in _TEXTS:
            if path.stat().st_size > MAX_RESULTS:
                problems.append(f"{path}: must have at most {MAX_RESULTS} bytes")
            else:
                yield str(path), path.read_text(encoding="utf-8", errors="replace")
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        problems.append(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}")


def _end_of_space(text: str, at: int) -> int:
    return match.end() if (match := _SPACE.match(text, at)) else at


def _values(name: str, text: str, problems: list[str]) -> Iterator[Any]:
    """The JSON values in a text, one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while (at := _end_of_space(text, at)) < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            line = text.count("\n", 0, at) + 1
            problems.append(f"{name}, line {line}: must be complete JSON")
            at = text.find("\n", at) + 1 or len(text)
        else:
            yield from value if isinstance(value, list) else [value]
