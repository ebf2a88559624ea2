"""Trials of a study's own, before and after the game."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from browsing import FOUND, NAMES, ROUNDS, STUDY, WAYS, Files, Person, Server
from serving import CONFIG, Participant
from starlette.testclient import TestClient

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.config import load_config
from accept_reject.experiments.yaml_text import dump
from accept_reject.web.export import export_study
from accept_reject.web.server import create_app
from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store
from accept_reject.web.study import Study

PLUGIN = """
var jsPsychAsk = (() => {
  class Ask {
    static info = { name: "ask", version: "1.0.0", parameters: { prompt: { type: 1 } }, data: { answer: { type: 1 } } };
    constructor(jsPsych) { this.jsPsych = jsPsych; }
    trial(stage, { prompt }) {
      const answer = '<input id="answer"><button class="go" type="button">OK</button>';
      stage.innerHTML = `<p style="margin: 1em">${prompt}</p>${answer}`;
      stage.querySelector("button").addEventListener("click", () => {
        this.jsPsych.finishTrial({ answer: stage.querySelector("input").value });
      });
    }
  }
  return Ask;
})();
"""

TRIALS = """
const ask = (prompt) => ({ type: window.jsPsychAsk, prompt });
export const before = [ask("Your age?"), ask("Your town?")];
export const after = (jsPsych) => [{ type: jsPsychAsk, prompt: `Comments? ${typeof jsPsych.finishTrial}` }];
"""


def scripts(folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / "ask.js", folder / "ask.css", folder / "trials.js"]
    for path, text in zip(paths, (PLUGIN, "#answer { width: 123px; }", TRIALS), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


SHORT = {"check": False, "practice_rounds": 0, "ratings": 0}


def take_part(browser: Any, site: Server | Files) -> Person:
    """A whole session with all its trials."""
    person = Person(browser, site, WAYS[0])
    person.consent()
    for answer in ("33", "Zürich"):
        person.page.wait_for_selector("#answer")
        person.page.fill("#answer", answer)
        assert person.page.evaluate("document.querySelector('#answer').offsetWidth") == 123
        person.proceed()
    for _ in range(3):
        person.page.wait_for_selector("form")
        person.proceed()
    for now in range(ROUNDS):
        person.choose(now % 2)
    person.page.wait_for_selector("#answer")
    assert "Comments? function" in person.page.inner_text("main")
    person.page.fill("#answer", "=1+1 <b>")
    person.proceed()
    person.page.wait_for_selector("form")
    person.proceed()
    person.page.wait_for_selector("#end")
    assert "DONE" in person.page.inner_text("main")
    assert person.errors == []
    return person


def exported(file: Path, out: Path) -> list[list[str]]:
    export_study([file], out)
    trials = [json.loads(line) for line in (out / "sourcedata" / "extra.jsonl").read_text().splitlines()]
    assert {trial["trial_type"] for trial in trials} == {"ask"}
    return [[trial["participant_id"], trial["part"], trial["answer"]] for trial in trials]


ANSWERS = [["sub-001", "before", "33"], ["sub-001", "before", "Zürich"], ["sub-001", "after", "=1+1 <b>"]]


@pytest.mark.skipif(FOUND is None, reason=f"no browser: none of {', '.join(NAMES)} is on the PATH")
def test_trials_around_a_game(browser: Any, tmp_path: Path) -> None:
    """From a server and from files."""
    paths = list(map(str, scripts(tmp_path / "own")))
    server = Server(tmp_path, extra=paths, **SHORT)
    take_part(browser, server)
    server.kill()
    assert exported(server.file, tmp_path / "data") == ANSWERS
    files = Files(
        tmp_path / "pages", extra=[{"name": Path(path).name, "text": Path(path).read_text()} for path in paths], **SHORT
    )
    person = take_part(browser, files)
    (tmp_path / "results.json").write_text(person.page.evaluate("window.collected"))
    files.imported("results.json")
    assert exported(tmp_path / "mini.sqlite", tmp_path / "static-data") == ANSWERS
    files.close()


def test_scripts_are_part_of_a_study(tmp_path: Path) -> None:
    """They are found next to the config, and a study with a changed script is another study."""
    scripts(tmp_path)
    path = tmp_path / "study.yaml"
    path.write_text(dump(STUDY | {"extra": "trials.js"}))
    study = load_config(Study, str(path))
    assert [(each.name, each.text) for each in study.extra] == [("trials.js", TRIALS)]
    assert Study.model_validate_json(study.model_dump_json()) == study
    path.write_text(dump(STUDY | {"extra": ["ask.js", "missing.js", "study.yaml"]}))
    with pytest.raises(InvalidInputError) as raised:
        load_config(Study, str(path))
    assert "extra.1: 'missing.js' can't be read: No such file or directory" in str(raised.value)
    assert "extra.2.name: " in str(raised.value)
    path.write_text(dump(STUDY | {"extra": ["ask.js", "ask.js"]}))
    with pytest.raises(InvalidInputError, match=r"extra: names of files must be unique, got 'ask\.js' more than once"):
        load_config(Study, str(path))


def test_what_is_refused(tmp_path: Path) -> None:
    study = Study.model_validate(CONFIG | {"extra": [{"name": "trials.js", "text": TRIALS}]})
    sessions = Sessions(study, Store(tmp_path / "study.sqlite", study.model_dump_json()))
    with TestClient(create_app(sessions)) as client:
        assert client.get("/extra/trials.js").text == TRIALS
        assert client.get("/extra/other.js").status_code == 404
        somebody = Participant(client)
        assert somebody.state["step"] == "extra"
        for body, status in (
            ({"part": "after", "trials": []}, 409),
            ({"part": "middle", "trials": []}, 422),
            ({"part": "before", "trials": [1]}, 422),
            (b'{"part": "before", "trials": [{"x": 1e999}]}', 422),
            (b'{"part": "before", "trials": [{"x": "' + b"x" * 1_000_000 + b'"}]}', 413),
            (b'{"part": "before", "trials": [' + b"[" * 100_000, 400),
        ):
            assert "error" in somebody.post("/api/extra", body, (status,))
        somebody.post("/api/page", {"page": "instructions", "attempt": 0}, (409,))
        body = {"part": "before", "trials": [{"answer": "33"}]}
        assert somebody.post("/api/extra", body) == somebody.post("/api/extra", body)
        with sqlite3.connect(tmp_path / "study.sqlite") as db:
            assert db.execute("SELECT part, trials FROM extra").fetchall() == [("before", '[{"answer": "33"}]')]
        somebody.state = somebody.get()
        assert somebody.state["page"] == "instructions"
