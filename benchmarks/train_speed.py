"""Speed of training in the study's game on one core, compared with RecurrentPPO of sb3-contrib.

    .venv/bin/python benchmarks/train_speed.py [time limit of the race in seconds, 600 by default]

Both train on the same game and reward, in batches of whole episodes; the time of evaluations is not included.
RecurrentPPO uses the vector environment through a thin adapter, which is faster than its own wrappers, and a flat
observation of numbers around 0. Its settings are the best that we tried (see `SETTINGS`).
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import contextlib
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from rich.console import Console
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from accept_reject.agents import make_agent
from accept_reject.agents.base import Agent, Feedback, greedy
from accept_reject.agents.networks.agent import RecurrentAgent, make_network
from accept_reject.agents.networks.cells import SIGNALS, signals
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.vector_env import AcceptRejectVectorEnv
from accept_reject.experiments.config import load_config
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.train.loop import Progress, train
from accept_reject.experiments.train.meta import EVALUATION_SEED, MetaConfig, MetaLearning

ENVS = 128
SETTINGS: dict[str, Any] = {
    "n_steps": 144,  # whole episodes, so that no state has to be carried over
    "batch_size": ENVS * 144 // 4,
    "n_epochs": 4,
    "learning_rate": 0.003,
    "gamma": 0.0,  # as in ours: only the reward of the same round counts
    "gae_lambda": 1.0,
    "ent_coef": 0.01,
    "policy_kwargs": {"lstm_hidden_size": 64, "enable_critic_lstm": False, "shared_lstm": True, "net_arch": []},
}
CONFIG = load_config(MetaConfig, "meta_orthogonal")
FLAT = load_config(MetaConfig, "meta_flat")


class Observer:
    """The game as a flat observation: the offer, the last chosen partner and its feedback, and the progress."""

    def __init__(self, game: GameSpec) -> None:
        self.game = game
        self.width = (game.offered + 1) * game.n_partners + SIGNALS + 1

    def __call__(
        self, offered: NDArray[Any], progress: float, last: tuple[NDArray[Any], ...] | None
    ) -> NDArray[np.float32]:
        n, partners = len(offered), np.eye(self.game.n_partners, dtype=np.float32)
        feedback = np.zeros((n, self.game.n_partners + SIGNALS), np.float32)
        if last is not None:
            partner, rank, spots, accepted = last
            feedback = np.concatenate([partners[partner], signals(rank, spots, accepted, self.game.ranks)], axis=1)
        share = np.full((n, 1), progress, np.float32)
        return np.concatenate([partners[offered].reshape(n, -1), feedback, share], axis=1)


class Adapter(VecEnv):
    """Our vector environment as a vector environment of Stable-Baselines3; all rows end together."""

    def __init__(self, num_envs: int) -> None:
        self.env = AcceptRejectVectorEnv(num_envs)
        self.observer = Observer(self.env.game)
        space = spaces.Box(-1, 1, (self.observer.width,), np.float32)
        super().__init__(num_envs, space, spaces.Discrete(self.env.game.offered))

    def _observe(self, seen: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        last = None
        if seen["has_last"][0]:
            rank, spots = seen["last_rank"].astype(np.uint8), seen["last_spots"].astype(np.uint8)
            last = (seen["last_partner"], rank, spots, seen["last_accepted"] > 0)
        return self.observer(seen["offered"], float(seen["progress"].flat[0]), last)

    def reset(self) -> NDArray[np.float32]:
        return self._observe(self.env.reset(seed=0 if self.env._seed is None else None)[0])

    def step_async(self, actions: NDArray[Any]) -> None:
        self.actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        seen, rewards, ended, _, _ = self.env.step(self.actions)
        now = self._observe(seen)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if ended[0]:
            for info, row in zip(infos, now, strict=True):
                info["terminal_observation"] = row  # not used: games are terminated, not truncated
        return now, rewards, ended, infos

    def close(self) -> None: ...

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.env, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]: ...  # type: ignore[empty-body]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Theirs(Agent):
    """A RecurrentPPO model that plays greedily."""

    def __init__(self, model: RecurrentPPO) -> None:
        self.model = model

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        self.observer, self.now = Observer(game), 0
        self.last: tuple[NDArray[Any], ...] | None = None
        self.state: Any = None

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        seen = self.observer(offered, self.now / self.observer.game.rounds, self.last)
        begins = np.full(len(offered), self.now == 0)
        action, self.state = self.model.predict(seen, self.state, begins, deterministic=True)
        return greedy(np.eye(offered.shape[1])[action])

    def learn(self, feedback: Feedback) -> None:
        self.now += 1
        self.last = (feedback.partner, feedback.rank, feedback.spots, feedback.accepted)


class Race:
    """Time until an agent's regret is as low as that of the greedy Beta learner, without evaluations."""

    def __init__(self, limit: float) -> None:
        self.task = MetaLearning(CONFIG)
        self.episodes = draw(scenario("orthogonal").game, EVALUATION_SEED, 1024)
        self.target = self.regret(make_agent("bayes-outcome", {"inverse_temperature": 1e6}))
        self.limit = limit

    def regret(self, agent: Agent) -> float:
        with torch.no_grad():
            return self.task.regret(play(agent, self.episodes))

    def begin(self) -> None:
        self.spent, self.best, self.reached = 0.0, math.inf, False
        self.since = time.process_time()

    def over(self, agent: Callable[[], Agent]) -> bool:
        """Whether the target is reached or the time is up."""
        self.spent += time.process_time() - self.since
        self.best = min(self.best, self.regret(agent()))
        self.reached = self.best <= self.target
        self.since = time.process_time()
        return self.reached or self.spent > self.limit

    def __str__(self) -> str:
        reached = "reached" if self.reached else f"not reached (best {self.best:.2f})"
        return f"{reached} after {self.spent:.0f} s"


class Over(Exception):  # noqa: N818 (no error)
    """The race is over."""


def run_ours(config: MetaConfig, on_update: Callable[[Progress, RecurrentAgent], None]) -> tuple[int, float]:
    """Train without intermediate evaluations; return the number of rounds and the seconds."""
    config = config.model_copy(update={"evaluate_every": config.updates, "evaluation_episodes": 1})
    network = make_network(config.network, 0)
    agent = RecurrentAgent(network, greedy=True)
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        progress = train(
            config, MetaLearning(config), network, Path(folder), on_update=lambda now: on_update(now, agent)
        )
    return progress.rounds, time.process_time() - begin


def run_theirs(settings: dict[str, Any], rounds: int, on_rollout: Callable[[RecurrentPPO], bool]) -> float:
    """Train for some rounds, or until `on_rollout` returns False; return the seconds."""

    class Callback(BaseCallback):
        def _on_rollout_start(self) -> None:
            if self.num_timesteps and not on_rollout(self.model):  # type: ignore[arg-type]
                raise Over

        def _on_step(self) -> bool:
            return True

    model = RecurrentPPO("MlpLstmPolicy", Adapter(ENVS), seed=0, device="cpu", **settings)
    begin = time.process_time()
    with contextlib.suppress(Over):
        model.learn(rounds, Callback())
    return time.process_time() - begin


def race_ours(config: MetaConfig, race: Race, every: int) -> None:
    def on_update(now: Progress, agent: RecurrentAgent) -> None:
        if now.update % every == 0 and race.over(lambda: agent):
            raise Over

    race.begin()
    with contextlib.suppress(Over):
        run_ours(config, on_update)


def main() -> None:
    torch.set_num_threads(1)
    console, limit = Console(), float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    speeds: dict[str, list[float]] = {"partner-state": [], "its defaults": [], "large batches": []}
    for _ in range(3):
        rounds, seconds = run_ours(CONFIG.model_copy(update={"updates": 30}), lambda now, agent: None)
        speeds["partner-state"].append(rounds / seconds)
        for name, settings, rollouts in (("its defaults", {}, 1), ("large batches", SETTINGS, 5)):
            rounds = rollouts * ENVS * settings.get("n_steps", 128)
            speeds[name].append(rounds / run_theirs(settings, rounds, lambda model: True))
    ours = np.array(speeds.pop("partner-state"))
    console.print(
        f"Rounds per second of training, medians of 3. Partner-state: {np.median(ours):,.0f}", highlight=False
    )
    for name, found in speeds.items():
        ratio = np.median(ours / found)
        line = f"RecurrentPPO, {name}: {np.median(found):,.0f}; partner-state is {ratio:.0f} times as fast (target: 60)"
        console.print(line, highlight=False)
    flat_rounds, seconds = run_ours(FLAT.model_copy(update={"updates": 5}), lambda now, agent: None)
    console.print(f"Flat network, PPO: {flat_rounds / seconds:,.0f}", highlight=False)
    race = Race(limit)
    console.print(
        f"Greedy Beta learner: regret {race.target:.3f} per episode; the time limit is {limit:.0f} s", highlight=False
    )
    race_ours(CONFIG, race, every=5)
    console.print(f"Partner-state: {race}", highlight=False)
    race_ours(FLAT, race, every=2)
    console.print(f"Flat, PPO: {race}", highlight=False)
    race.begin()
    run_theirs(SETTINGS, 10**9, lambda model: not race.over(lambda: Theirs(model)))
    console.print(f"RecurrentPPO: {race}", highlight=False)


if __name__ == "__main__":
    main()
