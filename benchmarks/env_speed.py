"""Speed of the environments: ratios of process times from one run on one core.

    .venv/bin/python benchmarks/env_speed.py

Each number is the best of several interleaved repetitions, because other load can only slow a repetition down.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv
from rich.console import Console
from rich.table import Table

from accept_reject.envs import draw, scenario

REPETITIONS = 5
ENV_ID = "accept_reject/Orthogonal-v0"
ROUNDS = 144


class TwoArmedBandit(gym.Env[np.ndarray, int]):
    """A minimal random environment with 144 rounds, for comparison with the scalar environment."""

    observation_space = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._round = 0
        self._probabilities = self.np_random.random(2)
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self._round += 1
        reward = float(self.np_random.random() < self._probabilities[action])
        return np.array([reward], np.float32), reward, self._round == ROUNDS, False, {}


def rounds_per_second(rounds: int, play: Callable[[], None]) -> float:
    begin = time.process_time()
    play()
    return rounds / (time.process_time() - begin)


def vector_player(envs: Any, episodes: int) -> Callable[[], None]:
    actions = np.random.default_rng(0).integers(2, size=(ROUNDS, envs.num_envs))

    def play() -> None:
        for _ in range(episodes):
            for t in range(ROUNDS):
                envs.step(actions[t])

    envs.reset(seed=0)
    play()  # warm up
    return play


def scalar_player(env: gym.Env[Any, Any], episodes: int) -> Callable[[], None]:
    def play() -> None:
        for _ in range(episodes):
            env.reset()
            done = False
            while not done:
                _, _, done, _, _ = env.step(1)

    env.reset(seed=0)
    play()
    return play


def main() -> None:
    gym.register("TwoArmedBandit-v0", TwoArmedBandit)
    players = {
        "vector, 4096 rows": (4096 * ROUNDS * 2, vector_player(gym.make_vec(ENV_ID, num_envs=4096), 2)),
        "SyncVectorEnv, 64 scalar environments": (
            64 * ROUNDS * 2,
            vector_player(SyncVectorEnv([lambda: gym.make(ENV_ID)] * 64, autoreset_mode="SameStep"), 2),
        ),
        "scalar, gym.make": (ROUNDS * 200, scalar_player(gym.make(ENV_ID), 200)),
        "two-armed bandit, gym.make": (ROUNDS * 200, scalar_player(gym.make("TwoArmedBandit-v0"), 200)),
    }
    speed = dict.fromkeys(players, 0.0)
    for _ in range(REPETITIONS):
        for name, (rounds, play) in players.items():
            speed[name] = max(speed[name], rounds_per_second(rounds, play))

    table = Table("environment", "rounds per second")
    for name, value in speed.items():
        table.add_row(name, f"{value:,.0f}")
    console = Console()
    console.print(table)
    vector, sync, scalar, bandit = speed.values()
    console.print(f"vector, including drawing: {vector / 1e6:.1f} million rounds per second (target: 5)")
    console.print(f"vector compared with SyncVectorEnv: {vector / sync:.0f} times as fast (target: 25)")
    console.print(f"scalar compared with the bandit: {scalar / bandit:.2f} times as fast (target: 0.5)")

    tracemalloc.start()
    episodes = draw(scenario("orthogonal").game, 0, 4096)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    console.print(f"peak memory for {len(episodes):,} episodes: {peak / 2**20:.1f} MiB (target: below 40 MB)")


if __name__ == "__main__":
    main()
