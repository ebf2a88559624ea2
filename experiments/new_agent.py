"""A start for an agent of one's own: a file that works, with a test."""

from __future__ import annotations

import keyword
import re
import sys
from importlib import resources
from pathlib import Path

import jinja2

from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.files import make_folder, write

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def new_agent(name: str, folder: Path) -> tuple[Path, Path, str]:
    """Write an agent's file and its test.

    Args:
        name: Its name, such as `careful-learner`: the module becomes `careful_learner`, the class `CarefulLearner`.
        folder: Where to; it is made if need be.

    Returns:
        Path of the agent, path of the test, and the dotted path by which configs name the agent.

    Raises:
        InvalidInputError: If the name is none for a module, or if a file is there already.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            name, ["should be a name in small letters, digits and hyphens, such as careful-learner"]
        )
    module = name.replace("-", "_")
    class_name = "".join(word.capitalize() for word in module.split("_"))
    if (
        keyword.iskeyword(module)
        or keyword.iskeyword(class_name)
        or module in {*sys.stdlib_module_names, "accept_reject"}
    ):
        raise InvalidInputError(name, ["is a name that Python has taken: choose another"])
    files = {folder / f"{module}.py": "agent.py.jinja", folder / f"test_{module}.py": "test_agent.py.jinja"}
    if there := [f"{path} is there already" for path in files if path.exists()]:
        raise InvalidInputError(name, there)
    make_folder(folder)
    templates = resources.files("accept_reject.experiments") / "templates"
    for path, template in files.items():
        text = (templates / template).read_text(encoding="utf-8")
        write(path, jinja2.Template(text, keep_trailing_newline=True).render(module=module, class_name=class_name))
    agent, test = files
    return agent, test, f"{module}:{class_name}"
