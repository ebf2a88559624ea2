"""Bad input, told whole: every fault of a specification or a config in one message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

Whole = Annotated[int, Strict()]
"""A whole number: neither a bool nor a text that looks like a number is taken for one."""

Real = Annotated[float, Strict(), Field(allow_inf_nan=False)]
"""A finite number: neither a bool nor a text that looks like a number is taken for one."""


class InvalidInputError(ValueError):
    """What the user brought can't be used; the message lists every fault that was found.

    Args:
        subject: What was read, such as a file's path or `GameSpec`.
        faults: One line for each fault: where it is, what it is, what would be right.
    """

    def __init__(self, subject: str, faults: Sequence[str]) -> None:
        self.subject = subject
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{subject}: {count}\n" + "\n".join(f"  - {fault}" for fault in self.faults))

    def __reduce__(self) -> tuple[type[InvalidInputError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.subject, self.faults)


class Spec(BaseModel):
    """A frozen, validated, JSON-able description. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


SpecT = TypeVar("SpecT", bound=Spec)


def parse(model: type[SpecT], data: Any, subject: str) -> SpecT:
    """Validate `data` as `model`.

    Raises:
        InvalidInputError: With every fault of `data`, each under its key.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidInputError(subject, list_faults(error, model)) from None


def list_faults(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each fault: the key's path, what it should be and what it is.

    A validator that found several faults raises them as lines of one message; a line that starts with a dot goes
    on with the path, so that `.2.spots: ...` under `partners` becomes `partners.2.spots: ...`.
    """
    faults = []
    for detail in error.errors(include_url=False):
        path = ".".join(str(part) for part in detail["loc"])
        kind, got = detail["type"], detail["input"]
        if kind == "extra_forbidden":
            known = _keys_at(model, detail["loc"][:-1])
            faults.append(f"{path}: unknown key{suggest(str(detail['loc'][-1]), known)}")
        elif kind == "missing":
            faults.append(f"{path}: is required")
        elif kind == "value_error":
            for line in str(detail["ctx"]["error"]).splitlines():
                faults.append(f"{path}{line}" if line.startswith(".") else f"{path}: {line}".removeprefix(": "))
        elif kind in ("model_type", "model_attributes_type"):
            faults.append(f"{path}: should be a mapping of keys to values, but is {got!r}".removeprefix(": "))
        else:
            message = detail["msg"].replace("Input should", "should").replace("a valid tuple", "a list")
            faults.append(f"{path}: {message}, but is {got!r}".removeprefix(": "))
    return faults


def suggest(word: str, known: Iterable[str]) -> str:
    """End a message about an unknown `word`: the nearest known one, if any is near, and all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (known: {', '.join(known)})"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys of the model found at `loc` below `model`."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model within an annotation such as `tuple[PartnerKind, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
