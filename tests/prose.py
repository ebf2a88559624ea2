"""What must hold for every methods section."""

import re

import bibtexparser

from accept_reject.experiments.reporting.html import versions
from accept_reject.experiments.reporting.methods import Methods
from accept_reject.experiments.reporting.references import bibliography, formatted, label

NOUNS = (
    "agent|choice|draw|episode|fold|iteration|model|newcomer|other episode|parameter|participant|partner|random draw|"
    "resample|round|scenario|seed|simulated participant|spot"
)
YEAR = r"(?:19|20)[0-9]{2}(?=[;)])"


def text_of(methods: Methods) -> str:
    """The paragraphs as one text, after checks of its form, plurals and citations."""
    text = " ".join(methods.paragraphs)
    stray = r" [ ,.;:)]|[,;:.]{2}|[(\[] |[(][)]|[\[\]{}]|\b(None|nan|inf|Undefined)\b|[a-z]_[a-z]+ "
    assert not re.search(stray, text.replace("et al.", "et al")), text
    assert not re.search(rf"(?<![\d,.])1 ({NOUNS})s\b|\b1 studies\b", text), text
    assert not re.search(rf"(?<![\d,.])([02-9]|\d[\d,]+) ({NOUNS}|study)\b(?!-)", text), text
    for paragraph in methods.paragraphs:
        assert re.fullmatch(r"[A-Z0-9].*[.]", paragraph), paragraph
        assert not re.search(r"(?<!et al)(?<!vs)[.] [a-z]", paragraph), paragraph
    cited = {key for key, entry in bibliography().items() if label(entry) in text}
    assert len(re.findall(YEAR, text)) == sum(text.count(label(bibliography()[key])) for key in cited), text
    assert list(methods.references) == sorted(formatted(bibliography()[key]) for key in cited)
    assert set(bibtexparser.parse_string(methods.bibtex).entries_dict) == cited
    assert all(version in text for version in versions())
    return text


def expect(text: str, parts: list[str], absent: list[str]) -> None:
    """Check that a text holds some parts and none of some words."""
    assert [part for part in parts if part not in text] == [], text
    assert [part for part in absent if re.search(rf"\b{re.escape(part)}", text)] == [], text
