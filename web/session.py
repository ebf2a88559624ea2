"""A session in memory, and how it is derived from the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from accept_reject.envs.choices import MISSED
from accept_reject.web.schedule import CHECK, Step
from accept_reject.web.store import Store
from accept_reject.web.study import Outcome, Study


@dataclass
class Session:
    """A session in memory.

    Attributes:
        id: Its number in the database.
        token: The secret that a browser shows with each request.
        episode: The episode that is played.
        language: Language of the texts.
        places: Places of the chosen partners, by part of the game; `MISSED` where a round was missed.
        attempts: Number of answers to each page.
        done: Pages that were answered as they must be, and parts of the study's own trials.
        rated: Number of ratings.
        outcome: How it ended.
        last: Time of the last answer.
    """

    id: int
    token: str
    episode: int
    language: str
    places: dict[str, list[int]] = field(default_factory=lambda: {"practice": [], "game": []})
    attempts: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    rated: int = 0
    outcome: Outcome | None = None
    last: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def step(self, steps: Sequence[Step]) -> Step | None:
        """Return the first of the study's steps that this session has not done; None at the end."""
        if self.outcome:
            return None
        for step in steps:
            match step.kind:
                case "page" | "extra":
                    done = step.name in self.done
                case "round":
                    done = step.number < len(self.places[step.name])
                case "rating":
                    done = step.number < self.rated
            if not done:
                return step
        return None

    def passes(self, study: Study, page: str, answers: list[int]) -> bool:
        """Return whether answers to a page are as they must be."""
        right = [question.correct for question in study.languages[self.language].check.questions]
        return page != CHECK or answers == right

    def answer_page(self, study: Study, page: str, answers: list[int], at: float) -> None:
        """Take the answer to a page."""
        self.attempts[page] = self.attempts.get(page, 0) + 1
        self.last = max(self.last, at)
        if self.passes(study, page, answers):
            self.done.add(page)

    def answer_extra(self, part: str, at: float) -> None:
        """Take the trials of a part of the study's own."""
        self.done.add(part)
        self.last = max(self.last, at)

    def answer_round(self, part: str, place: int | None, at: float) -> None:
        """Take the choice of the next round of a part."""
        self.places[part].append(MISSED if place is None else place)
        self.last = max(self.last, at)

    def answer_rating(self, at: float) -> None:
        """Take the next rating."""
        self.rated += 1
        self.last = max(self.last, at)


def load_sessions(study: Study, store: Store) -> dict[int, Session]:
    """Read all sessions of a study, by their numbers."""
    found = {}
    for number, token, episode, language, at in store.read("SELECT id, token, episode, language, at FROM session"):
        found[number] = Session(number, token, episode, language, last=at)
    for number, part, place, at in store.read("SELECT session, part, place, at FROM round ORDER BY session, round"):
        found[number].answer_round(part, place, at)
    for number, page, answers, at in store.read(
        "SELECT session, page, answers, at FROM page ORDER BY session, attempt"
    ):
        found[number].answer_page(study, page, json.loads(answers), at)
    for number, part, at in store.read("SELECT session, part, at FROM extra"):
        found[number].answer_extra(part, at)
    for number, at in store.read("SELECT session, at FROM rating"):
        found[number].answer_rating(at)
    for number, outcome in store.read("SELECT session, outcome FROM outcome"):
        found[number].outcome = outcome
    return found
