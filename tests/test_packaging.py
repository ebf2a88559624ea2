"""The built wheel in empty environments: the core plays without torch, and all extras together import everything."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CORE = """
import sys
import accept_reject as ar
import gymnasium
import accept_reject.envs
env = gymnasium.make("accept_reject/Orthogonal-v0", render_mode="rgb_array")
env.reset(seed=0)
env.step(0)
assert env.render().ndim == 3
assert ar.draw(ar.scenario("crowd").game, seed=0, n=2).rank.shape[0] == 2
assert not {"torch", "pandas"} & set(sys.modules)
for name in ("make_agent", "fit"):
    try:
        getattr(ar, name)
    except ImportError as error:
        print(error)
"""

USE = """
import importlib, pkgutil
import gymnasium, yaml
from importlib.resources import files
import accept_reject as ar
for folder in ("", ".envs", ".agents", ".experiments", ".web"):
    package = importlib.import_module(f"accept_reject{folder}")
    assert files(package).joinpath("py.typed").is_file(), folder
    for module in pkgutil.walk_packages(package.__path__, f"accept_reject{folder}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
assert all(getattr(ar, name) is not None for name in ar.__all__)
env = gymnasium.make("accept_reject.envs:accept_reject/Orthogonal-v0")
env.reset(seed=0)
env.step(0)
for entry in importlib.import_module("accept_reject.agents").AGENTS:
    ar.make_agent(entry)
print("played in", importlib.import_module("accept_reject.envs").__file__)
"""


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


PLUGIN = """
from setuptools import setup
setup(name="visitors", version="1.5", py_modules=["visitors"],
      entry_points={"accept_reject.agents": ["polite-visitor = visitors:Visitor", "random = visitors:Visitor"]})
"""

VISITOR = """
from accept_reject.agents.baselines import RandomAgent

class Visitor(RandomAgent):
    pass
"""


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy, since a build leaves a folder next to the sources
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "runs", "data.*", "*.egg-info", "tests"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt")
    run(*pip, wheel, cwd=tmp_path)
    core = run(python, "-c", CORE, cwd=tmp_path).splitlines()
    assert len(core) == 2
    assert "torch" in core[0]
    assert "pip install 'accept-reject[agents]'" in core[0]
    assert "pip install 'accept-reject[" in core[1]
    command = subprocess.run([str(python.with_name("accept-reject")), "games"], capture_output=True, text=True)
    assert command.returncode == 2
    assert command.stderr.count("\n") == 1
    assert "pip install 'accept-reject[experiments]'" in command.stderr
    run(*pip, f"{wheel}[experiments]", cwd=tmp_path)
    command = subprocess.run([str(python.with_name("accept-reject")), "play"], capture_output=True, text=True)
    assert (command.returncode, command.stderr.count("\n")) == (2, 1)
    assert "pip install 'accept-reject[web]'" in command.stderr
    run(*pip, f"{wheel}[web]", cwd=tmp_path)
    assert str(tmp_path) in run(python, "-c", USE, cwd=tmp_path)
    quick = ["scenarios=[crowd]", "agents=[random]", "seeds=2", "episodes=1"]
    shown = run(tmp_path / "venv" / "bin" / "accept-reject", "benchmark", "benchmark", *quick, cwd=tmp_path)
    assert "report.html" in shown
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "setup.py").write_text(PLUGIN, encoding="utf-8")
    (plugin / "visitors.py").write_text(VISITOR, encoding="utf-8")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, plugin, cwd=tmp_path)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", *tmp_path.glob("visitors*.whl"), cwd=tmp_path)
    listed = " ".join(run(tmp_path / "venv" / "bin" / "accept-reject", "agents", cwd=tmp_path).split())
    assert "polite-visitor visitors:Visitor, installed by visitors 1.5" in listed
    assert "agent 'random': must be unique" in listed
    quick[1] = "agents=[polite-visitor, oracle-valuing]"
    assert "polite-visitor" in run(
        tmp_path / "venv" / "bin" / "accept-reject", "benchmark", "benchmark", *quick, cwd=tmp_path
    )
