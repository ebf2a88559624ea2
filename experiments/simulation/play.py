"""Play: an agent plays drawn episodes, and its choices are recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.adapters.single_player import SinglePlayer, as_agent
from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed
from accept_reject.agents.calls import as_array, calling, checked_policy, checked_valuations
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.envs.episodes import Episodes
from accept_reject.errors import InvalidInputError
from accept_reject.random import Stream, generator


def play(
    agent: Agent | SinglePlayer, episodes: Episodes, seed: int = 0, on_round: Callable[[int], None] = lambda now: None
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
        on_round: Called with each round, from 0, when the agent has learned from its feedback.

    Returns:
        The choices, one row for each episode.

    Raises:
        InvalidInputError: If the agent raises an exception, or if its policy does not return valid probabilities.

    Examples:
        >>> import accept_reject as ar
        >>> episodes = ar.draw(ar.scenario("few-spots").game, seed=0, n=500)
        >>> choices = ar.play(ar.make_agent("bayes-hybrid"), episodes)
        >>> choices.choice.shape
        (500, 144)
    """
    agent = as_agent(agent)
    game, n = episodes.game, len(episodes)
    choice = np.full((n, game.rounds), MISSED, np.int8)
    uniform = episodes.uniform(Stream.CHOICES, seed)
    seen_rank, seen_spots = episodes.rank * episodes.rank_shown, episodes.spots * episodes.rank_shown
    if isinstance(agent, PrivilegedAgent):
        agent.reveal(Revealed(episodes.valuation, episodes.acceptance))
    agent_seed = int(generator(episodes.parts[0][0], Stream.AGENT, 0, seed).integers(2**31))
    with calling(agent, "start"):
        agent.start(n, game, agent_seed)
    for now in range(game.rounds):
        offered = episodes.offered[:, now]
        policy = np.asarray(as_array(checked_policy(agent, offered, now)))
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
        with calling(agent, "learn", now):
            agent.learn(feedback)
        on_round(now)
    return Choices.record(episodes, choice)


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

    Raises:
        InvalidInputError: As for `play`, or if the beliefs are invalid or None in only some rounds.
    """
    player = as_agent(agent)
    shape = (len(episodes), episodes.game.n_partners)
    beliefs: list[NDArray[np.float64] | None] = []
    choices = play(player, episodes, on_round=lambda now: beliefs.append(checked_valuations(player, *shape, now)))
    known = [each for each in beliefs if each is not None]
    if known and len(known) < len(beliefs):
        raise InvalidInputError(f"{player}.valuations", ["must be None in all rounds or in none"])
    return choices, np.stack(known, axis=1) if known else None
