"""A study in a browser: whole sessions by mouse, keyboard and touch, interruptions, and accessibility."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from accept_reject.experiments.yaml_text import dump

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FOUND = os.environ.get("ACCEPT_REJECT_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = pytest.mark.skipif(FOUND is None, reason=f"no browser: none of {', '.join(NAMES)} is on the PATH")

ROUNDS, PRACTICE, PARTNERS = 8, 2, 8
STUDY: dict[str, Any] = {
    "name": "mini",
    "seed": 5,
    "scenario": {"scenario": "orthogonal", "game": {"rounds": ROUNDS}},
    "practice_rounds": PRACTICE,
    "feedback_seconds": 0.15,
    "recruiting": {"parameters": ["PID"], "exits": {"complete": {"code": "DONE"}}},
    "texts": {
        "en": {"consent": {"text": "A test with **bold** words.\n\n- one\n- two"}},
        "de": {"consent": {"text": "Ein Test."}},
    },
}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = f"""async () => (await axe.run(document, {{runOnly: {json.dumps(AXE_TAGS)}}})).violations
    .map(({{id, nodes: [node]}}) => [id, node.html.slice(0, 160), node.any.map((any) => any.message).join("; ")])"""
SCROLLS = """() => {
    const page = document.documentElement;
    return [page.scrollHeight - innerHeight, page.scrollWidth - innerWidth];
}"""
TARGETS = """() => [...document.querySelectorAll("button:not([hidden]), label, a")]
    .filter((each) => each.checkVisibility())
    .map((each) => [each.getBoundingClientRect(), each.textContent])
    .filter(([box]) => box.height < 44 || box.width < 30)
    .map(([box, text]) => `${text} ${box.width} x ${box.height}`)"""


class Server:
    """A server in a process of its own."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder, self.file = folder, folder / "study.sqlite"
        (folder / "study.yaml").write_text(dump(STUDY | changes), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "accept_reject", "serve", "study.yaml", "--file", str(self.file)]
        with (self.folder / "log.txt").open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
            )
        for _ in range(400):
            try:
                httpx2.get(f"{self.address}/api/study")
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.folder / "log.txt").read_text())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def rows(self, sql: str) -> list[Any]:
        with sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("study"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND, args=["--no-sandbox"])
        yield browser
        browser.close()


class Way(NamedTuple):
    """How a participant takes part."""

    how: str
    language: str
    scheme: str
    width: int
    height: int


WAYS = (
    Way("mouse", "en", "light", 1280, 800),
    Way("keyboard", "de", "dark", 1280, 800),
    Way("touch", "en", "dark", 390, 844),
    Way("touch", "de", "light", 360, 640),
)


class Person:
    """Somebody with a browser."""

    def __init__(self, browser: Any, server: Server, way: Way, query: str = "") -> None:
        touch = way.how == "touch"
        self.server, self.way, self.query = server, way, query
        self.context = browser.new_context(
            viewport={"width": way.width, "height": way.height}, has_touch=touch, is_mobile=touch,
            color_scheme=way.scheme, reduced_motion="reduce",
        )  # fmt: skip
        self.context.set_default_timeout(20_000)
        self.errors: list[str] = []
        self.page = self.new_tab()

    def new_tab(self) -> Any:
        page = self.context.new_page()
        page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{self.server.address}/?lang={self.way.language}{self.query}")
        page.wait_for_selector("form, .choosing, #end")
        return page

    def hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def press(self, selector: str) -> None:
        if self.way.how == "keyboard":
            self.page.focus(selector)
            self.page.keyboard.press("Space" if "input" in selector else "Enter")
        elif self.way.how == "touch":
            self.page.tap(selector)
        else:
            self.page.click(selector)

    def proceed(self) -> None:
        """Go on from a page, and wait for the next screen."""
        before = self.page.inner_text("main")
        self.press(".go")
        self.changes(before)

    def changes(self, before: str) -> None:
        for _ in range(400):
            if self.page.inner_text("main") != before:
                return
            self.page.wait_for_timeout(10)
        raise AssertionError(f"still at: {before}")

    def choose(self, place: int) -> str:
        self.page.wait_for_selector(".choosing")
        self.page.wait_for_timeout(60)  # until the frame after the offer
        if self.way.how == "keyboard":
            self.page.keyboard.press(("f", "ArrowRight")[place])
        else:
            self.press(f'[data-place="{place}"]')
        self.page.wait_for_selector("#feedback:not([hidden])")
        return str(self.page.inner_text("#feedback"))

    def consent(self) -> None:
        self.press("input[name=agreed]")
        self.proceed()

    def check(self, answers: tuple[int, ...]) -> None:
        for i, answer in enumerate(answers):
            self.press(f'input[name="question-{i}"][value="{answer}"]')
        self.proceed()

    def to_rounds(self) -> None:
        """From the consent to the first round of the game."""
        self.consent()
        for _ in range(3):
            self.proceed()
        self.check((2, 1))
        self.proceed()
        for now in range(PRACTICE):
            self.choose(now % 2)
        self.page.wait_for_selector("form")
        self.proceed()
        self.page.wait_for_selector(".choosing")

    def to_the_end(self, rounds: int) -> None:
        for now in range(rounds):
            self.choose(now % 2)
        self.page.wait_for_selector("form")
        self.proceed()
        for now in range(PARTNERS):
            self.page.wait_for_selector(".scale")
            self.press(f'input[name=rating][value="{1 + now % 7}"]')
            self.proceed()
        self.proceed()
        self.page.wait_for_selector("#end")


def look(person: Person, name: str, shots: Path) -> None:
    """Check accessibility, the size of targets, and that rounds need no scrolling."""
    import axe_playwright_python

    person.page.screenshot(path=str(shots / f"{name}.png"))
    person.page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    assert person.page.evaluate(AXE) == [], name
    down, right = person.page.evaluate(SCROLLS)
    assert right <= 0, name
    if "round" in name:
        assert down <= 0, name
    if person.way.how == "touch":
        assert person.page.evaluate(TARGETS) == [], name


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
    person.page.wait_for_selector("#feedback:not([hidden])")
    person.page.wait_for_selector(".choosing")
    first, second = person.page, person.new_tab()
    assert second.inner_text("#where") == f"Round 3 of {ROUNDS}"
    second.wait_for_timeout(60)
    second.click('[data-place="1"]')
    second.wait_for_selector("#feedback:not([hidden])")
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
