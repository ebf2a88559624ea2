"""Configs: a YAML file and `key.path=value` overrides, checked together; all problems are reported at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from accept_reject.errors import InvalidInputError, Spec, SpecT, list_problems, shorten
from accept_reject.experiments.yaml_text import MAX_DEPTH, FromFile, dump, read_yaml, read_yaml_file


def _relative_to_cwd(path: Any) -> Any:
    """Make a path in a config file relative to the current folder; keep names of shipped configs."""
    if not isinstance(path, FromFile) or not path or is_shipped(path) or Path(path).is_absolute():
        return path
    return os.path.relpath(path.folder / path)


DataPath = Annotated[str, BeforeValidator(_relative_to_cwd), Field(min_length=1)]
"""A path to data, or the name of a shipped config.

In a config file it is relative to the file's folder, on the command line to the current folder.
"""


def load_config(model: type[SpecT] | Sequence[type[SpecT]], path: str, overrides: Sequence[str] = ()) -> SpecT:
    """Read a config.

    Args:
        model: What the config describes; its `kind` selects one of several models.
        path: A YAML file, or the bare name of a config that ships with the package, such as `benchmark`.
        overrides: Strings `key.path=value`; the value is YAML, and a number in the path indexes a list from 0.

    Raises:
        InvalidInputError: With all problems of the file and of the overrides.
    """
    data, problems = read_config(path, overrides)
    chosen = model_of_kind([model] if isinstance(model, type) else model, data, path, problems)
    try:
        config = chosen.model_validate(data)
    except ValidationError as error:
        problems += list_problems(error, chosen)
    if problems:
        raise InvalidInputError(path, problems)
    return config


def model_of_kind(models: Sequence[type[SpecT]], data: Any, path: str, problems: Sequence[str] = ()) -> type[SpecT]:
    """Return the model for the `kind` of a config. If there is only one model, `kind` is optional.

    Args:
        models: The possible models; the default of their field `kind` is its only value.
        data: The content of the config.
        path: Where it was read from, for messages.
        problems: Problems found before, to be reported with an unknown kind.

    Raises:
        InvalidInputError: If the kind is none of the models'.
    """
    kinds = {model.model_fields["kind"].default: model for model in models}
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind is None and (len(models) == 1 or not isinstance(data, dict)):
        return models[0]
    if kind is None:
        raise InvalidInputError(path, [*problems, f"kind: is required (one of {', '.join(sorted(kinds))})"])
    if not isinstance(kind, str) or kind not in kinds:
        known = " or ".join(map(repr, sorted(kinds)))
        problem = f"kind: must be {known}, got {shorten(kind)}"
        raise InvalidInputError(path, [*problems, problem])
    return kinds[str(kind)]


def read_config(path: str, overrides: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """Read a config and apply the overrides, without validation.

    Args:
        path: As for `load_config`.
        overrides: As for `load_config`.

    Returns:
        The content of the config, and the problems of the overrides.

    Raises:
        InvalidInputError: If the file can't be read.
    """
    file = _find(path)
    try:
        data = read_yaml_file(file, Path() if is_shipped(path) else file.parent)
    except OSError as error:
        raise InvalidInputError(path, [f"can't be read: {error.strerror}"]) from None
    except ValueError as error:
        raise InvalidInputError(path, [str(error)]) from None
    data = {} if data is None else data
    problems = []
    for override in overrides:
        try:
            data = _override(data, override)
        except ValueError as error:
            problems.append(f"{override}: {error}")
    return data, problems


def dump_config(config: Spec) -> str:
    """Dump a config as YAML with all defaults; reading it gives the same config."""
    return dump(config.model_dump(mode="json"))


def content_hash(*content: str | bytes) -> str:
    """Compute eight hexadecimal digits of a SHA-256 digest, for names of folders."""
    digest = hashlib.sha256()
    for part in content:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:8]


def is_shipped(path: str) -> bool:
    """Return whether this is the bare name of a config that ships with the package."""
    return not Path(path).suffix and "/" not in path and (_shipped() / f"{path}.yaml").exists()


def _shipped() -> Path:
    return Path(str(resources.files("accept_reject.configs")))


def _find(path: str) -> Path:
    if "=" in path and not Path(path).exists():
        raise InvalidInputError(path, ["is an override, which must follow a config, as in `benchmark seeds=2`"])
    if Path(path).suffix or "/" in path:
        return Path(path)
    if is_shipped(path):
        return _shipped() / f"{path}.yaml"
    names = ", ".join(sorted(file.stem for file in _shipped().glob("*.yaml")))
    raise InvalidInputError(path, [f"must be the path of a YAML file or the name of a shipped config (known: {names})"])


def _override(data: Any, override: str) -> Any:
    """Apply an override to a copy of the data."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise ValueError("must be key.path=value")
    try:
        value = read_yaml(text)
    except ValueError as error:
        raise ValueError(f"the value is not valid YAML: {error}") from None
    return replace_value(data, path, value)


def replace_value(data: Any, path: str, value: Any) -> Any:
    """Replace one value in a copy of a config's content.

    Args:
        data: The content.
        path: Path of the value, as `key.path`; a number indexes a list from 0.
        value: The new value.

    Raises:
        ValueError: If the path is too long or leads through something that is neither a mapping nor a list.
    """
    keys = path.split(".")
    if len(keys) > MAX_DEPTH:
        raise ValueError(f"a key path must have at most {MAX_DEPTH} parts, got {len(keys)}")
    return _replace_value(data, keys, 0, value)


def _replace_value(data: Any, keys: list[str], depth: int, value: Any) -> Any:
    """Replace the value at `keys[depth:]` of the data, which are at `keys[:depth]` of the content."""
    if depth == len(keys):
        return value
    key, deeper = keys[depth], depth + 1
    if isinstance(data, dict):
        return {**data, key: _replace_value(data.get(key, {}), keys, deeper, value)}
    if isinstance(data, list):
        if not key.isdecimal() or int(key) >= len(data):
            raise ValueError(f"{key!r} must be the index of a list item, from 0 to {len(data) - 1}")
        return [_replace_value(item, keys, deeper, value) if i == int(key) else item for i, item in enumerate(data)]
    hint = "; write it as a mapping, such as {scenario: ..., game: {...}}" if isinstance(data, str) else ""
    place = ".".join(keys[:depth]) or "the config"
    raise ValueError(f"can't set {key!r}, because {place} is {data!r} and not a mapping or list{hint}")
