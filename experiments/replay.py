"""Replay: how probable an agent finds choices that were made, by itself or by somebody else."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, Revealed
from accept_reject.agents.learner import Learner
from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError


def replay(agent: Agent, choices: Choices, seed: int = 0) -> Tensor:
    """The log-probability of each recorded choice under an agent that goes through what the players went through.

    The agent is teacher-forced: whatever it would have chosen, it learns from what the player chose and saw. Missed
    rounds count for nothing (0) and teach nothing. Gradients flow to parameters that require them.

    Args:
        agent: Any agent.
        choices: The choices of n players.
        seed: For agents with randomness of their own.

    Returns:
        `(n, rounds)`.
    """
    if isinstance(agent, PrivilegedAgent):
        if choices.valuation is None or choices.acceptance is None:
            raise InvalidInputError(type(agent).__name__, ["sees the hidden state, which these choices do not hold"])
        agent.reveal(Revealed(choices.valuation, choices.acceptance))
    agent.start(len(choices), choices.game, seed)
    found = []
    for now in range(choices.choice.shape[1]):
        offered = choices.offered[:, now]
        if isinstance(agent, Learner):
            found.append(agent.evidence(offered))
        else:
            found.append(torch.as_tensor(agent.policy(offered)).log())
        agent.learn(feedback_of(choices, now))
    stacked = torch.stack(found, dim=1)
    log_policy = agent.decide(stacked) if isinstance(agent, Learner) else stacked
    missed = torch.from_numpy(choices.missed)
    place = torch.from_numpy(np.where(choices.missed, 0, choices.choice).astype(np.int64))
    return log_policy.gather(2, place[..., None])[..., 0].masked_fill(missed, 0.0)


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
