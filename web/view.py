"""What browsers get of a study, from a server or as files."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import Any

from accept_reject.web.study import Outcome, Study

PAGES = resources.files("accept_reject.web").joinpath("pages")
"""What browsers load."""

PAGE = PAGES.joinpath("index.html").read_text(encoding="utf-8")
"""The only page, with places for the words that stand in it before a script runs."""

INDEX, STATIC_SERVER, SERVER = "index.html", "static.js", "server.js"
"""The page, and the script that takes the place of the server's in a static study."""

EXTRA = "extra"
"""Folder of the study's own scripts."""

BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
"""What the name of a browser contains, and its family; the first one counts."""

HANDHELD = ("Mobi", "Android")
"""What the name of a browser on a phone or a tablet contains."""


def scripts() -> dict[str, bytes]:
    """Return what the page of a server loads, by name."""
    files = {each.name: each for each in PAGES.iterdir() if each.name not in (INDEX, STATIC_SERVER)}
    return {name: files[name].read_bytes() for name in sorted(files)}


def page(study: Study, language: str, head: str = "") -> str:
    """Return the page.

    Args:
        study: The study.
        language: Its language.
        head: HTML at the end of its head.
    """
    texts = study.languages[language]
    words = {"language": language, "title": texts.title, **texts.interface.model_dump()}
    return PAGE.format_map({name: escape(word) for name, word in words.items()} | {"head": head})


def description(study: Study, language: str, simulated: bool, for_its_own_sake: bool = False) -> dict[str, Any]:
    """Return what the page must know of a study.

    Args:
        study: The study.
        language: The language of the texts.
        simulated: Whether the page may play by itself.
        for_its_own_sake: Whether it is a game without consent, and with a result at its end.
    """
    texts = study.languages[language]
    return {
        "study": study.name,
        "language": language,
        "texts": _without_answers(study, language),
        "ranks": study.game.ranks,
        "offered": study.game.offered,
        "ratings": study.ratings,
        "time_limit": study.time_limit,
        "feedback_seconds": study.feedback_seconds,
        "fullscreen": study.fullscreen,
        "external": list(study.recruiting.parameters),
        "no_consent": ending(study, "no_consent"),
        "withdrawn": ending(study, "withdrawn"),
        "consent": not for_its_own_sake,
        "result": texts.result.model_dump(by_alias=True) if for_its_own_sake and texts.result else None,
        "simulated": simulated,
        "withdrawal_at_end": True,
        "extra": [f"{EXTRA}/{each.name}" for each in study.extra],
    }


def ending(study: Study, outcome: Outcome) -> dict[str, Any]:
    """Return what participants see at the end, with the code or the address that they take away."""
    given = study.recruiting.exits.get(outcome)
    found: dict[str, Any] = {"step": "end", "outcome": outcome}
    return found if given is None else found | given.model_dump(exclude_none=True)


def _without_answers(study: Study, language: str) -> dict[str, Any]:
    """The texts of a language without the right answers of the check."""
    texts = study.languages[language].model_dump(mode="json", by_alias=True, exclude={"result"})
    for question in texts["check"]["questions"]:
        del question["correct"]
    return texts
