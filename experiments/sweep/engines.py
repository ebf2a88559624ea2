"""Execution of the runs of a sweep: in processes on this machine, or by the workers of a Dask cluster."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.sweep.config import Run, SweepConfig
from accept_reject.experiments.sweep.one import Outcome

Task = Callable[[Run], Outcome]

IDLE_TIMEOUT = 20
"""Seconds after which an idle process ends, so that no processes of a killed sweep remain."""


def run_all(config: SweepConfig, runs: Sequence[Run], task: Task) -> Iterator[Outcome]:
    """Execute runs, and yield each outcome once, as soon as it is known.

    Args:
        config: Where to execute them.
        runs: The runs.
        task: Executes one run, in any process.

    Raises:
        InvalidInputError: If the cluster can't be used.
    """
    if config.engine == "dask":
        return _on_dask(config, runs, task)
    return _on_this_machine(config.jobs or joblib.cpu_count(), runs, task)


def _on_this_machine(jobs: int, runs: Sequence[Run], task: Task) -> Iterator[Outcome]:
    """Execute runs in processes.

    When one process dies, the pool terminates the others too. The runs that were in progress are therefore repeated
    one by one at the end, each in its own process: a run whose process dies again is reported as failed.
    """
    remaining, interrupted = {run.number: run for run in runs}, list[Run]()
    while remaining:
        started: list[int] = []
        try:
            for outcome in _in_processes(jobs, [*remaining.values()], task, started):
                del remaining[outcome.run.number]
                yield outcome
        except TerminatedWorkerError:
            interrupted += [remaining.pop(number) for number in started if number in remaining]
    for run in interrupted:
        try:
            yield from _in_processes(2, [run], task, [])  # with one job, joblib would use the main process
        except TerminatedWorkerError as error:
            yield Outcome(run, "failed", reason="its process was killed or ran out of memory", details=str(error))


def _in_processes(jobs: int, runs: Sequence[Run], task: Task, started: list[int]) -> Iterator[Outcome]:
    """Yield outcomes as they arrive; the numbers of runs that were handed to a process are appended to `started`."""

    def calls() -> Iterator[Any]:
        for run in runs:
            started.append(run.number)
            yield joblib.delayed(task)(run)

    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1, idle_worker_timeout=IDLE_TIMEOUT):
        yield from joblib.Parallel(return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)(calls())


def _on_dask(config: SweepConfig, runs: Sequence[Run], task: Task) -> Iterator[Outcome]:
    """Execute runs by Dask's workers; if a worker is lost, its run goes to another one."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise InvalidInputError("engine", ["dask is not installed: pip install 'accept-reject[dask]'"]) from None
    with _cluster(config) as cluster:
        try:
            client = Client(cluster)
        except OSError as error:
            raise InvalidInputError("scheduler", [f"can't connect to {config.scheduler}: {error}"]) from None
        with client:
            futures = {client.submit(task, run, pure=False): run for run in runs}
            for future in as_completed(futures):
                if future.status == "finished":
                    yield future.result()
                else:
                    details = repr(future.exception()) if future.status == "error" else f"its worker is {future.status}"
                    yield Outcome(futures[future], "failed", reason=details.splitlines()[0], details=details)


@contextmanager
def _cluster(config: SweepConfig) -> Iterator[Any]:
    """Yield the address of a scheduler, or a cluster of SLURM jobs that ends with the sweep."""
    if config.scheduler:
        yield config.scheduler
        return
    from dask_jobqueue import SLURMCluster

    arguments = {"cores": 1, **config.slurm}
    arguments["processes"] = arguments["cores"]
    known = inspect.signature(SLURMCluster).parameters
    try:  # try out the job's arguments first: a cluster that fails halfway prints a traceback when it is collected
        job_arguments = {name: value for name, value in arguments.items() if name not in known}
        SLURMCluster.job_cls(scheduler=None, name="probe", **job_arguments)
        cluster = SLURMCluster(**arguments)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("slurm", [str(error)]) from None
    with cluster:
        cluster.scale(jobs=config.jobs)
        yield cluster
