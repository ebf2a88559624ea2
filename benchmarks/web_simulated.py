"""A hundred simulated participants take part in a study, eight browsers at a time, and their data end in a report.

    .venv/bin/python benchmarks/web_simulated.py FOLDER

Choices are those of `simulate configs/population_babur2024.yaml` on the same episodes, response times are drawn from an
ex-Gaussian distribution. The stay/switch effects of both data sets are printed: they must be equal. The folder gets the
study's file, both data sets, and the report of `compare`.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, async_playwright
from rich.progress import Progress

from accept_reject.envs.choices import Choices
from accept_reject.experiments.data.load import load
from accept_reject.experiments.yaml_text import dump

PARTICIPANTS, AT_A_TIME, ROUNDS, SEED = 100, 8, 60, 7
POPULATION = ["population_babur2024", f"participants={PARTICIPANTS}", f"seed={SEED}"]
GAME = {"scenario": "orthogonal", "game": {"rounds": ROUNDS}}
STUDY: dict[str, Any] = {
    "name": "browsers",
    "scenario": GAME,
    "seed": SEED,
    "practice_rounds": 2,
    "feedback_seconds": 0.1,
    "resume_within": "1d",
    "texts": {"en": {"consent": {"text": "-"}}},
}
ANSWERS = """
window.simulated = (state) => {
    if (state.page === "check") return { answers: [2, 1] };
    if (state.step !== "round" || state.part === "practice") return {};
    return { place: CHOICES.places[state.round], response_time: CHOICES.times[state.round] };
};
"""


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    command(folder, "simulate", *POPULATION, f"game={json.dumps(GAME)}", "--out", "simulated")
    choices = load(str(folder / "simulated")).choices
    (folder / "study.yaml").write_text(dump(STUDY), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "accept_reject", "serve", "study.yaml", "--simulated", "--port", str(port)]
    server = subprocess.Popen(serve, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        asyncio.run(take_part(f"http://127.0.0.1:{port}/?simulate=visual", choices))
    finally:
        server.kill()
        server.wait()
    command(folder, "export-study", "browsers.sqlite", "browsers", "--kind", "simulated")
    command(folder, "check", "browsers")
    for data in ("simulated", "browsers"):
        command(folder, "stay-switch", data)
    command(folder, "compare", "compare_babur2024", "participants=[browsers]", "agents=[bayes-hybrid, random]")


def command(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "accept_reject", *arguments], cwd=folder, check=True)


async def take_part(address: str, choices: Choices) -> None:
    places = choices.choice
    rng = np.random.default_rng(0)
    times = rng.normal(0.5, 0.05, places.shape) + rng.exponential(0.15, places.shape)
    answers = iter(zip(places.tolist(), times.tolist(), strict=True))
    starting, slots = asyncio.Lock(), asyncio.Semaphore(AT_A_TIME)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("ACCEPT_REJECT_BROWSER") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        with Progress() as progress:
            task = progress.add_task("participants", total=len(choices))

            async def one() -> None:
                async with slots:
                    await play(browser, address, answers, starting)
                progress.advance(task)

            await asyncio.gather(*(one() for _ in range(len(choices))))
        await browser.close()


async def play(browser: Browser, address: str, answers: Iterator[Any], starting: asyncio.Lock) -> None:
    """Take part. Sessions begin one after the other, so that each gets the episode for which its choices are."""
    context = await browser.new_context()
    context.set_default_timeout(600_000)
    page = await context.new_page()
    async with starting:
        places, times = next(answers)
        await page.add_init_script(f"const CHOICES = {json.dumps({'places': places, 'times': times})};{ANSWERS}")
        await page.goto(address)
        await page.wait_for_selector("#withdraw", state="visible")  # the session has begun
    await page.wait_for_selector("#end")
    await context.close()


if __name__ == "__main__":
    began = time.perf_counter()
    main(Path(sys.argv[1]))
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes")
