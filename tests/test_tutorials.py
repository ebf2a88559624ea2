"""The tutorials run, give the numbers that their pages show, and show what they say."""

import re
import runpy
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from accept_reject.experiments.cli import app
from accept_reject.experiments.config import load_config
from accept_reject.experiments.sweep.kinds import EXPERIMENTS

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = DOCS / "tutorials"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the tutorials' files, in which they run; leaves global settings as they were."""
    for file in (*TUTORIALS.glob("*.py"), *TUTORIALS.glob("*.yaml")):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    threads = torch.get_num_threads()
    with mpl.rc_context():
        yield tmp_path
    plt.close("all")
    torch.set_num_threads(threads)


def run(name: str) -> dict[str, Any]:
    return runpy.run_path(f"{name}.py", run_name="__main__")


def shown(page: str) -> list[str]:
    """The lines of output that a page shows."""
    blocks = re.findall(r"^```text\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line.rstrip() for block in blocks for line in block.splitlines()]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_first_steps(capsys: pytest.CaptureFixture[str]) -> None:
    scores = run("first_steps")["scores"]
    assert scores["ideal-valuing"]["valuing"] > scores["bayes-hybrid"]["valuing"] > scores["bayes-outcome"]["valuing"]
    assert scores["bayes-outcome"]["accepted"] > scores["bayes-hybrid"]["accepted"]
    assert printed(capsys) == shown("start.md")


def test_train_ppo() -> None:
    found = run("train_ppo")
    observation, scores = found["observation"], {name: score.value for name, score in found["scores"].items()}
    assert abs(scores["random"]) < 0.03
    assert 0.5 < scores["PPO"] < scores["bayes-outcome"] < scores["ideal-accepted"] < 1, "PPO learned, without memory"
    page = [line.split()[0] for line in shown("tutorials/train_ppo.md")]
    assert page == [*observation, *scores]


def test_plug_in_an_agent(capsys: pytest.CaptureFixture[str]) -> None:
    found = run("plug_in_an_agent")
    assert found["scores"]["AverageRank"]["valuing"] > 0.9
    assert found["scores"]["ThompsonOutcome"]["accepted"] > found["scores"]["AverageRank"]["accepted"]
    assert found["log_probability"].mean() < np.log(1 / 2)
    assert printed(capsys) == shown("tutorials/plug_in_an_agent.md")


def test_an_agent_of_the_tutorial_on_the_leaderboard(folder: Path) -> None:
    changes = ["agents=[plug_in_an_agent:AverageRank, random]", "scenarios=[few-spots]", "seeds=2", "episodes=5"]
    result = CliRunner().invoke(app, ["benchmark", "benchmark", *changes])
    assert result.exit_code == 0, result.output
    (scores,) = (folder / "runs").glob("*/scores.csv")
    table = pd.read_csv(scores).query("score == 'valuing' and phase == 'all' and scenario == 'few-spots'")
    valuing = table.groupby("agent")["value"].mean()
    assert valuing["AverageRank"] > 0.8
    assert abs(valuing["random"]) < 0.2


def test_fit_your_data(capsys: pytest.CaptureFixture[str]) -> None:
    found = run("fit_your_data")
    assert found["choices"].choice.shape == found["simulated"].choice.shape == (20, 96)
    assert not found["choices"].missed.any()
    assert (found["choices"].accepted == found["simulated"].accepted).all(), "the table holds what was simulated"
    assert (found["effects"].low > 0).all()
    assert found["hybrid"].parameters == ("w", "inverse_temperature")
    assert found["selection"].frequencies.argmax() == 0, "the model that was simulated wins"
    assert found["recovery"] > 0.7
    assert printed(capsys) == shown("tutorials/fit_your_data.md")


def test_compare_people_with_agents(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    found = run("compare_people_with_agents")
    table = found["table"]
    assert table.NLL.idxmin() == "imitation"
    assert table.NLL["random"] == pytest.approx(np.log(2))
    assert abs(table["stay after rank"] - table["stay after rank"]["participants"]).drop("participants").idxmin() == (
        "imitation"
    )
    assert abs(table["stay after rank"]["bayes-outcome"]) < 0.05 < table["stay after rank"]["participants"]
    assert printed(capsys) == shown("tutorials/compare_people_with_agents.md")
    drawn = {line.get_label(): line.get_ydata() for line in found["axes"].lines if line.get_label() in found["styles"]}
    valuing = found["ar"].learning_curves(found["people"], by="encounter")["valuing"]
    assert drawn["participants"] == pytest.approx(100 * np.nanmean(valuing, axis=0))
    assert all((drawn[name] > 48 - 0.5).all() and (drawn[name] < 63 + 0.5).all() for name in drawn)
    assert (folder / "compare_people_with_agents.svg").stat().st_size < 100_000


def test_from_file_to_paper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command prints the lines that the page shows below it, in this order."""
    monkeypatch.setenv("COLUMNS", "80")
    run("lab_files")
    page = (TUTORIALS / "from_file_to_paper.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    output: list[str] = []
    commands = 0
    for kind, title, text in blocks:
        if kind == "bash":
            commands += 1
            done = CliRunner().invoke(app, shlex.split(text)[1:])
            assert done.exit_code == 0, done.output
            output = [line.rstrip() for line in done.output.splitlines()]
        elif "title" in title:
            name = title.partition('"')[2].rstrip('"')
            whole = (folder / name).read_text(encoding="utf-8")
            if kind == "text":
                assert whole.startswith(text)
            else:
                (folder / name).write_text(whole + text, encoding="utf-8")
        elif kind == "text":
            rest = iter(output)
            for line in text.splitlines():
                assert any(each.startswith(line) for each in rest), line
    assert commands == 6
    assert {path.name for path in (folder / "ratings").iterdir()} >= {"anova.csv", "ratings.svg"}


def test_every_script_is_included_whole() -> None:
    """Whatever a script does between its markers is on a page."""
    pages = "".join(file.read_text(encoding="utf-8") for file in DOCS.rglob("*.md"))
    for script in TUTORIALS.glob("*.py"):
        sections = re.findall(r"\[start:(\w+)\]", script.read_text(encoding="utf-8"))
        assert sections
        for section in sections:
            assert f'"tutorials/{script.name}:{section}"' in pages


def test_commands_of_the_pages_take_the_changes_that_they_show() -> None:
    configs = {experiment.kind: experiment.config_type for experiment in EXPERIMENTS}
    text = "\n".join(page.read_text(encoding="utf-8") for page in TUTORIALS.glob("*.md"))
    commands = [
        shlex.split(each) for each in re.findall(r"accept-reject ((?:benchmark|compare|fit|recover) [^`\n]+)", text)
    ]
    assert {command[0] for command in commands} == {"benchmark", "compare", "fit", "recover"}
    for kind, config, *changes in commands:
        load_config(configs[kind], config, changes)  # refuses unknown keys and wrong values
