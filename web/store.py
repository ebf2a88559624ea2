"""The file of a study: an SQLite database that is only appended to, except when a participant withdraws.

One thread writes. Whatever waits is written in one transaction, and nobody gets an answer before it is on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from accept_reject.errors import InvalidInputError

VERSION = 2
"""Version of the tables."""

BUSY = 0.2
"""Seconds to wait for those that read the file."""

DATA = ("external", "round", "page", "rating", "extra", "event", "outcome")
"""Tables with rows of a session."""

_TABLES = """
CREATE TABLE study (version INTEGER NOT NULL, study TEXT NOT NULL) STRICT;
CREATE TABLE session (
  id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, episode INTEGER NOT NULL,
  language TEXT NOT NULL, kind TEXT NOT NULL, browser TEXT NOT NULL, at REAL NOT NULL
) STRICT;
CREATE TABLE external (
  session INTEGER NOT NULL REFERENCES session, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (session, name)
) STRICT;
CREATE TABLE round (
  session INTEGER NOT NULL REFERENCES session, part TEXT NOT NULL, round INTEGER NOT NULL, place INTEGER,
  response_time REAL, device TEXT, unfocused INTEGER NOT NULL, unfocused_seconds REAL NOT NULL,
  fullscreen_left INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (session, part, round)
) STRICT;
CREATE TABLE page (
  session INTEGER NOT NULL REFERENCES session, page TEXT NOT NULL, attempt INTEGER NOT NULL, answers TEXT NOT NULL,
  seconds REAL, at REAL NOT NULL, PRIMARY KEY (session, page, attempt)
) STRICT;
CREATE TABLE rating (
  session INTEGER NOT NULL REFERENCES session, partner INTEGER NOT NULL, position INTEGER NOT NULL,
  rating INTEGER NOT NULL, seconds REAL, at REAL NOT NULL, PRIMARY KEY (session, partner)
) STRICT;
CREATE TABLE extra (
  session INTEGER NOT NULL REFERENCES session, part TEXT NOT NULL, trials TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (session, part)
) STRICT;
CREATE TABLE event (
  id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES session, event TEXT NOT NULL, at REAL NOT NULL
) STRICT;
CREATE TABLE outcome (session INTEGER PRIMARY KEY REFERENCES session, outcome TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE TABLE withdrawal (episode INTEGER PRIMARY KEY) STRICT;
"""

Statement = tuple[str, Sequence[Any]]
"""An SQL statement with its values."""


class Store:
    """The open file of a study. Only one process may have it open.

    Args:
        path: The file, or None to store nothing beyond this process.
        study: The study, as JSON; a file belongs to one study.

    Raises:
        InvalidInputError: If the file is no file of this study, or is open in another process.
    """

    def __init__(self, path: Path | None, study: str) -> None:
        self.path = path
        self._lock = FileLock(f"{path}.lock", thread_local=False) if path else None
        if self._lock:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise InvalidInputError(str(path), ["is open in another process; a study has one server"]) from None
            except OSError as error:
                raise InvalidInputError(str(path), [f"can't be opened: {error.strerror}"]) from None
        self._thread = ThreadPoolExecutor(1)
        try:
            self._db = sqlite3.connect(path or ":memory:", timeout=BUSY, isolation_level=None, check_same_thread=False)
            self._open(study)
        except sqlite3.Error as error:
            self.close()
            raise InvalidInputError(str(path), [_explained(error)]) from None
        except InvalidInputError:
            self.close()
            raise
        self._log_has_deleted = True  # a server that was killed may have left it so
        self._truncate_log()
        self._waiting: list[tuple[Sequence[Statement], asyncio.Future[None]]] = []
        self._writing = False
        self.commits = 0

    def _open(self, study: str) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("BEGIN EXCLUSIVE")
        if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            for table in ("session", *DATA):
                self._db.execute(
                    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
                    "BEGIN SELECT raise(ABORT, 'rows are never changed'); END"
                )
            self._db.execute("INSERT INTO study VALUES (?, ?)", (VERSION, study))
        version, stored = self._db.execute("SELECT version, study FROM study").fetchone()
        self._db.execute("COMMIT")
        if version != VERSION:
            raise InvalidInputError(str(self.path), [f"must be of version {VERSION}, got {version}"])
        if stored != study:
            problem = "belongs to a study with another config; use a new file for a changed study"
            raise InvalidInputError(str(self.path), [problem])

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._db.execute(sql, values).fetchall()

    async def write(self, *statements: Statement) -> None:
        """Write rows, and return when they are on disk.

        Raises:
            sqlite3.Error: If they can't be written; then none of them is.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((statements, done))
        if not self._writing:
            self._writing = True
            self._task = asyncio.create_task(self._write_all())
        await asyncio.shield(done)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._thread, self._commit, [each for each, _ in batch])
                failures: list[Exception | None] = [None] * len(batch)
            except sqlite3.Error:  # find out which of them failed
                failures = [await loop.run_in_executor(self._thread, self._commit_alone, each) for each, _ in batch]
            for (_, done), failure in zip(batch, failures, strict=True):
                if done.done():
                    continue
                if failure:
                    done.set_exception(failure)
                else:
                    done.set_result(None)
        self._writing = False

    def _commit_alone(self, statements: Sequence[Statement]) -> Exception | None:
        try:
            self._commit([statements])
        except sqlite3.Error as error:
            return error
        return None

    def _commit(self, batch: Sequence[Sequence[Statement]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for statements in batch:
                for sql, values in statements:
                    self._db.execute(sql, values)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self.commits += 1
        if self._log_has_deleted:
            self._truncate_log()

    def _truncate_log(self) -> None:
        """Empty the write-ahead log, which still has deleted rows; if the file is being read, after the next commit."""
        busy, *_ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._log_has_deleted = bool(busy)

    async def withdraw(self, session: int, episode: int) -> None:
        """Delete everything about a session, so that no byte of it is left; its episode is not used again.

        While another process reads the file, such as an export, the bytes stay in the write-ahead log until the first
        commit after it.
        """
        rows: list[Statement] = [(f"DELETE FROM {table} WHERE session = ?", (session,)) for table in DATA]
        rows += [
            ("DELETE FROM session WHERE id = ?", (session,)),
            ("INSERT INTO withdrawal VALUES (?)", (episode,)),
        ]
        await self.write(*rows)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._truncate_log)

    def close(self) -> None:
        """Close the file."""
        self._thread.shutdown()
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock:
            self._lock.release()


def _explained(error: sqlite3.Error) -> str:
    """Say what is wrong with a file, and what would be right."""
    text = str(error)
    if "not a database" in text:
        return "must be the file of a study, or a new file"
    return f"can't be opened: {text}"
