"""Studies without a server: the pages as files, and their results."""

import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import FOUND, NAMES, ROUNDS, WAYS, Files, Person

from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.envs.scenarios import SCENARIOS

needs_browser = pytest.mark.skipif(FOUND is None, reason=f"no browser: none of {', '.join(NAMES)} is on the PATH")


@needs_browser
def test_jatos(browser: Any, tmp_path: Path) -> None:
    """A whole session with a reload in the middle, and its data."""
    files = Files(tmp_path / "pages")
    person = Person(browser, files, WAYS[1], "&PID=somebody")
    person.to_rounds()
    person.choose(0)
    person.page.wait_for_selector(".choosing")
    person.page.reload()
    person.page.wait_for_selector(".choosing")
    assert person.page.inner_text("#where") == f"Runde 2 von {ROUNDS}"
    person.to_the_end(ROUNDS - 1)
    assert "DONE" in person.page.inner_text("main")
    assert person.page.evaluate("window.ended")
    assert person.errors == []
    assert person.page.evaluate("document.documentElement.lang") == "de"
    text = person.page.evaluate("window.collected")
    file, archive = tmp_path / "mini.sqlite", tmp_path / "results.jzip"
    with zipfile.ZipFile(archive, "w") as jzip:
        jzip.writestr("study_result_17/comp-result_3/data.txt", text)
        jzip.writestr("metadata.json", '{"data": []}')
        jzip.writestr("study_result_18/comp-result_4/data.txt", "")
    assert files.imported(archive) == "1 session, 1 of them new: mini.sqlite\n"
    assert files.imported(archive) == "1 session, 0 of them new: mini.sqlite\n"
    with sqlite3.connect(file) as db:
        ((episode, kind, browser_name),) = db.execute("SELECT episode, kind, browser FROM session")
        assert (kind, browser_name) == ("real", "Chrome, computer")
        assert episode in range(3)
        places = [place for (place,) in db.execute("SELECT place FROM round WHERE part = 'game' ORDER BY round")]
        assert places == [0, *(now % 2 for now in range(ROUNDS - 1))]
        assert db.execute("SELECT outcome FROM outcome").fetchall() == [("complete",)]
        assert db.execute("SELECT value FROM external").fetchall() == [("somebody",)]
        assert db.execute("SELECT event FROM event").fetchall() == [("resumed",)]
        assert db.execute("SELECT count(*), min(response_time) > 0 FROM round").fetchone() == (ROUNDS + 2, 1)
    files.close()


@needs_browser
def test_jatos_deletes_what_was_withdrawn(browser: Any, tmp_path: Path) -> None:
    files = Files(tmp_path / "pages")
    person = Person(browser, files, WAYS[0])
    person.to_rounds()
    assert person.page.evaluate("window.collected")
    person.press("#withdraw")
    person.press("dialog [value=yes]")
    person.page.wait_for_selector("#end")
    assert person.page.evaluate("window.collected") is None
    assert person.page.evaluate("Object.keys(localStorage)") == []
    assert person.errors == []
    files.close()


@needs_browser
def test_datapipe(browser: Any, tmp_path: Path) -> None:
    """The code is shown when the data have arrived, also if this takes several requests."""
    files = Files(tmp_path / "pages", "abc123")
    person = Person(browser, files, WAYS[0])
    replies = iter([(400, "Experiment is not active"), (502, ""), (400, '{"error": "OSF_FILE_EXISTS"}')])
    requests: list[dict[str, Any]] = []

    def reply(route: Any) -> None:
        requests.append(route.request.post_data_json)
        status, text = next(replies)
        route.fulfill(status=status, body=text, headers={"access-control-allow-origin": "*"})

    person.page.route("https://pipe.jspsych.org/api/data/", reply)
    person.to_rounds()
    assert requests == []
    person.to_the_end(ROUNDS)
    assert "DONE" in person.page.inner_text("main")
    assert len(requests) == 3
    assert requests[0] == requests[2]
    result = json.loads(requests[2]["data"])
    assert requests[2]["filename"] == f"{result['token']}.json"
    assert requests[2]["experimentID"] == "abc123"
    (tmp_path / "osf").mkdir()
    (tmp_path / "osf" / requests[2]["filename"]).write_text(requests[2]["data"])
    files.imported(tmp_path / "osf", "--pilot", "--file", tmp_path / "study.sqlite")
    with sqlite3.connect(tmp_path / "study.sqlite") as db:
        assert db.execute("SELECT kind FROM session").fetchall() == [("pilot",)]
    files.close()


PLAY = """async (games) => {
    const { call, forgetToken } = await import("./static/server.js");
    const found = [];
    for (const [episode, places] of games.entries()) {
        crypto.getRandomValues = (numbers) => { numbers[0] = episode; return numbers; };
        forgetToken();
        await call("/api/start", { language: "en", external: {} });
        await call("/api/page", { page: "instructions", attempt: 0, answers: [] });
        for (const [round, place] of places.entries()) {
            const { body } = await call("/api/round", { part: "game", round, place, response_time: 0.5 });
            found.push([body.last.offered, body.last.rank ?? 0, body.last.spots ?? 0, body.last.accepted]);
        }
    }
    return found;
}"""


@needs_browser
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_feedback_is_that_of_the_game(browser: Any, tmp_path: Path, scenario: str) -> None:
    """200 episodes of each scenario: the page gives the feedback of `Choices.record`, as server and agents do."""
    episodes, rounds = 200, 24
    changes = {"scenario": {"scenario": scenario, "game": {"rounds": rounds}}}
    files = Files(tmp_path / "pages", episodes=episodes, check=False, practice_rounds=0, ratings=0, **changes)
    page = browser.new_page()
    page.goto(f"{files.address}/index.html")
    page.wait_for_selector("form")
    game = files.study.game
    places = np.random.default_rng(0).integers(game.offered, size=(episodes, rounds))
    drawn = draw(game, files.study.seed, episodes)
    choices = Choices.record(drawn, places)
    found = page.evaluate(PLAY, places.tolist())
    offered, rank, spots, accepted = map(np.array, zip(*found, strict=True))
    np.testing.assert_array_equal(offered, choices.offered.reshape(-1, game.offered))
    np.testing.assert_array_equal(rank, choices.rank.ravel())
    np.testing.assert_array_equal(spots, np.where(choices.rank > 0, choices.spots, 0).ravel())
    np.testing.assert_array_equal(accepted, choices.accepted.ravel())
    page.close()
    files.close()
