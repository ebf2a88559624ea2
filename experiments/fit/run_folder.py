"""What a fit leaves behind: a folder with tables, figures and the report."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.data.load import Data, describe, load
from accept_reject.experiments.files import make_folder, write, write_csv
from accept_reject.experiments.fit import figures, tables
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.methods import of_fit
from accept_reject.experiments.fit.results import FitResults, run
from accept_reject.experiments.html import render
from accept_reject.experiments.progress import stages
from accept_reject.experiments.style import write_figures
from accept_reject.experiments.tables import to_rich


def run_fit(config: FitConfig, seen_from: Path, parent: Path) -> Path:
    """Fit with progress bars, write the folder, show the tables.

    Args:
        config: What to fit to what.
        seen_from: The folder from which the path of the data is seen.
        parent: Where the run's own folder is made.

    Returns:
        The run's folder.
    """
    console = Console()
    data = load(config.data, seen_from=seen_from)
    folder = parent / folder_name(config, data)
    make_folder(parent)
    with stages(console) as on_progress:
        results = run(config, data, on_progress)
    write_run(results, folder)
    models, groups = tables.models(results), tables.groups(results)
    short = (
        models.only(*(column for column in models.header if column not in ("per choice", "AIC"))),
        tables.selection(results),
        tables.parameters(results).only("model", "parameter", "median", "quartiles", "mean"),
        groups and groups.only("model", "parameter", "median", "iterations"),
    )
    for table in short:
        if table is not None:
            console.print(to_rich(table))
    if results.selections:
        console.print(tables.omnibus(results), highlight=False)
    wrong = tables.flags(results)
    if wrong is not None:
        console.print(to_rich(wrong))
    if data.simulated:
        console.print("The participants are simulated.")
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False)
    return folder


def folder_name(config: FitConfig, data: Data) -> str:
    """Name of the run's folder: the same config and the same data have the same one."""
    told = (data.choices.to_frame().to_csv(), data.choices.game.model_dump_json(), str(data.game_known))
    return f"{config.name}-{content_hash(dump_config(config), *told)}"


def write_run(results: FitResults, folder: Path) -> None:
    """Write everything that a fit leaves into its folder."""
    drawn = {"estimates": figures.estimates(results)}
    frames = {"estimates": results.estimates_frame(), "fits": results.fits_frame()}
    if results.selections:
        drawn["comparison"] = figures.comparison(results)
        frames["selection"] = results.selection_frame()
    if results.config.method == "hierarchical":
        frames["groups"] = results.groups_frame()
    if results.check is not None:
        drawn["predictive_check"] = figures.predictive_check(results.check)
        frames["predictive_curves"] = results.check.curves_frame()
        frames["predictive_effects"] = results.check.effects
    svgs = write_figures(drawn, folder, results.data.simulated)
    for name, frame in frames.items():
        write_csv(folder / f"{name}.csv", frame)
    write(folder / "config.yaml", dump_config(results.config))
    write(folder / "report.html", _report(results, svgs))


def _report(results: FitResults, svgs: dict[str, bytes]) -> str:
    return render(
        "fit.html",
        config=results.config,
        config_text=dump_config(results.config),
        data=dict(describe(results.data)),
        participants=len(results.data.choices),
        simulated=results.data.simulated,
        methods=of_fit(results),
        method=tables.METHODS[results.config.method],
        models=tables.models(results),
        selection=tables.selection(results),
        omnibus=tables.omnibus(results) if results.selections else "",
        parameters=tables.parameters(results),
        groups=tables.groups(results),
        flags=tables.flags(results),
        predictive=tables.predictive(results.check) if results.check is not None else (),
        free_running=results.check is not None and results.check.free_running,
        figures=svgs,
    )
