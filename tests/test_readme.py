"""What the README shows runs as written and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

from accept_reject.agents import AGENTS
from accept_reject.envs import SCENARIOS
from accept_reject.experiments.benchmark.config import SUITES, BenchmarkConfig
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.config import load_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENVIRONMENT, AGENT = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(script: Path, cwd: Path) -> str:
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_environment_runs(tmp_path: Path) -> None:
    (tmp_path / "play.py").write_text(ENVIRONMENT, encoding="utf-8")
    run(tmp_path / "play.py", tmp_path)


def test_the_agent_prints_what_the_readme_says(tmp_path: Path) -> None:
    (tmp_path / "my_agent.py").write_text(AGENT, encoding="utf-8")
    for line in run(tmp_path / "my_agent.py", tmp_path).splitlines():
        assert f"    {line}\n" in README
    command = [
        "benchmark",
        "benchmark",
        "agents=[my_agent:AverageRank, random]",
        "scenarios=[crowd]",
        "seeds=2",
        "episodes=1",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "accept_reject", *command], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "AverageRank" in done.stdout


def test_overrides_that_the_readme_offers_load() -> None:
    sentence = re.search(r"Any value in a config can be changed on the command line\s+\((.*?)\)", README)
    assert sentence
    offered = re.findall(r"`(.*?)`", sentence.group(1))
    load_config(BenchmarkConfig, "benchmark", offered)


def test_links_and_cards_are_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    cards = (ROOT / "docs" / "guides" / "scenarios.md").read_text(encoding="utf-8")
    for scenario in SCENARIOS.values():
        assert f"## {scenario.name}\n\n`{scenario.env_id}`\n\n*{scenario.question}*" in cards
    assert set(next(reversed(SUITES.values()))) == set(SCENARIOS)


def test_the_full_benchmark_holds_everyone_and_the_leaderboard_is_its() -> None:
    full, quick = (load_config(BenchmarkConfig, name) for name in ("benchmark_full", "benchmark"))
    assert {entry.agent for entry in full.agents} == set(AGENTS)
    assert {entry.scenario for entry in full.scenarios} == set(SCENARIOS)
    assert full.seeds == 20
    assert {entry.agent for entry in quick.agents} <= set(AGENTS)
    assert full.scenarios == quick.scenarios
    page = (ROOT / "docs" / "results" / "leaderboard.md").read_text(encoding="utf-8")
    assert f"`{Benchmark(full).folder_name}`" in page, "docs/scripts/leaderboard.py must be run again"
    for name in AGENTS:
        assert re.search(rf"^\| {name}\*? \| ", page, re.MULTILINE), name
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "docs" / "results" / target).exists(), target


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120
