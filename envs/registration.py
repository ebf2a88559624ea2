"""Gymnasium ids for every scenario: importing `accept_reject.envs` is enough to have them."""

from __future__ import annotations

import gymnasium as gym

from accept_reject.envs.scenarios import SCENARIOS


def register() -> None:
    """Register every scenario under its id, such as `accept_reject/Orthogonal-v0`."""
    for scenario in SCENARIOS.values():
        if scenario.env_id not in gym.registry:
            gym.register(
                id=scenario.env_id,
                entry_point="accept_reject.envs.env:AcceptRejectEnv",
                vector_entry_point="accept_reject.envs.vector_env:AcceptRejectVectorEnv",
                kwargs={"scenario": scenario.name},
            )
