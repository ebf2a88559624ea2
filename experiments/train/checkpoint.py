"""Checkpoints: everything that a training needs to go on as if it had not been interrupted."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch

from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.files import write

LAST, BEFORE = "checkpoint.pt", "checkpoint.before.pt"

KEYS = {"origin", "network", "optimiser", "progress"}
"""What a checkpoint holds: what is trained on what, and the state of the training."""


class Loaded(NamedTuple):
    """A checkpoint that was found.

    Attributes:
        content: What was saved; None if there is none, so that the training starts anew. It holds `KEYS`.
        refused: What was found and can't be used, each with its reason.
    """

    content: dict[str, Any] | None
    refused: tuple[str, ...]


def save_checkpoint(folder: Path, content: dict[str, Any]) -> None:
    """Replace the checkpoint, whole, and keep the one before it.

    Args:
        folder: The run's folder.
        content: Plain values and tensors: it is read back without running any code that a file may hold.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    if (folder / LAST).exists():
        (folder / LAST).replace(folder / BEFORE)
    write(folder / LAST, buffer.getvalue())


def load_checkpoint(folder: Path, origin: str) -> Loaded:
    """The last checkpoint that is sound.

    One that is not is set aside if the one before it is: it must not take that one's place at the next save.

    Args:
        folder: The run's folder.
        origin: What is trained on what, as a checkpoint should say.

    Raises:
        InvalidInputError: If there are checkpoints but none is sound, or if they are of something else.
    """
    found = [folder / name for name in (LAST, BEFORE) if (folder / name).exists()]
    refused = []
    for path in found:
        try:
            file = path.read_bytes()
        except OSError as error:
            raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
        try:
            content = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
        except (EOFError, KeyError, OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
            refused.append(f"{path.name}: is no sound checkpoint ({type(error).__name__})")
            continue
        if not isinstance(content, dict) or content.keys() != KEYS:
            refused.append(f"{path.name}: is no sound checkpoint (not of a training)")
            continue
        if content["origin"] != origin:
            fault = f"{path.name}: was left by a training with another config or other data than are there now"
            raise InvalidInputError(str(folder), [f"{fault}; remove the folder and train anew"])
        for broken in found[: len(refused)]:
            broken.replace(broken.with_suffix(".broken"))
        return Loaded(content, tuple(refused))
    if refused:
        raise InvalidInputError(str(folder), refused)
    return Loaded(None, ())
