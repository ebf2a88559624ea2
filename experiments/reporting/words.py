"""Small helpers for sentences with numbers and lists."""

from __future__ import annotations

from collections.abc import Iterable


def counted(n: int, noun: str, plural: str = "") -> str:
    """Format a number with its noun, such as `1 round` or `1,440 rounds`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(items: Iterable[object], last: str = "and") -> str:
    """Join items for use in a sentence, such as `a`, `a and b`, or `a, b, and c`."""
    *others, final = map(str, items)
    comma = "," if len(others) > 1 else ""
    return f"{', '.join(others)}{comma} {last} {final}" if others else final


def spaced(name: str) -> str:
    """Format a parameter's name for use in a sentence."""
    return name.replace("_", " ")


def span(ends: tuple[int, int]) -> str:
    """Format a range of integers, such as `3` or `3 to 6`."""
    low, high = ends
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
