"""Withdraw sessions after their end, when a participant asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from accept_reject.errors import InvalidInputError
from accept_reject.web.export import study_of
from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store


def withdraw(file: Path, ids: Sequence[str]) -> None:
    """Delete everything about sessions from the file of a study, as the button on its pages does.

    Args:
        file: The file; its server must not run.
        ids: External ids, of the first of the study's parameters.

    Raises:
        InvalidInputError: If there is no session with one of the ids; nothing is deleted then.
    """
    study = study_of([file])
    store = Store(file, study.model_dump_json())
    try:
        sessions = Sessions(study, store)
        found = {each: sessions.of_external(each) for each in ids}
        unknown = [each for each, session in found.items() if session is None]
        if unknown:
            raise InvalidInputError(str(file), [f"has no session with the id {each!r}" for each in unknown])
        for session in filter(None, found.values()):
            asyncio.run(sessions.withdraw(session))
    finally:
        store.close()
