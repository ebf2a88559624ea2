"""What docs/agents.md shows runs as written and is what the code says."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from accept_reject.agents import make_agent
from accept_reject.agents.adapters.prompts import prompt, told
from accept_reject.agents.adapters.single_player import Answer
from accept_reject.agents.registry import ADAPTERS, ENTRY_POINTS
from accept_reject.envs import scenario

DOC = (Path(__file__).parents[1] / "docs" / "agents.md").read_text(encoding="utf-8")
SINGLE, MODEL = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)


def run(code: str, folder: Path) -> str:
    (folder / "shown.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "shown.py"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_single_player_prints_what_it_says(tmp_path: Path) -> None:
    assert f"It prints `{run(SINGLE, tmp_path).strip()}`" in DOC


def test_the_model_trains_and_plays(tmp_path: Path) -> None:
    run(MODEL, tmp_path)
    make_agent("stable-baselines", {"model": str(tmp_path / "recurrent.zip")})


def test_the_prompt_is_the_one_shown() -> None:
    history = [told(1, [2, 0], Answer([2, 0], 0, 2, 1, False)), told(2, [7, 1], None)]
    expected = prompt(scenario("orthogonal").game, history, [3, 4])
    assert "".join(expected.split()) in "".join(DOC.split())


def test_adapters_and_params_are_there() -> None:
    for name in ADAPTERS:
        assert f"{{agent: {name}, params: " in DOC
    assert f'"{ENTRY_POINTS}"' in DOC
    shown = re.search(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    assert shown
    (entry,) = yaml.safe_load(shown.group(1))["agents"]
    assert make_agent(entry["agent"], {**entry["params"], "api_key_env": None})
