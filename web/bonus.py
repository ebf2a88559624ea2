"""Formulas of payments, such as `max(0, 0.02 * accepted - 0.10)`."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

NAMES = ("accepted", "rounds")
"""What a formula can use: the number of rounds in which the participant was accepted, and of all its rounds."""

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max, "round": round}


def bonus(formula: str, accepted: int, rounds: int) -> float:
    """Compute a payment, at least 0.

    Args:
        formula: Numbers, `accepted`, `rounds`, + - * /, parentheses, `min`, `max` and `round`.
        accepted: Number of rounds in which the participant was accepted.
        rounds: Number of rounds.

    Raises:
        ValueError: If the formula has anything else, or no finite value.
    """
    try:
        value = _value(ast.parse(formula, mode="eval").body, {"accepted": accepted, "rounds": rounds})
    except (SyntaxError, ZeroDivisionError, TypeError, OverflowError, RecursionError, MemoryError):
        raise ValueError(f"can't be computed: {formula!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"has no finite value: {formula!r}")
    return max(value, 0.0)


def _value(node: ast.AST, names: dict[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
            return _FUNCTIONS[name](*(_value(each, names) for each in args))
    raise ValueError(f"must be a formula of {', '.join(NAMES)}, numbers, + - * /, min, max and round")


def _check(formula: Any) -> Any:
    bonus(formula, 1, 2)
    return formula


Bonus = Annotated[str, Field(max_length=200), AfterValidator(_check)]
"""A formula in a config."""
