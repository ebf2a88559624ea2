"""The command line: `accept-reject`. What a command needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Accept or reject: how humans and machines learn who values them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def benchmark(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped config.")] = "benchmark",
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it: key.path=value ...")] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the run's own folder is made.")] = Path("runs"),
) -> None:
    """Let agents play scenarios: leaderboard, learning curves and a report."""
    from accept_reject.experiments.benchmark.config import BenchmarkConfig
    from accept_reject.experiments.benchmark.run_folder import run_benchmark
    from accept_reject.experiments.config import load_config

    run_benchmark(load_config(BenchmarkConfig, config, overrides or []), out)


@app.command()
def simulate(
    config: Annotated[str, typer.Argument(help="A population: a YAML file, or the name of a shipped config.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it: key.path=value ...")] = None,
    out: Annotated[Path | None, typer.Option(help="The data set's folder; data/NAME by default.")] = None,
) -> None:
    """Make a data set of participant-like players."""
    from accept_reject.experiments.config import load_config
    from accept_reject.experiments.data.bids import write_dataset
    from accept_reject.experiments.files import make_folder
    from accept_reject.experiments.population import PopulationConfig
    from accept_reject.experiments.simulate import simulate as run

    population = load_config(PopulationConfig, config, overrides or [])
    folder = out or Path("data") / population.name
    make_folder(folder.parent)
    choices, parameters = run(population)
    write_dataset(choices, folder, population.name, f"the agent {population.agent}", parameters)
    typer.echo(f"{len(choices)} simulated participants: {folder}")


@app.command()
def check(
    data: Annotated[str, typer.Argument(help="A BIDS folder, or a config that maps a table's columns.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the config: key.path=value ...")] = None,
) -> None:
    """Tell what a data set holds, or every fault of it with file, row and column."""
    from accept_reject.experiments.data.load import describe, load

    _list(dict(describe(load(data, overrides or []))))


@app.command()
def signatures(
    source: Annotated[str, typer.Argument(help="Data, as for check, or a benchmark's run folder.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to a config: key.path=value ...")] = None,
) -> None:
    """Estimate how staying with a partner depends on its last rank and its last outcome."""
    from rich.console import Console

    from accept_reject.experiments.data.load import load
    from accept_reject.experiments.signatures import of_run, stay_effects, to_rich

    folder = Path(source)
    if (folder / "signatures.csv").is_file():
        Console().print(to_rich(of_run(folder)))
    else:
        Console().print(to_rich(stay_effects(load(source, overrides or []).choices).reset_index()))


@app.command()
def fit(
    config: Annotated[str, typer.Argument(help="What to fit to what: a YAML file, or the name of a shipped config.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it: key.path=value ...")] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the run's own folder is made.")] = Path("runs"),
) -> None:
    """Fit learners to choices and compare them: parameters, evidence, model selection, predictive checks."""
    from accept_reject.experiments.config import folder_of, load_config
    from accept_reject.experiments.fit.config import FitConfig
    from accept_reject.experiments.fit.run_folder import run_fit

    changes = overrides or []
    run_fit(load_config(FitConfig, config, changes), folder_of(config, "data", changes), out)


@app.command()
def recover(
    config: Annotated[str, typer.Argument(help="What to simulate and recover: a YAML file, or a shipped config.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it: key.path=value ...")] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the run's own folder is made.")] = Path("runs"),
) -> None:
    """Simulate models and fit them: are parameters and models recovered, and with how many rounds and participants?"""
    from accept_reject.experiments.config import load_config
    from accept_reject.experiments.recover.config import RecoverConfig
    from accept_reject.experiments.recover.run_folder import run_recover

    run_recover(load_config(RecoverConfig, config, overrides or []), out)


@app.command()
def compare(
    config: Annotated[str, typer.Argument(help="Whom to compare with whom: a YAML file, or a shipped config.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it: key.path=value ...")] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the run's own folder is made.")] = Path("runs"),
) -> None:
    """Lay agents beside people: learning curves, scores, stay/switch effects, and how well they foretell choices."""
    from accept_reject.experiments.compare.config import CompareConfig
    from accept_reject.experiments.compare.run_folder import run_compare
    from accept_reject.experiments.config import folder_of, load_config

    changes = overrides or []
    run_compare(load_config(CompareConfig, config, changes), folder_of(config, "people", changes), out)


@app.command()
def agents() -> None:
    """List the registered agents, installed ones and the adapters."""
    from accept_reject.agents.registry import ADAPTERS, AGENTS, describe_installed

    _list({name: entry.summary + (" *" if entry.privileged else "") for name, entry in AGENTS.items()})
    if theirs := describe_installed():
        typer.echo("\nInstalled:")
        _list(theirs)
    typer.echo("\nAdapters, written as {agent: NAME, params: {...}}:")
    _list({name: entry.summary for name, entry in ADAPTERS.items()})
    typer.echo("\n* is shown the hidden state: a line to measure by. Your own: my_package.my_module:MyAgent")


@app.command()
def new_agent(
    name: Annotated[str, typer.Argument(help="Its name, such as careful-learner.")],
    out: Annotated[Path, typer.Option(help="Folder for the two files.")] = Path(),
) -> None:
    """Write an agent that works, with a test, to start from."""
    from accept_reject.experiments.new_agent import new_agent as write_agent

    agent, test, path = write_agent(name, out)
    typer.echo(f"{agent}\n{test}\n\nIn that folder:\n  pytest {test.name}")
    typer.echo(f"  accept-reject benchmark benchmark 'agents=[{path}, thompson-rank, random]'")


@app.command()
def games() -> None:
    """List the scenarios, each with its question and its Gymnasium id."""
    from accept_reject.envs.scenarios import SCENARIOS

    _list({entry.name: f"{entry.question} [{entry.env_id}]" for entry in SCENARIOS.values()})


@app.command()
def train(
    config: Annotated[str | None, typer.Argument(help="A YAML file, or the name of a shipped config.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it: key.path=value ...")] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the run's own folder is made.")] = Path("runs"),
    resume: Annotated[Path | None, typer.Option(help="Instead of a config: a run's folder, to go on with.")] = None,
) -> None:
    """Train a recurrent network: weights that play like any other agent."""
    if (config is None) == (resume is None):
        raise typer.BadParameter("give either a config or --resume with a run's folder")
    from accept_reject.experiments.train import run

    if resume is not None:
        run.resume(resume)
    else:
        run.start(run.load_train_config(str(config), overrides or []), out)


@app.command()
def sweep(
    config: Annotated[str, typer.Argument(help="A config of any run: a YAML file, or the name of a shipped one.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to it, such as seeds=3 'sweep={network.hidden: [8, 16]}'.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the runs' own folders are made.")] = Path("runs"),
    shard: Annotated[str, typer.Option(help="Part i of n of the runs, as i/n, from 1/n to n/n.")] = "1/1",
) -> None:
    """Carry out many runs of one config with changes; those that have ended are skipped."""
    from accept_reject.experiments.sweep.config import load_sweep
    from accept_reject.experiments.sweep.run import Shard, run_sweep

    if not run_sweep(load_sweep(config, overrides or []), out, Shard.parse(shard)):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line: bad input ends with a message and exit code 2, without a traceback."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the arrays are small: more threads only get in each other's way
    try:
        app()
    except ValueError as error:
        from accept_reject.envs.faults import InvalidInputError

        if not isinstance(error, InvalidInputError):
            raise
        typer.echo(f"accept-reject: {error}", err=True)
        sys.exit(2)


def _list(entries: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, about in entries.items():
        table.add_row(name, about.replace("[", "\\["))
    Console().print(table)


if __name__ == "__main__":
    main()
