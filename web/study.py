"""The config of a study with people."""

from __future__ import annotations

import re
import string
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator

from accept_reject.envs.game import GameSpec
from accept_reject.errors import Integer, Number, Spec, list_problems, shorten
from accept_reject.experiments.entries import RunName, ScenarioEntry
from accept_reject.web.bonus import Bonus
from accept_reject.web.texts import SHIPPED, Texts, merged, shipped

Outcome = Literal["complete", "check_failed", "no_consent", "timed_out", "withdrawn"]
OUTCOMES: tuple[Outcome, ...] = ("complete", "check_failed", "no_consent", "timed_out", "withdrawn")
"""How a session can end."""

MOST_RANKS, MOST_OFFERED = 10, 4
"""Games with more of them don't fit on a phone."""

ALPHABET = string.ascii_uppercase
"""With more partners than letters, their names can't all begin differently."""

_DURATION = re.compile(r"(\d+) ?(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}

_LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


def _as_list(value: Any) -> Any:
    """One script need not be a list."""
    return [value] if isinstance(value, str) else value


class Exit(Spec):
    """What a participant gets at the end: a code to enter, or an address that is opened."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")] | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S{1,1000}$")] | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Exit:
        if self.code and self.url:
            raise ValueError("must have a code or a url, got both")
        return self


class Script(Spec):
    """A script or a style sheet of the study's own, with its text: a changed script is a changed study."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}\.(js|css)$")]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _read(cls, path: Any) -> Any:
        if not isinstance(path, str):
            return path
        file = getattr(path, "folder", Path()) / path
        try:
            return {"name": file.name, "text": file.read_text(encoding="utf-8")}
        except OSError as error:
            raise ValueError(f"{shorten(path)} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{shorten(path)} must be UTF-8 text") from None


class Recruiting(Spec):
    """How participants arrive from a recruiting service, and what they take back.

    Attributes:
        parameters: Names of the parameters in the link that hold external ids, such as `PROLIFIC_PID`. They are stored
            in a table of their own and are never exported with the data. The first one identifies a participant: a
            second link with the same id continues the session.
        exits: Codes or addresses, by outcome.
    """

    parameters: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,50}$")], ...] = ()
    exits: dict[Outcome, Exit] = {}


class Study(Spec):
    """A study with people.

    Attributes:
        name: Name of the study; in a browser, sessions of different studies on one server don't mix.
        scenario: The game.
        seed: Seed of the episodes. Participant i plays episode `first_episode` + i.
        first_episode: Episode of the first participant; with several servers, each has a range of its own.
        texts: Everything that participants read, by language. English and German come with the program, without the
            text of the consent; other languages need all texts.
        check: Whether there is a comprehension check.
        check_attempts: How often a participant may try.
        practice_rounds: Number of practice rounds.
        ratings: Number of points of the scale on which each partner is rated at the end, or 0 for no ratings.
        debriefing: Whether there is a debriefing.
        cover_story: Whether the texts say something else than that the partners are programs. This needs a debriefing
            of the study's own, and consent is asked for once more after it.
        time_limit: Seconds to choose in a round, or null.
        feedback_seconds: How long the feedback of a round is shown.
        resume_within: A session that paused for longer than this can't be resumed, such as `30min`.
        fullscreen: Whether the game asks for the whole screen.
        extra: Trials of the study's own: style sheets, scripts such as jsPsych plugins, and at last a module that
            exports `before` or `after`, lists of trials. In a config they are paths, relative to its folder.
        recruiting: Ids, codes and addresses of a recruiting service.
        bonus: A payment, as a formula with `accepted` and `rounds`, such as `0.02 * accepted`.
    """

    kind: Literal["study"] = "study"
    name: RunName
    scenario: ScenarioEntry = Field(default=ScenarioEntry(scenario="orthogonal"), validate_default=True)
    seed: Annotated[Integer, Field(ge=0, lt=2**32)] = 0
    first_episode: Annotated[Integer, Field(ge=0, lt=2**31)] = 0
    check: bool = True
    check_attempts: Annotated[Integer, Field(ge=1, le=20)] = 3
    practice_rounds: Annotated[Integer, Field(ge=0, le=100)] = 6
    ratings: Annotated[Integer, Field(ge=0, le=11)] = 7
    debriefing: bool = True
    cover_story: bool = False
    time_limit: Annotated[Number, Field(ge=1, le=600)] | None = None
    feedback_seconds: Annotated[Number, Field(ge=0, le=20)] = 1.5
    resume_within: Annotated[str, Field(json_schema_extra={"must_be": "a duration such as 30min, 2h or 1d"})] = "30min"
    fullscreen: bool = False
    extra: Annotated[tuple[Script, ...], Field(max_length=20), BeforeValidator(_as_list)] = ()
    recruiting: Recruiting = Recruiting()
    bonus: Bonus | None = None
    texts: dict[Annotated[str, Field(pattern=_LANGUAGE)], dict[str, Any]]

    @field_validator("scenario")
    @classmethod
    def _check_game(cls, scenario: ScenarioEntry) -> ScenarioEntry:
        game = scenario.resolve()
        problems = []
        if game.offered > MOST_OFFERED:
            problems.append(f".game.offered: must be from 2 to {MOST_OFFERED} in a browser, got {game.offered}")
        if game.ranks > MOST_RANKS:
            problems.append(f".game.ranks: must be from 2 to {MOST_RANKS} in a browser, got {game.ranks}")
        if problems:
            raise ValueError("\n".join(problems))
        return scenario

    @field_validator("ratings")
    @classmethod
    def _check_ratings(cls, points: int) -> int:
        if points == 1:
            raise ValueError("must be 0, or at least 2 points, got 1")
        return points

    @field_validator("extra")
    @classmethod
    def _check_extra(cls, scripts: tuple[Script, ...]) -> tuple[Script, ...]:
        names = [each.name for each in scripts]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"names of files must be unique, got {', '.join(map(repr, repeated))} more than once")
        return scripts

    @field_validator("resume_within")
    @classmethod
    def _check_duration(cls, text: str) -> str:
        if not _DURATION.fullmatch(text):
            raise ValueError(f"must be a duration such as 30min, 2h or 1d, got {text!r}")
        return text

    @field_validator("texts")
    @classmethod
    def _check_texts(cls, texts: dict[str, dict[str, Any]], info: ValidationInfo) -> dict[str, dict[str, Any]]:
        if not texts:
            raise ValueError("must have at least one language, got none")
        problems, complete = [], {}
        for language, changes in texts.items():
            complete[language] = merged(shipped(language) if language in SHIPPED else {}, changes)
            try:
                checked = Texts.model_validate(complete[language])
            except ValidationError as error:
                problems += [_under(language, problem) for problem in list_problems(error, Texts)]
            else:
                problems += [_under(language, problem) for problem in _problems(checked, changes, info.data)]
        if not problems and len({_right_answers(each) for each in complete.values()}) > 1:
            problems.append("the right answers of `check` must have the same numbers in all languages")
        if problems:
            raise ValueError("\n".join(problems))
        return complete

    @property
    def game(self) -> GameSpec:
        """The game."""
        return self.scenario.resolve()

    @cached_property
    def languages(self) -> dict[str, Texts]:
        """The texts by language; the first one is the default."""
        return {language: Texts.model_validate(each) for language, each in self.texts.items()}

    @property
    def notes(self) -> list[str]:
        """What may have been overlooked."""
        found = []
        for language, texts in self.languages.items():
            initials = [name[0] for name in texts.partners[: self.game.n_partners]]
            same = sorted({each for each in initials if initials.count(each) > 1})
            if same and self.game.n_partners <= len(ALPHABET):
                found.append(
                    f"texts.{language}.partners: several names begin with {', '.join(same)}, which is shown on them"
                )
        missing = [outcome for outcome in OUTCOMES if outcome not in self.recruiting.exits]
        if self.recruiting.exits and missing:
            found.append(f"recruiting.exits: participants get no code or address for {', '.join(missing)}")
        return found

    @property
    def resume_seconds(self) -> float:
        """How long a session may pause, in seconds."""
        match = _DURATION.fullmatch(self.resume_within)
        assert match
        return int(match[1]) * _SECONDS[match[2]]


def _right_answers(texts: dict[str, Any]) -> tuple[int, ...]:
    """Numbers of the right answers; a participant may change the language in the middle of a session."""
    return tuple(question["correct"] for question in texts["check"]["questions"])


def _under(language: str, problem: str) -> str:
    """Put the key of a language before a problem, which may or may not begin with a key."""
    return f".{language}.{problem}" if re.match(r"[\w.-]+: ", problem) else f".{language}: {problem}"


def _problems(texts: Texts, changes: dict[str, Any], study: dict[str, Any]) -> list[str]:
    """Problems of texts with the game and with other settings."""
    problems = []
    if "scenario" in study:
        game = study["scenario"].resolve()
        if len(texts.partners) < game.n_partners:
            problems.append(f"partners: must have {game.n_partners} names (partners), got {len(texts.partners)}")
        ladders = {f"instructions.{i}": each.ladder for i, each in enumerate(texts.instructions)}
        ladders |= {f"check.questions.{i}": each.ladder for i, each in enumerate(texts.check.questions)}
        for where, ladder in ladders.items():
            for key, value in ({} if ladder is None else {"rank": ladder.rank, "spots": ladder.spots}).items():
                if value > game.ranks:
                    problems.append(f"{where}.ladder.{key}: must be at most {game.ranks} (ranks), got {value}")
    if study.get("cover_story") and not (study.get("debriefing") and "debriefing" in changes):
        problems.append("debriefing: is required with a cover story, and must say what was not true")
    return problems
