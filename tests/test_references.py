"""References: `references.bib`, citations, and the sentences around numbers and lists."""

import re
from pathlib import Path

import bibtexparser
import pytest
from jinja2 import FileSystemLoader, UndefinedError

from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.reporting import methods as module
from accept_reject.experiments.reporting.methods import constant, write_methods
from accept_reject.experiments.reporting.references import BIBLIOGRAPHY, Citations, bibliography, formatted, label
from accept_reject.experiments.reporting.words import counted, listed, span

ROOT = Path(__file__).parents[1]
TEMPLATES = BIBLIOGRAPHY.with_name("templates") / "methods"
CITED = {
    key
    for path in TEMPLATES.glob("*.jinja")
    for keys in re.findall(r"cite\(([^)]*)\)", path.read_text(encoding="utf-8"))
    for key in re.findall(r'"(\w+)"', keys)
}


def test_every_citation_is_in_the_bibliography_and_every_entry_is_cited() -> None:
    docs = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    assert CITED
    assert bibliography().keys() >= CITED
    assert [key for key in bibliography() if key not in CITED and key not in docs] == []


@pytest.mark.parametrize("key", sorted(CITED))
def test_references_are_complete(key: str) -> None:
    entry = bibliography()[key]
    text = formatted(entry)
    names = r"[^()]+, ([A-Z]\.[ -]?)+(, & [^()]+, ([A-Z]\. ?)+)?"
    assert re.fullmatch(rf"{names} \({entry['year']}\)\. .+\.( https://\S+)?", text), text
    assert text.endswith(f"https://doi.org/{entry['doi']}") if "doi" in entry else True
    assert entry["title"] in text
    assert str(entry["year"]) in key
    assert not re.search(r"[{}\\]|--|\bNone\b|, ,|\.\.", text), text


def test_labels_of_one_two_and_more_authors() -> None:
    found = {key: label(bibliography()[key]) for key in ("wilson1927", "collins2012", "stephan2009")}
    assert list(found.values()) == ["Wilson, 1927", "Collins & Frank, 2012", "Stephan et al., 2009"]


def test_citations_list_only_cited_works() -> None:
    citations = Citations()
    assert (citations.references, citations.bibtex) == ((), "")
    assert citations.cite("wilson1927", "collins2012") == "Collins & Frank, 2012; Wilson, 1927"
    assert [reference.partition(",")[0] for reference in citations.references] == ["Collins", "Wilson"]
    entries = bibtexparser.parse_string(citations.bibtex).entries
    assert [entry.key for entry in entries] == ["collins2012", "wilson1927"]
    assert all(entry in BIBLIOGRAPHY.read_text(encoding="utf-8") for entry in citations.bibtex.split("\n\n"))
    with pytest.raises(KeyError, match="nobody2000"):
        citations.cite("nobody2000")


def test_chapters_have_editors() -> None:
    text = formatted(bibliography()["rescorla1972"])
    assert "Wagner, A. R. (1972)" in text
    assert "In A. H. Black & W. F. Prokasy (Eds.), " in text
    assert "(pp. 64–99). Appleton-Century-Crofts." in text


def test_an_invalid_bibliography_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "references.bib"
    entry = "@article{one,\n  title = {One},\n}\n"
    broken.write_text(f"{entry}\n{entry}", encoding="utf-8")
    monkeypatch.setattr("accept_reject.experiments.reporting.references.BIBLIOGRAPHY", broken)
    with pytest.raises(ValueError, match=r"references\.bib: invalid entries at lines 5"):
        bibliography.__wrapped__()


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A methods template of one's own."""
    monkeypatch.setattr(module, "PackageLoader", lambda package, path: FileSystemLoader(tmp_path))
    return tmp_path / "mine.jinja"


def test_blank_lines_separate_paragraphs(template: Path) -> None:
    lines = ["{# About. #}", "{% set n = 3 %}", "", "One", "{% if n %}", "two", "{% endif %}", "{{ n }} ,", "four ."]
    template.write_text("\n".join([*lines, "", "{% if not n %}", "No.", "{% endif %}", "", "End."]), encoding="utf-8")
    assert write_methods("mine").paragraphs == ("One two 3, four.", "End.")


@pytest.mark.parametrize("text", ["{{ none }}", "{{ 0.0 / x }}", "{{ x == 1 }}", "{{ [1] }}"])
def test_what_is_no_text_is_refused(text: str, template: Path) -> None:
    template.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="must be text or finite numbers"):
        write_methods("mine", x=float("nan"))


def test_unknown_variables_are_refused(template: Path) -> None:
    template.write_text("{{ unknown }}", encoding="utf-8")
    with pytest.raises(UndefinedError, match="unknown"):
        write_methods("mine")


def test_constants_are_those_of_the_code() -> None:
    text = " ".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.jinja"))
    paths = re.findall(r'constant\("([^"]+)"\)', text)
    assert paths
    assert [path for path in paths if constant(path) is None] == []
    assert constant("inference.model_selection.DECIDED") == DECIDED
    with pytest.raises(AttributeError, match="DECIDE"):
        constant("recover.run.DECIDE")


def test_numbers_and_lists_in_sentences() -> None:
    assert [counted(n, "round") for n in (0, 1, 1440)] == ["0 rounds", "1 round", "1,440 rounds"]
    assert counted(2, "study", "studies") == "2 studies"
    assert [listed("abc"[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b, and c"]
    assert listed([20, 40], "or") == "20 or 40"
    assert [span((3, 3)), span((3, 6))] == ["3", "3 to 6"]
