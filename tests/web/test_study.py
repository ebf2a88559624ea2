"""The config of a study, its texts, and formulas of payments."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from accept_reject.errors import InvalidInputError, parse
from accept_reject.experiments.yaml_text import read_yaml
from accept_reject.web.bonus import bonus
from accept_reject.web.study import Study
from accept_reject.web.texts import SHIPPED, shipped, to_translate

PAGES = Path(__file__).parents[2] / "web" / "pages"
CONFIG: dict[str, Any] = {"name": "mini", "texts": {"en": {"consent": {"text": "A test."}}}}


@pytest.mark.parametrize(
    ("formula", "value"),
    [("0.02 * accepted", 0.6), ("max(0, accepted - 25) / 10", 0.5), ("-accepted", 0), ("round(rounds / 7)", 9)],
)
def test_bonus(formula: str, value: float) -> None:
    assert bonus(formula, 30, 60) == pytest.approx(value)


@pytest.mark.parametrize(
    "formula",
    ["", "accepted(", "__import__('os')", "accepted.real", "1 / (rounds - 2)", "9 ** 9", "x", "'a'", "True", "1e999"],
)
def test_invalid_bonus(formula: str) -> None:
    with pytest.raises(ValueError, match="bonus: "):
        parse(Study, CONFIG | {"bonus": formula}, "study")


def test_problems_of_a_study_are_listed_together() -> None:
    texts = {"en": {"consents": 1, "check": {"questions": [{"question": "?", "answers": ["a", "b"], "correct": 3}]}}}
    broken = {"scenario": {"scenario": "crowd", "game": {"ranks": 20}}, "texts": texts | {"fr": {"title": "Bonjour"}}}
    with pytest.raises(InvalidInputError) as raised:
        parse(Study, CONFIG | broken | {"resume_within": "soon", "ratings": 1}, "study")
    message = str(raised.value)
    for problem in (
        "scenario.game.ranks: must be from 2 to 10 in a browser, got 20",
        "texts.en: unknown key 'consents'; did you mean 'consent'?",
        "texts.en.consent.text: is required",
        "texts.en.check.questions.0.correct: must be from 1 to 2 (answers), got 3",
        "texts.fr.interface: is required",
        "resume_within: must be a duration such as 30min, 2h or 1d, got 'soon'",
        "ratings: must be 0, or at least 2 points, got 1",
    ):
        assert problem in message, message


def test_right_answers_are_the_same_in_all_languages() -> None:
    question = {"question": "?", "answers": ["a", "b"], "correct": 1}
    german = {"consent": {"text": "Ein Test."}, "check": {"questions": [question]}}
    with pytest.raises(InvalidInputError, match="texts: the right answers of `check` must have the same numbers"):
        parse(Study, CONFIG | {"texts": CONFIG["texts"] | {"de": german}}, "study")


def test_texts_of_all_languages_have_the_same_places() -> None:
    """A translation must not lose what is filled in."""

    def places(node: Any, path: str = "") -> dict[str, set[str]]:
        if isinstance(node, dict):
            return {key: each for name, part in node.items() for key, each in places(part, f"{path}.{name}").items()}
        if isinstance(node, list):
            return {key: each for i, part in enumerate(node) for key, each in places(part, f"{path}.{i}").items()}
        return {path: set(re.findall(r"\{\w+\}", str(node)))}

    first, *others = (places(shipped(language)) for language in SHIPPED)
    for other in others:
        shared = first.keys() & other.keys()
        assert len(shared) > 100
        assert {key: first[key] for key in shared} == {key: other[key] for key in shared}


@pytest.mark.parametrize("language", SHIPPED)
def test_printed_texts_are_those_that_a_new_language_needs(language: str) -> None:
    printed = read_yaml(to_translate(language).replace(f"  {language}:", "  fr:"))
    study = parse(Study, {"name": "mini", **printed}, "study")
    assert study.languages["fr"].title == shipped(language)["title"]


def test_notes_on_a_study() -> None:
    exits = {"complete": {"code": "A"}, "no_consent": {"code": "B"}, "withdrawn": {"code": "C"}}
    texts = {"en": {"consent": {"text": "-"}, "partners": ["Ann", "Bob", "Bea", "Cy", "Di", "Ed", "Fay", "Gus"]}}
    study = parse(Study, {"name": "mini", "texts": texts, "recruiting": {"exits": exits}}, "study")
    assert study.notes == [
        "texts.en.partners: several names begin with B, which is shown on them",
        "recruiting.exits: participants get no code or address for check_failed, timed_out",
    ]
    assert parse(Study, CONFIG, "study").notes == []


def test_pages_use_all_words() -> None:
    """Texts that nobody would see are not asked of translators."""
    sources = "".join(path.read_text(encoding="utf-8") for path in PAGES.glob("*.*") if path.name != "jspsych.js")
    for group in ("interface", "round"):
        for key in shipped("en")[group]:
            assert f'"{group}.{key}"' in sources or f"{{{key}}}" in sources, f"{group}.{key}"


def test_jspsych_is_the_published_file() -> None:
    digest = hashlib.sha256((PAGES / "jspsych.js").read_bytes()).hexdigest()
    assert f"SHA-256 {digest}\n" in (PAGES / "jspsych.txt").read_text(encoding="utf-8")
