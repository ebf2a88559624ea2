"""Reports in Chromium: on desktops and phones, in light and dark mode, and on paper."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bibtexparser
import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.experiment import Compare
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.experiment import Recover
from accept_reject.experiments.runner import Experiment, run_experiment
from accept_reject.experiments.train.config import ImitationConfig, MetaConfig
from accept_reject.experiments.train.experiment import ImitationTraining, MetaTraining

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
PROBLEMS = Path(__file__).with_name("problems_of_page.js").read_text(encoding="utf-8")
UNFOLD = "document.querySelectorAll('details').forEach((each) => each.open = true)"
ORDER = "[...document.querySelectorAll('h1, .answer, h2, figure, table')].map((each) => each.className || each.tagName)"
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "paper": (680, 1009)}
"""Sizes of the viewport in pixels; of paper, A4 within its margins."""

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


def _benchmark(folder: Path) -> Benchmark:
    games = [{"scenario": name, "label": name, "game": {"rounds": 40}} for name in SCENARIOS]
    config = {"scenarios": games, "agents": AGENTS, "seeds": 2, "episodes": 1}
    return Benchmark(BenchmarkConfig.model_validate(config))


def _fit(folder: Path) -> FitExperiment:
    config = {"data": str(folder / "people.yaml"), "models": MODELS, "starts": 1, "simulations": 3}
    return FitExperiment(FitConfig.model_validate(config))


def _recover(folder: Path) -> Recover:
    config = {"models": MODELS, "rounds": [20, 40], "participants": [3, 6], "studies": 3, "starts": 1}
    return Recover(RecoverConfig.model_validate(config))


def _compare(folder: Path) -> Compare:
    people = [str(folder / "people.yaml")]
    config = {"participants": people, "agents": AGENTS[1::2], "models": MODELS[:1], "folds": 2}
    return Compare(CompareConfig.model_validate(config))


def _meta(folder: Path) -> MetaTraining:
    config = {"name": "meta", "scenarios": SCENARIOS[:2], "reward": {"acceptance": 1}, "network": {"hidden": 4}}
    config |= {"updates": 4, "episodes": 4, "evaluate_every": 2, "evaluation_episodes": 4}
    return MetaTraining(MetaConfig.model_validate(config))


def _imitation(folder: Path) -> ImitationTraining:
    config = {
        "name": "imitation",
        "population": str(folder / "people.yaml"),
        "participants": 6,
        "network": {"hidden": 4},
    }
    config |= {"validation": 3, "test": 4, "updates": 4, "evaluate_every": 2, "models": MODELS[1:]}
    return ImitationTraining(ImitationConfig.model_validate(config))


EXPERIMENTS: dict[str, Callable[[Path], Experiment[Any, Any, Any]]] = {
    **{"benchmark": _benchmark, "fit": _fit, "recover": _recover, "compare": _compare},
    **{"meta": _meta, "imitation": _imitation},
}


@pytest.fixture(scope="module", params=EXPERIMENTS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "people.yaml").write_text(yaml.safe_dump(PEOPLE), encoding="utf-8")
    return (run_experiment(EXPERIMENTS[request.param](folder), folder) / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = [f"--{each}" for each in ("no-sandbox", "disable-gpu", *QUIET)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open reports, and check in the end that they logged nothing and requested nothing."""
    contexts, logged = [], []

    def opened(report: str, size: str = "desktop", **options: Any) -> Page:
        width, height = SIZES[size]
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: logged.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: logged.append(f"error: {error}"))
        page.on("request", lambda request: logged.append(f"request: {request.url}") if request.url != report else None)
        page.goto(report)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert logged == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_reports_are_readable(report: str, size: str, scheme: str, show: Callable[..., Page]) -> None:
    page = show(report, size, color_scheme=scheme)
    assert page.evaluate(PROBLEMS) == []
    page.evaluate(UNFOLD)
    assert page.evaluate(PROBLEMS) == []
    scales = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map((each) => each.getScreenCTM().a / (4 / 3))"
    )
    assert min(scales) > 0.6, "figures whose text is too small"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reports_are_readable_on_paper(report: str, scheme: str, show: Callable[..., Page]) -> None:
    page = show(report, "paper", color_scheme=scheme)
    page.emulate_media(media="print")
    assert page.evaluate(PROBLEMS) == []
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


def test_reports_answer_first(report: str, show: Callable[..., Page]) -> None:
    page = show(report)
    assert page.evaluate(ORDER)[:4] == ["H1", "answer", "FIGURE", "TABLE"]
    assert page.title() == page.locator("h1").inner_text()
    assert re.fullmatch(r".+[.]", page.locator(".answer").inner_text())
    box = page.locator("figure").first.bounding_box()
    assert box and box["y"] < SIZES["desktop"][1] / 2
    names = page.evaluate("[...document.querySelectorAll('figure [role=img]')].map((each) => each.ariaLabel)")
    assert len(set(names)) == len(names), "each figure is shown once"


def test_details_are_folded_and_methods_offer_bibtex(report: str, show: Callable[..., Page]) -> None:
    page = show(report)
    assert page.locator("details[open], script").count() == 0
    page.evaluate(UNFOLD)
    methods = page.locator("details:has(> summary > h2:text-is('Methods'))")
    if methods.count():  # training reports have none
        references = methods.locator(".references p").all_inner_texts()
        assert references == sorted(references)
        assert len(bibtexparser.parse_string(methods.locator("pre").inner_text()).entries) == len(references) > 0
    config = page.locator("details:has(> summary > h2:text-is('Config')) pre").inner_text()
    assert isinstance(yaml.safe_load(config), dict)


def test_the_first_column_stays_in_place(report: str, show: Callable[..., Page]) -> None:
    page = show(report, "phone")
    page.set_viewport_size({"width": 240, "height": 844})  # so narrow that tables scroll in every report
    page.evaluate(UNFOLD)
    moved = page.evaluate(MOVED)
    assert moved, "a report without a wide table is no test"
    assert set(moved) == {0}
