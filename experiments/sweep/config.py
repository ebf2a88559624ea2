"""What to sweep over, as configs say it, and the runs that come of it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator, model_validator

from accept_reject.envs.faults import InvalidInputError, Spec, Whole, list_faults, parse, suggest
from accept_reject.experiments.config import content_hash, dump, dump_config, folder_of, read_config, replaced
from accept_reject.experiments.sweep.kinds import BENCHMARK, KINDS


class SweepConfig(Spec):
    """What a config of any kind may hold besides its own keys.

    Attributes:
        sweep: The changes, as a list of mappings from `key.path` to a value; or a grid, that is a mapping from
            `key.path` to a list of values, of which every combination is run.
        seeds: The seeds with which each of them is run, or how many, from 0; by default the config's own.
        engine: `local` runs on this machine, `dask` on a cluster.
        jobs: How many runs at once: by default as many as there are cores. With `slurm`, how many jobs are submitted.
        scheduler: The address of a Dask scheduler, such as `tcp://host:8786`.
        slurm: Arguments for `dask_jobqueue.SLURMCluster`, instead of a scheduler. Each of a job's `cores` takes a run
            at a time.
    """

    sweep: tuple[dict[str, Any], ...] = ()
    seeds: tuple[Annotated[Whole, Field(ge=0)], ...] = ()
    engine: Literal["local", "dask"] = "local"
    jobs: Annotated[Whole, Field(ge=1)] | None = None
    scheduler: str = ""
    slurm: dict[str, Any] = {}

    @field_validator("sweep", mode="before")
    @classmethod
    def _from_grid(cls, sweep: Any) -> Any:
        if not isinstance(sweep, Mapping):
            return sweep
        faults = [
            f".{path}: should be a list of values, but is {values!r}"
            for path, values in sweep.items()
            if not isinstance(values, list | tuple) or not values
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return [dict(zip(sweep, point, strict=True)) for point in itertools.product(*sweep.values())]

    @field_validator("seeds", mode="before")
    @classmethod
    def _from_number(cls, seeds: Any) -> Any:
        return range(seeds) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds

    @model_validator(mode="after")
    def _check(self) -> SweepConfig:
        faults = []
        if not self.sweep and not self.seeds:
            faults.append("give sweep, a grid or a list of changes, or seeds")
        if self.seeds and any("seed" in change for change in self.sweep):
            faults.append("seeds: has no place with a sweep over seed")
        if self.engine == "dask" and bool(self.scheduler) == bool(self.slurm):
            faults.append("engine: dask takes either a scheduler or slurm")
        if self.engine == "local" and (self.scheduler or self.slurm):
            faults.append("engine: should be dask for a scheduler or slurm")
        if self.scheduler and self.jobs is not None:
            faults.append("jobs: has no place with a scheduler, whose workers say how many runs there are at once")
        if self.slurm and self.jobs is None:
            faults.append("jobs: is required with slurm, to know how many to submit")
        if "processes" in self.slurm:
            faults.append("slurm.processes: has no place; there is one for each of the cores")
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The changes of each run, seeds among them."""
        seeds = [{"seed": seed} for seed in self.seeds] or [{}]
        return [{**change, **seed} for change in self.sweep or ({},) for seed in seeds]


class Run(NamedTuple):
    """A run of a sweep.

    Attributes:
        number: Which one, from 0.
        kind: Its kind, one of `KINDS`.
        config: Its resolved config.
        changes: What makes it differ from the others, by `key.path`.
    """

    number: int
    kind: str
    config: Any
    changes: Mapping[str, Any]


class Sweep(NamedTuple):
    """A sweep.

    Attributes:
        config: How it is run.
        runs: The runs.
        seen_from: The folder from which a path to data in the runs' configs is seen, absolute.
        text: The config it comes from, as YAML.
    """

    config: SweepConfig
    runs: tuple[Run, ...]
    seen_from: Path
    text: str

    @property
    def folder(self) -> str:
        """Name of the sweep's own folder: the same runs have the same one, wherever they run."""
        return f"{self.runs[0].config.name}-sweep-{content_hash(*(dump_config(run.config) for run in self.runs))}"


def load_sweep(path: str, overrides: Sequence[str] = ()) -> Sweep:
    """Read a config with what is to be swept over, and resolve the config of every run.

    Args:
        path: A config of any kind in `KINDS`, as for `load_config`. What is no key of its kind is the sweep's.
        overrides: Changes to it, the sweep's keys included.

    Raises:
        InvalidInputError: With every fault of the sweep or, if that has none, of the runs.
    """
    data, faults = read_config(path, overrides)
    if not isinstance(data, dict):
        raise InvalidInputError(path, [*faults, f"should be a mapping of keys to values, but is {data!r}"])
    kind = data.get("kind", BENCHMARK)
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidInputError(path, [*faults, f"kind: {kind!r} can't be swept over{suggest(str(kind), KINDS)}"])
    sweeps = SweepConfig.model_fields.keys() - KINDS[kind].model.model_fields.keys()
    try:
        config = parse(SweepConfig, {key: value for key, value in data.items() if key in sweeps}, path)
    except InvalidInputError as error:
        raise InvalidInputError(path, [*faults, *error.faults]) from None
    own = {key: value for key, value in data.items() if key not in sweeps}
    runs = _resolve(own, kind, config.changes, path, faults)
    key = "population" if data.get("population") else "data"
    return Sweep(config, runs, folder_of(path, key, overrides).absolute(), dump(data))


def _resolve(
    data: dict[str, Any], kind: str, changes: Sequence[Mapping[str, Any]], path: str, faults: list[str]
) -> tuple[Run, ...]:
    """The runs; a fault of several of them is told once, with the first one that has it."""
    model = KINDS[kind].model
    runs: list[Run] = []
    found: dict[str, list[str]] = {}
    dumped: dict[str, int] = {}
    for number, change in enumerate(changes):
        try:
            resolved: Any = data
            for key, value in change.items():
                resolved = replaced(resolved, key, value)
            run = Run(number, kind, model.model_validate(resolved), change)
        except ValidationError as error:
            of_run = list_faults(error, model)
        except ValueError as error:
            of_run = [str(error)]
        else:
            runs.append(run)
            twin = dumped.setdefault(dump_config(run.config), number)
            of_run = [f"is the same as {describe(changes[twin]) or 'the one before it'}"] if twin != number else []
        for fault in of_run:
            found.setdefault(fault, []).append(describe(change))
    faults += [fault if len(of) == len(changes) else f"{of[0]}: {fault}" for fault, of in found.items()]
    if faults:
        raise InvalidInputError(path, faults)
    return tuple(runs)


def describe(changes: Mapping[str, Any]) -> str:
    """Changes as they would be given on the command line."""
    return " ".join(f"{key}={as_text(value)}" for key, value in changes.items())


def as_text(value: Any) -> str:
    """A value of a config on one line."""
    return value if isinstance(value, str) else dump([value])[2:].strip().replace("\n", " ")
