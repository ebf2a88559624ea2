"""Sizes that no machine holds are refused before anything is allocated, and the estimate is close to what is used."""

import tracemalloc
from pathlib import Path

import pytest
from command_line import accept_reject

from accept_reject.agents.registry import make_agent
from accept_reject.envs import draw, scenario
from accept_reject.experiments.simulation.memory import bytes_of
from accept_reject.experiments.simulation.play import play_with_beliefs

LONG = "game={scenario: orthogonal, game: {rounds: 10000}}"


@pytest.mark.parametrize("name", ["orthogonal", "crowd"])
def test_the_estimate_is_close_to_the_peak(name: str) -> None:
    game, n = scenario(name).game, 300
    agent = make_agent("bayes-rank")
    tracemalloc.start()
    play_with_beliefs(agent, draw(game, 0, n))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.8 < peak / bytes_of(n, game) < 1.2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("simulate", "population_babur2024", "participants=1000000", LONG),
            "babur2024: participants: 1,000,000 games",
        ),
        (("fit", "fit_babur2024", "data=large.yaml"), "babur2024: participants: 1,000,000 games"),
        (("benchmark", "benchmark", "seeds=10000", "episodes=100000"), "benchmark: seeds x episodes: 1,000,000,000"),
        (("benchmark", "benchmark", "seeds=1000000000"), "seeds: must be an integer <= 10000, got 1000000000"),
        (
            ("train", "meta_orthogonal", "episodes=100000", "scenarios=[{scenario: crowd, game: {rounds: 10000}}]"),
            "meta-orthogonal: episodes: 100,000 games of 10,000 rounds with 32 partners need about",
        ),
    ],
)
def test_what_no_machine_holds_is_refused(arguments: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    population = "kind: population\nname: babur2024\nagent: bayes-rank\nparticipants: 1000000\n"
    (tmp_path / "large.yaml").write_text(f"{population}{LONG.replace('=', ': ', 1)}\n", encoding="utf-8")
    done = accept_reject(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("**/sub-*"))
