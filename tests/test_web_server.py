"""The server of a study: what it stores, what it shows and when, and what it refuses."""

import asyncio
import json
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient

from accept_reject.agents import make_agent
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.envs.env import AcceptRejectEnv
from accept_reject.envs.episodes import draw
from accept_reject.envs.scenarios import SCENARIOS, scenario
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.compare.run import own_episodes
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay
from accept_reject.web.export import export_study, read_study, write_bonuses
from accept_reject.web.schedule import Schedule
from accept_reject.web.server import MAX_BODY, create_app
from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store
from accept_reject.web.study import Study

ROUNDS = 12
CONFIG: dict[str, Any] = {
    "name": "mini",
    "seed": 5,
    "scenario": {"scenario": "orthogonal", "game": {"rounds": ROUNDS}},
    "practice_rounds": 2,
    "check_attempts": 2,
    "ratings": 7,
    "recruiting": {"parameters": ["PID"], "exits": {"complete": {"code": "DONE"}, "withdrawn": {"code": "GONE"}}},
    "bonus": "0.1 * accepted",
    "texts": {"en": {"consent": {"text": "A test."}}, "de": {"consent": {"text": "Ein Test."}}},
}


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Participant:
    """A browser that answers whatever the server asks for."""

    def __init__(self, client: TestClient, **start: Any) -> None:
        self.client, self.traffic = client, ""
        reply = self.post("/api/start", {"language": "en", **start})
        self.token, self.state = reply["token"], reply

    def post(self, path: str, body: Any, status: tuple[int, ...] = (200, 201)) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        reply = self.client.post(path, content=body if isinstance(body, bytes) else json.dumps(body), headers=headers)
        assert reply.status_code in status, (reply.status_code, reply.text)
        self.traffic += reply.text
        found: dict[str, Any] = reply.json()
        return found

    def get(self) -> dict[str, Any]:
        reply: dict[str, Any] = self.client.get("/api/state", headers={"authorization": f"Bearer {self.token}"}).json()
        return reply

    def choose(self, place: int | None, **more: Any) -> dict[str, Any]:
        body = {"part": self.state["part"], "round": self.state["round"], "place": place, "response_time": 0.5, **more}
        self.state = self.post("/api/round", body)
        return self.state

    def page(self, answers: list[int] | None = None) -> None:
        state = self.state
        right = [2, 1] if state["page"] == "check" else []
        body = {"page": state["page"], "attempt": state["attempt"], "answers": answers or right, "seconds": 3.0}
        self.state = self.post("/api/page", body)

    def until(self, step: str, part: str | None = None) -> None:
        """Answer until a step is reached."""
        while self.state["step"] != step or part not in (None, self.state.get("part")):
            if self.state["step"] == "page":
                self.page()
            elif self.state["step"] == "round":
                self.choose(self.state["round"] % 2, device="key")
            else:
                number = self.state["number"]
                body = {"number": number, "rating": 1 + number % 7, "seconds": 2.0}
                self.state = self.post("/api/rating", body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "study.sqlite"


@pytest.fixture
def sessions(file: Path, clock: Clock) -> Sessions:
    return opened(file, clock)


def opened(file: Path, clock: Clock, kind: str = "real", **changes: Any) -> Sessions:
    study = Study.model_validate(CONFIG | changes)
    return Sessions(study, Store(file, study.model_dump_json()), kind, clock=clock)


@pytest.fixture
def client(sessions: Sessions) -> Iterator[TestClient]:
    with TestClient(create_app(sessions, secret="secret")) as client:
        yield client


def test_a_whole_session_and_its_data(client: TestClient, sessions: Sessions, file: Path, tmp_path: Path) -> None:
    people = [Participant(client, external={"PID": f"person-{i}"}, language="de" if i else "en") for i in range(3)]
    for person in people[:2]:
        person.until("end")
        assert (person.state["outcome"], person.state["code"]) == ("complete", "DONE")
    people[2].until("round", "game")
    for place in (1, 0, 1):
        people[2].choose(place)
    sessions.store.close()
    folder = tmp_path / "data"
    found = export_study([file], folder)
    assert found.participants["finished"] == [1, 1, 0]
    data = load(str(folder))
    choices = data.choices
    assert choices.recorded is not None
    assert choices.recorded.tolist() == [ROUNDS, ROUNDS, 3]
    assert choices.choice[2].tolist() == [1, 0, 1] + [MISSED] * (ROUNDS - 3)
    assert choices.choice[0].tolist() == [i % 2 for i in range(ROUNDS)]
    episodes = draw(choices.game, 5, 3)
    assert (choices.offered[:2] == episodes.offered[:2]).all()
    assert np.isclose(choices.valuation[:2], episodes.valuation[:2]).all()  # type: ignore[index]
    assert choices.response_time is not None
    assert (choices.response_time[0] == 0.5).all()
    for name in ("thompson-rank", "bayes-hybrid"):  # as if an agent had made these choices in the live game
        live, loaded = (replay(make_agent(name), each).numpy() for each in (found.choices, choices))
        np.testing.assert_array_equal(live, loaded)
    own = own_episodes(data)
    assert own is not None, "agents can play the participants' own episodes"
    np.testing.assert_array_equal(own.rank[:2], episodes.rank[:2])
    table = data.participants
    assert table is not None
    for changed in (table.assign(seed="6"), table.assign(episode=["1", "0", "2"]), table.assign(episode="n/a")):
        assert own_episodes(data._replace(participants=changed)) is None
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.*"))
    assert "person-" not in text
    assert '"Simulated": false' in text
    liking = (folder / "phenotype" / "liking.tsv").read_text(encoding="utf-8").splitlines()
    assert liking[0].split("\t")[:2] == ["participant_id", "liking_A"]
    assert liking[3].split("\t")[1:] == ["n/a"] * 8
    assert write_bonuses([file], tmp_path / "bonus.csv") == 2
    accepted = found.choices.accepted.sum(axis=1)
    lines = (tmp_path / "bonus.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [f"person-{i},{0.1 * accepted[i]:.2f}" for i in range(2)]


def test_feedback_is_that_of_the_game(client: TestClient, sessions: Sessions) -> None:
    person = Participant(client)
    person.until("round", "game")
    episodes = draw(sessions.study.game, 5, 1)
    shown = episodes.rank_shown[0]
    for now in range(ROUNDS):
        assert person.state["offered"] == episodes.offered[0, now].tolist()
        last = person.choose(place := (now // 2) % 2)["last"]
        seen = shown[now, place]
        assert last["accepted"] == episodes.accepted[0, now, place]
        assert (last["rank"] or 0) == episodes.rank[0, now, place] * seen
        assert last["spots"] == (episodes.spots[0, now, place] if seen else None)
    hidden = {"valuation", "acceptance", "mean_rank", "kind", "correct"}
    assert not [word for word in hidden if word in person.traffic]
    assert "correct" not in client.get("/api/study").text


def test_a_repeated_request_is_answered_alike_and_changes_nothing(client: TestClient, sessions: Sessions) -> None:
    person = Participant(client)
    person.until("round", "game")
    body = {"part": "game", "round": 0, "place": 1, "response_time": 0.7}
    first, second = person.post("/api/round", body), person.post("/api/round", body)
    assert first == second
    other = person.post("/api/round", body | {"place": 0})
    assert other["last"] == first["last"]
    assert other["elsewhere"]
    assert sessions.store.read("SELECT place, response_time FROM round WHERE part = 'game'") == [(1, 0.7)]
    assert sessions.store.read("SELECT event FROM event") == [("game 0 answered twice",)]


def test_a_session_goes_on_after_the_server_was_killed(sessions: Sessions, file: Path, clock: Clock) -> None:
    client = TestClient(create_app(sessions))
    person = Participant(client, external={"PID": "x"})
    person.until("round", "game")
    person.choose(1)
    before = person.get()
    sessions.store._db.close()  # what kill -9 leaves: no orderly end
    assert sessions.store._lock is not None
    sessions.store._lock.release()
    with TestClient(create_app(opened(file, clock))) as again:
        person.client = again
        assert person.get() == before
        assert Participant(again, external={"PID": "x"}).token == person.token
        assert Participant(again, external={"PID": "y"}).token != person.token
        person.until("end")


def test_check_practice_and_time(client: TestClient, clock: Clock, sessions: Sessions) -> None:
    failing, slow = Participant(client), Participant(client)
    failing.page()
    failing.page([1, 1])
    assert failing.state["page"] == "check"
    assert failing.state["passed"] is False
    failing.page([1, 1])
    assert failing.state["outcome"] == "check_failed"
    failing.post("/api/page", {"page": "check", "attempt": 2, "answers": [2, 1]}, (409,))
    slow.until("round")
    assert slow.state["part"] == "practice"
    clock.now += 29 * 60
    slow.choose(0)
    clock.now += 31 * 60
    assert slow.get() == {"step": "end", "outcome": "timed_out"}
    assert sessions.store.read("SELECT outcome FROM outcome ORDER BY session") == [("check_failed",), ("timed_out",)]


def test_a_time_limit_is_the_servers(file: Path, clock: Clock) -> None:
    sessions = opened(file, clock, time_limit=4.0, practice_rounds=0)
    with TestClient(create_app(sessions)) as client:
        person = Participant(client)
        person.until("round")
        clock.now += 5
        assert person.choose(0)["last"]["place"] == 0
        assert person.choose(None)["last"] == {"round": 1, "offered": person.state["last"]["offered"], "place": None}
        clock.now += 9
        assert person.choose(1)["last"]["place"] is None, "too late for the server's clock"
        sessions.store.read("SELECT 1")
        places = [place for (place,) in sessions.store.read("SELECT place FROM round ORDER BY round")]
        assert places == [0, None, None]


def test_no_byte_is_left_of_who_withdraws(client: TestClient, sessions: Sessions, file: Path, tmp_path: Path) -> None:
    stays, goes = (Participant(client, external={"PID": f"{name}-identifier"}) for name in ("stays", "goes"))
    for person in (stays, goes):
        person.until("round", "game")
        person.choose(0, response_time=0.123456789 if person is goes else 0.5)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(word in content for word in (goes.token.encode(), b"goes-identifier"))
    assert goes.post("/api/withdraw", {}) == {"step": "end", "outcome": "withdrawn", "code": "GONE"}
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in (goes.token.encode(), b"goes-identifier") if word in content]
    assert struct.pack(">d", 0.123456789) not in content
    assert stays.token.encode() in content
    assert goes.post("/api/round", {"part": "game", "round": 1, "place": 0}, (401,))["error"].startswith("there is no")
    assert sessions.store.read("SELECT count(*) FROM withdrawal") == [(1,)]
    stays.choose(1)
    new = Participant(client)
    assert sessions.find(new.token).episode == 2, "its episode is not used again"
    _, found = read_study([file], "real")
    assert (len(found.choices), found.withdrawn, found.left_out) == (1, 1, 1)


def test_a_withdrawal_while_the_file_is_read(
    client: TestClient, sessions: Sessions, file: Path, tmp_path: Path
) -> None:
    stays, goes = Participant(client), Participant(client, external={"PID": "goes-identifier"})
    for person in (stays, goes):
        person.until("round")
    with sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM session").fetchone() == (2,)
        goes.post("/api/withdraw", {})
        stays.choose(0)
        assert reader.execute("SELECT count(*) FROM session").fetchone() == (2,), "a reader sees one state"
    reader.close()
    stays.choose(1)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in (goes.token.encode(), b"goes-identifier") if word in content]


def test_kinds_of_sessions_never_mix(file: Path, clock: Clock) -> None:
    for kind in ("pilot", "real"):
        sessions = opened(file, clock, kind)
        with TestClient(create_app(sessions)) as client:
            Participant(client).until("end")
    for kind, episode in (("pilot", 0), ("real", 1)):
        _, found = read_study([file], kind)
        assert found.participants["episode"] == [episode]
        assert found.others == 1
    with pytest.raises(InvalidInputError, match="must have simulated sessions with at least one round, got 0 without"):
        read_study([file], "simulated")


def test_files_are_of_one_study_and_one_server(file: Path, clock: Clock, tmp_path: Path) -> None:
    sessions = opened(file, clock)
    with pytest.raises(InvalidInputError, match="open in another process"):
        opened(file, clock)
    sessions.store.close()
    with pytest.raises(InvalidInputError, match="another config"):
        opened(file, clock, seed=6)
    (tmp_path / "text.sqlite").write_text("no database" * 100, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="must be the file of a study, or a new file"):
        opened(tmp_path / "text.sqlite", clock)
    with pytest.raises(InvalidInputError, match="must be the file of a study"):
        read_study([tmp_path / "text.sqlite"], "real")
    other = opened(tmp_path / "second.sqlite", clock, first_episode=100)
    for each in (opened(file, clock), other):
        with TestClient(create_app(each)) as client:
            Participant(client).until("end")
    _, found = read_study([file, tmp_path / "second.sqlite"], "real")
    assert found.participants["episode"] == [0, 100]


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


def test_rows_are_only_appended(client: TestClient, sessions: Sessions) -> None:
    Participant(client).until("end")
    for table in ("session", "round", "page", "rating", "outcome"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            sessions.store._db.execute(f"UPDATE {table} SET rowid = rowid" if table == "session" else
                                       f"UPDATE {table} SET at = 0")  # fmt: skip


def test_headers_and_weight(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "style=" not in page.text
    assert "set-cookie" not in page.headers
    for address, preferred, language in (
        ("/?lang=de", "en", "de"), ("/", "fr, de-AT;q=0.9", "de"), ("/?lang=<b>", "en-US", "en"), ("/", "fr", "en"),
    ):  # fmt: skip
        assert f'<html lang="{language}">' in client.get(address, headers={"accept-language": preferred}).text
    names = ["/", *(f"/static/{name}" for name in ("jspsych.js", "app.js", "current.js", "draw.js", "end.js", "page.js",
             "round.js", "server.js", "words.js", "style.css", "icon.svg"))]  # fmt: skip
    replies = [client.get(name, headers={"accept-encoding": "gzip"}) for name in [*names, "/api/study"]]
    assert sum(len(reply.content) for reply in replies) < 130_000
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


def test_simulated_choices_are_those_of_the_agent(client: TestClient, sessions: Sessions) -> None:
    """An agent that plays through the server makes and meets the same as in `play`."""
    expected = play(make_agent("bayes-hybrid"), draw(sessions.study.game, 5, 1))
    person = Participant(client)
    person.until("round", "game")
    for now, place in enumerate(expected.choice[0].tolist()):
        last = person.choose(place)["last"]
        assert last["accepted"] == expected.accepted[0, now]
        assert (last["rank"] or 0) == expected.rank[0, now]


def test_a_cover_story_needs_a_second_consent(file: Path, clock: Clock) -> None:
    debriefed = {"en": {"consent": {"text": "A test."}, "debriefing": {"title": "The truth", "text": "Programs."}}}
    with pytest.raises(ValueError, match="debriefing: is required with a cover story"):
        Study.model_validate(CONFIG | {"cover_story": True})
    sessions = opened(file, clock, cover_story=True, texts=debriefed)
    with TestClient(create_app(sessions)) as client:
        agrees, leaves = Participant(client), Participant(client)
        agrees.until("end")
        leaves.until("rating")
        leaves.until("page")
        assert leaves.state["page"] == "debriefing"
        leaves.page()
        assert leaves.state["page"] == "consent-again"
    _, found = read_study([file], "real")
    assert (len(found.choices), found.left_out) == (1, 1)


def test_a_full_disk_is_reported_and_nothing_is_half_written(client: TestClient, sessions: Sessions) -> None:
    person = Participant(client)
    person.until("round", "game")
    (pages,) = sessions.store._db.execute("PRAGMA page_count").fetchone()
    sessions.store._db.execute(f"PRAGMA max_page_count = {pages}")
    before, written = person.get(), 0
    for number in range(2_000):  # until the free space within pages is used up
        reply = client.post("/api/note", json={"event": "resumed"}, headers={"authorization": f"Bearer {person.token}"})
        written = number
        if reply.status_code != 200:
            break
    assert reply.status_code == 503
    assert reply.json() == {"error": "the answer can't be stored: database or disk is full"}
    assert sessions.store.read("SELECT count(*) FROM event") == [(written,)]
    assert person.get() == before
    sessions.store._db.execute("PRAGMA max_page_count = 1000000")
    person.until("end")


@pytest.mark.parametrize("name", SCENARIOS)
def test_rounds_are_those_of_the_environment(name: str) -> None:
    """For the same choices, a browser gets the feedback that the Gymnasium environment gives."""
    game, episodes, rng = scenario(name).game, 200, np.random.default_rng(0)
    schedule = Schedule(Study.model_validate(CONFIG | {"scenario": name, "seed": 3}))
    choice = rng.integers(game.offered, size=(episodes, game.rounds))
    drawn = Choices.record(draw(game, 3, episodes), choice)
    env = AcceptRejectEnv(name)
    for episode in range(episodes):
        rounds = schedule.game(episode)
        seen = [rounds.feedback(now, place) for now, place in enumerate(choice[episode].tolist())]
        assert [each["rank"] or 0 for each in seen] == drawn.rank[episode].tolist()
        assert [each["accepted"] for each in seen] == drawn.accepted[episode].tolist()
        spots = [UNKNOWN_SPOTS if each["spots"] is None else each["spots"] for each in seen]
        assert spots == drawn.spots[episode].tolist()
        assert rounds.offered == drawn.offered[episode].tolist()
    for episode in range(5):
        env.reset(seed=None if episode else 3)
        for now, place in enumerate(choice[episode].tolist()):
            observation, reward, *_ = env.step(place)
            assert reward == drawn.accepted[episode, now]
            assert observation["last_rank"] == drawn.rank[episode, now]


def test_the_server_needs_no_agents() -> None:
    code = (
        "import sys, accept_reject.web.serve, accept_reject.web.server; print({'torch', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_requests_at_the_same_time(client: TestClient, sessions: Sessions, clock: Clock) -> None:
    """They wait for each other: a session ends once, and nothing is stored after a withdrawal."""
    late, gone = Participant(client), Participant(client)
    late.until("round")
    gone.until("round")

    async def together(person: Participant, *requests: tuple[str, str, Any]) -> list[int]:
        transport = httpx2.ASGITransport(create_app(sessions))
        headers = {"authorization": f"Bearer {person.token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
            replies = [browser.request(method, f"/api/{path}", json=body) for method, path, body in requests]
            return [reply.status_code for reply in await asyncio.gather(*replies)]

    round_answer = ("POST", "round", ROUND)
    statuses = asyncio.run(together(gone, ("POST", "withdraw", {}), *[round_answer] * 4, ("GET", "state", None)))
    assert statuses == [200, *[401] * 5]
    clock.now += 31 * 60
    statuses = asyncio.run(together(late, *[("GET", "state", None)] * 5, round_answer))
    assert statuses == [*[200] * 5, 409]
    assert sessions.store.read("SELECT outcome FROM outcome") == [("timed_out",)]


def test_the_last_answer_and_the_outcome_are_stored_together(client: TestClient, sessions: Sessions) -> None:
    failing, person = Participant(client), Participant(client)
    failing.page()
    failing.page([1, 1])
    person.until("rating")
    while person.state["step"] == "rating":
        body = {"number": person.state["number"], "rating": 4}
        person.state = person.post("/api/rating", body)
    for each, answers, outcome in ((failing, [1, 1], "check_failed"), (person, [], "complete")):
        before = sessions.store.commits
        each.page(answers)
        assert each.state["outcome"] == outcome
        assert sessions.store.commits == before + 1
