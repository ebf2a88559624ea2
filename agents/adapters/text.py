"""Players that read the game as text and answer with a letter, such as language models."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.adapters.prompts import letters_of, prompt, read_letter, told
from accept_reject.agents.adapters.single_player import Answer
from accept_reject.agents.base import Agent, Feedback
from accept_reject.agents.dotted import load_dotted
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec


class Reply(NamedTuple):
    """What came back for a prompt.

    Attributes:
        text: The answer, or the words of a refusal; None if there are none.
        refused: Whether it was marked as a refusal.
        chances: How probable the letters of the offer were, if that is known; they are scaled to sum to 1.
    """

    text: str | None
    refused: bool = False
    chances: Mapping[str, float] | None = None


class Exchange(NamedTuple):
    """A line of the transcript.

    Attributes:
        game: Which game of this agent, from 1: how often it was started.
        player: Row number of the player.
        round: Number of the round, from 1.
        prompt: What the player read.
        answer: What it answered; None if it said nothing.
        chances: How probably it chose each letter; None if it missed the round.
        missed: Why the round counts as missed; None if it does not.
    """

    game: int
    player: int
    round: int
    prompt: str
    answer: str | None
    chances: dict[str, float] | None
    missed: str | None


class TextAgent(Agent):
    """Plays by text. An answer that is no letter of the offer, such as a refusal or chatter, misses the round.

    Args:
        transcript: A file to which a line of JSON is added for each prompt, as they are answered; none by default.

    Attributes:
        exchanges: The transcript of all players since `start`.
    """

    may_miss = True

    def __init__(self, transcript: str | Path | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self._transcript = None if transcript is None else Path(transcript)
        self._games = 0

    @abstractmethod
    def ask(self, prompts: list[str], offered: int) -> list[Reply]:
        """What is answered to each prompt.

        Args:
            prompts: A prompt for each player.
            offered: How many partners, and so how many letters, each of them offers.
        """

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Begin with the rules and an empty history.

        Raises:
            InvalidInputError: If there are not enough letters for the offer, or if the transcript can't be written.
        """
        if game.offered > len(letters_of(game.offered)):
            raise InvalidInputError(type(self).__name__, [f"has no letters for {game.offered} offered partners"])
        if self._transcript:
            try:
                self._transcript.open("a").close()  # now rather than after the first answers
            except OSError as error:
                raise InvalidInputError(str(self._transcript), [f"can't be written: {error.strerror}"]) from None
        self._game, self._games = game, self._games + 1
        self.exchanges = []
        self._history: list[list[str]] = [[] for _ in range(n_players)]

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """How probably each player answers with each letter, `(n_players, offered)`; 1 where only its answer is known.

        Rows of players who gave no valid answer are NaN.
        """
        self._offered = offered.tolist()
        prompts = [prompt(self._game, *seen) for seen in zip(self._history, self._offered, strict=True)]
        letters = letters_of(offered.shape[1])
        chances = np.full(offered.shape, np.nan)
        exchanges = []
        for player, (text, reply) in enumerate(zip(prompts, self.ask(prompts, len(letters)), strict=True)):
            given, missed = _understood(reply, letters)
            if given:
                chances[player] = list(given.values())
            now = len(self._history[player]) + 1
            exchanges.append(Exchange(self._games, player, now, text, reply.text, given, missed))
        self.exchanges += exchanges
        if self._transcript:
            with self._transcript.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(each._asdict(), ensure_ascii=False) + "\n" for each in exchanges)
        return chances

    def learn(self, feedback: Feedback) -> None:
        """Write down what happened, missed rounds too."""
        columns = (feedback.offered, feedback.partner, feedback.rank, feedback.spots, feedback.accepted)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        answers = {player: Answer(*row) for player, row in zip(feedback.players.tolist(), rows, strict=True)}
        for player, (history, offered) in enumerate(zip(self._history, self._offered, strict=True)):
            history.append(told(len(history) + 1, offered, answers.get(player)))


class TextFunction(TextAgent):
    """Plays as a function does that is given the prompt and answers with a letter.

    Args:
        answer: The function, or its dotted path. An answer of None is a refusal.
        transcript: As for `TextAgent`.

    Raises:
        ValueError: If the path names nothing that can be called.
    """

    def __init__(self, answer: str | Callable[[str], str | None], transcript: str | Path | None = None) -> None:
        super().__init__(transcript)
        self._answer = load_dotted(answer, "answer", callable, "callable") if isinstance(answer, str) else answer
        if not callable(self._answer):
            raise ValueError(f"answer: should be callable or a dotted path, but is {answer!r}")

    def ask(self, prompts: list[str], offered: int) -> list[Reply]:
        """The function's answers, one after the other.

        Raises:
            InvalidInputError: If an answer is neither text nor None.
        """
        answers = [self._answer(text) for text in prompts]
        for player, answer in enumerate(answers):
            if not isinstance(answer, str | None):
                name = getattr(self._answer, "__name__", type(self._answer).__name__)
                raise InvalidInputError(
                    name, [f"should answer with text or None, but gave {answer!r} for player {player}"]
                )
        return [Reply(answer) for answer in answers]


def _understood(reply: Reply, letters: str) -> tuple[dict[str, float] | None, str | None]:
    """How probable each letter is, or why there is none."""
    if reply.refused or not reply.text:
        return None, "refused"
    letter = read_letter(reply.text, len(letters))
    if letter is None:
        return None, "no letter of the offer alone"
    known = {each: (reply.chances or {}).get(each, 0.0) for each in letters}
    total = sum(known.values())
    if not total:
        return {each: float(each == letter) for each in letters}, None
    return {each: chance / total for each, chance in known.items()}, None
