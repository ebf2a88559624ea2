"""Agents: the interface, the registry and the reference agents."""

from accept_reject.extras import require

require("accept_reject.agents", "agents", "torch", "safetensors")

from accept_reject.agents.adapters.single_player import PlayerFeedback, SinglePlayer, as_agent  # noqa: E402
from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, greedy  # noqa: E402
from accept_reject.agents.registry import AGENTS, make_agent  # noqa: E402

__all__ = [
    "AGENTS",
    "Agent",
    "Feedback",
    "PlayerFeedback",
    "PrivilegedAgent",
    "SinglePlayer",
    "as_agent",
    "greedy",
    "make_agent",
]
