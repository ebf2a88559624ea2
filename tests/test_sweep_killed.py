"""A sweep that is killed twice: finished runs are left alone, interrupted ones are resumed, and nothing is missing."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sweeping import command, files, finished, kill, table, write_config

from accept_reject.experiments.sweep.config import load_sweep
from accept_reject.experiments.sweep.run import run_sweep
from accept_reject.experiments.train.checkpoint import LAST


def wait_for(process: subprocess.Popen[bytes], out: Path, number: int) -> None:
    """Wait until so many runs are finished and another one is in progress."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None
        complete = finished(out)
        if len(complete) >= number and any(path.parent not in complete for path in out.glob(f"*/{LAST}")):
            return
        time.sleep(0.005)
    raise TimeoutError


@pytest.mark.usefixtures("all_kinds")
@pytest.mark.slow
def test_killed_twice_no_finished_run_is_repeated_and_nothing_is_missing(tmp_path: Path) -> None:
    path, out = write_config(tmp_path, updates=40, sweep={"network.hidden": [2, 3]}, seeds=3, jobs=2), tmp_path / "runs"
    complete: dict[Path, int] = {}
    for kills in (1, 2):
        process = subprocess.Popen(command(path, "--out", out), stdout=subprocess.DEVNULL, start_new_session=True)
        wait_for(process, out, len(complete) + 1)
        if kills == 1:
            os.killpg(process.pid, signal.SIGKILL)  # with its processes, as in a power failure
            process.wait()
        else:
            kill(process)  # alone: its processes finish their current runs
        if kills == 1:
            assert len(finished(out)) < 6
        assert complete.items() <= finished(out).items()
        complete = finished(out)
    done = subprocess.run(command(path, "--out", out), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(finished(out)) == 6
    assert complete.items() <= finished(out).items()  # by the times at which they finished
    found = table(out)
    assert (found.status == "skipped").sum() >= len(complete) >= 2
    assert set(found.status) <= {"skipped", "resumed", "done"}
    assert run_sweep(load_sweep(str(path), ["jobs=1"]), tmp_path / "whole")
    for run in found.run:
        assert files(out / run) == files(tmp_path / "whole" / run)


@pytest.mark.slow
def test_two_sweeps_at_once_share_the_runs(tmp_path: Path) -> None:
    path, out = write_config(tmp_path, seeds=4, jobs=1), tmp_path / "runs"
    both = [subprocess.Popen(command(path, "--out", out), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    shown = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    statuses = [[line.split()[2] for line in text.splitlines() if line.strip().startswith("tiny-")] for text in shown]
    for one, other in zip(*statuses, strict=True):
        assert {one, other} == {"done", "skipped"}
    assert len(finished(out)) == 4
