"""Agents that read the game as text and answer with a letter, such as language models."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.adapters.prompts import letters_of, prompt, read_answer, round_text
from accept_reject.agents.adapters.single_player import PlayerFeedback
from accept_reject.agents.base import Agent, Feedback
from accept_reject.agents.dotted import load_dotted
from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError, shorten


class Reply(NamedTuple):
    """The reply to a prompt.

    Attributes:
        text: The answer or the text of a refusal, or None.
        missed: The reason why it is no answer, such as a refusal; None if that is to be seen from the text.
        probabilities: Probabilities of letters, if they are known; those of the offer are normalized to sum to 1.
    """

    text: str | None
    missed: str | None = None
    probabilities: Mapping[str, float] | None = None


class Exchange(NamedTuple):
    """A line of the transcript.

    Attributes:
        game: Number of the agent's game, from 1; it increases with each `start`.
        player: Row index of the player.
        round: Number of the round, from 1.
        prompt: The prompt.
        answer: The text of the reply, or None.
        probabilities: Probability of each letter; None if the round was missed.
        missed: The reason why the round was missed, or None.
    """

    game: int
    player: int
    round: int
    prompt: str
    answer: str | None
    probabilities: dict[str, float] | None
    missed: str | None


class TextAgent(Agent):
    """Base class of agents that play by text.

    A round is missed if the answer is not a letter of the offer, such as a refusal or a longer text.

    Args:
        transcript: A file to which a line of JSON is appended for each prompt.

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
        """Return the reply to each prompt.

        Args:
            prompts: A prompt for each player.
            offered: Number of partners offered, and of valid letters.
        """

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Start with an empty history.

        Raises:
            InvalidInputError: If there are not enough letters for the offer, or if the transcript can't be written.
        """
        letters = len(letters_of(game.offered))
        if game.offered > letters:
            raise InvalidInputError(str(self), [f"offered: must be at most {letters} partners, got {game.offered}"])
        if self._transcript:
            try:
                self._transcript.open("a").close()  # fail before the first answer
            except OSError as error:
                raise InvalidInputError(str(self._transcript), [f"can't be written: {error.strerror}"]) from None
        self._game, self._games = game, self._games + 1
        self.exchanges = []
        self._history: list[list[str]] = [[] for _ in range(n_players)]

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the probability of each letter, `(n_players, offered)`; 1 where only the answer is known.

        Rows of players without a valid answer are NaN.
        """
        self._offered = offered.tolist()
        prompts = [prompt(self._game, *each) for each in zip(self._history, self._offered, strict=True)]
        letters = letters_of(offered.shape[1])
        policy = np.full(offered.shape, np.nan)
        exchanges = []
        for player, (text, reply) in enumerate(zip(prompts, self.ask(prompts, len(letters)), strict=True)):
            probabilities, missed = _interpret(reply, letters)
            if probabilities:
                policy[player] = list(probabilities.values())
            number = len(self._history[player]) + 1
            exchanges.append(Exchange(self._games, player, number, text, reply.text, probabilities, missed))
        self.exchanges += exchanges
        if self._transcript:
            with self._transcript.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(each._asdict(), ensure_ascii=False) + "\n" for each in exchanges)
        return policy

    def learn(self, feedback: Feedback) -> None:
        """Add the round to the history of each player, including missed rounds."""
        columns = (feedback.offered, feedback.partner, feedback.rank, feedback.spots, feedback.accepted)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        found = {player: PlayerFeedback(*row) for player, row in zip(feedback.players.tolist(), rows, strict=True)}
        for player, (history, offered) in enumerate(zip(self._history, self._offered, strict=True)):
            history.append(round_text(len(history) + 1, offered, found.get(player)))


class TextFunction(TextAgent):
    """Plays with a function that maps a prompt to a letter.

    Args:
        answer: The function, or its dotted path. It can return None to refuse.
        transcript: As for `TextAgent`.

    Raises:
        ValueError: If `answer` is not callable.
    """

    def __init__(self, answer: str | Callable[[str], str | None], transcript: str | Path | None = None) -> None:
        super().__init__(transcript)
        self._answer = load_dotted(answer, "answer", callable, "callable") if isinstance(answer, str) else answer
        if not callable(self._answer):
            raise ValueError(f"answer: must be callable or a dotted path, got {shorten(answer)}")

    def ask(self, prompts: list[str], offered: int) -> list[Reply]:
        """Return the function's answers.

        Raises:
            InvalidInputError: If an answer is neither a string nor None.
        """
        answers = [self._answer(text) for text in prompts]
        for player, answer in enumerate(answers):
            if not isinstance(answer, str | None):
                name = getattr(self._answer, "__name__", type(self._answer).__name__)
                raise InvalidInputError(name, [f"must be a string or None, got {shorten(answer)} for player {player}"])
        return [Reply(answer, "refused" if answer is None else None) for answer in answers]


def _interpret(reply: Reply, letters: str) -> tuple[dict[str, float] | None, str | None]:
    """Return the probability of each letter, or the reason why the round is missed."""
    if reply.missed:
        return None, reply.missed
    letter = read_answer(reply.text or "", len(letters))
    if letter is None:
        return None, "not a letter of the offer" if reply.text else "no answer"
    known = {each: (reply.probabilities or {}).get(each, 0.0) for each in letters}
    total = sum(known.values())
    if not total:
        return {each: float(each == letter) for each in letters}, None
    return {each: probability / total for each, probability in known.items()}, None
