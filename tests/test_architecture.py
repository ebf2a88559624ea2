"""Imports point one way: commands -> foundations of experiments -> agents -> envs -> the root package."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOUNDATIONS = ("simulation", "analysis", "data", "inference", "reporting")
COMMANDS = ("benchmark", "fit", "recover", "compare", "train", "sweep")
LAYERS = {
    "accept_reject": set(),
    "envs": set(),
    "agents": {"envs"},
    "experiments": {"envs", "agents", "configs"},
    "web": {"envs", "agents", "experiments", "configs"},
}
MODULES = [path for folder in LAYERS for path in sorted((ROOT / folder).rglob("*.py"))]
SAME_FILES = ("config.py", "run.py", "frames.py", "tables.py", "figures.py", "experiment.py")


def imports(path: Path) -> set[str]:
    """The modules of this package that a file imports when it is imported or later, but for static checks."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {name.removeprefix("accept_reject.") for name in names if name.startswith("accept_reject.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    folder, *rest = path.relative_to(ROOT).parts
    if path == ROOT / "accept_reject" / "__init__.py" or path == ROOT / "accept_reject" / "__main__.py":
        return  # they give access to everything
    found = imports(path)
    others = {name.split(".")[0] for name in found if name.split(".")[0] in LAYERS or name.split(".")[0] == "configs"}
    assert others <= LAYERS[folder] | {folder}
    if folder != "experiments":
        return
    part = rest[0]
    commands = {name.split(".")[1] for name in found if name.startswith("experiments.")} & set(COMMANDS)
    if part in FOUNDATIONS:
        assert not commands, f"the foundation {part} imports commands"
    elif part in COMMANDS and part != "sweep":
        assert commands <= {part}, f"the command {part} imports other commands"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "sweep"])
def test_commands_have_the_same_files(command: str) -> None:
    names = {path.name for path in (ROOT / "experiments" / command).glob("*.py")}
    assert set(SAME_FILES) <= names


def test_the_game_needs_neither_torch_nor_pandas() -> None:
    for path in (ROOT / "envs").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        assert not names & {"torch", "pandas", "matplotlib"}, path
