"""Requests to the server of a study: hostile and broken ones, several at a time, pages and the monitor."""

import asyncio
import json
from typing import Any

import httpx2
from serving import ROUNDS, Clock, Participant
from starlette.testclient import TestClient

from accept_reject.web.server import MAX_BODY, create_app
from accept_reject.web.sessions import Sessions
from accept_reject.web.view import scripts

BODIES = [
    (b"[]", 422), (b"", 400), (b"nonsense", 400), (b"\xff\xfe\x00", 400), (b"null", 422), (b"{" * 10_000, 400),
    (b"[" * 10_000 + b"]" * 10_000, 400), (b" " * (MAX_BODY + 1), 413), (b'{"part": "game"}', 422),
]  # fmt: skip


ROUND = {"part": "practice", "round": 0, "place": 0}


CHANGES: list[tuple[dict[str, Any], int]] = [
    ({"round": 1}, 409), ({"part": "game"}, 409), ({"part": "test"}, 422), ({"round": -1}, 422), ({"round": 1e9}, 422),
    ({"round": "0"}, 422), ({"round": True}, 422), ({"round": None}, 422), ({"place": 2}, 422), ({"place": 7}, 422),
    ({"place": -1}, 422), ({"place": True}, 422), ({"place": None}, 422), ({"place": 0.5}, 422), ({"place": "0"}, 422),
    ({"place": [0]}, 422), ({"response_time": -1}, 422), ({"response_time": 1e6}, 422), ({"response_time": "1"}, 422),
    ({"response_time": True}, 422), ({"device": "<script>"}, 422), ({"device": 1}, 422), ({"unfocused": -1}, 422),
    ({"unfocused_seconds": -0.1}, 422), ({"fullscreen_left": 1e9}, 422), ({"other": 1}, 422),
]  # fmt: skip


STARTS: list[tuple[Any, int]] = [
    ({"language": "fr"}, 422), ({"language": "../en"}, 422), ({"language": 1}, 422), ({}, 422),
    ({"language": "en", "external": {"other": "x"}}, 422), ({"language": "en", "external": {"PID": ""}}, 422),
    ({"language": "en", "external": {"PID": "a b"}}, 422), ({"language": "en", "external": {"PID": "x" * 201}}, 422),
    ({"language": "en", "external": {"PID": 3}}, 422), ({"language": "en", "external": ["PID"]}, 422),
    ({"language": "en", "episode": 3}, 422), ({"language": "en", "token": "x"}, 422),
]  # fmt: skip


PAGES: list[tuple[dict[str, Any], int]] = [
    ({"page": "check", "attempt": 1, "answers": [2, 1]}, 409), ({"page": "debriefing", "attempt": 0}, 409),
    ({"page": "x" * 60, "attempt": 0}, 422), ({"page": 1, "attempt": 0}, 422), ({"page": "check", "attempt": -1}, 422),
    ({"page": "check", "attempt": 0, "answers": ["=1+1"]}, 422), ({"page": "check", "attempt": 0, "seconds": -3}, 422),
    ({"page": "check", "attempt": 0, "answers": [1] * 21}, 422),
]  # fmt: skip


RATINGS: list[tuple[dict[str, Any], int]] = [
    ({"number": 0, "rating": 3}, 409), ({"number": 0, "rating": True}, 422), ({"number": 0, "rating": 3.5}, 422),
    ({"number": -1, "rating": 3}, 422), ({"rating": 3}, 422), ({"number": 0, "rating": None}, 422),
]  # fmt: skip


def test_invalid_requests_change_nothing(client: TestClient, sessions: Sessions) -> None:
    person = Participant(client)
    person.until("round")
    tables = ("session", "external", "round", "page", "rating", "event", "outcome")
    before = [sessions.store.read(f"SELECT * FROM {table}") for table in tables]
    refused = 0
    for path in ("round", "page", "rating", "start"):
        for content, status in BODIES:
            person.post(f"/api/{path}", content, (status,))
            refused += 1
    infinite = json.dumps(ROUND)[:-1].encode() + b', "response_time": %s}'
    for number in (b"NaN", b"1e999", b"Infinity", b"-Infinity"):
        person.post("/api/round", infinite % number, (400, 422))
        refused += 1
    cases: list[tuple[str, list[tuple[Any, int]]]] = [
        ("round", [(ROUND | change, status) for change, status in CHANGES]),
        ("start", STARTS),
        ("page", PAGES),
        ("rating", RATINGS),
    ]
    for path, bodies in cases:
        for body, status in bodies:
            error = person.post(f"/api/{path}", body, (status,))["error"]
            assert isinstance(error, str)
            assert error
            refused += 1
    for token in ("", "x", person.token[:-1], "Bearer", "' OR 1=1 --"):
        reply = client.post("/api/round", json=ROUND, headers={"authorization": f"Bearer {token}"})
        assert reply.status_code == 401
        refused += 1
    for path in (
        "/static/../store.py",
        "/static/%2e%2e/server.py",
        "/monitor",
        "/monitor?secret=x",
        "/monitor?secret=%C3%A9",
        "/api/result",
    ):
        assert client.get(path).status_code in (401, 404)
        refused += 1
    assert client.get("/api/round").status_code == 405
    assert refused >= 80
    assert [sessions.store.read(f"SELECT * FROM {table}") for table in tables] == before


def test_requests_at_the_same_time(client: TestClient, sessions: Sessions, clock: Clock) -> None:
    """They wait for each other: a session ends once, and nothing is stored after a withdrawal."""
    late, gone, torn = Participant(client), Participant(client), Participant(client)
    for person in (late, gone, torn):
        person.until("round")

    async def together(person: Participant, *requests: tuple[str, str, Any]) -> list[int]:
        transport = httpx2.ASGITransport(create_app(sessions))
        headers = {"authorization": f"Bearer {person.token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
            replies = [browser.request(method, f"/api/{path}", json=body) for method, path, body in requests]
            found = await asyncio.gather(*replies)
            if person is torn:
                assert len({reply.json()["elsewhere"] for reply in found}) == 2, "one of them was first"
            return [reply.status_code for reply in found]

    round_answer = ("POST", "round", ROUND)
    statuses = asyncio.run(together(gone, ("POST", "withdraw", {}), *[round_answer] * 4, ("GET", "state", None)))
    assert statuses == [200, *[401] * 5]
    statuses = asyncio.run(together(torn, *(("POST", "round", ROUND | {"place": place}) for place in (0, 1))))
    assert statuses == [200, 200]
    assert sessions.store.read("SELECT event FROM event") == [("practice 0 answered twice",)]
    clock.now += 31 * 60
    statuses = asyncio.run(together(late, *[("GET", "state", None)] * 5, round_answer))
    assert statuses == [*[200] * 5, 409]
    assert sessions.store.read("SELECT outcome FROM outcome") == [("timed_out",)]


def test_headers_and_weight(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "style=" not in page.text
    assert "set-cookie" not in page.headers
    for address, preferred, language in (
        ("/?lang=de", "en", "de"), ("/", "fr, de-AT;q=0.9", "de"), ("/?lang=<b>", "en-US", "en"), ("/", "fr", "en"),
    ):  # fmt: skip
        assert f'<html lang="{language}">' in client.get(address, headers={"accept-language": preferred}).text
    loaded = [name for name in scripts() if name not in ("result.js", "jspsych.txt")]
    names = ["/", *(f"/static/{name}" for name in loaded), "/api/study"]
    replies = [client.get(name, headers={"accept-encoding": "gzip"}) for name in names]
    assert sum(len(reply.content) for reply in replies) < 130_000
    assert sum(int(reply.headers["content-length"]) for reply in replies) < 45_000, "compressed"
    assert "http" not in "".join(reply.text for reply in replies if "jspsych" not in str(reply.url)).replace(
        "http://www.w3.org/2000/svg", ""
    )


def test_the_monitor(client: TestClient) -> None:
    Participant(client).until("end")
    Participant(client).until("round", "game")
    page = client.get("/monitor?secret=secret").text
    assert "<th scope=row>Started</th><td>2</td>" in page
    assert "<th scope=row>Finished</th><td>1</td>" in page
    assert "game 1: 1" in page
    rows = client.get("/monitor.csv?secret=secret").text.splitlines()
    assert rows[0].startswith("session,part,round,place")
    assert len(rows) == 1 + 2 + ROUNDS + 2
