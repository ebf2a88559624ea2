"""Calls of agents' methods, which may be anyone's code: messages name the agent, the method, the round and the line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accept_reject.agents.base import Agent
from accept_reject.errors import InvalidInputError, describe_exception, shorten


@contextmanager
def calling(agent: object, method: str, now: int | None = None) -> Iterator[str]:
    """Turn any exception of an agent's method into a message; the exception stays its cause.

    `SystemExit` is included, as an agent that exits must not end a benchmark as if it were complete.

    Args:
        agent: The agent.
        method: Name of the method.
        now: The round, from 0; None before the first.

    Yields:
        The subject of messages, such as `MyAgent.learn in round 3`.

    Raises:
        InvalidInputError: If the method raises an exception.
    """
    subject = f"{agent}.{method}" + ("" if now is None else f" in round {now + 1}")
    try:
        yield subject
    except (InvalidInputError, MemoryError):
        raise  # with a message of its own
    except (Exception, SystemExit) as error:
        raise InvalidInputError(subject, [describe_exception(error)]) from error


def checked_policy(agent: Agent, offered: NDArray[np.uint8], now: int) -> ArrayLike:
    """Get an agent's policy and check it.

    Args:
        agent: The agent.
        offered: The offered partners, `(n, offered)`.
        now: The round, from 0, for messages.

    Returns:
        The probabilities as the agent returned them, `(n, offered)`; NaN for players that give no answer.

    Raises:
        InvalidInputError: If they are invalid; the message names the agent, the round and the first invalid row.
    """
    with calling(agent, "policy", now) as subject:
        returned = agent.policy(offered.copy())
    policy = as_array(returned)
    if policy is None or policy.shape != offered.shape:
        got = shorten(returned) if policy is None else f"shape {policy.shape}"
        raise InvalidInputError(subject, [f"must return probabilities of shape {offered.shape}, got {got}"])
    wrong = ~((policy >= 0).all(axis=1) & (np.abs(policy.sum(axis=1) - 1) < 1e-4))
    if agent.may_miss:
        wrong &= ~np.isnan(policy).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        problem = f"must return probabilities >= 0 that sum to 1, got {policy[row]} for player {row}"
        raise InvalidInputError(subject, [problem])
    return returned


def checked_valuations(agent: Agent, n_players: int, n_partners: int, now: int) -> NDArray[np.float64] | None:
    """Get an agent's beliefs and check them.

    Args:
        agent: The agent.
        n_players: Number of players.
        n_partners: Number of partners.
        now: The round, from 0, for messages.

    Returns:
        The beliefs, `(n_players, n_partners)`, or None.

    Raises:
        InvalidInputError: If they are invalid; the message names the agent, the round and the first invalid row.
    """
    with calling(agent, "valuations", now) as subject:
        returned = agent.valuations()
    if returned is None:
        return None
    beliefs, shape = as_array(returned), (n_players, n_partners)
    if beliefs is None or beliefs.shape != shape:
        got = shorten(returned) if beliefs is None else f"shape {beliefs.shape}"
        raise InvalidInputError(subject, [f"must return None or numbers of shape {shape}, got {got}"])
    if (wrong := ~np.isfinite(beliefs).all(axis=1)).any():
        row = int(wrong.argmax())
        raise InvalidInputError(subject, [f"must return finite numbers, got {beliefs[row]} for player {row}"])
    return beliefs


def as_array(returned: Any) -> NDArray[np.float64] | None:
    """Convert what an agent returned, such as a tensor with gradients, to numbers; None if it is something else."""
    if hasattr(returned, "detach"):  # a tensor
        returned = returned.detach().cpu()
    try:
        array = np.asarray(returned)
    except (RuntimeError, TypeError, ValueError):  # such as a ragged list
        return None
    return np.asarray(array, np.float64) if array.dtype.kind in "biuf" else None
