"""Configs: a YAML file and `key.path=value` overrides, checked together and refused with every fault at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from accept_reject.envs.faults import InvalidInputError, Spec, SpecT, list_faults


class _Loader(yaml.SafeLoader):
    """YAML without two surprises: a key given twice is refused, and `1e-3` is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(None, None, "keys should be plain words", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"the key {key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what the loader reads: a text that looks like one of its numbers is quoted."""


_FLOAT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def load_config(model: type[SpecT], path: str, overrides: Sequence[str] = ()) -> SpecT:
    """Read a config.

    Args:
        model: What it should hold.
        path: A YAML file, or the bare name of a config that ships with the package, such as `benchmark`.
        overrides: Texts `key.path=value`; the value is read as YAML, and a number in the path counts list items from 0.

    Raises:
        InvalidInputError: With every fault of the file and of the overrides.
    """
    data, faults = read_config(path, overrides)
    try:
        config = model.model_validate(data)
    except ValidationError as error:
        faults += list_faults(error, model)
    if faults:
        raise InvalidInputError(path, faults)
    return config


def read_config(path: str, overrides: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """What a config holds with its overrides, not yet checked, and the overrides' faults.

    Args:
        path: As for `load_config`.
        overrides: As for `load_config`.

    Raises:
        InvalidInputError: If the file can't be read.
    """
    try:
        data = yaml.load(_find(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InvalidInputError(path, [f"can't be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise InvalidInputError(path, ["is not UTF-8 text"]) from None
    except yaml.YAMLError as error:
        raise InvalidInputError(path, [_yaml_fault(error)]) from None
    except RecursionError:
        raise InvalidInputError(path, ["is nested too deeply"]) from None
    data = {} if data is None else data
    faults = []
    for override in overrides:
        try:
            data = _override(data, override)
        except ValueError as error:
            faults.append(f"{override}: {error}")
    return data, faults


def dump_config(config: Spec) -> str:
    """The config as YAML, with every default written out; reading it gives the same config again."""
    return dump(config.model_dump(mode="json"))


def dump(data: Any) -> str:
    """Plain values as YAML that is read back as the same."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def content_hash(*content: str | bytes) -> str:
    """Eight digits that tell one content from another, for the names of folders."""
    digest = hashlib.sha256()
    for part in content:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:8]


def kind_of(path: str) -> str | None:
    """What a config says that it is, under `kind`; None if it says nothing or can't be read as a config."""
    try:
        data = yaml.load(_find(path).read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return None  # whoever reads it in earnest tells what is wrong
    return data.get("kind") if isinstance(data, dict) else None


def is_shipped(path: str) -> bool:
    """Whether this is the bare name of a config that ships with the package."""
    return not Path(path).suffix and "/" not in path and (_shipped() / f"{path}.yaml").exists()


def folder_of(path: str, key: str, overrides: Sequence[str] = ()) -> Path:
    """The folder from which a path that a config holds under a key is seen.

    It is the config's own; but the current one for a shipped config, and for a path that an override gives.
    """
    given_here = any(override.partition("=")[0] == key for override in overrides)
    return Path() if given_here or is_shipped(path) else Path(path).parent


def _shipped() -> Path:
    return Path(str(resources.files("accept_reject.configs")))


def _find(path: str) -> Path:
    if "=" in path and not Path(path).exists():
        raise InvalidInputError(path, ["is an override; the config comes before it, such as `benchmark`"])
    if Path(path).suffix or "/" in path:
        return Path(path)
    if is_shipped(path):
        return _shipped() / f"{path}.yaml"
    names = ", ".join(sorted(file.stem for file in _shipped().glob("*.yaml")))
    raise InvalidInputError(path, [f"is neither a YAML file's path nor the name of a shipped config (known: {names})"])


def _override(data: Any, override: str) -> Any:
    """`data` with one value replaced; what stands on the way there is copied."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise ValueError("should be key.path=value")
    try:
        value = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"the value is not YAML: {_yaml_fault(error)}") from None
    return replaced(data, path, value)


def replaced(data: Any, path: str, value: Any) -> Any:
    """What a config holds with one value replaced; what stands on the way there is copied.

    Args:
        data: What it holds.
        path: Which value, as `key.path`; a number counts list items from 0.
        value: The new value.

    Raises:
        ValueError: If the path leads through something that is no mapping or list.
    """
    return _replaced(data, path.split("."), value)


def _replaced(data: Any, keys: list[str], value: Any) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(data, dict):
        return {**data, key: _replaced(data.get(key, {}), rest, value)}
    if isinstance(data, list):
        if not key.isdecimal() or int(key) >= len(data):
            raise ValueError(f"{key!r} should be the number of a list item, from 0 to {len(data) - 1}")
        return [_replaced(item, rest, value) if i == int(key) else item for i, item in enumerate(data)]
    hint = "; write it out as a mapping, such as {scenario: ..., game: {...}}" if isinstance(data, str) else ""
    raise ValueError(f"{key!r} can't be set within {data!r}, which is no mapping or list{hint}")


def _yaml_fault(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"is not YAML: {error}"
    mark = error.problem_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{error.problem}"
