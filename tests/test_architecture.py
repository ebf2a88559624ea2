"""Imports point one way: experiments -> agents -> envs. Files stay readable in one go."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {"envs": {"envs"}, "agents": {"envs", "agents"}, "experiments": {"envs", "agents", "experiments", "configs"}}
MODULES = [path for folder in ALLOWED for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    own = {name.split(".")[1] for name in names if name.startswith("accept_reject.")}
    assert own <= ALLOWED[folder]


def test_the_game_needs_no_torch() -> None:
    for path in (ROOT / "envs").glob("*.py"):
        assert "import torch" not in path.read_text(encoding="utf-8")
