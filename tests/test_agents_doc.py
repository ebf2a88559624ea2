"""What the guides show runs as written and prints what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from accept_reject.agents import make_agent
from accept_reject.agents.adapters.prompts import prompt, round_text
from accept_reject.agents.adapters.single_player import PlayerFeedback
from accept_reject.agents.registry import ADAPTERS, ENTRY_POINTS
from accept_reject.envs import scenario

GUIDES = Path(__file__).parents[1] / "docs" / "guides"
DOC = (GUIDES / "agents.md").read_text(encoding="utf-8")
BATCHED, SINGLE, MODEL = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)


def run(code: str, folder: Path) -> str:
    (folder / "shown.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "shown.py"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_agent_prints_what_it_says(tmp_path: Path) -> None:
    lines = run(BATCHED, tmp_path).splitlines()
    assert len(lines) == 2
    for line in lines:
        assert f"\n    {line}\n" in DOC


def test_the_single_player_prints_what_it_says(tmp_path: Path) -> None:
    assert f"It prints `{run(SINGLE, tmp_path).strip()}`" in DOC


@pytest.mark.slow
def test_the_model_trains_and_plays(tmp_path: Path) -> None:
    run(MODEL, tmp_path)
    make_agent("stable-baselines", {"model": str(tmp_path / "recurrent.zip")})


def test_the_prompt_is_the_one_shown() -> None:
    history = [round_text(1, [2, 0], PlayerFeedback([2, 0], 0, 2, 1, False)), round_text(2, [7, 1], None)]
    expected = prompt(scenario("orthogonal").game, history, [3, 4])
    assert "".join(expected.split()) in "".join(DOC.split())


def test_adapters_and_params_are_there() -> None:
    for name in ADAPTERS:
        assert f"{{agent: {name}, params: " in DOC
    assert f'"{ENTRY_POINTS}"' in DOC
    (shown,) = [each for each in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL) if "agent: endpoint" in each]
    (entry,) = yaml.safe_load(shown)["agents"]
    assert make_agent(entry["agent"], {**entry["params"], "api_key_env": None})


@pytest.mark.slow
@pytest.mark.parametrize("guide", ["data", "fitting", "scenarios"])
def test_the_code_of_other_guides_runs(guide: str, tmp_path: Path) -> None:
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert code
    for each in code:
        run(each, tmp_path)
