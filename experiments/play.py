"""Play: an agent meets drawn episodes, and its choices are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.envs.episodes import Episodes, generator
from accept_reject.envs.faults import InvalidInputError

_CHOICE_LUCK, _AGENT_LUCK = 1, 2
"""Keys that keep the luck of choosing, and an agent's own, apart from the luck of the episodes."""


def play(agent: Agent, episodes: Episodes, seed: int = 0, on_learned: Callable[[], None] = lambda: None) -> Choices:
    """Let an agent play every episode once, all side by side.

    The luck of choosing belongs to the episode, not to the agent: two agents that give the same probabilities make the
    same choices, whatever else is played beside them. Who gives no answer misses the round and learns nothing from it.

    Args:
        agent: The player.
        episodes: The episodes.
        seed: Another seed gives the choices, and agents with randomness of their own, other luck in the same episodes.
        on_learned: Called after each round, when the agent has learned from it.

    Returns:
        The choices, a row for each episode.

    Raises:
        InvalidInputError: If the agent's policy does not give probabilities of the right shape.
    """
    game, n = episodes.game, len(episodes)
    choice = np.empty((n, game.rounds), np.int8)
    luck = episodes.luck(_CHOICE_LUCK, seed)
    seen_rank, seen_spots = episodes.rank * episodes.rank_shown, episodes.spots * episodes.rank_shown
    if isinstance(agent, PrivilegedAgent):
        agent.reveal(Revealed(episodes.valuation, episodes.acceptance))
    agent.start(n, game, int(generator(episodes.parts[0][0], _AGENT_LUCK, seed).integers(2**31)))
    for now in range(game.rounds):
        offered = episodes.offered[:, now]
        probability = checked_policy(agent, offered, now)
        players = np.flatnonzero(~np.isnan(probability[:, 0]))
        chosen = (probability[players, :-1].cumsum(axis=1) <= luck[players, now, None]).sum(axis=1)
        choice[:, now] = MISSED
        choice[players, now] = chosen
        agent.learn(
            Feedback(
                players=players.copy(),
                offered=offered[players],
                choice=chosen,
                partner=offered[players, chosen],
                rank=seen_rank[players, now, chosen],
                spots=seen_spots[players, now, chosen],
                accepted=episodes.accepted[players, now, chosen],
            )
        )
        on_learned()

    def of_chosen(of_offered: NDArray[Any]) -> NDArray[Any]:
        found = np.take_along_axis(of_offered, np.maximum(choice, 0)[..., None], axis=2)[..., 0]
        return np.where(choice == MISSED, 0, found).astype(of_offered.dtype)

    return Choices(
        game=game,
        offered=episodes.offered,
        choice=choice,
        rank=of_chosen(seen_rank),
        spots=np.where(of_chosen(seen_rank) > 0, of_chosen(seen_spots), UNKNOWN_SPOTS).astype(np.uint8),
        accepted=of_chosen(episodes.accepted),
        valuation=episodes.valuation,
        acceptance=episodes.acceptance,
    )


def play_with_beliefs(agent: Agent, episodes: Episodes) -> tuple[Choices, NDArray[np.float64] | None]:
    """Choices, and the agent's beliefs after each round, `(n, rounds, partners)`, if it has any."""
    beliefs: list[Any] = []
    choices = play(agent, episodes, on_learned=lambda: beliefs.append(agent.valuations()))
    return choices, None if beliefs[0] is None else np.stack([np.asarray(each) for each in beliefs], axis=1)


def checked_policy(agent: Agent, offered: NDArray[np.uint8], now: int) -> NDArray[np.float64]:
    """The agent's probabilities, `(n, offered)`; rows of NaN for players who give no answer.

    Raises:
        InvalidInputError: If they are none; the message names the agent, the round and the first player concerned.
    """
    given = np.asarray(agent.policy(offered.copy()), np.float64)
    subject = f"{type(agent).__name__}.policy in round {now + 1}"
    if given.shape != offered.shape:
        raise InvalidInputError(
            subject, [f"should return probabilities of shape {offered.shape}, but gave {given.shape}"]
        )
    wrong = ~((given >= 0).all(axis=1) & (np.abs(given.sum(axis=1) - 1) < 1e-4))
    if agent.may_miss:
        wrong &= ~np.isnan(given).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        fault = f"should return probabilities of 0 or more that sum to 1, but gave {given[row]} for player {row}"
        raise InvalidInputError(subject, [fault])
    return given
