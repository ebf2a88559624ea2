"""A study in a browser: whole sessions by mouse, keyboard and touch, interruptions, and accessibility."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import FOUND, NAMES, PARTNERS, PRACTICE, ROUNDS, WAYS, Person, Server, Way, look

pytestmark = pytest.mark.skipif(FOUND is None, reason=f"no browser: none of {', '.join(NAMES)} is on the PATH")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("study"))
    yield server
    server.kill()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way)))
def test_a_whole_study(browser: Any, server: Server, way: Way, tmp_path: Path) -> None:
    person = Person(browser, server, way)
    look(person, "consent", tmp_path)
    sessions = server.rows("SELECT count(*) FROM session")
    person.press(".go")
    assert person.page.inner_text(".problem"), "consent must be given"
    assert server.rows("SELECT count(*) FROM session") == sessions, "nothing begins before the consent"
    person.consent()
    for name in ("how", "rejection", "task"):
        look(person, name, tmp_path)
        person.proceed()
    person.press(".go")
    assert person.page.inner_text(".problem"), "all questions must be answered"
    person.check((1, 1))
    look(person, "check-failed", tmp_path)
    person.check((2, 1))
    person.proceed()
    for now in range(PRACTICE):
        person.choose(now % 2)
    person.page.wait_for_selector("form")
    person.proceed()
    seen = set()
    person.page.wait_for_selector(".choosing")
    look(person, "round-offer", tmp_path)
    for now in range(ROUNDS):
        feedback = person.choose(now % 2)
        kind = "hidden" if person.page.query_selector(".veiled") else "shown"
        if kind not in seen:
            look(person, f"round-{kind}", tmp_path)
            seen.add(kind)
        assert feedback
    assert seen == {"hidden", "shown"}
    person.page.wait_for_selector("form")
    look(person, "ratings", tmp_path)
    person.proceed()
    look(person, "rating", tmp_path)
    for now in range(PARTNERS):
        person.press(f'input[name=rating][value="{1 + now % 7}"]')
        person.proceed()
    look(person, "debriefing", tmp_path)
    person.proceed()
    person.page.wait_for_selector("#end")
    look(person, "end", tmp_path)
    assert "DONE" in person.page.inner_text("main")
    assert person.errors == []
    traffic = person.traffic()
    assert not [word for word in ("valuation", "acceptance", "correct", "seed") if word in "".join(traffic)]
    feedbacks = [json.loads(text)["last"] for text in traffic if '"last"' in text]
    assert [each["round"] for each in feedbacks] == [*range(PRACTICE), *range(ROUNDS)]
    assert sum(text.count('"rank"') for text in traffic) == PRACTICE + ROUNDS
    assert person.page.evaluate("document.documentElement.lang") == way.language
    ((session,),) = server.rows("SELECT max(id) FROM session")
    rounds = server.rows(
        "SELECT round, place, device, response_time FROM round "
        f"WHERE part = 'game' AND session = {session} ORDER BY round"
    )
    assert [row[:2] for row in rounds] == [(now, now % 2) for now in range(ROUNDS)]
    assert {row[2] for row in rounds} == {{"keyboard": "key"}.get(way.how, way.how)}
    assert all(0 < row[3] < 5 for row in rounds)
    assert server.rows(f"SELECT count(*) FROM rating WHERE session = {session}") == [(PARTNERS,)]


def test_interruptions_lose_nothing(browser: Any, server: Server) -> None:
    """Reload, a second tab, the back button, a double click, and a killed server."""
    person = Person(browser, server, WAYS[0], "&PID=somebody")
    person.to_rounds()
    person.choose(0)
    person.page.wait_for_selector(".choosing")
    person.page.reload()
    person.page.wait_for_selector(".choosing")
    assert person.page.inner_text("#where") == f"Round 2 of {ROUNDS}"
    person.page.wait_for_timeout(60)
    person.page.dblclick('[data-place="1"]')
    person.feedback(person.page)
    person.page.wait_for_selector(".choosing")
    first, second = person.page, person.new_tab()
    assert second.inner_text("#where") == f"Round 3 of {ROUNDS}"
    second.wait_for_timeout(60)
    second.click('[data-place="1"]')
    person.feedback(second)
    feedback = person.choose(0)  # in the first tab, where the round is still open
    assert "another tab" in feedback
    second.close()
    first.wait_for_selector(".choosing")
    assert first.inner_text("#where") == f"Round 4 of {ROUNDS}"
    first.go_back()
    first.goto(f"{server.address}/?lang=en&PID=somebody")
    first.wait_for_selector(".choosing")
    server.kill()
    first.wait_for_timeout(60)
    first.click('[data-place="0"]')
    first.wait_for_selector("#notice:not(:empty)")
    server.start()
    first.wait_for_selector(f"text=Round 5 of {ROUNDS}")
    other = Person(browser, server, WAYS[0], "&PID=somebody")  # another browser, with the id of the recruiting service
    other.page.wait_for_selector("form")
    other.press("input[name=agreed]")
    other.proceed()
    other.page.wait_for_selector(".choosing")
    assert other.page.inner_text("#where") == f"Round 5 of {ROUNDS}"
    other.to_the_end(ROUNDS - 4)
    session = "(SELECT session FROM external WHERE value = 'somebody')"
    rows = server.rows(f"SELECT place FROM round WHERE part = 'game' AND session = {session} ORDER BY round")
    assert [place for (place,) in rows] == [0, 1, 1, 0, 0, 1, 0, 1]
    events = [event for (event,) in server.rows(f"SELECT event FROM event WHERE session = {session}")]
    assert "game 2 answered twice" in events
    assert "resumed" in events
    assert "second tab" in events
    assert [each for each in person.errors if "ERR_" not in each and "Failed to load" not in each] == []


def test_tabs_and_participants_of_one_browser(browser: Any, tmp_path: Path) -> None:
    """Tabs share a session, with an id or without; another id at the same computer begins a new one."""
    server = Server(tmp_path)
    for query in ("", "&PID=one"):
        person = Person(browser, server, WAYS[0], query)
        first, second = person.page, person.new_tab()  # both at the consent
        person.consent()
        second.click("input[name=agreed]")
        second.click(".go")
        second.wait_for_selector("text=How to play")
        third = person.new_tab()
        third.wait_for_selector("text=How to play")
        assert person.errors == []
    assert server.rows("SELECT count(*) FROM session") == [(2,)]
    person.query = "&PID=two"
    person.new_tab().wait_for_selector("input[name=agreed]")
    person.query = "&PID=one"
    person.new_tab().wait_for_selector("text=How to play")
    person.query = ""
    person.new_tab().wait_for_selector("text=How to play")
    assert server.rows("SELECT count(*) FROM session") == [(2,)]
    assert first.is_visible("text=How to play")
    server.kill()


def test_an_expired_session_ends_with_its_code(browser: Any, tmp_path: Path) -> None:
    server = Server(tmp_path, resume_within="1s", recruiting={"exits": {"timed_out": {"code": "LATE"}}})
    person = Person(browser, server, WAYS[0])
    person.consent()
    person.page.wait_for_timeout(1500)
    person.page.reload()
    person.page.wait_for_selector("#end")
    assert "expired" in person.page.inner_text("main")
    assert "LATE" in person.page.inner_text("main")
    assert person.errors == []
    server.kill()


def test_withdrawal_after_the_end(browser: Any, tmp_path: Path) -> None:
    """The data are still there, so the button is, too."""
    server = Server(tmp_path, check=False, practice_rounds=0, ratings=0, debriefing=False)
    person = Person(browser, server, WAYS[0], "&PID=late")
    person.consent()
    for _ in range(3):
        person.proceed()
    for now in range(ROUNDS):
        person.choose(now % 2)
    person.page.wait_for_selector("text=DONE")
    person.press("#withdraw")
    person.press("dialog [value=yes]")
    person.page.wait_for_selector("text=Your data were deleted")
    assert not person.page.is_visible("#withdraw")
    assert server.rows("SELECT count(*) FROM session") == [(0,)]
    assert person.errors == []
    server.kill()


def test_a_simulation_answers_the_check_until_it_is_over(browser: Any, tmp_path: Path) -> None:
    server = Server(tmp_path, check_attempts=2, kind="simulated")
    page = browser.new_page()
    page.add_init_script("window.simulated = ({ page }) => (page === 'check' ? { answers: [1, 1] } : {});")
    page.goto(f"{server.address}/?simulate=data-only")
    page.wait_for_selector("#end")
    assert "not right" in page.inner_text("main")
    assert server.rows("SELECT kind, outcome FROM session JOIN outcome ON session = id") == [
        ("simulated", "check_failed")
    ]
    server.kill()


def test_withdrawal(browser: Any, server: Server) -> None:
    person = Person(browser, server, WAYS[0], "&PID=regretful")
    person.to_rounds()
    person.choose(1)
    person.press("#withdraw")
    person.page.wait_for_selector("dialog[open]")
    person.press("dialog [value=yes]")
    person.page.wait_for_selector("#end")
    assert "deleted" in person.page.inner_text("main")
    assert server.rows("SELECT count(*) FROM external WHERE value = 'regretful'") == [(0,)]
    person.page.reload()
    person.page.wait_for_selector("form")
    assert person.page.query_selector("input[name=agreed]"), "a new session would begin with the consent"
    assert person.errors == []


def test_no_consent_stores_nothing(browser: Any, server: Server) -> None:
    before = server.rows("SELECT count(*) FROM session")
    person = Person(browser, server, WAYS[0])
    person.press("#decline")
    person.page.wait_for_selector("#end")
    assert server.rows("SELECT count(*) FROM session") == before
    assert person.errors == []


def test_play(browser: Any, tmp_path: Path) -> None:
    """The page of `play`: curves of others on the same rounds, and the next game."""
    command = [sys.executable, "-m", "accept_reject", "play", "--no-browser", "--rounds", "10", "--seed", "3"]
    process = subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[2]
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text))
        page.goto(f"{address}/?episode=12")
        for _ in range(3):
            page.click(".go")
        for now in range(10):
            page.wait_for_selector(".choosing")
            page.wait_for_timeout(60)
            page.keyboard.press("fj"[now % 2])
            page.wait_for_selector("#feedback:not([hidden])")
        page.wait_for_selector(".result", timeout=60_000)
        texts = page.inner_text("#end")
        assert "Your rounds" in texts
        assert "learns ranks" in page.text_content(".curves")
        assert len(page.query_selector_all(".curves path")) == 6
        page.click("#again")
        page.wait_for_selector("form")
        assert page.url.endswith("?episode=13")
        assert errors == []
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.communicate()
