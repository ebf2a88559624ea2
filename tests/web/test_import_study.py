"""Results of static studies: what is refused, and what is added to a file."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from browsing import STUDY

from accept_reject.errors import InvalidInputError
from accept_reject.web.import_study import import_study
from accept_reject.web.static import export_static, version_of
from accept_reject.web.study import Study


def result(study: Study, **changes: Any) -> dict[str, Any]:
    """A session with two pages."""
    answers = [["page", {"page": "instructions", "attempt": 0}, 12.0], ["note", {"event": "resumed"}, 13.0]]
    return {
        "study": study.name, "version": version_of(study), "kind": "real",
        "token": "01234567-89ab-cdef-0123-456789abcdef", "browser": "Firefox, computer",
        "start": {"language": "en", "episode": 1}, "at": 10.0, "answers": answers, **changes,
    }  # fmt: skip


def test_problems_of_results_are_listed_together(tmp_path: Path) -> None:
    study = Study.model_validate(STUDY)
    wrong = [
        result(study, version="0"),
        result(study, token="1", browser="=cmd()"),
        result(study, start={"language": "fr", "episode": 1}),
        result(study, token="1" * 36, answers=[["page", {"page": "check", "attempt": 0}, 12.0]]),
        result(study, token="2" * 36, answers=[["round", {"part": "game", "round": 0, "place": 7}, 12.0]]),
        result(study, token="3" * 36, answers=[["page", {"page": 3}, 12.0]]),
        result(study, token="5" * 36, answers=[["note", {"event": "=1+1"}, 12.0]]),
    ]
    lines = [*map(json.dumps, wrong), '{"version": ', json.dumps(result(study, token="4" * 36))]
    path, other = tmp_path / "results.txt", tmp_path / "other.json"
    path.write_text("\n".join(lines))
    other.write_text("[]")
    with pytest.raises(InvalidInputError) as raised:
        import_study(study, [path, other, tmp_path / "none.json"], tmp_path / "study.sqlite")
    message = str(raised.value)
    for problem in (
        "results.txt, result 1: must be a result of this version of mini",
        "results.txt, result 2: token: ",
        "results.txt, result 2: browser: ",
        "results.txt, line 8: must be complete JSON",
        "other.json: must have results of a static study",
        "none.json: can't be read: No such file or directory",
    ):
        assert problem in message, message
    path.write_text("\n".join(map(json.dumps, wrong[2:])))
    with pytest.raises(InvalidInputError) as raised:
        import_study(study, [path], tmp_path / "study.sqlite")
    message = str(raised.value)
    for problem in (
        "result 1: language: must be en or de",
        "result 2, answers.0: the session is at instructions",
        "result 3, answers.0: the session is at a page, not at a round",
        "result 4, answers.0: page: must be",
        "result 5, answers.0: event: must be one of the page's, got '=1+1'",
    ):
        assert problem in message, message
    assert not (tmp_path / "study.sqlite").exists()


def test_more_of_a_session_adds_to_it(tmp_path: Path) -> None:
    study = Study.model_validate(STUDY)
    early, late = result(study), result(study)
    late["answers"] = [*early["answers"], ["page", {"page": "check", "attempt": 0, "answers": [2, 1]}, 20.0],
                       ["expired", {}, 20.0 + 3600]]  # fmt: skip
    path, file = tmp_path / "results.txt", tmp_path / "study.sqlite"
    path.write_text(json.dumps(early))
    assert import_study(study, [path], file) == (1, 1)
    path.write_text(f"{json.dumps(late)}\n\n{json.dumps(early)}")
    assert import_study(study, [path], file) == (1, 0)
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT page, at FROM page ORDER BY at").fetchall() == [
            ("instructions", 12.0),
            ("check", 20.0),
        ]
        assert db.execute("SELECT event FROM event").fetchall() == [("resumed",)]
        assert db.execute("SELECT outcome, at FROM outcome").fetchall() == [("timed_out", 3620.0)]


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    study = Study.model_validate(STUDY)
    export_static(study, tmp_path / "pages", 2)
    export_static(study, tmp_path / "pages", 1)
    assert [path.name for path in (tmp_path / "pages" / "episodes").iterdir()] == ["0.json"]
    with pytest.raises(InvalidInputError, match=re.escape("must be a new folder or an earlier static export")):
        export_static(study, tmp_path, 2)
