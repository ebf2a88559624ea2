"""What a dotted path such as `my_package.my_module:MyClass` names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accept_reject.envs.faults import suggest


def load_dotted(path: str, role: str, fits: Callable[[Any], bool], wanted: str) -> Any:
    """Import what a dotted path names. Modules are also looked for in the current folder.

    Args:
        path: `module:name`.
        role: What it is wanted as, for messages.
        fits: Whether something can be that.
        wanted: What fits, in words.

    Raises:
        ValueError: If the module can't be imported, or if it holds no such name or something that does not fit.
    """
    module_name, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # and left there: the module may import its neighbours later
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the module does when it is imported
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"{role} {path!r}: the module {module_name!r} can't be imported: {told}") from error
    found = getattr(module, name, None)
    if found is None:
        known = [key for key, value in vars(module).items() if fits(value)]
        raise ValueError(f"{role} {path!r}: no {name!r} in the module{suggest(name, known)}")
    if not fits(found):
        raise ValueError(f"{role} {path!r}: should be {wanted}, but is {found!r}")
    return found
