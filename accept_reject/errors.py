"""Errors for invalid input: one exception that lists every problem, and the base class of all configs."""

from __future__ import annotations

import difflib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AllowInfNan, BaseModel, ConfigDict, StrictFloat, StrictInt, TypeAdapter, ValidationError

Integer = StrictInt
"""An integer; booleans and strings that look like numbers are not converted."""

Number = Annotated[StrictFloat, AllowInfNan(False)]
"""A finite number; booleans and strings that look like numbers are not converted."""


class InvalidInputError(ValueError):
    """Invalid input: a config, a file, an argument or the answer of an agent.

    The message has one line for each problem, `subject: problem`. A problem that begins with the subject, such as
    `table.csv, row 2: ...`, stays as it is.

    Args:
        subject: Where the problems are, such as the path of a file.
        problems: The problems, in the form `where: must be ..., got ...`.
    """

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        named = (
            problem if problem.startswith(f"{subject}, ") else f"{subject}: {problem}" for problem in self.problems
        )
        super().__init__("\n".join(named))

    def __reduce__(self) -> tuple[type[InvalidInputError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.subject, self.problems)


@contextmanager
def within(name: str) -> Iterator[None]:
    """Put a name before the subject of an `InvalidInputError`, such as the agent's before that of its method."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: {error.subject}", error.problems) from (error.__cause__ or error)


class Spec(BaseModel):
    """Base class of configs: frozen, validated, serializable as JSON. Unknown keys are errors.

    A model or a field may say in its JSON schema what it accepts, for messages:
    `json_schema_extra={"must_be": "a name or a mapping"}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


SpecT = TypeVar("SpecT", bound=Spec)


def parse(model: type[SpecT], data: Any, subject: str) -> SpecT:
    """Validate `data` as `model`.

    Raises:
        InvalidInputError: With every problem of `data`, each with its key.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidInputError(subject, list_problems(error, model)) from None


def list_problems(error: ValidationError, model: Any) -> list[str]:
    """List the problems of a validation error in the form `key.path: must be ..., got ...`.

    A validator can report several problems as lines of one message. A dot at the start of a line continues the path:
    `.2.spots: ...` under `partners` becomes `partners.2.spots: ...`. So a validator can prefix all problems of a part
    with a dot; it is ignored if a problem does not start with a key.

    Args:
        error: The error.
        model: The type that was validated, a `Spec` or any other that pydantic knows.
    """
    schema = TypeAdapter(model).json_schema()
    found = [_Problem.of(detail, schema) for detail in error.errors(include_url=False)]
    problems: list[str] = []
    for each in _without_other_branches(found):
        for line in each.sentence.splitlines():
            rest = line if _KEY.match(line) else f": {line.removeprefix('.')}"
            problems.append(f"{each.path}{rest}".lstrip(".: "))
    return list(dict.fromkeys(problems))


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a hint for a message about an unknown word: the closest known word, if any, and all known words."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (known: {', '.join(known)})" if known else ""


def shorten(value: Any, width: int = 60) -> str:
    """Return the `repr` of a value on one line of at most `width` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= width else f"{text[: width - 3]}..."


def describe_exception(error: BaseException) -> str:
    """Describe an exception on one line: its type, its message, and the last line of the user's code in its traceback.

    The user's code is what belongs neither to this package, nor to an installed one, nor to Python.
    """
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__"))
        theirs = module.partition(".")[0] not in {"accept_reject", *sys.stdlib_module_names}
        if theirs and "site-packages" not in path and not path.startswith("<"):
            return f"{text} ({Path(path).name}, line {line})"
    return text


_TYPES = {"integer": "an integer", "number": "a number", "string": "a string", "boolean": "true or false"}
_TYPES |= {"array": "a list", "object": "a mapping"}
"""Names of the types of JSON in messages."""

_KINDS = {"int": "integer", "float": "number", "string": "string", "bool": "boolean"}
_KINDS |= {"list": "array", "tuple": "array", "set": "array", "dict": "object", "mapping": "object", "model": "object"}
"""The type of JSON for the first word of the types of pydantic's errors."""

_KEY = re.compile(r"\.[\w.-]+: ")
"""The start of a line that continues the path."""

_BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


class _Problem(NamedTuple):
    """A problem found by pydantic.

    Attributes:
        path: The key.
        sentence: The problem.
        value: The value.
        union: Path of the union if the problem belongs to one of its branches, or None.
        branch: The branch.
        whole: Whether the branch rejects the whole value, not only a part of it.
        wanted: Description of valid values, which follows "must be".
    """

    path: str
    sentence: str
    value: Any
    union: str | None
    branch: str
    whole: bool
    wanted: str

    @classmethod
    def of(cls, detail: Any, schema: dict[str, Any]) -> _Problem:
        """Translate one of pydantic's errors.

        Args:
            detail: The error.
            schema: JSON schema of what was validated.
        """
        kind, value, context, loc = detail["type"], detail["input"], detail.get("ctx", {}), detail["loc"]
        if kind == "missing" and isinstance(loc[-1], int):  # too few items of a list of fixed length
            kind, loc = "list_type", loc[:-1]
        if kind == "extra_forbidden":
            place = _locate(schema, loc[:-1])
            sentence = f"unknown key {loc[-1]!r}{suggest(str(loc[-1]), place.node.get('properties', {}))}"
            return cls(place.path, sentence, value, place.union, place.branch, False, "")
        place = _locate(schema, loc)
        wanted = ""
        if kind in ("value_error", "assertion_error"):
            sentence = str(context["error"])
        elif kind == "missing":
            sentence = "is required"
        elif kind in ("too_short", "too_long"):
            least = kind == "too_short"
            count = context["min_length" if least else "max_length"]
            sentence = f"must have at {'least' if least else 'most'} {count} item{'' if count == 1 else 's'}"
            sentence += f", got {shorten(value)}"
        else:
            wanted = _wanted(kind, context, place.node, schema)
            sentence = f"must be {wanted}, got {shorten(value)}"
        whole = place.path == place.union and kind != "value_error"
        return cls(place.path, sentence, value, place.union, place.branch, whole, wanted)


def _without_other_branches(found: Sequence[_Problem]) -> list[_Problem]:
    """Reduce the problems of each union to those of the branch that matches best, or to a single problem."""
    kept: list[_Problem] = []
    for union in dict.fromkeys(each.union if each.union is not None else i for i, each in enumerate(found)):
        if isinstance(union, int):
            kept.append(found[union])
            continue
        branches: dict[str, list[_Problem]] = {}
        for each in found:
            if each.union == union:
                branches.setdefault(each.branch, []).append(each)
        matching = [problems for problems in branches.values() if not any(each.whole for each in problems)]
        if matching:
            kept += sorted(matching, key=len)[0]
        else:
            first = next(each for problems in branches.values() for each in problems if each.whole)
            wanted = dict.fromkeys(each.wanted for each in found if each.union == union and each.wanted and each.whole)
            sentence = f"must be {' or '.join(wanted)}, got {shorten(first.value)}" if wanted else first.sentence
            kept.append(first._replace(sentence=sentence))
    return kept


def _wanted(kind: str, context: dict[str, Any], node: dict[str, Any], schema: dict[str, Any]) -> str:
    """Describe valid values of a schema, with the constraint that is violated."""
    if "must_be" in node:
        return str(node["must_be"])
    if variants := _variants(node, schema):
        return " or ".join(dict.fromkeys(_wanted(kind, context, each, schema) for each in variants))
    if "enum" in node:
        return f"one of {', '.join(map(repr, node['enum']))}"
    if "const" in node:
        return repr(node["const"])
    if "prefixItems" in node:
        return f"a list of {len(node['prefixItems'])} items"
    if kind == "literal_error":
        return str(context["expected"])
    if kind == "finite_number":
        return "a finite number"
    bounds = {sign: context[name] for name, sign in _BOUNDS.items() if name in context}
    bounded = "integer" if any(isinstance(bound, int) for bound in bounds.values()) else "number"
    text = _TYPES.get(node.get("type") or _KINDS.get(kind.partition("_")[0], bounded), "valid")
    if kind == "string_pattern_mismatch":
        return f"{text} that matches {context['pattern']}"
    if kind in ("string_too_short", "string_too_long"):
        least = kind == "string_too_short"
        count = context["min_length" if least else "max_length"]
        return f"{text} of at {'least' if least else 'most'} {count} character{'' if count == 1 else 's'}"
    return text + "".join(
        f" {sign} {bound if isinstance(bound, int) else format(bound, 'g')}" for sign, bound in bounds.items()
    )


class _Place(NamedTuple):
    """The location of a problem.

    Attributes:
        path: The key.
        node: Its JSON schema; empty if it is not known.
        union: Path of the outermost union that contains it, or None.
        branch: The branch of that union.
    """

    path: str
    node: dict[str, Any]
    union: str | None
    branch: str


def _locate(schema: dict[str, Any], loc: Sequence[int | str]) -> _Place:
    """Find a location of pydantic, which contains the branches of unions as well as keys, in a JSON schema."""
    node, path, union, branch = _resolve(schema, schema), "", None, ""
    for part in loc:
        if variants := _variants(node, schema):
            if union is None:
                union, branch = path, str(part)
            node = next((each for each in variants if "title" in each and each["title"] in str(part)), {})
            continue
        path = f"{path}.{part}" if path else str(part)
        items = node.get("prefixItems")
        if isinstance(part, int):
            child = items[part] if items and part < len(items) else node.get("items")
        else:
            child = node.get("properties", {}).get(part, node.get("additionalProperties"))
        node = _resolve(child, schema) if isinstance(child, dict) else {}
    return _Place(path, node, union, branch)


def _variants(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the branches of a union."""
    return [_resolve(each, schema) for each in node.get("anyOf", node.get("oneOf", ()))]


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Replace a reference by its target, and an optional value by the value."""
    if "$ref" in node:
        node = {**schema["$defs"][node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}
    variants = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
    return _resolve({**node, **variants[0], "anyOf": ()}, schema) if len(variants) == 1 else node
