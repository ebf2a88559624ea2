"""A server in a process of its own, and somebody with a browser."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from accept_reject.experiments.yaml_text import dump
from accept_reject.web.static import export_static
from accept_reject.web.study import Study

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


FOUND = os.environ.get("ACCEPT_REJECT_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


ROUNDS, PRACTICE, PARTNERS = 8, 2, 8


STUDY: dict[str, Any] = {
    "name": "mini",
    "seed": 5,
    "scenario": {"scenario": "orthogonal", "game": {"rounds": ROUNDS}},
    "practice_rounds": PRACTICE,
    "feedback_seconds": 0.4,
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


FEEDBACKS = """
window.feedbacks = [];
new MutationObserver(() => {
    const shown = document.querySelector("#feedback:not([hidden]):not([data-seen])");
    if (!shown) return;
    shown.dataset.seen = "";
    window.feedbacks.push(shown.innerText);
}).observe(document, {childList: true, subtree: true, attributes: true, attributeFilter: ["hidden"]});
"""


class Server:
    """A server in a process of its own."""

    def __init__(self, folder: Path, kind: str = "real", **changes: Any) -> None:
        self.folder, self.file, self.kind = folder, folder / "study.sqlite", kind
        (folder / "study.yaml").write_text(dump(STUDY | changes), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "accept_reject", "serve", "study.yaml", "--file", str(self.file)]
        command += [] if self.kind == "real" else [f"--{self.kind}"]
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


class Files:
    """A static study and a server of files; `jatos.js` is a stand-in that keeps what it gets."""

    def __init__(self, folder: Path, collector: str = "jatos", episodes: int = 3, **changes: Any) -> None:
        self.study, self.folder = Study.model_validate(STUDY | changes), folder
        folder.with_name("study.yaml").write_text(dump(STUDY | changes), encoding="utf-8")
        export_static(self.study, folder, episodes, collector)
        (folder / "jatos.js").write_text(JATOS)
        handler = partial(_Quiet, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def imported(self, *arguments: object) -> str:
        """Import results by the command, and return its output."""
        command = [sys.executable, "-m", "accept_reject", "import-study", "study.yaml", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder.parent, capture_output=True, text=True, check=True)
        return done.stdout

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code: Any = "-", size: Any = "-") -> None: ...


JATOS = """
window.jatos = {
    urlQueryParameters: Object.fromEntries(new URLSearchParams(location.search)),
    studyResultId: "17",
    onLoad: (loaded) => setTimeout(loaded, 10),
    async submitResultData(text) { window.collected = text; window.submitted = (window.submitted ?? 0) + 1; },
    async endStudyAjax() { window.ended = true; },
    async abortStudyAjax() { window.collected = null; },
};
"""


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

    def __init__(self, browser: Any, server: Server | Files, way: Way, query: str = "") -> None:
        touch = way.how == "touch"
        self.server, self.way, self.query = server, way, query
        self.context = browser.new_context(
            viewport={"width": way.width, "height": way.height}, has_touch=touch, is_mobile=touch,
            color_scheme=way.scheme, reduced_motion="reduce",
        )  # fmt: skip
        self.context.set_default_timeout(20_000)
        self.errors: list[str] = []
        self.replies: list[Any] = []
        self.page = self.new_tab()

    def new_tab(self) -> Any:
        page = self.context.new_page()
        page.add_init_script(FEEDBACKS)
        page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("response", lambda reply: self.replies.append(reply))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{self.server.address}/?lang={self.way.language}{self.query}")
        page.wait_for_selector("form, .choosing, #end")
        return page

    def traffic(self) -> list[str]:
        """Everything that the browser got from the server, but for the files of the page and the texts."""
        return [reply.text() for reply in self.replies if "/api/" in reply.url and "/api/study" not in reply.url]

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
        return self.feedback(self.page)

    def feedback(self, page: Any) -> str:
        """Wait for the feedback of the choice that was just made. It may be gone from the screen by then."""
        for _ in range(2_000):
            if texts := page.evaluate("window.feedbacks.splice(0)"):
                return str(texts[-1])
            page.wait_for_timeout(10)
        raise AssertionError("no feedback")

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
