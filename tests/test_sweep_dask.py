"""A Dask cluster of processes over TCP: the same results as on this machine, even if a worker is killed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sweeping import command, files, finished, kill, table, write_config

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.sweep.config import load_sweep
from accept_reject.experiments.sweep.run import run_sweep


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and workers, each a process in its own folder; yields the scheduler's address and the workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", address, "--no-dashboard"]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for i, call in enumerate([scheduler, *[worker] * workers]):
            (folder / str(i)).mkdir(parents=True)
            with (folder / f"{i}.log").open("wb") as log:
                environment = {**os.environ, "OMP_NUM_THREADS": "1"}
                processes.append(subprocess.Popen(call, cwd=folder / str(i), stdout=log, stderr=log, env=environment))
        yield address, processes[1:]
    finally:
        for process in processes:
            if process.poll() is None:
                kill(process)


@pytest.mark.slow
def test_a_worker_is_killed_and_every_run_has_the_same_bytes_as_on_this_machine(tmp_path: Path) -> None:
    grid = {"network.hidden": [2, 3], "learning_rate": [0.01, 0.02]}
    path, out = write_config(tmp_path, updates=10, sweep=grid, seeds=2), tmp_path / "dask"
    with cluster(3, tmp_path / "cluster") as (address, workers):
        call = command(path, "engine=dask", f"scheduler={address}", "--out", out.name)
        with (tmp_path / "sweep.log").open("wb") as log:
            sweep = subprocess.Popen(call, cwd=tmp_path, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while len(finished(out)) < 2 and time.monotonic() < deadline:
            assert sweep.poll() is None, (tmp_path / "sweep.log").read_text(encoding="utf-8")
            time.sleep(0.01)
        kill(workers[1])
        assert len(finished(out)) < 8
        assert sweep.wait(timeout=200) == 0, (tmp_path / "sweep.log").read_text(encoding="utf-8")
        assert [worker.poll() is None for worker in workers] == [True, False, True]
    found = table(out)
    assert len(set(found.run)) == 8
    assert set(found.status) <= {"done", "resumed", "skipped"}  # skipped if it was finished, but the outcome was lost
    local = tmp_path / "local"
    assert subprocess.run(command(path, "jobs=2", "--out", local.name), cwd=tmp_path).returncode == 0
    for run in found.run:
        assert files(out / run) == files(local / run)
    assert list(table(local).value) == list(found.value)


@pytest.mark.slow
def test_clusters_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    path = write_config(tmp_path, seeds=2, engine="dask", scheduler="tcp://127.0.0.1:9")
    done = subprocess.run(command(path), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "scheduler: can't connect to tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    path = write_config(tmp_path, seeds=2, engine="dask", slurm={"queue": "short", "memry": "1 GB"}, jobs=1)
    with pytest.raises(InvalidInputError, match=r"slurm: .*unexpected keyword argument 'memry'"):
        run_sweep(load_sweep(str(path)), tmp_path)


SBATCH = """#!/bin/sh
cp "$1" "$SLURM_JOBS/job.sh"
setsid sh "$SLURM_JOBS/job.sh" > "$SLURM_JOBS/job.log" 2>&1 &
echo "Submitted batch job $!"
"""

SCANCEL = """#!/bin/sh
echo "$1" >> "$SLURM_JOBS/ended"
kill -- "-$1"
"""


@pytest.mark.slow
def test_slurm_jobs_are_submitted_and_end_with_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts that run a job on this machine replace the commands of SLURM."""
    for name, script in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(script, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOBS", str(tmp_path))
    slurm = {"queue": "short", "memory": "2 GB", "walltime": "00:10:00", "scheduler_options": {"host": "127.0.0.1"}}
    path = write_config(tmp_path, seeds=3, engine="dask", slurm=slurm, jobs=1)
    done = subprocess.run(command(path, "--out", "runs"), cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert set(table(tmp_path / "runs").status) == {"done"}
    assert "#SBATCH -p short" in (tmp_path / "job.sh").read_text(encoding="utf-8")
    assert len((tmp_path / "ended").read_text(encoding="utf-8").split()) == 1
