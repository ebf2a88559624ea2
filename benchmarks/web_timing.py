"""Accuracy of response times: keys are pressed at known moments, and recorded response times are compared with them.

    .venv/bin/python benchmarks/web_timing.py

The true response time is the time from the first frame with the offer, by the page's clock of frames, to the moment at
which the key is sent to the browser by its debugging interface, by this process's clock. The error contains the way to
the browser and its queues, at full speed and with a page that is slowed down. Delays of keyboards and displays are not
included: no browser knows them.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from accept_reject.experiments.yaml_text import dump

ROUNDS = 60
STUDY: dict[str, Any] = {
    "name": "timing",
    "scenario": {"scenario": "orthogonal", "game": {"rounds": ROUNDS}},
    "check": False,
    "practice_rounds": 0,
    "ratings": 0,
    "debriefing": False,
    "feedback_seconds": 0.1,
    "texts": {"en": {"consent": {"text": "-"}}},
}
WATCH = """
let offer = null;
new MutationObserver(() => {
    const now = document.querySelector(".choosing");
    if (now && now !== offer) {
        offer = now;
        // a callback runs before its frame is drawn, and the next one after it
        requestAnimationFrame(() => requestAnimationFrame((time) => { window.shownAt = time; }));
    }
}).observe(document, {childList: true, subtree: true});
"""
SHOWN = """() => new Promise((done) => {
    const look = () => {
        if (!window.shownAt) return setTimeout(look, 2);
        done(performance.timeOrigin + window.shownAt);
        window.shownAt = null;
    };
    look();
})"""
KEY = {"code": "KeyF", "key": "f", "windowsVirtualKeyCode": 70}


def measure(slower: int) -> np.ndarray[Any, Any]:
    """Errors of response times in ms, with a processor that is slowed down."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        (Path(folder) / "study.yaml").write_text(dump(STUDY), encoding="utf-8")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "accept_reject", "serve", "study.yaml", "--port", str(port)]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        recorded: list[float] = []
        true: list[float] = []
        try:
            time.sleep(3)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=os.environ.get("ACCEPT_REJECT_BROWSER") or shutil.which("chromium"),
                    args=["--no-sandbox"],
                )
                page = browser.new_page()
                page.on("request", lambda request: recorded.append(request.post_data_json["response_time"])
                        if request.url.endswith("/api/round") else None)  # fmt: skip
                page.set_default_timeout(20_000)
                page.add_init_script(WATCH)
                page.goto(f"http://127.0.0.1:{port}/")
                page.click("input[name=agreed]")
                for _ in range(4):
                    page.click(".go")
                    page.wait_for_timeout(300)
                session = page.context.new_cdp_session(page)
                session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
                rng = np.random.default_rng(0)
                for _ in range(ROUNDS):
                    shown = page.evaluate(SHOWN)
                    time.sleep(rng.uniform(0.2, 0.9))
                    true.append(1e3 * time.time() - shown)
                    for event in ("rawKeyDown", "keyUp"):
                        session.send("Input.dispatchKeyEvent", KEY | {"type": event})
                page.wait_for_selector("#end")
                browser.close()
        finally:
            server.kill()
            server.wait()
    return 1e3 * np.array(recorded) - np.array(true)


def main() -> None:
    table = Table("processor", "median error (ms)", "95% of errors below (ms)", "largest (ms)")
    for slower in (1, 6):
        errors = np.abs(measure(slower))
        speed = "full speed" if slower == 1 else f"slowed down {slower} times"
        table.add_row(speed, *(f"{each:.1f}" for each in (np.median(errors), np.quantile(errors, 0.95), errors.max())))
    Console().print(table)


if __name__ == "__main__":
    main()
