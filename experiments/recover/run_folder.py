"""What a recovery leaves behind: a folder with tables, figures and the report."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from accept_reject.experiments.config import dump_config
from accept_reject.experiments.files import make_folder, write, write_csv
from accept_reject.experiments.html import render
from accept_reject.experiments.progress import stages
from accept_reject.experiments.recover import figures, tables
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.methods import of_recovery
from accept_reject.experiments.recover.results import RecoverResults, run
from accept_reject.experiments.style import write_figures
from accept_reject.experiments.tables import to_rich


def run_recover(config: RecoverConfig, parent: Path) -> Path:
    """Simulate and recover with progress bars, write the folder, show the tables.

    Args:
        config: What to simulate.
        parent: Where the run's own folder is made.

    Returns:
        The run's folder.
    """
    folder = parent / config.folder
    make_folder(folder)  # before minutes of simulation, not after
    console = Console()
    with stages(console) as on_progress:
        results = run(config, on_progress)
    write_run(results, folder)
    for table in (tables.parameters(results), tables.confusion(results)):
        if table is not None:
            console.print(to_rich(table))
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False)
    return folder


def write_run(results: RecoverResults, folder: Path) -> None:
    """Write everything that a recovery leaves into its folder."""
    config = results.config
    drawn = {"recovery": figures.scatter(results)}
    frames = {"estimates": results.estimates, "parameters": results.parameters_frame()}
    if len(config.models) > 1:
        drawn["confusion"] = figures.confusion(results)
        frames |= {"studies": results.studies, "confusion": results.confusion_frame()}
    if len(config.lengths) * len(config.participants) > 1:
        drawn["design"] = figures.design(results)
    svgs = write_figures(drawn, folder, simulated=True)
    for name, frame in frames.items():
        write_csv(folder / f"{name}.csv", frame)
    write(folder / "config.yaml", dump_config(config))
    report = render(
        "recover.html",
        config=config,
        config_text=dump_config(config),
        methods=of_recovery(config),
        game=config.game.name,
        models=[entry.name for entry in config.models],
        parameters=tables.parameters(results),
        confusion=tables.confusion(results),
        design=tables.design(results),
        figures=svgs,
    )
    write(folder / "report.html", report)
