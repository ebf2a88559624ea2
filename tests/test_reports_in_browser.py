"""Reports as readers see them: in Chromium, on desktops and phones, by day and night, and on paper."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.run_folder import run_benchmark
from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.run_folder import run_compare
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.run_folder import run_fit
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.run_folder import run_recover

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FOUND = os.environ.get("ACCEPT_REJECT_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
QUIET = ("no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
FOLLOWING = """(figure) => [...document.querySelectorAll("h2, table")]
    .find((each) => figure.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING).tagName"""
MOVED = """[...document.querySelectorAll(".scroll:has(table)")]
    .filter((each) => each.scrollWidth > each.clientWidth)
    .map((each) => {
        each.scrollLeft = 100;
        return each.querySelector("td").getBoundingClientRect().left - each.getBoundingClientRect().left;
    })"""
FAULTS = Path(__file__).with_name("faults_of_page.js").read_text(encoding="utf-8")
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "paper": (680, 1009)}
"""What is seen of a page, in pixels; of A4 within its margins."""

pytestmark = pytest.mark.skipif(FOUND is None, reason=f"no browser: none of {', '.join(NAMES)} is on the PATH")

SIGNALS = ("hybrid", "rank", "outcome")
LEARNERS = [{"agent": f"delta-{signal}", "label": f"reinforcement learner ({signal})"} for signal in SIGNALS]
OTHERS = ["thompson-rank", "thompson-outcome", "win-stay-lose-shift", "random"]
AGENTS = ["oracle-valuing", *(f"bayes-{signal}" for signal in SIGNALS), *LEARNERS, *OTHERS]
SCENARIOS = ["orthogonal", "hidden-ranks", "open-doors", "drift", "newcomers", "noisy"]
MODELS = [
    {"agent": "bayes-hybrid", "label": "both signals weighted by w"},
    {"agent": "bayes-rank", "label": "rank only"},
    "bayes-outcome",
]
PEOPLE = {
    **{"kind": "population", "name": "people", "agent": "bayes-hybrid", "participants": 6},
    **{"game": {"scenario": "orthogonal", "game": {"rounds": 40}}},
    **{"parameters": {"w": {"distribution": "beta", "a": 2, "b": 2}, "inverse_temperature": 4}},
}


def _benchmark(folder: Path) -> Path:
    games = [{"scenario": name, "label": name, "game": {"rounds": 40}} for name in SCENARIOS]
    config = {"scenarios": games, "agents": AGENTS, "seeds": 2, "episodes": 1}
    return run_benchmark(BenchmarkConfig.model_validate(config), folder)


def _fit(folder: Path) -> Path:
    config = {"data": "people.yaml", "models": MODELS, "starts": 1, "simulations": 3}
    return run_fit(FitConfig.model_validate(config), folder, folder)


def _recover(folder: Path) -> Path:
    config = {"models": MODELS, "rounds": [20, 40], "participants": [3, 6], "studies": 3, "starts": 1}
    return run_recover(RecoverConfig.model_validate(config), folder)


def _compare(folder: Path) -> Path:
    config = {"people": ["people.yaml"], "agents": AGENTS[1::2], "models": MODELS[:1], "folds": 2}
    return run_compare(CompareConfig.model_validate(config), folder, folder)


MADE: dict[str, Callable[[Path], Path]] = {
    **{"benchmark": _benchmark, "fit": _fit, "recover": _recover, "compare": _compare}
}


@pytest.fixture(scope="module", params=MADE)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "people.yaml").write_text(yaml.safe_dump(PEOPLE), encoding="utf-8")
    return (MADE[request.param](folder) / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = [f"--{each}" for each in ("no-sandbox", "disable-gpu", *QUIET)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a report, and in the end makes sure that it said nothing and asked for nothing."""
    contexts, said = [], []

    def opened(report: str, size: str = "desktop", **options: Any) -> Page:
        width, height = SIZES[size]
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("request", lambda request: said.append(f"request: {request.url}") if request.url != report else None)
        page.goto(report)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_everything_can_be_read(report: str, size: str, scheme: str, show: Callable[..., Page]) -> None:
    page = show(report, size, color_scheme=scheme)
    assert page.evaluate(FAULTS) == []
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert page.evaluate(FAULTS) == []
    scales = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map((each) => each.getScreenCTM().a / (4 / 3))"
    )
    assert min(scales) > 0.6, "figures whose text is too small"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_on_paper(report: str, scheme: str, show: Callable[..., Page]) -> None:
    page = show(report, "paper", color_scheme=scheme)
    page.emulate_media(media="print")
    assert page.evaluate(FAULTS) == []
    folded = (
        "[...document.querySelectorAll('details > :not(summary)')].filter((each) => !each.checkVisibility()).length"
    )
    assert page.evaluate(folded) == 0
    styles = "(what) => [...document.querySelectorAll(what)].map((each) => getComputedStyle(each))"
    assert set(page.evaluate(f"({styles})('figure, tr').map((style) => style.breakInside)")) == {"avoid"}
    assert set(page.evaluate(f"({styles})('.scroll').map((style) => style.overflowX)")) == {"visible"}
    assert set(page.evaluate(f"({styles})('body').map((style) => style.backgroundColor)")) == {"rgb(255, 255, 255)"}
    heights = page.evaluate("[...document.querySelectorAll('figure')].map((each) => each.offsetHeight)")
    assert max(heights) < SIZES["paper"][1], "a figure that fits on no page is cut in two"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_figures_have_names_captions_and_numbers(report: str, show: Callable[..., Page]) -> None:
    page = show(report)
    figures = page.locator("figure")
    assert figures.count() > 0
    for figure in figures.all():
        assert figure.get_by_role("img").get_attribute("aria-label")
        assert figure.locator("figcaption").inner_text()
        assert figure.evaluate(FOLLOWING) == "TABLE"


def test_the_first_column_stays_where_it_is(report: str, show: Callable[..., Page]) -> None:
    page = show(report, "phone")
    moved = page.evaluate(MOVED)
    assert moved, "a report without a wide table is no test"
    assert set(moved) == {0}
