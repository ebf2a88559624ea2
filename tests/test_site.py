"""The documentation site: its strict build, its links, and that it asks for nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml

import accept_reject as ar
from accept_reject.agents.registry import AGENTS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
HOME = "http://localhost/"


class Page(HTMLParser):
    """What a page links to and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.images_without_text: list[str] = []
        self.equations = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        self.equations += tag == "math"
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel", "") not in ("canonical", "prev", "next", "alternate"):
            self.loads.append(given["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in given:
            self.loads.append(given["src"])
        if tag == "img" and not given.get("alt"):
            self.images_without_text.append(given.get("src", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site strictly, in a copy, so that the checkout stays as it is."""
    pytest.importorskip("zensical", reason="the site needs the docs extra")
    copy = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, copy)
    package = copy / ".venv" / "static" / "accept_reject"
    package.mkdir(parents=True)
    for path in [*(ROOT / "accept_reject").glob("*.py"), *(ROOT / name for name in ("envs", "agents", "experiments"))]:
        (package / path.name).symlink_to(path)
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return copy / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """The pages by their address."""
    found = {file: Page(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    return {HOME + str(file.relative_to(site)).removesuffix("index.html"): page for file, page in found.items()}


def targets(pages: dict[str, Page]) -> Iterator[tuple[str, str]]:
    for address, page in pages.items():
        if not address.endswith("404.html"):  # its links are seen from the root, wherever that is
            for link in (*page.links, *page.loads):
                yield address, urljoin(address, link)


@pytest.mark.slow
def test_links_lead_to_pages_files_and_headings_that_exist(site: Path, pages: dict[str, Page]) -> None:
    broken = []
    for source, target in targets(pages):
        parts = urlsplit(target)
        if not target.startswith(HOME):
            continue
        path = unquote(parts.path).lstrip("/")
        if HOME + path in pages:
            fragment = unquote(parts.fragment)
            if fragment and not fragment.startswith("__") and fragment not in pages[HOME + path].ids:
                broken.append((source, target))
        elif not (site / path).is_file():
            broken.append((source, target))
    assert not broken


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    loads = {urljoin(address, each) for address, page in pages.items() for each in page.loads}
    assert {each for each in loads if not each.startswith((HOME, "data:"))} == set()
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?https?:", style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_every_image_has_a_text(pages: dict[str, Page]) -> None:
    assert {address: page.images_without_text for address, page in pages.items() if page.images_without_text} == {}


@pytest.mark.slow
def test_equations_are_drawn_by_the_browser_itself(site: Path, pages: dict[str, Page]) -> None:
    for name in ("bayesian", "delta_rule", "thompson", "ideal_observer", "networks", "baselines"):
        assert pages[f"{HOME}reference/agents/{name}/"].equations >= 1
        text = (site / "reference" / "agents" / name / "index.html").read_text(encoding="utf-8")
        without_code = re.sub(r"<(code|pre|annotation)\b.*?</\1>", "", text, flags=re.DOTALL)
        assert not re.search(r"\$|\\(frac|sum|alpha|exp)\b", without_code), "an equation that was not converted"


@pytest.mark.slow
def test_search_finds_public_names(site: Path) -> None:
    index = (site / "search.json").read_text(encoding="utf-8")
    assert all(name in index for name in ar.__all__ if not name.startswith("_"))


def nav_entries(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, list):
        for each in nav:
            yield from nav_entries(each)
    elif isinstance(nav, dict):
        yield from nav_entries(list(nav.values()))


def test_navigation_holds_every_page_once() -> None:
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    listed = list(nav_entries(config["nav"]))
    assert len(listed) == len(set(listed))
    assert set(listed) == {str(file.relative_to(DOCS)) for file in DOCS.rglob("*.md")}


def test_reference_lists_every_public_name_and_every_registered_agent() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in (DOCS / "reference").glob("*.md"))
    documented = set(re.findall(r"^::: accept_reject\.(\w+)$", text, flags=re.MULTILINE))
    assert documented == {name for name in ar.__all__ if not name.startswith("_")}
    agents = (DOCS / "reference" / "agents" / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", agents.split("| --- |")[-1])) >= set(AGENTS)
