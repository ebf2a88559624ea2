"""Registration of all scenarios with Gymnasium, on import of `accept_reject.envs`."""

from __future__ import annotations

import gymnasium as gym

from accept_reject.envs.scenarios import SCENARIOS


def register() -> None:
    """Register each scenario with its id, such as `accept_reject/Orthogonal-v0`."""
    for scenario in SCENARIOS.values():
        if scenario.env_id not in gym.registry:
            gym.register(
                id=scenario.env_id,
                entry_point="accept_reject.envs.env:AcceptRejectEnv",
                vector_entry_point="accept_reject.envs.vector_env:AcceptRejectVectorEnv",
                kwargs={"scenario": scenario.name},
            )
