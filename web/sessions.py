"""Sessions of a study: where each participant is, and what its answers change.

The database is the record; what is held in memory is derived from it. A repeated request gets the same answer again and
changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from accept_reject.envs.choices import MISSED
from accept_reject.web import schedule
from accept_reject.web.bodies import ExtraAnswer, PageAnswer, RatingAnswer, RoundAnswer, Start
from accept_reject.web.schedule import Rounds, Step
from accept_reject.web.session import Session, load_sessions
from accept_reject.web.store import Statement, Store
from accept_reject.web.study import Outcome, Study
from accept_reject.web.view import ending

GRACE = 2.0
"""Seconds that an answer may be late at a time limit, for the way through the network."""


def late_after(study: Study) -> float | None:
    """Return how many seconds after the last answer a choice is too late; None if it never is."""
    return None if study.time_limit is None else study.time_limit + study.feedback_seconds + GRACE


class RefusedError(Exception):
    """A request that does not fit the session; nothing was changed.

    Args:
        status: The HTTP status.
        message: What is wrong.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Sessions:
    """All sessions of a study.

    Args:
        study: The study.
        store: Its file; sessions in it continue.
        kind: `real`, `pilot` or `simulated`, for sessions that begin now.
        free: Whether players may select an episode.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, study: Study, store: Store, kind: str = "real", free: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self.study, self.store, self.kind, self.free, self.clock = study, store, kind, free, clock
        self.steps = schedule.steps(study)
        self._schedule = schedule.Schedule(study)
        sessions = load_sessions(study, store)
        self._by_token = {session.token: session for session in sessions.values()}
        self._by_external: dict[str, Session] = {}
        if study.recruiting.parameters:
            name = study.recruiting.parameters[0]
            for number, value in store.read("SELECT session, value FROM external WHERE name = ?", (name,)):
                self._by_external[value] = sessions[number]
        self._starting = asyncio.Lock()
        used = [
            episode for (episode,) in store.read("SELECT episode FROM session UNION SELECT episode FROM withdrawal")
        ]
        self._next = max([study.first_episode - 1, *used]) + 1

    def __len__(self) -> int:
        return len(self._by_token)

    def all(self) -> list[Session]:
        """Return all sessions."""
        return list(self._by_token.values())

    def find(self, token: str) -> Session:
        """Return the session with a token.

        Raises:
            RefusedError: If there is none.
        """
        session = self._by_token.get(token)
        if session is None:
            raise RefusedError(401, "there is no such session; it may have been withdrawn")
        return session

    def of_external(self, value: str) -> Session | None:
        """Return the session with an external id."""
        return self._by_external.get(value)

    async def start(self, body: Start, browser: str, token: str | None = None) -> tuple[Session, bool]:
        """Begin a session, or find the one with the same external id.

        Args:
            body: The request.
            browser: The family of the browser.
            token: The secret of the session; by default a new one. With a given one, the session is always new.

        Returns:
            The session, and whether it is new.
        """
        names = self.study.recruiting.parameters
        unknown = sorted(set(body.external) - set(names))
        if unknown:
            raise RefusedError(422, f"external: {unknown[0]} is not a parameter of this study")
        if body.language not in self.study.languages:
            raise RefusedError(422, f"language: must be {' or '.join(self.study.languages)}")
        if body.episode is not None and not self.free:
            raise RefusedError(422, "episode: can't be selected in a study")
        own = body.external.get(names[0]) if names else None
        async with self._starting:
            if token is None and own and own in self._by_external:
                return self._by_external[own], False
            episode = self._next if body.episode is None else body.episode
            session = Session(0, token or secrets.token_urlsafe(24), episode, body.language, last=self.clock())
            row = (session.token, session.episode, session.language, self.kind, browser, session.last)
            await self.store.write(
                ("INSERT INTO session (token, episode, language, kind, browser, at) VALUES (?, ?, ?, ?, ?, ?)", row),
                *(
                    ("INSERT INTO external SELECT id, ?, ? FROM session WHERE token = ?", (name, value, session.token))
                    for name, value in body.external.items()
                ),
            )
            self._next = max(self._next, episode + 1)
            session.id = self.store.read("SELECT id FROM session WHERE token = ?", (session.token,))[0][0]
            self._by_token[session.token] = session
            if own:
                self._by_external[own] = session
        return session, True

    def step(self, session: Session) -> Step | None:
        """Return the first step that a session has not done; None at the end."""
        return session.step(self.steps)

    async def state(self, session: Session) -> dict[str, Any]:
        """Return what a participant sees now; a session that paused for too long ends."""
        if session.outcome is None and self.clock() - session.last > self.study.resume_seconds:
            await self._store(session, None, "timed_out", self.clock())
        return self._view(session)

    async def answer_page(self, session: Session, body: PageAnswer) -> dict[str, Any]:
        """Store the answer to a page."""
        if body.attempt < session.attempts.get(body.page, 0):
            return self._view(session)  # a repeated request
        step = self._expect(session, "page")
        if body.page != step.name or body.attempt != session.attempts.get(body.page, 0):
            raise RefusedError(409, f"the session is at {step.name}, attempt {session.attempts.get(step.name, 0)}")
        self._check_answers(session, body)
        at = self.clock()
        passed = session.passes(self.study, body.page, body.answers)
        failed = not passed and body.attempt + 1 >= self.study.check_attempts
        outcome: Outcome | None = "check_failed" if failed else "complete" if passed and self._is_last(step) else None
        row = (session.id, body.page, body.attempt, json.dumps(body.answers), body.seconds, at)
        await self._store(session, ("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?)", row), outcome, at)
        session.answer_page(self.study, body.page, body.answers, at)
        return {**self._view(session), "passed": passed}

    async def answer_round(self, session: Session, body: RoundAnswer) -> dict[str, Any]:
        """Store the choice of a round, and return its feedback."""
        places = session.places[body.part]
        if body.round < len(places):
            was = places[body.round]
            same = was in (MISSED, body.place)  # a choice that came too late was stored as a missed round
            if not same:
                await self._event(session, f"{body.part} {body.round} answered twice")
            return {**self._view(session, body.part, body.round), "elsewhere": not same}
        step = self._expect(session, "round")
        if (body.part, body.round) != (step.name, step.number):
            raise RefusedError(409, f"the session is at {step.name} {step.number}")
        if body.place is not None and body.place >= self.study.game.offered:
            raise RefusedError(422, f"place: must be from 0 to {self.study.game.offered - 1}")
        if body.place is None and self.study.time_limit is None:
            raise RefusedError(422, "place: is required, since there is no time limit")
        at = self.clock()
        limit = late_after(self.study)
        late = limit is not None and at - session.last > limit
        place = None if late else body.place
        row = (
            session.id, body.part, body.round, place, None if place is None else body.response_time, body.device,
            body.unfocused, body.unfocused_seconds, body.fullscreen_left, at,
        )  # fmt: skip
        statement = ("INSERT INTO round VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        await self._store(session, statement, "complete" if self._is_last(step) else None, at)
        session.answer_round(body.part, place, at)
        return {**self._view(session, body.part, body.round), "elsewhere": False}

    async def answer_rating(self, session: Session, body: RatingAnswer) -> dict[str, Any]:
        """Store a rating."""
        if body.number < session.rated:
            return self._view(session)
        step = self._expect(session, "rating")
        if body.number != step.number:
            raise RefusedError(409, f"the session is at rating {step.number}")
        if not 1 <= body.rating <= self.study.ratings:
            raise RefusedError(422, f"rating: must be from 1 to {self.study.ratings}")
        partner = schedule.rating_order(self.study, session.episode)[body.number]
        at = self.clock()
        row = (session.id, partner, body.number, body.rating, body.seconds, at)
        statement = ("INSERT INTO rating VALUES (?, ?, ?, ?, ?, ?)", row)
        await self._store(session, statement, "complete" if self._is_last(step) else None, at)
        session.answer_rating(at)
        return self._view(session)

    async def answer_extra(self, session: Session, body: ExtraAnswer) -> dict[str, Any]:
        """Store the data of the study's own trials."""
        if body.part in session.done:
            return self._view(session)
        step = self._expect(session, "extra")
        if body.part != step.name:
            raise RefusedError(409, f"the session is at the trials {step.name} the game")
        try:
            trials = json.dumps(body.trials, ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise RefusedError(422, "trials: numbers must be finite") from None
        at = self.clock()
        statement = ("INSERT INTO extra VALUES (?, ?, ?, ?)", (session.id, body.part, trials, at))
        await self._store(session, statement, "complete" if self._is_last(step) else None, at)
        session.answer_extra(body.part, at)
        return self._view(session)

    async def withdraw(self, session: Session) -> None:
        """Delete a session and everything about it."""
        await self.store.withdraw(session.id, session.episode)
        del self._by_token[session.token]
        self._by_external = {value: each for value, each in self._by_external.items() if each is not session}

    async def note(self, session: Session, event: str) -> None:
        """Store that something happened in a browser."""
        await self._event(session, event)

    def _view(self, session: Session, part: str | None = None, number: int | None = None) -> dict[str, Any]:
        """Return what a participant sees; after a round also its feedback."""
        found: dict[str, Any] = {}
        if part is not None and number is not None:
            found["last"] = self._rounds(session, part).feedback(number, session.places[part][number])
        step = self.step(session)
        if step is None:
            return found | ending(self.study, session.outcome or "complete")
        found |= {"step": step.kind}
        if step.kind == "page":
            return found | {"page": step.name, "attempt": session.attempts.get(step.name, 0)}
        if step.kind == "extra":
            return found | {"part": step.name}
        if step.kind == "rating":
            partner = schedule.rating_order(self.study, session.episode)[step.number]
            return found | {"number": step.number, "of": self.study.game.n_partners, "partner": partner}
        rounds = self._rounds(session, step.name)
        total = self.study.practice_rounds if step.name == "practice" else self.study.game.rounds
        offer = {"part": step.name, "round": step.number, "rounds": total, "offered": rounds.offered[step.number]}
        return found | offer | {"accepted": rounds.accepted(session.places[step.name])}

    def _rounds(self, session: Session, part: str) -> Rounds:
        return self._schedule.practice if part == "practice" else self._schedule.game(session.episode)

    def _expect(self, session: Session, kind: str) -> Step:
        step = self.step(session)
        if step is None or step.kind != kind:
            at = "the end" if step is None else f"a {step.kind}"
            raise RefusedError(409, f"the session is at {at}, not at a {kind}")
        return step

    def _check_answers(self, session: Session, body: PageAnswer) -> None:
        questions = self.study.languages[session.language].check.questions if body.page == schedule.CHECK else ()
        if len(body.answers) != len(questions):
            raise RefusedError(422, f"answers: must have {len(questions)} items, got {len(body.answers)}")
        for i, (answer, question) in enumerate(zip(body.answers, questions, strict=True)):
            if not 1 <= answer <= len(question.answers):
                raise RefusedError(422, f"answers.{i}: must be from 1 to {len(question.answers)}")

    def _is_last(self, step: Step) -> bool:
        return step == self.steps[-1]

    async def _store(self, session: Session, statement: Statement | None, outcome: Outcome | None, at: float) -> None:
        """Store an answer, and the outcome with it if the session ends: a killed server leaves both or neither."""
        statements = [] if statement is None else [statement]
        if outcome is not None:
            statements.append(("INSERT INTO outcome VALUES (?, ?, ?)", (session.id, outcome, at)))
        await self.store.write(*statements)
        session.outcome = outcome

    async def _event(self, session: Session, event: str) -> None:
        await self.store.write(
            ("INSERT INTO event (session, event, at) VALUES (?, ?, ?)", (session.id, event, self.clock()))
        )
