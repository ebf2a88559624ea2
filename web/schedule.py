"""What a participant goes through: the steps of a session, and what may be seen at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from accept_reject.envs.choices import MISSED
from accept_reject.envs.episodes import BLOCK, Episodes, draw
from accept_reject.random import Stream, generator
from accept_reject.web.study import Study

Part = Literal["practice", "game"]

PRACTICE_EPISODE = 2**31
"""Episode of the practice rounds, far from those of participants."""

INSTRUCTIONS, CHECK, DEBRIEFING, CONSENT_AGAIN = "instructions", "check", "debriefing", "consent-again"
PRACTICE, GAME, RATINGS = "practice", "game", "ratings"
"""Names of pages: the last three are shown before the rounds and ratings."""

BEFORE, AFTER = "before", "after"
"""Parts with trials of the study's own."""


class Step(NamedTuple):
    """A step of a session.

    Attributes:
        kind: What is shown.
        name: Name of the page, part of the game, or part of the study's own trials.
        number: Number of the round or the rating, from 0.
    """

    kind: Literal["page", "round", "rating", "extra"]
    name: str
    number: int = 0


def steps(study: Study) -> list[Step]:
    """List the steps of a session; a session is at the first one that it has not done."""
    extra = [Step("extra", BEFORE), Step("extra", AFTER)] if study.extra else []
    found = [*extra[:1], Step("page", INSTRUCTIONS)]
    if study.check:
        found.append(Step("page", CHECK))
    if study.practice_rounds:
        found.append(Step("page", PRACTICE))
        found += [Step("round", "practice", i) for i in range(study.practice_rounds)]
        found.append(Step("page", GAME))
    found += [Step("round", "game", i) for i in range(study.game.rounds)]
    if study.ratings:
        found.append(Step("page", RATINGS))
        found += [Step("rating", "rating", i) for i in range(study.game.n_partners)]
    found += extra[1:]
    if study.debriefing:
        found.append(Step("page", DEBRIEFING))
    if study.cover_story:
        found.append(Step("page", CONSENT_AGAIN))
    return found


class Rounds:
    """The drawn rounds of one episode: what a player may see of them.

    Args:
        episodes: Drawn episodes.
        row: Which of them.
    """

    def __init__(self, episodes: Episodes, row: int) -> None:
        shown = episodes.rank_shown[row]
        self.offered: list[list[int]] = episodes.offered[row].tolist()
        self._rank: list[list[int]] = np.where(shown, episodes.rank[row], 0).tolist()
        self._spots: list[list[int]] = np.where(shown, episodes.spots[row], 0).tolist()
        self._accepted: list[list[bool]] = episodes.accepted[row].tolist()

    def table(self) -> dict[str, Any]:
        """Everything, for pages without a server."""
        return {"offered": self.offered, "rank": self._rank, "spots": self._spots, "accepted": self._accepted}

    def feedback(self, number: int, place: int) -> dict[str, Any]:
        """What a player learns in a round.

        Args:
            number: Number of the round, from 0.
            place: Place of the chosen partner in the offer, or `MISSED`.
        """
        seen = {"round": number, "offered": self.offered[number], "place": None if place == MISSED else place}
        if place == MISSED:
            return seen
        rank = self._rank[number][place] or None
        spots = None if rank is None else self._spots[number][place]
        return {**seen, "rank": rank, "spots": spots, "accepted": self._accepted[number][place]}

    def accepted(self, places: Sequence[int]) -> int:
        """The number of rounds in which the player was accepted."""
        return sum(self._accepted[i][place] for i, place in enumerate(places) if place != MISSED)


class Schedule:
    """The rounds of all participants. Episodes are drawn in blocks, so the other ones of a block are kept.

    Args:
        study: The study.
    """

    def __init__(self, study: Study) -> None:
        self._game, self._seed = study.game, study.seed
        self._block = lru_cache(maxsize=64)(self._draw)
        self.game = lru_cache(maxsize=10_000)(self._of_episode)
        """Returns the rounds of an episode."""
        self.practice = self._of_episode(PRACTICE_EPISODE)
        """The practice rounds, the first ones of an episode of their own that is the same for all participants."""

    def _draw(self, block: int) -> Episodes:
        return draw(self._game, self._seed, BLOCK, block * BLOCK)

    def _of_episode(self, episode: int) -> Rounds:
        block, row = divmod(episode, BLOCK)
        return Rounds(self._block(block), row)


def rating_order(study: Study, episode: int) -> list[int]:
    """The order in which a participant rates the partners."""
    rng = generator(study.seed, Stream.RATING_ORDER, episode)
    return [int(partner) for partner in rng.permutation(study.game.n_partners)]
