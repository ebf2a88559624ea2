"""Players of the game: the interface, the registry and the reference agents."""

from accept_reject.agents.base import Agent, Feedback, PrivilegedAgent, greedy
from accept_reject.agents.registry import AGENTS, make_agent

__all__ = ["AGENTS", "Agent", "Feedback", "PrivilegedAgent", "greedy", "make_agent"]
