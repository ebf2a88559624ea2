"""Import of objects by dotted paths such as `my_package.my_module:MyClass`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accept_reject.errors import describe_exception, shorten, suggest


def load_dotted(path: str, role: str, is_valid: Callable[[Any], bool], wanted: str) -> Any:
    """Import an object by its dotted path. The current folder is also searched for modules.

    Args:
        path: `module:name`.
        role: The role of the object, for messages.
        is_valid: Whether an object can have that role.
        wanted: What a valid object is, for messages.

    Raises:
        ValueError: If the module can't be imported, does not contain the name, or contains an object that is not valid.
    """
    module_name, _, name = path.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # permanently: the module may import its neighbors later
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # importing a module can raise anything
        problem = f"can't import module {module_name!r}: {describe_exception(error)}"
        raise ValueError(f"{role} {path!r}: {problem}") from error
    found = getattr(module, name, None)
    if found is None:
        known = [key for key, value in vars(module).items() if is_valid(value)]
        raise ValueError(f"{role} {path!r}: module {module_name!r} has no {name!r}{suggest(name, known)}")
    if not is_valid(found):
        raise ValueError(f"{role} {path!r}: must be {wanted}, got {shorten(found)}")
    return found
