"""Checkpoints: the state from which an interrupted training run resumes as if it had not been interrupted."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.files import write

LAST, BEFORE = "checkpoint.pt", "checkpoint.before.pt"
"""The last checkpoint and the one before it."""

KEYS = {"origin", "network", "optimizer", "progress"}
"""Content of a checkpoint: a hash of config and data, and the state of the training run."""


class Loaded(NamedTuple):
    """The result of looking for a checkpoint.

    Attributes:
        content: Its content, with `KEYS`; None if there is no checkpoint.
        invalid: Problems of checkpoints that were skipped.
    """

    content: dict[str, Any] | None
    invalid: tuple[str, ...]


def save_checkpoint(folder: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint atomically, and keep the previous one.

    Args:
        folder: The run's folder.
        content: Plain values and tensors, so that loading a checkpoint can't execute code.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    if (folder / LAST).exists():
        (folder / LAST).replace(folder / BEFORE)
    write(folder / LAST, buffer.getvalue())


def load_checkpoint(folder: Path, origin: str) -> Loaded:
    """Load the last valid checkpoint.

    If the last checkpoint is invalid and the one before it is valid, the invalid one is renamed, so that the next save
    does not replace the valid one.

    Args:
        folder: The run's folder.
        origin: The hash of config and data that a checkpoint must have.

    Raises:
        InvalidInputError: If all checkpoints are invalid, or if they belong to another config or other data.
    """
    paths = [folder / name for name in (LAST, BEFORE) if (folder / name).exists()]
    invalid = []
    for path in paths:
        try:
            file = path.read_bytes()
        except OSError as error:
            raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
        try:
            content = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
        except (EOFError, KeyError, OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
            invalid.append(f"{path.name}: is not a valid checkpoint ({type(error).__name__})")
            continue
        if not isinstance(content, dict) or content.keys() != KEYS:
            invalid.append(f"{path.name}: is not a valid checkpoint (not saved by a training run)")
            continue
        if content["origin"] != origin:
            problem = f"{path.name}: belongs to a training run with another config, other data or another version"
            raise InvalidInputError(str(folder), [f"{problem}; remove the folder to train from the start"])
        for broken in paths[: len(invalid)]:
            broken.replace(broken.with_suffix(".broken"))
        return Loaded(content, tuple(invalid))
    if invalid:
        raise InvalidInputError(str(folder), invalid)
    return Loaded(None, ())
