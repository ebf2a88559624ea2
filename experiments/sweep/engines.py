"""Where the runs of a sweep are carried out: in processes of this machine, or by the workers of a Dask cluster."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.sweep.config import Run, SweepConfig
from accept_reject.experiments.sweep.one import Outcome

Task = Callable[[Run], Outcome]

IDLE = 20
"""Seconds without a run after which a process ends: those of a sweep that was killed don't stay."""


def carry_out_all(config: SweepConfig, runs: Sequence[Run], task: Task) -> Iterator[Outcome]:
    """Carry out runs; their outcomes come as they end, each once.

    Args:
        config: Where.
        runs: The runs.
        task: What to do with each, wherever that is.

    Raises:
        InvalidInputError: If the cluster can't be used.
    """
    if config.engine == "dask":
        return _on_dask(config, runs, task)
    return _on_this_machine(config.jobs or joblib.cpu_count(), runs, task)


def _on_this_machine(jobs: int, runs: Sequence[Run], task: Task) -> Iterator[Outcome]:
    """In processes; when one of them dies, the others go down with it.

    So the runs that were under way are taken one by one at the end, in a process each: whoever loses it again is to
    blame.
    """
    left, suspects = {run.number: run for run in runs}, list[Run]()
    while left:
        given: list[int] = []
        try:
            for outcome in _in_processes(jobs, [*left.values()], task, given):
                del left[outcome.run.number]
                yield outcome
        except TerminatedWorkerError:
            suspects += [left.pop(number) for number in given if number in left]
    for run in suspects:
        try:
            yield from _in_processes(2, [run], task, [])  # joblib would take the main process for a single one
        except TerminatedWorkerError as error:
            yield Outcome(run, "failed", reason="its process was killed or ran out of memory", details=str(error))


def _in_processes(jobs: int, runs: Sequence[Run], task: Task, given: list[int]) -> Iterator[Outcome]:
    """Outcomes as they come; the numbers of the runs that were given to a process are noted in `given`."""

    def calls() -> Iterator[Any]:
        for run in runs:
            given.append(run.number)
            yield joblib.delayed(task)(run)

    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1, idle_worker_timeout=IDLE):
        yield from joblib.Parallel(return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)(calls())


def _on_dask(config: SweepConfig, runs: Sequence[Run], task: Task) -> Iterator[Outcome]:
    """By Dask's workers; a run whose worker is lost is given to another one."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise InvalidInputError("engine", ["dask is not installed: pip install 'accept-reject[dask]'"]) from None
    with _cluster(config) as cluster:
        try:
            client = Client(cluster)
        except OSError as error:
            raise InvalidInputError("scheduler", [f"{config.scheduler}: can't be reached: {error}"]) from None
        with client:
            futures = {client.submit(task, run, pure=False): run for run in runs}
            for future in as_completed(futures):
                if future.status == "finished":
                    yield future.result()
                else:
                    lost = repr(future.exception()) if future.status == "error" else f"its worker is {future.status}"
                    yield Outcome(futures[future], "failed", reason=lost.splitlines()[0], details=lost)


@contextmanager
def _cluster(config: SweepConfig) -> Iterator[Any]:
    """A scheduler's address, or a cluster of SLURM jobs that ends with the sweep."""
    if config.scheduler:
        yield config.scheduler
        return
    from dask_jobqueue import SLURMCluster

    arguments = {"cores": 1, **config.slurm}
    arguments["processes"] = arguments["cores"]
    known = inspect.signature(SLURMCluster).parameters
    try:  # a job of its own first: a cluster that fails half way leaves a traceback behind
        of_job = {name: value for name, value in arguments.items() if name not in known}
        SLURMCluster.job_cls(scheduler=None, name="probe", **of_job)
        cluster = SLURMCluster(**arguments)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("slurm", [str(error)]) from None
    with cluster:
        cluster.scale(jobs=config.jobs)
        yield cluster
