"""The config of a sweep, and its runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator, model_validator

from accept_reject.errors import Integer, InvalidInputError, Spec, list_problems, parse
from accept_reject.experiments.config import content_hash, dump_config, model_of_kind, read_config, replace_value
from accept_reject.experiments.sweep.kinds import CONFIGS
from accept_reject.experiments.yaml_text import dump


class SweepConfig(Spec):
    """The keys of a sweep, which a config of any kind may contain besides its own keys.

    Attributes:
        sweep: The changes of each run: a list of mappings from `key.path` to a value; or a grid, that is a mapping from
            `key.path` to a list of values, with a run for each combination.
        seeds: The seeds of each of these runs, or the number of seeds, from 0; by default the config's own seed.
        engine: `local` runs on this machine, `dask` on a cluster.
        jobs: Number of simultaneous runs; by default the number of cores. With `slurm`, the number of jobs to submit.
        scheduler: Address of a Dask scheduler, such as `tcp://host:8786`.
        slurm: Arguments for `dask_jobqueue.SLURMCluster`, instead of a scheduler. Each of a job's `cores` executes one
            run at a time.
    """

    sweep: tuple[dict[str, Any], ...] = ()
    seeds: tuple[Annotated[Integer, Field(ge=0)], ...] = ()
    engine: Literal["local", "dask"] = "local"
    jobs: Annotated[Integer, Field(ge=1)] | None = None
    scheduler: str = ""
    slurm: dict[str, Any] = {}

    @field_validator("sweep", mode="before")
    @classmethod
    def _from_grid(cls, sweep: Any) -> Any:
        if not isinstance(sweep, Mapping):
            return sweep
        problems = [
            f".{path}: must be a list of values, got {values!r}"
            for path, values in sweep.items()
            if not isinstance(values, list | tuple) or not values
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return [dict(zip(sweep, point, strict=True)) for point in itertools.product(*sweep.values())]

    @field_validator("seeds", mode="before")
    @classmethod
    def _from_number(cls, seeds: Any) -> Any:
        return range(seeds) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds

    @model_validator(mode="after")
    def _check(self) -> SweepConfig:
        problems = []
        if not self.sweep and not self.seeds:
            problems.append("must set `sweep` or `seeds`")
        if self.seeds and any("seed" in change for change in self.sweep):
            problems.append("seeds: can't be combined with a sweep over seed")
        if self.engine == "dask" and bool(self.scheduler) == bool(self.slurm):
            problems.append("engine: dask requires exactly one of scheduler and slurm")
        if self.engine == "local" and (self.scheduler or self.slurm):
            problems.append("engine: must be dask with a scheduler or slurm, got local")
        if self.scheduler and self.jobs is not None:
            problems.append("jobs: can't be combined with a scheduler; its workers determine the number of runs")
        if self.slurm and self.jobs is None:
            problems.append("jobs: is required with slurm")
        if "processes" in self.slurm:
            problems.append("slurm.processes: can't be set; each of a job's cores has one process")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The changes of each run, seeds included."""
        seeds = [{"seed": seed} for seed in self.seeds] or [{}]
        return [{**change, **seed} for change in self.sweep or ({},) for seed in seeds]


class Run(NamedTuple):
    """A run of a sweep.

    Attributes:
        number: Its number, from 0.
        config: Its resolved config, of any kind.
        changes: Its changes to the sweep's config, by `key.path`.
    """

    number: int
    config: Any
    changes: Mapping[str, Any]


class Sweep(NamedTuple):
    """A sweep.

    Attributes:
        config: How to run it.
        runs: The runs.
        text: The content of its config, as YAML.
    """

    config: SweepConfig
    runs: tuple[Run, ...]
    text: str

    @property
    def folder(self) -> str:
        """Name of the sweep's own folder: the same for the same runs, wherever they run."""
        return f"{self.runs[0].config.name}-sweep-{content_hash(*(dump_config(run.config) for run in self.runs))}"


def load_sweep(path: str, overrides: Sequence[str] = ()) -> Sweep:
    """Read a config with the keys of a sweep, and resolve the config of every run.

    Args:
        path: A config of any kind, as for `load_config`. Keys that its kind does not have are the sweep's.
        overrides: Changes to it, including the sweep's keys.

    Raises:
        InvalidInputError: With all problems of the sweep or, if it has none, of the runs.
    """
    data, problems = read_config(path, overrides)
    if not isinstance(data, dict):
        raise InvalidInputError(path, [*problems, f"must be a mapping, got {data!r}"])
    model = model_of_kind(CONFIGS, data, path, problems)
    sweep_keys = SweepConfig.model_fields.keys() - model.model_fields.keys()
    try:
        config = parse(SweepConfig, {key: value for key, value in data.items() if key in sweep_keys}, path)
    except InvalidInputError as error:
        raise InvalidInputError(path, [*problems, *error.problems]) from None
    own = {key: value for key, value in data.items() if key not in sweep_keys}
    return Sweep(config, _resolve(own, model, config.changes, path, problems), dump(data))


def _resolve(
    data: dict[str, Any], model: type[Spec], changes: Sequence[Mapping[str, Any]], path: str, problems: list[str]
) -> tuple[Run, ...]:
    """Resolve the configs of all runs; a problem of several runs is reported once, with the first run that has it."""
    runs: list[Run] = []
    runs_by_problem: dict[str, list[str]] = {}
    dumped: dict[str, int] = {}
    for number, change in enumerate(changes):
        try:
            resolved: Any = data
            for key, value in change.items():
                resolved = replace_value(resolved, key, value)
            run = Run(number, model.model_validate(resolved), change)
        except ValidationError as error:
            own = list_problems(error, model)
        except ValueError as error:
            own = [str(error)]
        else:
            runs.append(run)
            duplicate = dumped.setdefault(dump_config(run.config), number)
            is_unique = duplicate == number
            own = [] if is_unique else [f"must be unique, got the same config as {describe(changes[duplicate])}"]
        for problem in own:
            runs_by_problem.setdefault(problem, []).append(describe(change))
    problems += [
        problem if len(where) == len(changes) else f"{where[0]}: {problem}"
        for problem, where in runs_by_problem.items()
    ]
    if problems:
        raise InvalidInputError(path, problems)
    return tuple(runs)


def describe(changes: Mapping[str, Any]) -> str:
    """Format changes as on the command line."""
    return " ".join(f"{key}={as_text(value)}" for key, value in changes.items()) or "no changes"


def as_text(value: Any) -> str:
    """Format a value of a config on one line."""
    return value if isinstance(value, str) else dump([value])[2:].strip().replace("\n", " ")
