"""The command line. Modules are imported when a command runs, so that `--help` is fast."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from accept_reject.experiments.runner import Experiment

app = typer.Typer(
    help="Accept or reject: how people and machines learn who values them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = Annotated[str, typer.Argument(help="A YAML file, or the name of a config that comes with the package.")]
Overrides = Annotated[list[str] | None, typer.Argument(help="Changes to the config: key.path=value ...")]
Out = Annotated[Path, typer.Option(help="Folder in which the run's own folder is created.")]
RUNS = Path("runs")

MODEL = "bayes-hybrid"
"""The winning model of the study."""


@app.command()
def benchmark(config: Config = "benchmark", overrides: Overrides = None, out: Out = RUNS) -> None:
    """Benchmark agents in scenarios: leaderboard, learning curves and a report."""
    from accept_reject.experiments.benchmark.experiment import Benchmark

    _run(Benchmark, config, overrides, out)


@app.command()
def fit(config: Config, overrides: Overrides = None, out: Out = RUNS) -> None:
    """Fit models to choices and compare them: parameters, evidence, model selection, predictive checks."""
    from accept_reject.experiments.fit.experiment import FitExperiment

    _run(FitExperiment, config, overrides, out)


@app.command()
def recover(config: Config, overrides: Overrides = None, out: Out = RUNS) -> None:
    """Run a parameter and model recovery study, for any numbers of rounds and participants."""
    from accept_reject.experiments.recover.experiment import Recover

    _run(Recover, config, overrides, out)


@app.command()
def compare(config: Config, overrides: Overrides = None, out: Out = RUNS) -> None:
    """Compare agents with people: learning curves, scores, stay/switch effects and predictive accuracy."""
    from accept_reject.experiments.compare.experiment import Compare

    _run(Compare, config, overrides, out)


@app.command()
def train(
    config: Annotated[str | None, typer.Argument(help="A YAML file, or the name of a config of the package.")] = None,
    overrides: Overrides = None,
    out: Out = RUNS,
    resume: Annotated[Path | None, typer.Option(help="Folder of a run to resume, instead of a config.")] = None,
) -> None:
    """Train a recurrent network by meta-learning (on the game) or by imitation (on choices)."""
    if (config is None) == (resume is None):
        raise typer.BadParameter("give either a config or --resume with the folder of a run")
    from accept_reject.experiments.train.experiment import resume_training, start_training

    if resume is not None:
        resume_training(resume)
    else:
        start_training(str(config), overrides or [], out)


@app.command()
def sweep(
    config: Annotated[str, typer.Argument(help="A config of any kind: a YAML file, or the name of a shipped one.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to it, such as seeds=3 'sweep={network.hidden: [8, 16]}'.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the runs' own folders are created.")] = RUNS,
    shard: Annotated[str, typer.Option(help="Which part of the runs to execute, as i/n, from 1/n to n/n.")] = "1/1",
) -> None:
    """Run many variants of a config; finished runs are skipped."""
    from accept_reject.experiments.sweep.config import load_sweep
    from accept_reject.experiments.sweep.run import Shard, run_sweep

    if not run_sweep(load_sweep(config, overrides or []), out, Shard.parse(shard)):
        raise typer.Exit(1)


@app.command()
def simulate(
    config: Annotated[str, typer.Argument(help="A population: a YAML file, or the name of a shipped config.")],
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="The data set's folder; data/NAME by default.")] = None,
) -> None:
    """Simulate participants and write their choices as a data set."""
    from accept_reject.experiments.config import load_config
    from accept_reject.experiments.data.bids import check_replaceable, labels_of, write_dataset
    from accept_reject.experiments.data.liking import liking_files
    from accept_reject.experiments.simulation.population import PopulationConfig
    from accept_reject.experiments.simulation.ratings import rate
    from accept_reject.experiments.simulation.simulate import simulate as run

    population = load_config(PopulationConfig, config, overrides or [])
    folder = out or Path("data") / population.name
    check_replaceable(folder)  # fail early
    choices, parameters = run(population)
    files = {}
    if population.ratings is not None:
        ratings = rate(population, choices, parameters)
        files = liking_files(
            labels_of(choices), ratings, lambda name: f"Belief that {name} values the participant, plus noise"
        )
    write_dataset(choices, folder, population.name, f"the agent {population.agent}", parameters, files=files)
    typer.echo(f"{len(choices)} simulated participants: {folder}")


@app.command(name="import")
def import_table(
    file: Annotated[str, typer.Argument(help="A table in any format; 'data/*.csv' for one file for each participant.")],
    out: Annotated[Path | None, typer.Option(help="The config; NAME.yaml by default.")] = None,
) -> None:
    """Look at a table, and write a config that says how to read it."""
    from rich.console import Console
    from rich.table import Table

    from accept_reject.experiments.data.import_table import import_table as run
    from accept_reject.experiments.reporting.terminal import SHOWN

    console = Console()
    with console.status(f"Looking at {file}"):
        imported = run(file, out)
    table = Table("what", "column", "cells", box=None, header_style="bold")
    for name, cells in imported.examples.items():
        ours, _, column = name.partition(": ")
        table.add_row(ours, column, ", ".join(cells))
    console.print(table)
    for line in imported.found.unsure:
        typer.echo(f"Please check: {line}")
    for line in imported.problems[:SHOWN]:
        typer.echo(f"Not found: {line}" if line in imported.found.lacking else f"Problem: {line}")
    typer.echo(f"Config: {imported.path}. Look at its comments, then run: accept-reject check {imported.path}")


@app.command()
def check(
    data: Annotated[str, typer.Argument(help="A BIDS folder, or a config that maps a table's columns.")],
    overrides: Overrides = None,
) -> None:
    """Summarize a data set, or list all its problems with file, row and column."""
    from accept_reject.experiments.data.describe import by_participant, describe, doubts, parts_of, uneven_parts
    from accept_reject.experiments.data.load import load
    from accept_reject.experiments.reporting.terminal import print_list, print_table

    loaded = load(data, overrides or [])
    print_list(dict(describe(loaded)))
    print_table(by_participant(loaded), "participants")
    parts = parts_of(loaded)
    if parts is not None:
        usual, others = uneven_parts(parts)
        typer.echo(f"Sessions and blocks have {usual} rounds for each participant{' except:' if len(others) else ''}")
        if len(others):
            print_table(others, "sessions and blocks")
    for doubt in doubts(loaded):
        typer.echo(f"Please check: {doubt}")


@app.command()
def stay_switch(
    source: Annotated[str, typer.Argument(help="Data, as for check, or the folder of a benchmark.")],
    overrides: Overrides = None,
    mixed: Annotated[bool, typer.Option("--mixed", help="Also fit mixed-effects models.")] = False,
) -> None:
    """Estimate how staying with a partner depends on its last rank and outcome, and on the last rounds."""
    from rich.console import Console

    from accept_reject.experiments.analysis import last_choice as last
    from accept_reject.experiments.analysis.stay_switch import mixed_stay_switch, of_run, stay_switch, to_rich
    from accept_reject.experiments.data.load import load

    folder, console = Path(source), Console()
    if (folder / "stay_switch.csv").is_file():
        console.print(to_rich(of_run(folder)))
        return
    choices = load(source, overrides or []).choices
    for effects in (stay_switch(choices), *([mixed_stay_switch(choices)] if mixed else [])):
        known = effects.dropna(subset="estimate")  # without ranks, there is no row for them
        console.print(to_rich((known if len(known) else effects).reset_index()))
    if choices.game.offered == 2:
        console.print(last.to_rich(last.last_choice(choices)))
        if mixed:
            console.print(last.to_rich(last.mixed_last_choice(choices)))
        typer.echo(last.in_words(choices))
    if len(choices) < last.FEW_CLUSTERS:
        typer.echo(
            f"With {len(choices)} participants, standard errors are too small; at least {last.FEW_CLUSTERS} are needed."
        )


@app.command()
def ratings(
    data: Annotated[str, typer.Argument(help="Data with ratings of partners, as for check.")],
    overrides: Overrides = None,
    model: Annotated[str, typer.Option(help="The learner whose beliefs are compared with the ratings.")] = MODEL,
    out: Annotated[Path | None, typer.Option(help="Folder for tables and a figure.")] = None,
) -> None:
    """Estimate how ratings of partners depend on their ranks and outcomes, and on a model's beliefs."""
    from rich.console import Console

    from accept_reject.experiments.data.load import load
    from accept_reject.experiments.ratings import analyze, check_folder, tables, write_ratings
    from accept_reject.experiments.reporting.tables import to_rich

    if out is not None:
        check_folder(out)  # fail early
    console, loaded = Console(), load(data, overrides or [])
    with console.status(f"Fitting {model}"):
        found = analyze(loaded, model)
    simulated = " (simulated)" if loaded.simulated else ""
    raters = sum(each.levels.ratings.player.nunique() for each in found[:1])
    typer.echo(f"Ratings of {raters} participants{simulated}; levels of partners from {found[0].levels.origin}\n")
    for each in found:
        for table in tables(each):
            console.print(to_rich(table))
        if unknown := len(each.levels.ratings) - len(each.levels.known):
            typer.echo(
                f"{unknown} ratings of partners that were never chosen, or whose ranks were never shown, are left out."
            )
        if each.left_out:
            names = ", ".join(each.left_out)
            typer.echo(f"Not in the analysis of variance, as not all kinds of partners were rated: {names}\n")
    if out is not None:
        write_ratings(found, loaded, out)
        typer.echo(f"Tables and figure: {out}")


@app.command()
def agents() -> None:
    """List the registered agents, agents of installed packages, and adapters."""
    from accept_reject.agents.registry import ADAPTERS, AGENTS, describe_installed
    from accept_reject.experiments.reporting.terminal import print_list

    print_list({name: entry.summary + (" *" if entry.privileged else "") for name, entry in AGENTS.items()})
    if installed := describe_installed():
        typer.echo("\nInstalled:")
        print_list(installed)
    typer.echo("\nAdapters, written as {agent: NAME, params: {...}}:")
    print_list({name: entry.summary for name, entry in ADAPTERS.items()})
    typer.echo("\n* sees the hidden state (for reference only). Your own agent: my_package.my_module:MyAgent")


@app.command()
def games() -> None:
    """List the scenarios, each with its question and its Gymnasium id."""
    from accept_reject.envs.scenarios import SCENARIOS
    from accept_reject.experiments.reporting.terminal import print_list

    print_list({entry.name: f"{entry.question} [{entry.env_id}]" for entry in SCENARIOS.values()})


@app.command()
def new_agent(
    name: Annotated[str, typer.Argument(help="Name of the agent, such as careful-learner.")],
    out: Annotated[Path, typer.Option(help="Folder for the two files.")] = Path(),
) -> None:
    """Create a working agent and a test for it as a starting point."""
    from accept_reject.experiments.new_agent import new_agent as write_agent

    agent, test, path = write_agent(name, out)
    typer.echo(f"{agent}\n{test}\n\nIn that folder:\n  pytest {test.name}")
    typer.echo(f"  accept-reject benchmark benchmark 'agents=[{path}, thompson-rank, random]'")


def main() -> None:
    """Run the command line: expected problems end with one message and exit code 2, without a traceback.

    They are invalid input, a missing extra, and what the operating system refuses, such as writing to a full disk.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # arrays are small: more threads only slow each other down
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # terminals without some characters, such as those of cp437
    try:
        app()
    except (ValueError, ImportError, OSError, MemoryError) as error:
        message = _message(error)
        if message is None:
            raise
        typer.echo(message, err=True)
        sys.exit(2)


def _message(error: Exception) -> str | None:
    """Return the message of an expected problem, or None for a bug."""
    from accept_reject.errors import InvalidInputError
    from accept_reject.extras import MissingExtraError

    if isinstance(error, InvalidInputError | MissingExtraError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    if isinstance(error, OSError):
        return f"{error.filename or 'input/output'}: {error.strerror or error}"
    return None


def _run(experiment: type[Experiment[Any, Any, Any]], config: str, overrides: list[str] | None, out: Path) -> None:
    from accept_reject.experiments.config import load_config
    from accept_reject.experiments.runner import run_experiment

    run_experiment(experiment(load_config(experiment.config_type, config, overrides or [])), out)


if __name__ == "__main__":
    main()
