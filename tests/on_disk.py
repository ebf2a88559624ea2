"""Helpers of the tests of choices on disk."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import Choices
from accept_reject.experiments.data.load import load


def equal(a: Choices, b: Choices) -> bool:
    """Compare all fields of two objects."""
    for field in fields(Choices):
        x, y = getattr(a, field.name), getattr(b, field.name)
        alike = (
            np.array_equal(x, y, equal_nan=True)
            if isinstance(x, np.ndarray) and x.dtype.kind == "f"
            else np.array_equal(x, y)
            if isinstance(x, np.ndarray)
            else x == y
        )
        if not alike:
            return False
    return True


def problems_of(path: Path | str, *overrides: str) -> tuple[str, ...]:
    """Return the problems that loading reports."""
    with pytest.raises(InvalidInputError) as caught:
        load(str(path), overrides)
    return caught.value.problems
