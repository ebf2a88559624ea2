"""What the tests of choices on disk share."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import Choices
from accept_reject.experiments.data.load import load


def same(a: Choices, b: Choices) -> bool:
    for field in fields(Choices):
        x, y = getattr(a, field.name), getattr(b, field.name)
        equal = (
            np.array_equal(x, y, equal_nan=True)
            if isinstance(x, np.ndarray) and x.dtype.kind == "f"
            else np.array_equal(x, y)
            if isinstance(x, np.ndarray)
            else x == y
        )
        if not equal:
            return False
    return True


def faults_of(path: Path | str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as caught:
        load(str(path), overrides)
    return caught.value.faults
