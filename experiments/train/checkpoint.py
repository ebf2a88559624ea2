"""Checkpoints: everything that a training needs to go on as if it had not been interrupted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple

import torch

from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.files import write

LAST, BEFORE = "checkpoint.pt", "checkpoint.before.pt"


class Loaded(NamedTuple):
    """A checkpoint that was found.

    Attributes:
        content: What was saved; None if there is none, so that the training starts anew.
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


def load_checkpoint(folder: Path, device: torch.device) -> Loaded:
    """The last checkpoint that is sound.

    One that is not is removed if the one before it is: it must not take that one's place at the next save.

    Raises:
        InvalidInputError: If there are checkpoints but none is sound.
    """
    found = [folder / name for name in (LAST, BEFORE) if (folder / name).exists()]
    refused = []
    for path in found:
        try:
            content = torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # whatever torch makes of a file that was cut short or changed
            refused.append(f"{path.name}: is no sound checkpoint ({type(error).__name__})")
            continue
        for broken in found[: len(refused)]:
            broken.unlink()
        return Loaded(content, tuple(refused))
    if refused:
        raise InvalidInputError(str(folder), refused)
    return Loaded(None, ())
