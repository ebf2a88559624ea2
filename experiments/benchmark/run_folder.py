"""What a benchmark leaves behind: a folder with tables, figures, TensorBoard scalars and the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accept_reject.experiments.benchmark import figures
from accept_reject.experiments.benchmark import leaderboard as boards
from accept_reject.experiments.benchmark.aggregate import Aggregates, aggregate
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.frames import frames
from accept_reject.experiments.benchmark.report import render_report
from accept_reject.experiments.benchmark.results import Results, run
from accept_reject.experiments.benchmark.tensorboard import write_scalars
from accept_reject.experiments.config import dump_config
from accept_reject.experiments.files import make_folder, write, write_csv
from accept_reject.experiments.html import versions
from accept_reject.experiments.scores import ANCHORED, SCORES, ScoreName
from accept_reject.experiments.style import write_figures
from accept_reject.experiments.tables import to_markdown, to_rich


def run_benchmark(config: BenchmarkConfig, parent: Path) -> Path:
    """Run a benchmark with a progress bar, write its folder, show the leaderboards.

    Args:
        config: What to play.
        parent: Where the run's own folder is made.

    Returns:
        The run's folder.
    """
    make_folder(parent / config.folder)  # before hours of play, not after
    console = Console()
    columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(config.scenarios) * len(config.agents))
        results = run(config, lambda scenario: progress.update(task, advance=1, description=scenario))
        progress.update(task, description="report")
        folder = write_run(results, parent / config.folder)
    for table in (boards.overall(results), boards.open_doors(results)):
        if table:
            console.print(to_rich(table))
    if results.privileged:
        console.print("* sees the hidden state")
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False)
    console.print(f"Scalars: tensorboard --logdir {folder / 'tensorboard'}", soft_wrap=True, highlight=False)
    return folder


def write_run(results: Results, folder: Path) -> Path:
    """Write everything that a benchmark leaves into its folder."""
    aggregates = {score: aggregate(results, score) for score in SCORES}
    drawn = {
        "interquartile_means": figures.interquartile_means(results, aggregates),
        "scores_by_scenario": figures.scores_by_scenario(results),
        "performance_profiles": figures.performance_profiles(results, aggregates),
        **{f"improvement_{score}": figures.improvement(results, aggregates[score], score) for score in ANCHORED},
        "learning_curves": figures.learning_curves(results),
    }
    svgs = write_figures(drawn, folder)
    for name, frame in frames(results, aggregates).items():
        write_csv(folder / f"{name}.csv", frame)
    write(folder / "config.yaml", dump_config(results.config))
    write(folder / "leaderboard.md", _leaderboard(results, aggregates))
    write_scalars(results, folder / "tensorboard")
    write(folder / "report.html", render_report(results, aggregates, svgs))
    return folder


def _leaderboard(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> str:
    config = results.config
    note = (
        f"{len(config.agents)} agents in {len(config.scenarios)} scenarios, {config.seeds} seeds of {config.episodes} "
        f"games each, from seed {config.first_seed} on; `{config.folder}`, {versions()}.\n\n"
        "Means with 95% intervals over seeds in brackets. For valuing and accepted 0 is random and 1 the oracle; "
        "insight is Kendall's tau-b between beliefs and hidden valuations. A star marks agents that see the hidden "
        "state. Interquartile means and probabilities of improvement follow Agarwal et al. (2021), with bootstrap "
        "intervals over seeds; a run is one seed of one scenario.\n\n"
        "![Interquartile means of every agent](interquartile_means.png)\n\n"
        "![Scores of every agent in every scenario](scores_by_scenario.png)\n"
    )
    tables = [
        boards.overall(results),
        boards.interquartile_means(results, aggregates),
        *(boards.by_scenario(results, score) for score in SCORES),
        *(boards.improvement(results, aggregates[score], score) for score in ANCHORED),
    ]
    return "\n".join(["# Leaderboard", "", note, *map(to_markdown, tables)])
