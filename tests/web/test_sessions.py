"""Sessions of a study: what participants see and when, and what becomes of their data."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from serving import CONFIG, ROUNDS, Clock, Participant, opened
from starlette.testclient import TestClient

from accept_reject.agents import make_agent
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.envs.env import AcceptRejectEnv
from accept_reject.envs.episodes import draw
from accept_reject.envs.scenarios import SCENARIOS, scenario
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.compare.run import own_episodes
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay
from accept_reject.web.export import export_study, read_study, write_bonuses
from accept_reject.web.schedule import Schedule
from accept_reject.web.server import create_app
from accept_reject.web.sessions import Sessions
from accept_reject.web.study import Study


def test_a_whole_session_and_its_data(client: TestClient, sessions: Sessions, file: Path, tmp_path: Path) -> None:
    people = [Participant(client, external={"PID": f"person-{i}"}, language="de" if i else "en") for i in range(3)]
    for person in people[:2]:
        person.until("end")
        assert (person.state["outcome"], person.state["code"]) == ("complete", "DONE")
    people[2].until("round", "game")
    for place in (1, 0, 1):
        people[2].choose(place)
    sessions.store.close()
    folder = tmp_path / "data"
    found = export_study([file], folder)
    assert found.participants["finished"] == [1, 1, 0]
    data = load(str(folder))
    choices = data.choices
    assert choices.recorded is not None
    assert choices.recorded.tolist() == [ROUNDS, ROUNDS, 3]
    assert choices.choice[2].tolist() == [1, 0, 1] + [MISSED] * (ROUNDS - 3)
    assert choices.choice[0].tolist() == [i % 2 for i in range(ROUNDS)]
    episodes = draw(choices.game, 5, 3)
    assert (choices.offered[:2] == episodes.offered[:2]).all()
    assert np.isclose(choices.valuation[:2], episodes.valuation[:2]).all()  # type: ignore[index]
    assert choices.response_time is not None
    assert (choices.response_time[0] == 0.5).all()
    for name in ("thompson-rank", "bayes-hybrid"):  # as if an agent had made these choices in the live game
        live, loaded = (replay(make_agent(name), each).numpy() for each in (found.choices, choices))
        np.testing.assert_array_equal(live, loaded)
    own = own_episodes(data)
    assert own is not None, "agents can play the participants' own episodes"
    np.testing.assert_array_equal(own.rank[:2], episodes.rank[:2])
    table = data.participants
    assert table is not None
    for changed in (table.assign(seed="6"), table.assign(episode=["1", "0", "2"]), table.assign(episode="n/a")):
        assert own_episodes(data._replace(participants=changed)) is None
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.*"))
    assert "person-" not in text
    assert '"Simulated": false' in text
    liking = (folder / "phenotype" / "liking.tsv").read_text(encoding="utf-8").splitlines()
    assert liking[0].split("\t")[:2] == ["participant_id", "liking_A"]
    assert liking[3].split("\t")[1:] == ["n/a"] * 8
    assert write_bonuses([file], tmp_path / "bonus.csv") == 2
    accepted = found.choices.accepted.sum(axis=1)
    lines = (tmp_path / "bonus.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [f"person-{i},{0.1 * accepted[i]:.2f}" for i in range(2)]


def test_ids_in_the_file_of_bonuses_are_cells(client: TestClient, file: Path, tmp_path: Path) -> None:
    for odd in ("abc,99", "=1+1"):
        Participant(client, external={"PID": odd}).until("end")
    assert write_bonuses([file], tmp_path / "bonus.csv") == 2
    with (tmp_path / "bonus.csv").open(encoding="utf-8", newline="") as table:
        assert [row[0] for row in csv.reader(table)] == ["abc,99", "'=1+1"]


def test_feedback_is_that_of_the_game(client: TestClient, sessions: Sessions) -> None:
    person = Participant(client)
    person.until("round", "game")
    episodes = draw(sessions.study.game, 5, 1)
    shown = episodes.rank_shown[0]
    for now in range(ROUNDS):
        assert person.state["offered"] == episodes.offered[0, now].tolist()
        last = person.choose(place := (now // 2) % 2)["last"]
        seen = shown[now, place]
        assert last["accepted"] == episodes.accepted[0, now, place]
        assert (last["rank"] or 0) == episodes.rank[0, now, place] * seen
        assert last["spots"] == (episodes.spots[0, now, place] if seen else None)
    hidden = {"valuation", "acceptance", "mean_rank", "kind", "correct"}
    assert not [word for word in hidden if word in person.traffic]
    assert "correct" not in client.get("/api/study").text


def test_a_repeated_request_is_answered_alike_and_changes_nothing(client: TestClient, sessions: Sessions) -> None:
    person = Participant(client)
    person.until("round", "game")
    body = {"part": "game", "round": 0, "place": 1, "response_time": 0.7}
    first, second = person.post("/api/round", body), person.post("/api/round", body)
    assert first == second
    other = person.post("/api/round", body | {"place": 0})
    assert other["last"] == first["last"]
    assert other["elsewhere"]
    assert sessions.store.read("SELECT place, response_time FROM round WHERE part = 'game'") == [(1, 0.7)]
    assert sessions.store.read("SELECT event FROM event") == [("game 0 answered twice",)]


def test_a_session_goes_on_after_the_server_was_killed(sessions: Sessions, file: Path, clock: Clock) -> None:
    client = TestClient(create_app(sessions))
    person = Participant(client, external={"PID": "x"})
    person.until("round", "game")
    person.choose(1)
    before = person.get()
    sessions.store._db.close()  # what kill -9 leaves: no orderly end
    assert sessions.store._lock is not None
    sessions.store._lock.release()
    with TestClient(create_app(opened(file, clock))) as again:
        person.client = again
        assert person.get() == before
        assert Participant(again, external={"PID": "x"}).token == person.token
        assert Participant(again, external={"PID": "y"}).token != person.token
        person.until("end")


def test_check_practice_and_time(client: TestClient, clock: Clock, sessions: Sessions) -> None:
    failing, slow = Participant(client), Participant(client)
    failing.page()
    failing.page([1, 1])
    assert failing.state["page"] == "check"
    assert failing.state["passed"] is False
    failing.page([1, 1])
    assert failing.state["outcome"] == "check_failed"
    failing.post("/api/page", {"page": "check", "attempt": 2, "answers": [2, 1]}, (409,))
    slow.until("round")
    assert slow.state["part"] == "practice"
    clock.now += 29 * 60
    slow.choose(0)
    clock.now += 31 * 60
    assert slow.get() == {"step": "end", "outcome": "timed_out"}
    assert sessions.store.read("SELECT outcome FROM outcome ORDER BY session") == [("check_failed",), ("timed_out",)]


def test_a_time_limit_is_the_servers(file: Path, clock: Clock) -> None:
    sessions = opened(file, clock, time_limit=4.0, practice_rounds=0)
    with TestClient(create_app(sessions)) as client:
        person = Participant(client)
        person.until("round")
        clock.now += 5
        assert person.choose(0)["last"]["place"] == 0
        assert person.choose(None)["last"] == {"round": 1, "offered": person.state["last"]["offered"], "place": None}
        clock.now += 9
        assert person.choose(1)["last"]["place"] is None, "too late for the server's clock"
        sessions.store.read("SELECT 1")
        places = [place for (place,) in sessions.store.read("SELECT place FROM round ORDER BY round")]
        assert places == [0, None, None]


def test_kinds_of_sessions_never_mix(file: Path, clock: Clock) -> None:
    for kind in ("pilot", "real"):
        sessions = opened(file, clock, kind)
        with TestClient(create_app(sessions)) as client:
            Participant(client).until("end")
    for kind, episode in (("pilot", 0), ("real", 1)):
        _, found = read_study([file], kind)
        assert found.participants["episode"] == [episode]
        assert found.others == 1
    with pytest.raises(InvalidInputError, match="must have simulated sessions with at least one round, got 0 without"):
        read_study([file], "simulated")


def test_simulated_choices_are_those_of_the_agent(client: TestClient, sessions: Sessions) -> None:
    """An agent that plays through the server makes and meets the same as in `play`."""
    expected = play(make_agent("bayes-hybrid"), draw(sessions.study.game, 5, 1))
    person = Participant(client)
    person.until("round", "game")
    for now, place in enumerate(expected.choice[0].tolist()):
        last = person.choose(place)["last"]
        assert last["accepted"] == expected.accepted[0, now]
        assert (last["rank"] or 0) == expected.rank[0, now]


def test_a_cover_story_needs_a_second_consent(file: Path, clock: Clock) -> None:
    debriefed = {"en": {"consent": {"text": "A test."}, "debriefing": {"title": "The truth", "text": "Programs."}}}
    with pytest.raises(ValueError, match="debriefing: is required with a cover story"):
        Study.model_validate(CONFIG | {"cover_story": True})
    sessions = opened(file, clock, cover_story=True, texts=debriefed)
    with TestClient(create_app(sessions)) as client:
        agrees, leaves = Participant(client), Participant(client)
        agrees.until("end")
        leaves.until("rating")
        leaves.until("page")
        assert leaves.state["page"] == "debriefing"
        leaves.page()
        assert leaves.state["page"] == "consent-again"
    _, found = read_study([file], "real")
    assert (len(found.choices), found.left_out) == (1, 1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_rounds_are_those_of_the_environment(name: str) -> None:
    """For the same choices, a browser gets the feedback that the Gymnasium environment gives."""
    game, episodes, rng = scenario(name).game, 200, np.random.default_rng(0)
    schedule = Schedule(Study.model_validate(CONFIG | {"scenario": name, "seed": 3}))
    choice = rng.integers(game.offered, size=(episodes, game.rounds))
    drawn = Choices.record(draw(game, 3, episodes), choice)
    env = AcceptRejectEnv(name)
    for episode in range(episodes):
        rounds = schedule.game(episode)
        seen = [rounds.feedback(now, place) for now, place in enumerate(choice[episode].tolist())]
        assert [each["rank"] or 0 for each in seen] == drawn.rank[episode].tolist()
        assert [each["accepted"] for each in seen] == drawn.accepted[episode].tolist()
        spots = [UNKNOWN_SPOTS if each["spots"] is None else each["spots"] for each in seen]
        assert spots == drawn.spots[episode].tolist()
        assert rounds.offered == drawn.offered[episode].tolist()
    for episode in range(5):
        env.reset(seed=None if episode else 3)
        for now, place in enumerate(choice[episode].tolist()):
            observation, reward, *_ = env.step(place)
            assert reward == drawn.accepted[episode, now]
            assert observation["last_rank"] == drawn.rank[episode, now]


def test_the_server_needs_no_agents() -> None:
    code = (
        "import sys, accept_reject.web.serve, accept_reject.web.server; print({'torch', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
