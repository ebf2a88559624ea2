"""Agents of users that raise, exit or return something else: one line says which agent, which method, and where."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import accept_reject

import accept_reject as ar
from accept_reject.agents.base import Agent
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.simulation.play import play_with_beliefs

SPEC = ar.scenario("orthogonal").game.model_copy(update={"rounds": 3})
N = 2
EVEN = np.full((N, SPEC.offered), 1 / SPEC.offered)


def agent(**methods: Any) -> Agent:
    """Return an agent that chooses at random, with other results of some methods."""

    class Odd(Agent):
        def start(self, *_: object) -> None:
            self.round = 0
            methods.get("start", lambda: None)()

        def policy(self, _: object) -> Any:
            return methods["policy"]() if "policy" in methods and self.round else EVEN

        def learn(self, _: object) -> None:
            self.round += 1
            methods.get("learn", lambda: None)()

        def valuations(self) -> Any:
            return methods.get("valuations", lambda: None)()

    return Odd()


def divide() -> float:
    return 1 / 0


def leave() -> None:
    raise SystemExit(0)


def of_shape(*shape: int) -> Any:
    return lambda: np.zeros(shape)


@pytest.mark.parametrize(
    ("methods", "problem"),
    [
        ({"start": divide}, r"Odd.start: ZeroDivisionError: division by zero \(test_calls.py, line \d+\)"),
        ({"policy": divide}, r"Odd.policy in round 2: ZeroDivisionError: division by zero \(test_calls.py, line \d+\)"),
        ({"learn": divide}, r"Odd.learn in round 1: ZeroDivisionError: division by zero \(test_calls.py, line \d+\)"),
        ({"valuations": divide}, "Odd.valuations in round 1: ZeroDivisionError"),
        ({"learn": leave}, r"Odd.learn in round 1: SystemExit: 0 \(test_calls.py, line \d+\)"),
        ({"policy": lambda: "A"}, r"Odd.policy in round 2: must return probabilities of shape \(2, 2\), got 'A'"),
        ({"policy": lambda: None}, r"shape \(2, 2\), got None"),
        ({"policy": lambda: [[0.5, 0.5], [1]]}, r"shape \(2, 2\), got \[\[0.5, 0.5\], \[1\]\]"),
        ({"policy": of_shape(2)}, r"shape \(2, 2\), got shape \(2,\)"),
        ({"policy": of_shape(2, 2)}, "must return probabilities >= 0 that sum to 1, got .* for player 0"),
        ({"policy": lambda: EVEN * [[1], [np.nan]]}, "must return probabilities >= 0 that sum to 1, got .* player 1"),
        ({"policy": lambda: EVEN * 1j}, r"shape \(2, 2\), got array"),
        ({"valuations": of_shape(2)}, r"valuations in round 1: must return None or numbers of shape .*, got shape"),
        ({"valuations": of_shape(1, SPEC.n_partners)}, "must return None or numbers of shape"),
        ({"valuations": lambda: "high"}, "must return None or numbers of shape .*, got 'high'"),
        ({"valuations": lambda: np.full((N, SPEC.n_partners), np.nan)}, "must return finite numbers, got .* player 0"),
        ({"valuations": lambda: np.diag([np.inf, 0])[:, [0] * SPEC.n_partners]}, "must return finite numbers"),
    ],
)
def test_one_line_names_the_agent_the_method_and_the_round(methods: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem) as info:
        play_with_beliefs(agent(**methods), ar.draw(SPEC, seed=0, n=N))
    assert len(str(info.value).splitlines()) == 1
    if "start" in methods or "policy" in methods:
        choices = ar.play(agent(), ar.draw(SPEC, seed=0, n=N))
        with pytest.raises(InvalidInputError, match=problem):
            ar.replay(agent(**methods), choices)


def test_valuations_must_be_none_in_all_rounds_or_in_none() -> None:
    rounds = iter([None, np.zeros((N, SPEC.n_partners)), None])
    with pytest.raises(InvalidInputError, match="must be None in all rounds or in none"):
        play_with_beliefs(agent(valuations=lambda: next(rounds)), ar.draw(SPEC, seed=0, n=N))


def test_tensors_with_gradients_are_numbers() -> None:
    tensor = torch.tensor(EVEN, requires_grad=True)
    beliefs = torch.zeros(N, SPEC.n_partners, requires_grad=True)
    episodes = ar.draw(SPEC, seed=0, n=N)
    choices, found = play_with_beliefs(agent(policy=lambda: tensor, valuations=lambda: beliefs), episodes)
    np.testing.assert_array_equal(choices.choice, ar.play(agent(), episodes).choice)
    assert found is not None
    assert found.shape == (N, SPEC.rounds, SPEC.n_partners)
    assert ar.replay(agent(policy=lambda: tensor), choices).requires_grad


class Odd(ar.SinglePlayer):
    def start(self, *_: object) -> None:
        pass

    def policy(self, offered: list[int]) -> Any:
        return torch.tensor([0.5, 0.5], requires_grad=True)

    def learn(self, _: object) -> None:
        pass

    def valuations(self) -> Any:
        return "high"


def test_messages_name_the_class_of_a_single_player() -> None:
    with pytest.raises(InvalidInputError, match=r"^Odd.valuations in round 1: must return None or numbers of shape"):
        play_with_beliefs(Odd(), ar.draw(SPEC, seed=0, n=N))


EXITING = """
import sys
from accept_reject import SinglePlayer

class Leaves(SinglePlayer):
    def start(self, game, rng):
        pass

    def policy(self, offered):
        return 0

    def learn(self, feedback):
        sys.exit(0)

class Greedy(Leaves):
    def __init__(self):
        sys.exit()
"""


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("exiting:Leaves", "agent Leaves in orthogonal: Leaves.learn in round 1: SystemExit: 0 (exiting.py, line 13)"),
        ("exiting:Greedy", "agent 'exiting:Greedy': can't be made with params {}: SystemExit (exiting.py, line 17)"),
        ("gone:Leaves", "can't import module 'gone': SystemExit: 0 (gone.py, line 1)"),
        ("broken:Leaves", "can't import module 'broken': SyntaxError"),
    ],
)
def test_an_agent_that_exits_is_no_success(path: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "exiting.py").write_text(EXITING, encoding="utf-8")
    (tmp_path / "gone.py").write_text("raise SystemExit(0)\n", encoding="utf-8")
    (tmp_path / "broken.py").write_text("def (:\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        settings = [f"agents=[{path}]", "scenarios=[orthogonal]", "seeds=1", "episodes=1"]
        done = accept_reject("benchmark", "benchmark", *settings, cwd=tmp_path)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("runs/[!.]*"))
