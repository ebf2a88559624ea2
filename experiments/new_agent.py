"""Creation of a new agent and its test from templates."""

from __future__ import annotations

import keyword
import re
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import jinja2

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.files import write
from accept_reject.experiments.folders import make_folder

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def new_agent(name: str, folder: Path) -> tuple[Path, Path, str]:
    """Write an agent and its test from templates.

    Args:
        name: Name, such as `careful-learner`, for the module `careful_learner` and the class `CarefulLearner`.
        folder: The folder; it is created if necessary.

    Returns:
        Path of the agent, path of the test, and the dotted path of the class for configs.

    Raises:
        InvalidInputError: If the name is not valid for a module, or if a file exists.
    """
    if not _NAME.fullmatch(name):
        problem = f"must be a name of lowercase letters, digits and hyphens, such as careful-learner, got {name!r}"
        raise InvalidInputError("name", [problem])
    module = name.replace("-", "_")
    class_name = "".join(word.capitalize() for word in module.split("_"))
    reserved = {*keyword.kwlist, *sys.stdlib_module_names, "conftest"}
    if module in reserved or class_name in reserved:
        raise InvalidInputError("name", [f"must not be a name that Python or pytest uses, got {name!r}"])
    files = {folder / f"{module}.py": "agent.py.jinja", folder / f"test_{module}.py": "test_agent.py.jinja"}
    if existing := [f"{path} already exists" for path in files if path.exists()]:
        raise InvalidInputError("name", existing)
    if find_spec(module):  # the new file would hide it
        raise InvalidInputError("name", [f"must not be the name of an installed module, got {name!r}"])
    make_folder(folder)
    templates = resources.files("accept_reject.experiments.reporting") / "templates"
    for path, template in files.items():
        text = (templates / template).read_text(encoding="utf-8")
        write(path, jinja2.Template(text, keep_trailing_newline=True).render(module=module, class_name=class_name))
    agent, test = files
    return agent, test, f"{module}:{class_name}"
