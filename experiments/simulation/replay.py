"""Replay: the log-probability of recorded choices under an agent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.adapters.single_player import SinglePlayer, as_agent
from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed
from accept_reject.agents.calls import calling, checked_policy
from accept_reject.agents.learner import Learner
from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError


def replay(agent: Agent | SinglePlayer, choices: Choices, seed: int = 0) -> Tensor:
    r"""Compute the log-probability of recorded choices under an agent.

    For the choice $c_{it}$ of player $i$ in round $t$, after the offers $o$ and the feedback $f$ so far, it is

    $$\log P(c_{it} \mid o_{i1}, f_{i1}, \ldots, o_{i,t-1}, f_{i,t-1}, o_{it}).$$

    The agent is teacher-forced: it receives the feedback that the player received, whatever it would have chosen. The
    sum over rounds is therefore the log-likelihood of the agent's parameters (Daw 2011). Gradients flow to parameters
    that require them.

    Args:
        agent: The agent.
        choices: The choices of n players, made by people or by any agent.
        seed: Seed for agents with random numbers of their own.

    Returns:
        Log-probabilities, `(n, rounds)`; 0 in missed rounds, and NaN where the agent gives no answer.

    Raises:
        InvalidInputError: If the agent needs the hidden state and it is unknown, if it raises an exception, or if its
            policy does not return valid probabilities.

    Examples:
        >>> import accept_reject as ar
        >>> choices, parameters = ar.simulate("population_babur2024")
        >>> learner = ar.make_agent("bayes-hybrid", {"w": 0.5, "inverse_temperature": 2.0})
        >>> ar.replay(learner, choices).sum(dim=1).shape
        torch.Size([42])

    References:
        Daw, N. D. (2011). Trial-by-trial data analysis using computational models. In M. R. Delgado, E. A. Phelps, &
        T. W. Robbins (Eds.), *Decision Making, Affect, and Learning: Attention and Performance XXIII* (pp. 3-38).
        Oxford University Press.
    """
    agent = as_agent(agent)
    if isinstance(agent, Learner):
        return choice_log_probability(agent.log_policy(evidence_over_rounds(agent, choices, seed)), choices)
    if isinstance(agent, PrivilegedAgent):
        if choices.valuation is None or choices.acceptance is None:
            raise InvalidInputError(str(agent), ["needs the hidden state, which is unknown for these choices"])
        agent.reveal(Revealed(choices.valuation, choices.acceptance))
    player = agent
    log_policy = _over_rounds(
        agent, choices, seed, lambda offered, now: torch.as_tensor(checked_policy(player, offered, now)).log()
    )
    return choice_log_probability(log_policy, choices)


def evidence_over_rounds(learner: Learner, choices: Choices, seed: int = 0) -> Tensor:
    """Compute a learner's evidence about the offered partners in each round, `(n, rounds, offered, features)`."""
    return _over_rounds(learner, choices, seed, lambda offered, _: learner.evidence(offered))


def evidence_at_end(learner: Learner, choices: Choices, seed: int = 0) -> Tensor:
    """Compute a learner's evidence about all partners after the last round, `(n, partners, features)`."""
    learner.start(len(choices), choices.game, seed)
    for now in range(choices.game.rounds):
        learner.learn(feedback_in_round(choices, now))
    return learner.evidence(np.tile(np.arange(choices.game.n_partners), (len(choices), 1)))


def choice_log_probability(log_policy: Tensor, choices: Choices) -> Tensor:
    """Select the log-probabilities of the choices.

    Args:
        log_policy: Log-probability of each offered partner, `(n, rounds, offered)`.
        choices: The choices of n players.

    Returns:
        Log-probability of each choice, `(n, rounds)`; 0 in missed rounds.
    """
    missed = torch.from_numpy(choices.missed).to(log_policy.device)
    place = torch.from_numpy(np.where(choices.missed, 0, choices.choice).astype(np.int64)).to(log_policy.device)
    return log_policy.gather(2, place[..., None])[..., 0].masked_fill(missed, 0.0)


def _over_rounds(
    agent: Agent, choices: Choices, seed: int, observe: Callable[[NDArray[np.uint8], int], Tensor]
) -> Tensor:
    """Replay choices and observe the agent at each offer and round, `(n, rounds, ...)`."""
    with calling(agent, "start"):
        agent.start(len(choices), choices.game, seed)
    found = []
    for now in range(choices.choice.shape[1]):
        found.append(observe(choices.offered[:, now], now))
        with calling(agent, "learn", now):
            agent.learn(feedback_in_round(choices, now))
    return torch.stack(found, dim=1)


def feedback_in_round(choices: Choices, now: int) -> Feedback:
    """Return the feedback that the players received in a round, counted from 0."""
    players = np.flatnonzero(~choices.missed[:, now])
    offered, choice = choices.offered[players, now], choices.choice[players, now].astype(np.int64)
    return Feedback(
        players=players,
        offered=offered,
        choice=choice,
        partner=offered[np.arange(len(players)), choice],
        rank=choices.rank[players, now],
        spots=np.where(choices.rank[players, now] > 0, choices.spots[players, now], 0).astype(np.uint8),
        accepted=choices.accepted[players, now],
        reward=None if choices.reward is None else choices.reward[players, now],
    )
