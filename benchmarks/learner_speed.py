"""Speed of learners in play and replay, on one core.

.venv/bin/python benchmarks/learner_speed.py
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import resource
import time

import torch
from rich.console import Console

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.agents.delta_rule import DualSignalLearner
from accept_reject.agents.learner import Learner
from accept_reject.envs import draw, scenario
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay

REPETITIONS = 7


def replay_seconds(cls: type[Learner]) -> float:
    """Measure a replay of 42 participants x 144 rounds with gradients for all parameters; the best of repetitions."""
    choices = play(cls(inverse_temperature=2), draw(scenario("orthogonal").game, 0, 42))
    best = float("inf")
    for _ in range(REPETITIONS):
        values = {
            name: torch.full((42,), float(parameter.default), dtype=torch.float64, requires_grad=True)
            for name, parameter in cls.free_parameters().items()
        }
        begin = time.process_time()
        replay(cls(**values), choices).sum().backward()
        best = min(best, time.process_time() - begin)
    return best


def main() -> None:
    console = Console()
    begin = time.process_time()
    choices = play(BayesianHybrid(inverse_temperature=1.5), draw(scenario("orthogonal").game, 0, 42_000))
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(
        f"Bayesian hybrid, {len(choices):,} players x 144 rounds, including drawing: {seconds:.1f} s of process time "
        f"(target: below 5), peak memory {peak:.2f} GiB (target: below 2)"
    )
    for cls in (BayesianHybrid, DualSignalLearner):
        milliseconds = replay_seconds(cls) * 1000
        console.print(f"{cls.__name__}: replay of 42 x 144 with gradients in {milliseconds:.0f} ms (target: below 50)")


if __name__ == "__main__":
    main()
