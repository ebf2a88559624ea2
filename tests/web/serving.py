"""A study for tests, and participants that answer whatever its server asks for."""

import json
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store
from accept_reject.web.study import Study

ROUNDS = 12


CONFIG: dict[str, Any] = {
    "name": "mini",
    "seed": 5,
    "scenario": {"scenario": "orthogonal", "game": {"rounds": ROUNDS}},
    "practice_rounds": 2,
    "check_attempts": 2,
    "ratings": 7,
    "recruiting": {"parameters": ["PID"], "exits": {"complete": {"code": "DONE"}, "withdrawn": {"code": "GONE"}}},
    "bonus": "0.1 * accepted",
    "texts": {"en": {"consent": {"text": "A test."}}, "de": {"consent": {"text": "Ein Test."}}},
}


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Participant:
    """A browser that answers whatever the server asks for."""

    def __init__(self, client: TestClient, **start: Any) -> None:
        self.client, self.traffic = client, ""
        reply = self.post("/api/start", {"language": "en", **start})
        self.token, self.state = reply["token"], reply

    def post(self, path: str, body: Any, status: tuple[int, ...] = (200, 201)) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        reply = self.client.post(path, content=body if isinstance(body, bytes) else json.dumps(body), headers=headers)
        assert reply.status_code in status, (reply.status_code, reply.text)
        self.traffic += reply.text
        found: dict[str, Any] = reply.json()
        return found

    def get(self) -> dict[str, Any]:
        reply: dict[str, Any] = self.client.get("/api/state", headers={"authorization": f"Bearer {self.token}"}).json()
        return reply

    def choose(self, place: int | None, **more: Any) -> dict[str, Any]:
        body = {"part": self.state["part"], "round": self.state["round"], "place": place, "response_time": 0.5, **more}
        self.state = self.post("/api/round", body)
        return self.state

    def page(self, answers: list[int] | None = None) -> None:
        state = self.state
        right = [2, 1] if state["page"] == "check" else []
        body = {"page": state["page"], "attempt": state["attempt"], "answers": answers or right, "seconds": 3.0}
        self.state = self.post("/api/page", body)

    def until(self, step: str, part: str | None = None) -> None:
        """Answer until a step is reached."""
        while self.state["step"] != step or part not in (None, self.state.get("part")):
            if self.state["step"] == "page":
                self.page()
            elif self.state["step"] == "round":
                self.choose(self.state["round"] % 2, device="key")
            else:
                number = self.state["number"]
                body = {"number": number, "rating": 1 + number % 7, "seconds": 2.0}
                self.state = self.post("/api/rating", body)


def opened(file: Path, clock: Clock, kind: str = "real", **changes: Any) -> Sessions:
    study = Study.model_validate(CONFIG | changes)
    return Sessions(study, Store(file, study.model_dump_json()), kind, clock=clock)
