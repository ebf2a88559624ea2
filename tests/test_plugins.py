"""Agents of installed distributions, and templates for new agents."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape
from rich.console import Console
from typer.testing import CliRunner

from accept_reject.agents import make_agent
from accept_reject.agents.adapters.text import TextFunction
from accept_reject.agents.registry import ADAPTERS, AGENTS, installed, load_class
from accept_reject.errors import InvalidInputError, parse
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.cli import app
from accept_reject.experiments.new_agent import new_agent
from accept_reject.experiments.reporting import style
from accept_reject.experiments.runner import run_experiment


@pytest.fixture
def visitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two installed distributions with agents: one name is in both of them, and two are names of ours."""
    (tmp_path / "plugged_visitors.py").write_text(
        "from accept_reject.agents.baselines import RandomAgent\n"
        "class Visitor(RandomAgent):\n    def __init__(self, mood=0): self.mood = mood\n"
    )
    offers = {"early": ["visitor", "shared", "broken"], "late": ["shared", "thompson-rank", "endpoint"]}
    for distribution, names in offers.items():
        folder = tmp_path / f"{distribution}-2.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.0\n")
        points = [f"{name} = {'nowhere' if name == 'broken' else 'plugged_visitors'}:Visitor" for name in names]
        (folder / "entry_points.txt").write_text("[accept_reject.agents]\n" + "\n".join(points) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    yield
    installed.cache_clear()


def test_names_of_agents_and_adapters_are_unique() -> None:
    assert not AGENTS.keys() & ADAPTERS.keys()
    for name in ADAPTERS:
        assert load_class(name).__doc__
        with pytest.raises(ValueError, match=r"can't be made with params {}.*missing"):
            make_agent(name)


@pytest.mark.usefixtures("visitors")
def test_installed_agents_are_made_by_name() -> None:
    agent = make_agent("visitor", {"mood": 3})
    assert type(agent).__name__ == "Visitor"
    assert agent.mood == 3  # type: ignore[attr-defined]
    assert type(make_agent("random")).__name__ == "RandomAgent"
    for name, problem in (
        ("vistor", "unknown agent 'vistor'; did you mean 'visitor'"),
        ("broken", "can't import module 'nowhere'"),
        ("shared", r"must be unique.*installed by early 2.0. and .*installed by late 2.0.; use a dotted path"),
        (
            "thompson-rank",
            r"thompson:ThompsonRank .part of accept-reject. and plugged_visitors:Visitor .installed by late",
        ),
        ("endpoint", "must be unique"),
    ):
        with pytest.raises(ValueError, match=problem):
            make_agent(name)
    assert type(make_agent("accept_reject.agents.thompson:ThompsonRank")).__name__ == "ThompsonRank"


@pytest.mark.usefixtures("visitors")
def test_installed_agents_are_listed() -> None:
    shown = " ".join(CliRunner().invoke(app, ["agents"], env={"COLUMNS": "400"}).output.split())
    assert "Installed:" in shown
    assert "visitor plugged_visitors:Visitor, installed by early 2.0" in shown
    assert "agent 'shared': must be unique" in shown
    assert all(name in shown for name in (*AGENTS, *ADAPTERS))


@pytest.mark.usefixtures("visitors")
def test_reports_describe_each_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "described.py").write_text(
        "from accept_reject.agents.baselines import RandomAgent\n"
        'class Described(RandomAgent):\n    """\n    Asks <anyone>.\n\n    At random.\n    """\n'
        "class Undescribed(RandomAgent): ...\n"
        "def letter(prompt): return 'A'\n"
    )
    text = {"agent": "text", "params": {"answer": "described:letter"}, "label": "mine"}
    other = {"agent": "oracle-valuing", "params": {"target": "acceptance"}, "label": "seer"}
    agents = [other, "random", "visitor", "described:Described", "described:Undescribed", text]
    config = parse(
        BenchmarkConfig, {"scenarios": ["crowd"], "agents": agents, "seeds": 2, "episodes": 1}, "agents.yaml"
    )
    monkeypatch.setattr(style, "to_bytes", lambda figure, kind: b"<svg></svg>")  # figures take the longest
    report = (run_experiment(Benchmark(config), tmp_path, Console(quiet=True)) / "report.html").read_text()
    table = report[report.index("<h3>Agents</h3>") :]
    found = dict(re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td></tr>", table))
    summary = {name: entry.summary for name, entry in AGENTS.items()}
    seer = f"oracle-valuing with target='acceptance'; by default: {summary['oracle-valuing']}"
    (text_path, answer), first_line = (ADAPTERS["text"].path, "described:letter"), TextFunction.__doc__.splitlines()[0]
    expected = {
        "seer": seer,
        "random": summary["random"],
        "visitor": "plugged_visitors:Visitor, installed by early 2.0",
        "Described": "Asks <anyone>. (described:Described)",
        "Undescribed": "described:Undescribed",
        "mine": f"{first_line} ({text_path} with answer={answer!r})",
    }
    assert found == {name: str(escape(description)) for name, description in expected.items()}


def test_problems_of_params_have_the_key_of_their_agent() -> None:
    wrong = {"agent": "endpoint", "params": {"model": "small", "base_url": "localhost", "retries": -1}}
    with pytest.raises(InvalidInputError) as caught:
        parse(BenchmarkConfig, {"scenarios": ["crowd"], "agents": ["random", wrong]}, "mine.yaml")
    assert [problem.partition(": must")[0] for problem in caught.value.problems] == [
        "agents.1: Endpoint: base_url",
        "agents.1: Endpoint: retries",
    ]


def test_a_new_agent_works_and_passes_its_test(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    done = CliRunner().invoke(app, ["new-agent", "careful-learner", "--out", str(mine)])
    assert done.exit_code == 0, done.output
    assert "'agents=[careful_learner:CarefulLearner, thompson-rank, random]'" in done.output
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_careful_learner.py"]
    tested = subprocess.run(command, capture_output=True, text=True, cwd=mine)
    assert "3 passed" in tested.stdout, tested.stdout + tested.stderr
    quick = ["agents=[careful_learner:CarefulLearner, random]", "scenarios=[crowd]", "seeds=2", "episodes=1"]
    command = [sys.executable, "-m", "accept_reject.experiments.cli", "benchmark", "benchmark", *quick]
    played = subprocess.run(command, capture_output=True, text=True, cwd=mine)
    assert played.returncode == 0, played.stderr
    assert "CarefulLearner" in played.stdout
    rules = ["--isolated", "--no-cache", "--line-length=120", "--select=E,F,I,W,B"]
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, "."], capture_output=True, text=True, cwd=mine
    )
    assert linted.returncode == 0, linted.stdout


def test_invalid_names_of_new_agents(tmp_path: Path) -> None:
    for name, problem in (
        ("Careful", "lowercase letters"),
        ("2nd", "lowercase letters"),
        ("a/b", "lowercase letters"),
        ("über", "lowercase letters"),
        ("", "lowercase letters"),
        ("random", "that Python"),
        ("class", "that Python"),
        ("none", "that Python"),
        ("conftest", "that Python or pytest"),
        ("numpy", "installed module"),
        ("accept-reject", "installed module"),
    ):
        with pytest.raises(InvalidInputError, match=problem):
            new_agent(name, tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "test_mine.py").write_text("my test")
    with pytest.raises(InvalidInputError, match=r"test_mine\.py already exists"):
        new_agent("mine", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="can't create or write to this folder"):
        new_agent("other", tmp_path / "file")
