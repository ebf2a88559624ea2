"""Play: an agent plays drawn episodes, and its choices are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.adapters.single_player import SinglePlayer, as_agent
from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.envs.episodes import Episodes
from accept_reject.errors import InvalidInputError
from accept_reject.random import Stream, generator


def play(
    agent: Agent | SinglePlayer, episodes: Episodes, seed: int = 0, on_round: Callable[[], None] = lambda: None
) -> Choices:
    r"""Let an agent play every episode once, all episodes in parallel.

    In round $t$ the agent gives player $i$ a probability $p_{itj}$ for each offered partner $j$. The choice is drawn by
    inverting the cumulative distribution at a uniform random number $u_{it}$,

    $$c_{it} = \min \Big\{ j : \sum_{k \le j} p_{itk} > u_{it} \Big\}.$$

    The numbers $u_{it}$ belong to the episodes and not to the agent (common random numbers), so that agents with the
    same probabilities make the same choices. A player without an answer misses the round and receives no feedback.

    Args:
        agent: The agent.
        episodes: The episodes.
        seed: Seed of the choices, and of agents with random numbers of their own; the episodes stay the same.
        on_round: Called after each round, when the agent has learned from its feedback.

    Returns:
        The choices, one row for each episode.

    Raises:
        InvalidInputError: If the policy does not return valid probabilities.

    Examples:
        >>> import accept_reject as ar
        >>> episodes = ar.draw(ar.scenario("few-spots").game, seed=0, n=500)
        >>> choices = ar.play(ar.make_agent("bayes-hybrid"), episodes)
        >>> choices.choice.shape
        (500, 144)
    """
    agent = as_agent(agent)
    game, n = episodes.game, len(episodes)
    shape = (n, game.rounds)
    choice, spots = np.full(shape, MISSED, np.int8), np.full(shape, UNKNOWN_SPOTS, np.uint8)
    rank, accepted = np.zeros(shape, np.uint8), np.zeros(shape, np.bool_)
    uniform = episodes.uniform(Stream.CHOICES, seed)
    seen_rank, seen_spots = episodes.rank * episodes.rank_shown, episodes.spots * episodes.rank_shown
    if isinstance(agent, PrivilegedAgent):
        agent.reveal(Revealed(episodes.valuation, episodes.acceptance))
    agent.start(n, game, int(generator(episodes.parts[0][0], Stream.AGENT, 0, seed).integers(2**31)))
    for now in range(game.rounds):
        offered = episodes.offered[:, now]
        policy = checked_policy(agent, offered, now)
        players = np.flatnonzero(~np.isnan(policy[:, 0]))
        chosen = sample(policy[players], uniform[players, now])
        feedback = Feedback(
            players=players.copy(),
            offered=offered[players],
            choice=chosen,
            partner=offered[players, chosen],
            rank=seen_rank[players, now, chosen],
            spots=seen_spots[players, now, chosen],
            accepted=episodes.accepted[players, now, chosen],
        )
        choice[players, now] = chosen
        rank[players, now] = feedback.rank
        spots[players, now] = np.where(feedback.rank > 0, feedback.spots, UNKNOWN_SPOTS)
        accepted[players, now] = feedback.accepted
        agent.learn(feedback)
        on_round()
    return Choices(
        game=game,
        offered=episodes.offered,
        choice=choice,
        rank=rank,
        spots=spots,
        accepted=accepted,
        valuation=episodes.valuation,
        acceptance=episodes.acceptance,
    )


def sample(policy: NDArray[np.floating], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Sample choices from probabilities by inverting their cumulative sum.

    Args:
        policy: Probabilities of the offered partners, `(..., offered)`.
        uniform: Uniform random numbers in 0..1, `(...)`.

    Returns:
        Place in the offer of each choice, `(...)`.
    """
    return (policy[..., :-1].cumsum(axis=-1) <= uniform[..., None]).sum(axis=-1)


def play_with_beliefs(agent: Agent | SinglePlayer, episodes: Episodes) -> tuple[Choices, NDArray[np.float64] | None]:
    """Play, and record the agent's beliefs.

    Args:
        agent: The agent.
        episodes: The episodes.

    Returns:
        The choices, and `agent.valuations()` after each round, `(n, rounds, partners)`; None if the agent has none.
    """
    beliefs: list[Any] = []
    player = as_agent(agent)
    choices = play(player, episodes, on_round=lambda: beliefs.append(player.valuations()))
    return choices, None if beliefs[0] is None else np.stack([np.asarray(each) for each in beliefs], axis=1)


def checked_policy(agent: Agent, offered: NDArray[np.uint8], now: int) -> NDArray[np.float64]:
    """Get an agent's policy and check it.

    Args:
        agent: The agent.
        offered: The offered partners, `(n, offered)`.
        now: The round, from 0, for messages.

    Returns:
        The probabilities, `(n, offered)`; rows of NaN for players that give no answer.

    Raises:
        InvalidInputError: If they are invalid; the message names the agent, the round and the first invalid row.
    """
    policy = np.asarray(agent.policy(offered.copy()), np.float64)
    subject = f"{agent}.policy in round {now + 1}"
    if policy.shape != offered.shape:
        raise InvalidInputError(
            subject, [f"must return probabilities of shape {offered.shape}, got shape {policy.shape}"]
        )
    wrong = ~((policy >= 0).all(axis=1) & (np.abs(policy.sum(axis=1) - 1) < 1e-4))
    if agent.may_miss:
        wrong &= ~np.isnan(policy).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        problem = f"must return probabilities >= 0 that sum to 1, got {policy[row]} for player {row}"
        raise InvalidInputError(subject, [problem])
    return policy
