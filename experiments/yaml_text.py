"""Reading and writing YAML with the scalars of YAML 1.2, and with bounds on size, depth and aliases.

YAML 1.1, which PyYAML reads by default, takes `010` for 8, `1:30` for 90, `no` for false and `2024-01-05` for a date.
Here all of these are strings, so that a config that expects a number refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 2_000_000
MAX_DEPTH = 50
MAX_VALUES = 100_000
MAX_DIGITS = 100
"""Bounds of a file: its size, its levels of nesting, its values when all aliases are replaced, digits of an integer."""


class FromFile(str):
    """A string in a config file, with the folder of that file."""

    folder: Path


class _Loader(yaml.SafeLoader):
    """YAML loader that rejects tags, duplicate keys and whatever exceeds the bounds."""

    yaml_implicit_resolvers: dict[str, Any] = {}
    folder: Path | None = None
    """The folder of the config file; None for overrides."""
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise yaml.MarkedYAMLError(None, None, f"tags such as {tag} are not supported", event.start_mark)
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, f"is nested more than {MAX_DEPTH} levels deep", event.start_mark)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None:
            _count(node, {})
        return node

    def construct_text(self, node: yaml.ScalarNode) -> str:
        if self.folder is None:
            return str(self.construct_scalar(node))
        text = FromFile(self.construct_scalar(node))
        text.folder = self.folder
        return text

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > MAX_DIGITS:
            problem = f"must be an integer of at most {MAX_DIGITS} digits, got {len(node.value)} digits"
            raise yaml.MarkedYAMLError(None, None, problem, node.start_mark)
        return int(node.value)

    def construct_float(self, node: yaml.ScalarNode) -> float:
        return float(node.value.replace(".inf", "inf").replace(".nan", "nan").lower())

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(None, None, "keys must be strings or numbers", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """YAML dumper that quotes strings which YAML 1.1 or 1.2 would read as something else."""


_FLOAT = re.compile(
    r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?$|[-+]?\d+[eE][-+]?\d+$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
)
_SCALARS = (
    ("null", re.compile(r"(~|null|Null|NULL|)$"), ["~", "n", "N", ""], yaml.SafeLoader.construct_yaml_null),
    ("bool", re.compile(r"(true|True|TRUE|false|False|FALSE)$"), list("tTfF"), yaml.SafeLoader.construct_yaml_bool),
    ("int", re.compile(r"[-+]?(0|[1-9]\d*)$"), list("-+0123456789"), _Loader.construct_integer),
    ("float", _FLOAT, list("-+.0123456789"), _Loader.construct_float),
)
for _name, _pattern, _first, _construct in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _pattern, _first)
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _construct)
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_text)
_Dumper.add_representer(FromFile, lambda dumper, text: dumper.represent_str(str(text)))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def read_yaml(text: str, folder: Path | None = None) -> Any:
    """Read YAML.

    Args:
        text: The text.
        folder: The folder of the file; its strings become `FromFile`.

    Raises:
        ValueError: With the place of the problem if it is not YAML, or if it exceeds a bound.
    """
    try:
        loader = _Loader(text)
        loader.folder = folder
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None


def read_yaml_file(file: Path, folder: Path) -> Any:
    """Read a YAML file.

    Args:
        file: The file.
        folder: As for `read_yaml`.

    Raises:
        OSError: If it can't be read.
        ValueError: As `read_yaml`, or if it is not UTF-8 text.
    """
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"must have at most {MAX_BYTES:,} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("must be UTF-8 text") from None
    return read_yaml(text, folder)


def dump(data: Any) -> str:
    """Dump plain values as YAML; reading it gives the same values."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def dump_line(key: str, value: Any) -> str:
    """Dump a key and its value as one line of YAML."""
    text = yaml.dump([value], Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return f"{key}: {text.strip()[1:-1]}"


def _count(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """Count the values of a node when all aliases are replaced, and reject too many, or a node that contains itself."""
    if node in known:
        if not known[node]:
            raise yaml.MarkedYAMLError(None, None, "an alias can't be inside its own anchor", node.start_mark)
        return known[node]
    known[node] = 0  # until it is counted
    total = 1
    if isinstance(node, yaml.CollectionNode):
        children = [child for each in node.value for child in (each if isinstance(each, tuple) else (each,))]
        total += sum(_count(child, known) for child in children)
    if total > MAX_VALUES:
        problem = f"must have at most {MAX_VALUES:,} values, got {total:,}"
        raise yaml.MarkedYAMLError(None, None, problem, node.start_mark)
    known[node] = total
    return total
