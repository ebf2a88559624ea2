"""Load on the server of a study: many participants, repeated and broken requests, and a server that is killed.

    .venv/bin/python benchmarks/web_load.py

Every answer is sent twice, on two connections; some connections are cut before the reply. At the end, each row in the
database must be what was sent, once. Both cores should be idle: participants take one of them.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import asyncio
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from accept_reject.experiments.yaml_text import dump
from accept_reject.web.store import Statement, Store

CUT = 0.05
"""Share of requests whose connection is cut before the reply."""

STUDY: dict[str, Any] = {
    "name": "load",
    "check": False,
    "practice_rounds": 0,
    "ratings": 0,
    "debriefing": False,
    "recruiting": {"parameters": ["PID"]},
    "texts": {"en": {"consent": {"text": "-"}}},
}


class Server:
    """A server in a process of its own."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder, self.file = folder, folder / "study.sqlite"
        game = {"scenario": "orthogonal", "game": {"rounds": rounds}}
        (folder / "study.yaml").write_text(dump(STUDY | {"scenario": game}), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    async def start(self) -> float:
        """Start it, and return the seconds until it answers."""
        begin = time.perf_counter()
        command = [sys.executable, "-m", "accept_reject", "serve", "study.yaml", "--file", str(self.file)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], cwd=self.folder, stdout=subprocess.DEVNULL
        )
        while True:
            connection = Connection(self.port)
            try:
                await connection.request("GET", "/api/study")
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return time.perf_counter() - begin
            finally:
                connection.drop()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def memory(self) -> float:
        """Resident memory in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Connection:
    """A connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.port, self.writer = port, None

    async def request(self, method: str, path: str, body: Any = None, token: str = "", cut: bool = False) -> Any:
        """Return status and body of a reply; with `cut`, drop the connection before it."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {len(content)}"
        self.writer.write(head.encode() + b"\r\n\r\n" + content)
        await self.writer.drain()
        if cut:
            self.drop()
            raise ConnectionResetError
        lines = (await self.reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        return int(lines[0].split()[1]), json.loads(await self.reader.readexactly(length))

    def drop(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()
        self.writer = None


class Load:
    """Participants that play at the same time.

    Args:
        server: The server.
        participants: Number of participants.
        rounds: Rounds of each.
        think: Mean seconds that a participant thinks about a choice.
    """

    def __init__(self, server: Server, participants: int, rounds: int, think: float) -> None:
        self.server, self.participants, self.rounds, self.think = server, participants, rounds, think
        self.latencies: list[float] = []
        self.waits: list[float] = []
        self.different = 0
        self.sent: dict[str, list[int]] = {}

    async def run(self, kills: int) -> list[float]:
        """Let all participants play while the server is killed; return the seconds until it answered again."""
        playing = asyncio.gather(*(self.play(f"p{i}") for i in range(self.participants)))
        total, back = 2 * self.participants * self.rounds, []
        for i in range(kills):
            while len(self.latencies) < total * (i + 1) / (kills + 1):
                await asyncio.sleep(0.01)
            self.server.kill()
            back.append(await self.server.start())
        await playing
        return back

    async def play(self, name: str) -> None:
        await asyncio.sleep(random.random() * self.think)
        first, second = Connection(self.server.port), Connection(self.server.port)
        (_, state), *_ = await self.answered(first, "/api/start", {"language": "en", "external": {"PID": name}})
        token, places = state["token"], []
        await self.answered(first, "/api/page", {"page": "instructions", "attempt": 0, "answers": []}, token)
        for number in range(self.rounds):
            await asyncio.sleep(random.expovariate(1 / self.think) if self.think else 0)
            place = random.randrange(2)
            body = {"part": "game", "round": number, "place": place, "response_time": 0.5}
            copies = await asyncio.gather(
                *(self.answered(each, "/api/round", body, token, cut=True) for each in (first, second))
            )
            for (status, answer), latency, wait in copies:
                self.latencies.append(latency)
                self.waits.append(wait)
                self.different += status != 200 or answer["last"]["place"] != place or answer != copies[0][0][1]
            places.append(place)
        self.sent[name] = places
        first.drop()
        second.drop()

    async def answered(
        self, connection: Connection, path: str, body: Any, token: str = "", cut: bool = False
    ) -> tuple[Any, float, float]:
        """Repeat a request until there is a reply: the reply, its latency, and the time since the first attempt."""
        begin = start = time.perf_counter()
        while True:
            try:
                reply = await connection.request("POST", path, body, token, cut and random.random() < CUT)
            except (OSError, asyncio.IncompleteReadError) as error:
                connection.drop()
                if not isinstance(error, ConnectionResetError):
                    await asyncio.sleep(0.05 + 0.1 * random.random())
                start = time.perf_counter()
            else:
                now = time.perf_counter()
                return reply, now - start, now - begin

    def check(self) -> dict[str, int]:
        """Compare the database with what was sent."""
        with sqlite3.connect(self.server.file) as db:
            rows = db.execute("SELECT count(*) FROM round").fetchone()[0]
            ids = dict(db.execute("SELECT value, session FROM external"))
            stored = "SELECT place FROM round WHERE session = ? ORDER BY round"
            wrong = sum(
                [place for (place,) in db.execute(stored, (ids[name],))] != places for name, places in self.sent.items()
            )
            sessions = db.execute("SELECT count(*) FROM session").fetchone()[0]
            sound = db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return {
            "rows": rows,
            "expected rows": self.participants * self.rounds,
            "sessions": sessions,
            "participants with other rows than sent": wrong,
            "replies that differ between copies": self.different,
            "database damaged": int(not sound),
        }


async def measure(participants: int, rounds: int, kills: int, think: float) -> dict[str, Any]:
    """Run the load, and return what was found."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), rounds)
        start = await server.start()
        load = Load(server, participants, rounds, think)
        begin = time.perf_counter()
        try:
            back = await load.run(kills)
            seconds = time.perf_counter() - begin
            memory = server.memory()
        finally:
            server.kill()
        return {
            **load.check(),
            "requests per second": len(load.latencies) / seconds,
            "latency, median (ms)": 1e3 * float(np.median(load.latencies)),
            "latency, 99th percentile (ms)": 1e3 * float(np.percentile(load.latencies, 99)),
            "longest wait, outages included (s)": max(load.waits),
            "start (s)": start,
            "from a kill to the first answer (s)": max(back, default=0.0),
            "memory (MB)": memory,
        }


async def throughput(rows: int, together: int) -> float:
    """Rows per second, written by a store with so many requests that wait at a time."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "study.sqlite", "{}")
        session = (
            "INSERT INTO session (token, episode, language, kind, browser, at) VALUES ('x', 0, '', '', '', 0)",
            (),
        )
        await store.write(session)
        row = "INSERT INTO round VALUES (1, 'game', ?, 0, 0.5, 'key', 0, 0.0, 0, 0.0)"
        begin = time.perf_counter()
        for first in range(0, rows, together):
            statements: list[Statement] = [(row, (number,)) for number in range(first, first + together)]
            await asyncio.gather(*(store.write(each) for each in statements))
        seconds = time.perf_counter() - begin
        store.close()
        return rows / seconds


async def main() -> None:
    table = Table("measurement", "result")
    for name, value in (await measure(500, 60, 5, 2.0)).items():
        table.add_row(
            f"500 participants x 60 rounds, 5 kills: {name}", f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
        )
    pairs = [(await throughput(2_000, 1), await throughput(2_000, 50)) for _ in range(3)]
    alone, together = (max(each) for each in zip(*pairs, strict=True))
    table.add_row("store: rows per second, one request at a time", f"{alone:,.0f}")
    table.add_row(
        "store: rows per second, 50 requests wait at a time", f"{together:,.0f} ({together / alone:.1f} times)"
    )
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
