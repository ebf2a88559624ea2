"""Everything that participants read, in each language of a study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from accept_reject.errors import Integer, Spec
from accept_reject.experiments.yaml_text import read_yaml

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
"""Text: paragraphs are separated by empty lines, `- ` begins an item of a list, `**` encloses what is bold."""

Plural = dict[str, Text]
"""Forms of a phrase with the number `{n}`, by the categories of Unicode's plural rules: `one`, `few`, `other`, ..."""


class Page(Spec):
    """A page of text."""

    title: Text
    text: Text


class Example(Spec):
    """A drawn ladder: the rank of the player, and the number of spots."""

    rank: Annotated[Integer, Field(ge=1)]
    spots: Annotated[Integer, Field(ge=0)]


class Instruction(Page):
    """A paragraph of instructions with a ladder below it."""

    ladder: Example | None = None


class Question(Spec):
    """A question of the comprehension check; `correct` is the number of the right answer, from 1."""

    question: Text
    answers: Annotated[tuple[Text, ...], Field(min_length=2, max_length=6)]
    correct: Annotated[Integer, Field(ge=1)]
    ladder: Example | None = None

    @model_validator(mode="after")
    def _check_correct(self) -> Question:
        if self.correct > len(self.answers):
            raise ValueError(f".correct: must be from 1 to {len(self.answers)} (answers), got {self.correct}")
        return self


class Consent(Page):
    """The page on which a session begins: `statement` is confirmed, then `agree` clicked."""

    statement: Text
    agree: Text
    decline: Text


class Check(Spec):
    """The comprehension check."""

    title: Text
    text: Text
    questions: Annotated[tuple[Question, ...], Field(min_length=1, max_length=10)]
    wrong: Text


class Rating(Spec):
    """The question about each partner, and the ends of its scale."""

    question: Text
    low: Text
    high: Text


class Round(Spec):
    """The words of a round: `{name}`, `{rank}` and `{spots}` are replaced."""

    ask: Text
    accepted: Text
    rejected: Text
    ranked: Text
    hidden: Text
    missed: Text
    offer: Text
    key: Text
    you: Text
    ladder: Text


class Interface(Spec):
    """The words of the interface."""

    progress: Text
    round: Text
    practice: Text
    tally: Text
    next: Text
    check: Text
    connecting: Text
    failed: Text
    elsewhere: Text
    missing: Text
    withdraw: Text
    withdraw_question: Text
    withdraw_yes: Text
    withdraw_no: Text
    code: Text
    proceed: Text
    noscript: Text


class Ends(Spec):
    """The last page, by outcome."""

    complete: Page
    check_failed: Page
    no_consent: Page
    timed_out: Page
    withdrawn: Page


class Result(Spec):
    """The last page of `play`."""

    headline: Text
    curve: Text
    caption: Text
    you: Text
    people: Text
    agents: dict[str, Text]
    valued: Text
    admirer: Text
    admirer_text: Text
    squares: Text
    copy_: Text = Field(alias="copy")
    copied: Text
    again: Text
    round: Text
    working: Text


class Texts(Spec):
    """Everything that participants read in one language."""

    title: Text
    ordinal: Plural
    spots: Plural
    partners: Annotated[tuple[Text, ...], Field(min_length=2)]
    consent: Consent
    instructions: Annotated[tuple[Instruction, ...], Field(min_length=1)]
    check: Check
    practice: Page
    game: Page
    ratings: Page
    rating: Rating
    debriefing: Page
    consent_again: Consent
    end: Ends
    round: Round
    interface: Interface
    result: Result | None = None

    @field_validator("ordinal", "spots")
    @classmethod
    def _check_plural(cls, forms: Plural) -> Plural:
        unknown = sorted(set(forms) - {"zero", "one", "two", "few", "many", "other"})
        if unknown or "other" not in forms:
            raise ValueError("must have the form `other`, and may have zero, one, two, few and many")
        return forms

    @field_validator("partners")
    @classmethod
    def _check_partners(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"names must be unique, got {', '.join(map(repr, repeated))} more than once")
        return names


SHIPPED = ("de", "en")
"""Languages with texts that ship with the package; a study changes some of them, and adds its own consent."""


def to_translate(language: str) -> str:
    """Return the texts of a language as a part of a study's config, without those that no study shows."""
    text = resources.files("accept_reject.web").joinpath("texts", f"{language}.yaml").read_text(encoding="utf-8")
    text = text.partition("result:\n")[0].partition("\n")[2]  # the last part, and the comment in the first line
    text = re.sub(r"^consent:.*$", "consent:\n  text: Write your own.", text, flags=re.MULTILINE)
    lines = [f"    {line}" if line.strip() else line for line in text.splitlines()]
    return "\n".join(["texts:", f"  {language}:  # put the code of your language here", *lines, ""])


@cache
def shipped(language: str) -> dict[str, Any]:
    """The texts that ship with the package, without those that each study must write itself."""
    text = resources.files("accept_reject.web").joinpath("texts", f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = read_yaml(text)
    return found


def merged(texts: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return texts with some of them changed; lists are replaced whole."""
    both = dict(texts)
    for key, value in changes.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both
