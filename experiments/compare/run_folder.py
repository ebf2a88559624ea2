"""What a comparison leaves behind: a folder with tables, figures and the report."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console

from accept_reject.agents.registry import describe as describe_agent
from accept_reject.experiments.compare import figures, tables
from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.methods import of_comparison
from accept_reject.experiments.compare.results import Beside, frames, run
from accept_reject.experiments.config import content_hash, dump_config
from accept_reject.experiments.curves import AXES, CURVES
from accept_reject.experiments.data.load import describe
from accept_reject.experiments.files import make_folder, write, write_csv
from accept_reject.experiments.html import render
from accept_reject.experiments.progress import stages
from accept_reject.experiments.style import write_figures
from accept_reject.experiments.tables import to_rich
from accept_reject.experiments.words import listed


def run_compare(config: CompareConfig, seen_from: Path, parent: Path) -> Path:
    """Compare with progress bars, write the folder, show the tables.

    Args:
        config: Whom to compare with whom.
        seen_from: The folder from which paths of data are seen.
        parent: Where the run's own folder is made.

    Returns:
        The run's folder.
    """
    console = Console()
    make_folder(parent)  # before minutes of play, not after
    with stages(console) as on_progress:
        besides = run(config, seen_from, on_progress)
    told = [beside.data.choices.to_frame().to_csv() for beside in besides]
    folder = parent / f"{config.name}-{content_hash(dump_config(config), *told)}"
    write_run(config, besides, folder)
    for beside in besides:
        everything = tables.players(beside)
        name, *columns = everything.header
        for few in (columns[:2], columns[2:]):  # losses by themselves have room for their intervals
            console.print(to_rich(everything.only(name, *few)))
        if beside.data.simulated:
            console.print(f"The participants of {beside.entry.name} are simulated.", highlight=False)
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False)
    return folder


def write_run(config: CompareConfig, besides: list[Beside], folder: Path) -> None:
    """Write everything that a comparison leaves into its folder."""
    sections: list[dict[str, Any]] = []
    for number, beside in enumerate(besides, start=1):
        drawn = {}
        curves = []
        if beside.own_episodes is not None:
            for curve, by in product(CURVES, AXES):
                name = f"curves_{curve}" if by == "round" else f"curves_{curve}_by_{by}"
                drawn[f"{name}_{number}"] = figures.learning_curves(beside, curve, by)
                curves.append((name, curve, by, tables.curve(beside, curve, by)))
            drawn[f"effects_{number}"] = figures.effects(beside)
            drawn[f"likeness_{number}"] = figures.likeness(beside)
        svgs = write_figures(drawn, folder, beside.data.simulated)
        sections.append(
            {
                "beside": beside,
                "about": describe(beside.data),
                "players": tables.players(beside),
                "curves": curves,
                "effects": tables.effects(beside),
                "figures": {name.rpartition("_")[0]: svg for name, svg in svgs.items()},
            }
        )
    for name, frame in frames(besides).items():
        write_csv(folder / f"{name}.csv", frame)
    write(folder / "config.yaml", dump_config(config))
    simulated = [beside.entry.name for beside in besides if beside.data.simulated]
    everyone = len(simulated) == len(besides)
    who = "All participants here" if everyone else f"The participants of {listed(simulated)}" if simulated else ""
    agents = [(entry.name, describe_agent(entry.agent, entry.params)) for entry in config.agents]
    report = render(
        "compare.html",
        config=config,
        config_text=dump_config(config),
        sections=sections,
        simulated=f"{who} are simulated." if who else "",
        all_simulated=everyone,
        agents=agents,
        methods=of_comparison(config, besides),
    )
    write(folder / "report.html", report)
