"""The main job, small: what it leaves, that it is the same each time, and that each number is what it says."""

import errno
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from accept_reject.agents import make_agent
from accept_reject.envs import Episodes, draw, scenario
from accept_reject.experiments.analysis.intervals import mean_interval, share_interval
from accept_reject.experiments.analysis.scores import ANCHORED, SCORES, score
from accept_reject.experiments.analysis.stay_switch import of_run, stay_switch, to_rich
from accept_reject.experiments.benchmark import tables
from accept_reject.experiments.benchmark.config import OVERALL, SUITES, BenchmarkConfig
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.benchmark.figures import learning_curves
from accept_reject.experiments.benchmark.run import Results, run
from accept_reject.experiments.files import write, write_csv
from accept_reject.experiments.reporting.tables import TextTable, to_markdown
from accept_reject.experiments.runner import run_experiment, write_artifacts
from accept_reject.experiments.simulation.play import play

CONFIG = BenchmarkConfig.model_validate(
    {
        "scenarios": ["orthogonal", {"scenario": "open-doors", "label": "doors", "game": {"rounds": 50}}],
        "agents": ["oracle-valuing", "thompson-rank", {"agent": "random", "label": "chance & <co>"}],
        "seeds": 3,
        "episodes": 2,
    }
)
FIGURES = (
    *(f"improvement_{score}" for score in ANCHORED),
    "interquartile_means",
    "learning_curves",
    "performance_profiles",
    "scores_by_scenario",
)
TABLES = ("curves", "differences", "improvement", "interquartile_means", "profiles", "scores", "stay_switch")
FILES = {
    "config.yaml",
    "leaderboard.md",
    "manifest.json",
    "report.html",
    *(f"{name}.csv" for name in TABLES),
    *(f"{name}.svg" for name in FIGURES),
}


@pytest.fixture(scope="module")
def results() -> Results:
    return run(CONFIG)


def written(results: Results, folder: Path) -> Path:
    experiment = Benchmark(results.config)
    write_artifacts(experiment, experiment.artifacts(results), folder)
    return folder


@pytest.fixture(scope="module")
def folder(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(results, tmp_path_factory.mktemp("run") / "folder")


def test_the_folder_holds_what_is_promised(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES | {"tensorboard"}


def test_same_config_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = written(run(CONFIG), tmp_path / "again")
    for name in FILES:
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_scores_are_those_of_single_plays_of_the_same_episodes(folder: Path) -> None:
    scores = pd.read_csv(folder / "scores.csv")
    assert len(scores) == (1 + 3) * 3 * 3 * len(SCORES)  # phases, agents, seeds, scores
    for seed in (CONFIG.first_seed, CONFIG.first_seed + 2):
        choices = play(make_agent("thompson-rank"), draw(scenario("orthogonal").game, seed, 2))
        rows = scores.query("scenario == 'orthogonal' and agent == 'thompson-rank' and score == 'valuing'")
        assert rows.set_index("seed").value[seed] == pytest.approx(score(choices, "valuing").value)
    anchors = scores.groupby(["scenario", "phase", "seed", "score"])[["chance", "best"]].nunique()
    assert (anchors == 1).all().all(), "all agents face the same episodes"
    computed = (scores["mean"] - scores.chance) / (scores.best - scores.chance)
    assert np.allclose(scores.value, computed, equal_nan=True)


def test_paired_differences(results: Results, folder: Path) -> None:
    differences = pd.read_csv(folder / "differences.csv").set_index(["score", "scenario", "agent", "versus"])
    values = results.values("valuing")
    paired = values["doors", "oracle-valuing"] - values["doors", "thompson-rank"]
    row = differences.loc[("valuing", "doors", "oracle-valuing", "thompson-rank")]
    assert row.tolist() == pytest.approx([*mean_interval(paired)])
    overall = results.overall("valuing")[OVERALL, "thompson-rank"]
    assert overall == pytest.approx((values["orthogonal", "thompson-rank"] + values["doors", "thompson-rank"]) / 2)


def test_the_leaderboard_is_ranked_and_shows_before_and_after(results: Results, folder: Path) -> None:
    overall, table = tables.leaderboard(results), tables.by_scenario(results, "valuing")
    doors = tables.open_doors(results)
    assert overall.header == ("agent", *SCORES)
    assert overall.header[1] == "valuing"
    assert [row[0] for row in overall.rows] == ["oracle-valuing*", "thompson-rank", "chance & <co>"]
    assert overall.rows[0][1] == "1.00 [1.00, 1.00]"
    insight = overall.header.index("insight")
    assert overall.rows[0][insight] == "–"
    assert overall.rows[1][insight] != "–"
    assert table.header == ("agent", "all scenarios", "orthogonal", "doors", "doors, before", "doors, after")
    assert doors is not None
    assert doors.header == ("agent", *(f"{score} {phase}" for score in ANCHORED for phase in ("before", "after")))
    assert doors.rows[1][1:3] == table.rows[1][4:6]
    text = (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert f"| agent | {' | '.join(SCORES)} |" in text
    assert text.count("## ") == 2 + len(SCORES) + len(ANCHORED)


def test_the_report_names_the_leader_and_the_paired_differences(results: Results, folder: Path) -> None:
    html = (folder / "report.html").read_text(encoding="utf-8")
    overall = results.overall("valuing")
    leader, other = overall[OVERALL, "thompson-rank"], overall[OVERALL, "chance & <co>"]
    lead, behind = mean_interval(leader - other), mean_interval(other - leader)
    assert behind.mean < -0.3
    (answer, *_) = Benchmark(CONFIG).answer(results)
    assert answer.startswith("thompson-rank has the highest valuing score")
    assert f"ahead of chance & <co> by {lead.mean:.2f} [{lead.low:.2f}, {lead.high:.2f}]" in answer
    assert html.index("thompson-rank has the highest valuing score") < html.index("<svg") < html.index("<table")
    section = html[html.index("Valuing: behind the leader") :]
    assert re.search(rf"<td>all scenarios</td><td>thompson-rank</td><td>–</td><td>{behind.mean:.2f}<small>", section)


def test_the_report_gives_the_learning_curves_in_numbers(results: Results, folder: Path) -> None:
    html = (folder / "report.html").read_text(encoding="utf-8")
    section = html[html.index("<h3>doors</h3>") :]
    assert "".join(f"<th>{name}</th>" for name in ("rounds", "1–15", "16–27", "28–39", "40–50")) in section
    counts = results.curves["doors", "thompson-rank"]
    hits, total = (each[:, 13:].sum(axis=1) for each in counts)  # of 17 points
    last = [100 * each for each in share_interval(hits / total, total)]
    row = next(line for line in section.splitlines() if "<td>thompson-rank</td>" in line)
    assert row.endswith("<td>{:.0f}<small>[{:.0f}, {:.0f}]</small></td></tr>".format(*last))


def test_the_chance_line_stands_where_chance_is(results: Results) -> None:
    figure = learning_curves(results)
    levels = [line.get_ydata()[0] for line in figure.axes[0].get_lines() if len(set(line.get_ydata())) == 1]
    assert 0.5 in levels


def test_stay_switch_effects_of_a_run(folder: Path) -> None:
    effects = of_run(folder)
    assert len(effects) == 2 * 3 * 2  # scenarios, agents, effects
    alone = stay_switch(play(make_agent("thompson-rank"), joined(CONFIG)))
    row = effects.query("scenario == 'orthogonal' and agent == 'thompson-rank' and effect == 'rank'").iloc[0]
    assert row.estimate == pytest.approx(alone.estimate["rank"])
    Console(file=io.StringIO()).print(to_rich(effects))


def joined(config: BenchmarkConfig) -> Episodes:
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    return Episodes.join([draw(scenario("orthogonal").game, seed, config.episodes) for seed in seeds])


def test_one_seed_gives_no_interval() -> None:
    single = run(CONFIG.model_copy(update={"seeds": 1}))
    assert tables.leaderboard(single).rows[0][1] == "1.00"


def test_an_undefined_score_is_a_dash(tmp_path: Path) -> None:
    alike = {"rule": "causal", "partners": [{"mean_rank": 4, "spots": [2, 4], "count": 3}]}
    config = BenchmarkConfig.model_validate(
        {"scenarios": [{"scenario": "crowd", "game": alike}], "agents": ["random"], "seeds": 2, "episodes": 1}
    )
    found = run(config)
    assert tables.by_scenario(found, "valuing").rows == (("random", "–", "–"),)
    assert "nan" not in (written(found, tmp_path / "run") / "report.html").read_text(encoding="utf-8").lower()


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for key, value in attrs if key in ("href", "src", "xlink:href")]


def test_the_report_needs_no_network(folder: Path) -> None:
    html = (folder / "report.html").read_text(encoding="utf-8")
    parser = Links()
    parser.feed(html)
    assert all(link.startswith("#") for link in parser.links)
    assert not re.search(r"url\((?!#)|@import", html)
    assert {"svg", "table", "details"} <= set(parser.tags)
    assert "script" not in parser.tags
    assert "chance &amp; &lt;co&gt;" in html
    assert "<co>" not in html
    ET.fromstring((folder / "learning_curves.svg").read_bytes())


def test_scalars_can_be_read_back(results: Results, folder: Path) -> None:
    events = EventAccumulator(str(folder / "tensorboard" / "orthogonal" / "thompson-rank"))
    events.Reload()
    assert set(events.Tags()["tensors"]) == {"eval/chose_more_valuing", *(f"eval/{score}" for score in SCORES)}
    steps = [event.step for event in events.Tensors("eval/chose_more_valuing")]
    assert set(steps) <= set(range(6, 145, 6))
    assert len(steps) > 6


def test_progress_and_leaderboard_in_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_experiment(Benchmark(CONFIG), tmp_path)
    assert folder.parent == tmp_path
    shown = capsys.readouterr().out
    assert "Leaderboard" in shown
    assert "doors open" in shown
    assert "report.html" in shown


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file.txt"
    write(path, "old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=r"No space left on device.*file.txt"):
        write(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_cells_of_csv_files_are_no_formulas(tmp_path: Path) -> None:
    texts = ["=cmd|' /C calc'!A0", "+1", "-x", "@x", "\tx", "plain", "a=b", "a\rb"]
    write_csv(tmp_path / "table.csv", pd.DataFrame({"text": texts, "number": -1.5 - np.arange(8)}))
    found = pd.read_csv(tmp_path / "table.csv")
    assert found.text.tolist() == [*(f"'{text}" for text in texts[:5]), "plain", "a=b", "a b"]
    assert found.number.tolist() == [-1.5 - i for i in range(8)]


def test_cells_of_markdown_are_plain_text() -> None:
    table = TextTable("T", ("agent", "score"), (("<i>a|b`c`[d](e)</i>", "1 [0, 2]"),))
    row = to_markdown(table).splitlines()[4]
    assert row == r"| &lt;i&gt;a\|b\`c\`\[d\](e)&lt;/i&gt; | 1 \[0, 2\] |"


@pytest.mark.parametrize("command", ["--help", "agents", "games"])
def test_the_command_line_answers_without_loading_torch(command: str) -> None:
    code = (
        f"import sys; sys.argv = ['accept-reject', '{command}']\n"
        "from accept_reject.experiments.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "accept" in done.stdout.lower()


def test_the_suite_gives_the_scenarios() -> None:
    config = BenchmarkConfig.model_validate({"agents": ["random"]})
    assert config.suite == "1.0"
    assert tuple(entry.scenario for entry in config.scenarios) == SUITES["1.0"]
    again = BenchmarkConfig.model_validate(config.model_dump())
    assert again == config
    other = BenchmarkConfig.model_validate({"agents": ["random"], "scenarios": ["crowd"]})
    assert other.suite is None
    changed = {
        "agents": ["random"],
        "scenarios": [{"scenario": name, "game": {"rank_sd": 2.0}} for name in SUITES["1.0"]],
    }
    assert BenchmarkConfig.model_validate(changed).suite is None
