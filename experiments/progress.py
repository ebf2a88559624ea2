"""Progress bars: one for each stage of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

OnProgress = Callable[[str, float], None]
"""Is told the stage of the work, and what share of it is done."""


@contextmanager
def stages(console: Console) -> Iterator[OnProgress]:
    """Show a bar for each stage, as they come."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def on_progress(stage: str, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=1.0)
            progress.update(tasks[stage], completed=share)

        yield on_progress


def steps(on_progress: OnProgress, stage: str, total: int) -> Callable[[int], None]:
    """A function that is told of steps done, and passes on what share of the stage they make."""
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        on_progress(stage, done / total)

    return step
