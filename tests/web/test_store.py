"""The file of a study: what is written when, what is left of withdrawals, and what is refused."""

import sqlite3
import struct
from pathlib import Path

import pytest
from serving import Clock, Participant, opened
from starlette.testclient import TestClient

from accept_reject.errors import InvalidInputError
from accept_reject.web.export import read_study
from accept_reject.web.server import create_app
from accept_reject.web.sessions import Sessions
from accept_reject.web.withdraw import withdraw


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


def test_a_withdrawal_after_the_end(client: TestClient, sessions: Sessions, file: Path, tmp_path: Path) -> None:
    for name in ("stays", "goes"):
        Participant(client, external={"PID": f"{name}-identifier"}).until("end")
    with pytest.raises(InvalidInputError, match="open in another process"):
        withdraw(file, ["goes-identifier"])
    sessions.store.close()
    with pytest.raises(InvalidInputError, match="has no session with the id 'nobody'"):
        withdraw(file, ["goes-identifier", "nobody"])
    assert len(read_study([file], "real")[1].choices) == 2
    withdraw(file, ["goes-identifier"])
    assert b"goes-identifier" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"stays-identifier" in file.read_bytes()
    assert len(read_study([file], "real")[1].choices) == 1


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


def test_rows_are_only_appended(client: TestClient, sessions: Sessions) -> None:
    Participant(client).until("end")
    for table in ("session", "round", "page", "rating", "outcome"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            sessions.store._db.execute(f"UPDATE {table} SET rowid = rowid" if table == "session" else
                                       f"UPDATE {table} SET at = 0")  # fmt: skip


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
