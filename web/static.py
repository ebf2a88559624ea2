"""A study as a folder of files, for places that serve files and collect data but run no program of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from accept_reject.envs.episodes import draw
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.config import content_hash
from accept_reject.experiments.files import write
from accept_reject.experiments.folders import locked, make_folder, replace_folder
from accept_reject.web import schedule
from accept_reject.web.schedule import Rounds
from accept_reject.web.sessions import late_after
from accept_reject.web.study import OUTCOMES, Study
from accept_reject.web.view import (
    BROWSERS,
    EXTRA,
    HANDHELD,
    INDEX,
    PAGES,
    SERVER,
    STATIC_SERVER,
    description,
    ending,
    page,
    scripts,
)

JATOS = "jatos"
"""Where data are collected if it is not an experiment of DataPipe."""

_STUDY = "study.json"
_JATOS_SCRIPT = '<script src="jatos.js"></script>\n    '


def export_static(study: Study, out: Path, episodes: int, collector: str = JATOS) -> None:
    """Write the pages of a study, and everything that they need, into a folder.

    Each participant plays one of the episodes at random. Anyone who opens the developer tools of the browser can read
    its rounds.

    Args:
        study: The study.
        out: The folder; it may replace an earlier export.
        episodes: Number of episodes.
        collector: Where data are collected: `jatos`, or the id of an experiment of DataPipe.

    Raises:
        InvalidInputError: If the folder exists and is no earlier export.
    """
    make_folder(out.parent)
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / _STUDY).is_file())):
        raise InvalidInputError(str(out), ["must be a new folder or an earlier static export; it was not changed"])
    with locked(out), replace_folder(out) as folder:
        first_language = next(iter(study.languages))
        head = _JATOS_SCRIPT if collector == JATOS else ""
        write(folder / INDEX, page(study, first_language, head))
        for name, content in scripts().items():
            own = PAGES.joinpath(STATIC_SERVER).read_bytes() if name == SERVER else content
            write(folder / "static" / name, own)
        for script in study.extra:
            write(folder / EXTRA / script.name, script.text)
        write(folder / _STUDY, json.dumps(_rules(study, episodes, collector), ensure_ascii=False))
        drawn = draw(study.game, study.seed, episodes, study.first_episode)
        for row in range(episodes):
            number = study.first_episode + row
            order = schedule.rating_order(study, number) if study.ratings else []
            table = Rounds(drawn, row).table() | {"rating_order": order}
            write(folder / "episodes" / f"{number}.json", json.dumps(table))


def version_of(study: Study) -> str:
    """Return what identifies a version of a study; results belong to one version."""
    return content_hash(study.model_dump_json())


def _rules(study: Study, episodes: int, collector: str) -> dict[str, Any]:
    """What the script needs that takes the place of a server."""
    first_language = next(iter(study.languages))
    practice = Rounds(draw(study.game, study.seed, 1, schedule.PRACTICE_EPISODE), 0).table()
    return {
        "name": study.name,
        "version": version_of(study),
        "collector": collector,
        "languages": {language: description(study, language, simulated=True) for language in study.languages},
        "external": list(study.recruiting.parameters),
        "steps": [list(step) for step in schedule.steps(study)],
        "episodes": [study.first_episode, episodes],
        "practice": {name: rows[: study.practice_rounds] for name, rows in practice.items()},
        "correct": [question.correct for question in study.languages[first_language].check.questions],
        "check_attempts": study.check_attempts,
        "late": late_after(study),
        "resume_seconds": study.resume_seconds,
        "endings": {outcome: ending(study, outcome) for outcome in OUTCOMES},
        "browsers": BROWSERS,
        "handheld": HANDHELD,
    }
