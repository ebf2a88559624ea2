"""Play the game: in a browser on this computer, or in the terminal."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.errors import InvalidInputError, parse
from accept_reject.web.session import Session
from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store
from accept_reject.web.study import Study
from accept_reject.web.texts import SHIPPED

HOST = "127.0.0.1"
"""Only browsers on this computer can connect."""


def game_of(scenario: str, rounds: int | None, seed: int, episode: int) -> Study:
    """Return a game that is played for its own sake, as a study with nothing but its rounds.

    Raises:
        InvalidInputError: If the scenario is unknown, or if a number is out of range.
    """
    game = {} if rounds is None else {"rounds": rounds}
    texts = {language: {"consent": {"text": "-"}} for language in reversed(SHIPPED)}
    data = {
        "name": f"play-{scenario}-{seed}",
        "scenario": {"scenario": scenario, "game": game},
        "seed": seed,
        "first_episode": episode,
        "check": False,
        "practice_rounds": 0,
        "ratings": 0,
        "debriefing": False,
        "feedback_seconds": 1.2,
        "resume_within": "1d",
        "texts": texts,
    }
    return parse(Study, data, "play")


class Results:
    """What players see at the end. Agents begin to play as soon as an episode is known, in a thread of their own.

    Args:
        sessions: The sessions.
        address: Where the page is, for links; None if there is no page.
    """

    def __init__(self, sessions: Sessions, address: str | None = None) -> None:
        self._sessions, self._address = sessions, address
        self._thread = ThreadPoolExecutor(1)
        self._others: dict[int, Future[dict[str, Any]]] = {}

    def prepare(self, episode: int) -> None:
        """Let agents play an episode."""
        if episode not in self._others:
            self._others[episode] = self._thread.submit(self._play, episode)

    def __call__(self, session: Session) -> Mapping[str, Any]:
        """Return what the last page of a session shows; waits for agents that still play."""
        from accept_reject.web.result import result

        study, episode = self._sessions.study, session.episode
        self.prepare(episode)
        choices = Choices.record(draw(study.game, study.seed, 1, episode), np.array([session.places["game"]]))
        found = result(choices, self._others[episode].result())
        return found | {"next": f"/?episode={episode + 1}", "challenge": self._challenge(episode)}

    def _play(self, episode: int) -> dict[str, Any]:
        from accept_reject.web.result import others  # imports torch

        study = self._sessions.study
        return others(draw(study.game, study.seed, 1, episode))

    def _challenge(self, episode: int) -> str:
        study = self._sessions.study
        command = f"accept-reject play --scenario {study.scenario.scenario} --rounds {study.game.rounds}"
        command += f" --seed {study.seed} --episode {episode}"
        return command if self._address is None else f"{command}\n{self._address}/?episode={episode}"


def play_in_browser(study: Study, save: Path | None, port: int, browser: bool) -> None:
    """Serve a game on this computer, and open it in a browser, until the program is interrupted.

    Args:
        study: The game, from `game_of`.
        save: The file in which choices are stored; None to store nothing.
        port: The port, or 0 for any free one.
        browser: Whether to open a browser.

    Raises:
        InvalidInputError: If the port is in use, or if the file can't be used.
    """
    from accept_reject.web.server import create_app, run  # needs the extra `web`

    listening = listen(HOST, port)
    address = f"http://{HOST}:{listening.getsockname()[1]}"
    sessions = Sessions(study, Store(save, study.model_dump_json()), free=True)
    results = Results(sessions, address)
    results.prepare(study.first_episode)
    print(f"The game: {address} (end it with Ctrl+C)")
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    run(create_app(sessions, results), listening)


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Raises:
        InvalidInputError: If it can't be opened.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1_000)  # before the address is printed: connections wait until the server has started
    except OSError as error:
        listening.close()
        problem = f"can't listen on port {port} of {host}: {error.strerror}; choose another one with --port"
        raise InvalidInputError("port", [problem]) from None
    return listening
