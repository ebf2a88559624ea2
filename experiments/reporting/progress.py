"""Progress bars, one for each stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn


class OnProgress(Protocol):
    """Callback with the name of a stage, the share of it that is done, and a note such as an intermediate result."""

    def __call__(self, stage: str, share: float, note: str = "") -> None:
        """Show the progress."""


def silent(stage: str, share: float, note: str = "") -> None:
    """Ignore progress."""


@contextmanager
def stages(console: Console) -> Iterator[OnProgress]:
    """Show a bar for each stage as it begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def on_progress(stage: str, share: float, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=1.0)
            progress.update(tasks[stage], completed=share, description=f"{stage}  {note}" if note else stage)

        yield on_progress


def steps(on_progress: OnProgress, stage: str, total: int) -> Callable[[int], None]:
    """Return a function that counts finished steps and reports the share of the stage that is done.

    Args:
        on_progress: Callback.
        stage: Name of the stage.
        total: Expected number of steps of the stage; further ones leave it at 100%.
    """
    done = 0

    def step(n: int) -> None:
        nonlocal done
        done += n
        on_progress(stage, min(1.0, done / total))

    return step
