"""Replay: how probable an agent finds choices that were made, by itself or by somebody else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed
from accept_reject.agents.learner import Learner
from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError


def replay(agent: Agent, choices: Choices, seed: int = 0) -> Tensor:
    """The log-probability of each recorded choice under an agent that goes through what the players went through.

    The agent is teacher-forced: whatever it would have chosen, it learns from what the player chose and saw. Missed
    rounds count for nothing (0) and teach nothing. Where the agent gives no answer the probability is not known: NaN.
    Gradients flow to parameters that require them.

    Args:
        agent: Any agent.
        choices: The choices of n players.
        seed: For agents with randomness of their own.

    Returns:
        `(n, rounds)`.
    """
    if isinstance(agent, Learner):
        return of_choice(agent.decide(evidence_over_rounds(agent, choices, seed)), choices)
    if isinstance(agent, PrivilegedAgent):
        if choices.valuation is None or choices.acceptance is None:
            raise InvalidInputError(type(agent).__name__, ["sees the hidden state, which these choices do not hold"])
        agent.reveal(Revealed(choices.valuation, choices.acceptance))
    log_policy = _over_rounds(agent, choices, seed, lambda offered: torch.as_tensor(agent.policy(offered)).log())
    return of_choice(log_policy, choices)


def evidence_over_rounds(learner: Learner, choices: Choices, seed: int = 0) -> Tensor:
    """What a learner remembers of the offered partners when it has to decide: `(n, rounds, offered, features)`."""
    return _over_rounds(learner, choices, seed, learner.evidence)


def of_choice(log_policy: Tensor, choices: Choices) -> Tensor:
    """The log-probability of each choice, `(n, rounds)`, 0 where missed, from that of each offered partner."""
    missed = torch.from_numpy(choices.missed).to(log_policy.device)
    place = torch.from_numpy(np.where(choices.missed, 0, choices.choice).astype(np.int64)).to(log_policy.device)
    return log_policy.gather(2, place[..., None])[..., 0].masked_fill(missed, 0.0)


def _over_rounds(agent: Agent, choices: Choices, seed: int, observe: Callable[[NDArray[np.uint8]], Tensor]) -> Tensor:
    """What is observed of an agent at each offer, while it learns what the players learned: `(n, rounds, ...)`."""
    agent.start(len(choices), choices.game, seed)
    found = []
    for now in range(choices.choice.shape[1]):
        found.append(observe(choices.offered[:, now]))
        agent.learn(feedback_of(choices, now))
    return torch.stack(found, dim=1)


def feedback_of(choices: Choices, now: int) -> Feedback:
    """What the players who answered learned from a round."""
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
    )
