"""Agents that other distributions install, and a start for an agent of one's own."""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accept_reject.agents import make_agent
from accept_reject.agents.registry import ADAPTERS, AGENTS, installed, load_class
from accept_reject.envs.faults import InvalidInputError, parse
from accept_reject.experiments.benchmark.aggregate import aggregate
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.report import render_report
from accept_reject.experiments.benchmark.results import run
from accept_reject.experiments.cli import app
from accept_reject.experiments.new_agent import new_agent
from accept_reject.experiments.scores import SCORES


@pytest.fixture
def visitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two distributions as installers leave them: they agree about one name, and one of them takes one of ours."""
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


def test_no_name_of_ours_comes_twice() -> None:
    assert not AGENTS.keys() & ADAPTERS.keys()
    for name in ADAPTERS:
        assert load_class(name).__doc__
        with pytest.raises(ValueError, match=r"can't be made with params {}.*missing"):
            make_agent(name)


@pytest.mark.usefixtures("visitors")
def test_installed_agents_have_names() -> None:
    agent = make_agent("visitor", {"mood": 3})
    assert type(agent).__name__ == "Visitor"
    assert agent.mood == 3  # type: ignore[attr-defined]
    assert type(make_agent("random")).__name__ == "RandomAgent"
    for name, fault in (
        ("vistor", "unknown agent 'vistor'; did you mean 'visitor'"),
        ("broken", "the module 'nowhere' can't be imported"),
        ("shared", r"two agents, .*installed by early 2.0. and .*installed by late 2.0.: give a dotted path instead"),
        (
            "thompson-rank",
            r"thompson:ThompsonRank .part of accept-reject. and plugged_visitors:Visitor .installed by late",
        ),
        ("endpoint", "the name of two agents"),
    ):
        with pytest.raises(ValueError, match=fault):
            make_agent(name)
    assert type(make_agent("accept_reject.agents.thompson:ThompsonRank")).__name__ == "ThompsonRank"


@pytest.mark.usefixtures("visitors")
def test_installed_agents_are_listed() -> None:
    shown = " ".join(CliRunner().invoke(app, ["agents"], env={"COLUMNS": "400"}).output.split())
    assert "Installed:" in shown
    assert "visitor plugged_visitors:Visitor, installed by early 2.0" in shown
    assert "'shared' is the name of two agents" in shown
    assert all(name in shown for name in (*AGENTS, *ADAPTERS))


@pytest.mark.usefixtures("visitors")
def test_the_report_says_what_each_agent_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "told_about.py").write_text(
        "from accept_reject.agents.baselines import RandomAgent\n"
        'class Told(RandomAgent):\n    """\n    Asks <anyone>.\n\n    At random.\n    """\n'
        "class Untold(RandomAgent): ...\n"
        "def letter(prompt): return 'A'\n"
    )
    text = {"agent": "text", "params": {"answer": "told_about:letter"}, "label": "mine"}
    other = {"agent": "oracle-valuing", "params": {"target": "acceptance"}, "label": "seer"}
    agents = [other, "random", "visitor", "told_about:Told", "told_about:Untold", text]
    config = parse(BenchmarkConfig, {"scenarios": ["crowd"], "agents": agents, "seeds": 2, "episodes": 1}, "told.yaml")
    results = run(config)
    aggregates = {score: aggregate(results, score) for score in SCORES}
    report = render_report(results, aggregates, defaultdict(lambda: b"<svg></svg>"))
    told = dict(re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td></tr>", report[report.index("<h2>Agents</h2>") :]))
    assert told == {
        "seer": "oracle-valuing, by default: sees who values it most and asks them; with target=&#39;acceptance&#39;",
        "random": "asks anyone with equal chances",
        "visitor": "plugged_visitors:Visitor, installed by early 2.0",
        "Told": "Asks &lt;anyone&gt;. (told_about:Told)",
        "Untold": "told_about:Untold",
        "mine": "Plays as a function does that is given the prompt and answers with a letter. "
        f"({ADAPTERS['text'].path}); with answer=&#39;told_about:letter&#39;",
    }


def test_every_fault_of_params_is_told_where_it_is() -> None:
    wrong = {"agent": "endpoint", "params": {"model": "small", "base_url": "localhost", "retries": -1}}
    with pytest.raises(InvalidInputError) as told:
        parse(BenchmarkConfig, {"scenarios": ["crowd"], "agents": ["random", wrong]}, "mine.yaml")
    assert [fault.partition(": should")[0] for fault in told.value.faults] == [
        "agents.1: Endpoint: base_url",
        "agents.1: Endpoint: retries",
    ]


def test_a_new_agent_works_and_passes_its_test(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new-agent", "careful-learner", "--out", str(tmp_path / "mine")])
    assert done.exit_code == 0, done.output
    assert "'agents=[careful_learner:CarefulLearner, thompson-rank, random]'" in done.output
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_careful_learner.py"]
    tested = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / "mine")
    assert "3 passed" in tested.stdout, tested.stdout + tested.stderr
    quick = ["agents=[careful_learner:CarefulLearner, random]", "scenarios=[crowd]", "seeds=2", "episodes=1"]
    command = [sys.executable, "-m", "accept_reject.experiments.cli", "benchmark", "benchmark", *quick]
    played = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / "mine")
    assert played.returncode == 0, played.stderr
    assert "CarefulLearner" in played.stdout
    for path in (tmp_path / "mine").glob("*.py"):
        linted = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--line-length=120",
            "--select=E,F,I,W,B",
            str(path),
        ]
        assert subprocess.run(linted, capture_output=True).returncode == 0


def test_what_is_no_name_for_an_agent(tmp_path: Path) -> None:
    for name, fault in (
        ("Careful", "small letters"),
        ("2nd", "small letters"),
        ("a/b", "small letters"),
        ("über", "small letters"),
        ("", "small letters"),
        ("random", "Python has taken"),
        ("class", "Python has taken"),
        ("none", "Python has taken"),
    ):
        with pytest.raises(InvalidInputError, match=fault):
            new_agent(name, tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "test_mine.py").write_text("precious")
    with pytest.raises(InvalidInputError, match=r"test_mine\.py is there already"):
        new_agent("mine", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="no folder can be made"):
        new_agent("other", tmp_path / "file")
