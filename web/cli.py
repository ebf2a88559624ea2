"""Commands for people: play the game, and run studies. They are added to those of the experiments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from accept_reject.envs.rendering import plural
from accept_reject.experiments.cli import app, main
from accept_reject.extras import require

__all__ = ["main"]

EXTRA = ("web", "starlette", "uvicorn")
"""The extra that a web server needs, and its packages."""


@app.command()
def play(
    scenario: Annotated[str, typer.Option(help="The game; see `accept-reject games`.")] = "orthogonal",
    rounds: Annotated[int, typer.Option(help="Number of rounds.")] = 48,
    seed: Annotated[int, typer.Option(help="Seed of the episodes.")] = 0,
    episode: Annotated[int, typer.Option(help="Which episode is played first.")] = 0,
    terminal: Annotated[bool, typer.Option("--terminal", help="Play in the terminal, without a browser.")] = False,
    save: Annotated[Path | None, typer.Option(help="Store the choices in this file; by default nothing is.")] = None,
    port: Annotated[int, typer.Option(help="Port of the page; 0 for any free one.")] = 8765,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Play the game, and see how you learn next to agents and simulated people on the same rounds."""
    from accept_reject.web.play import game_of, play_in_browser

    if not terminal:
        require("accept_reject.web", *EXTRA)

    study = game_of(scenario, rounds, seed, episode)
    if terminal:
        from accept_reject.web.terminal import play_in_terminal

        play_in_terminal(study, save)
    else:
        play_in_browser(study, save, port, browser)


@app.command()
def serve(
    study: Annotated[str, typer.Argument(help="The study: a YAML file, or the name of a shipped config.")],
    file: Annotated[Path | None, typer.Option(help="The file for the data; NAME.sqlite by default.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only list all problems of the study.")] = False,
    pilot: Annotated[bool, typer.Option("--pilot", help="Mark new sessions as pilots.")] = False,
    simulated: Annotated[bool, typer.Option("--simulated", help="Mark new sessions as simulated.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    monitor_secret: Annotated[str | None, typer.Option(help="Secret in the monitor's address; by default new.")] = None,
) -> None:
    """Run a study with people in their browsers, many at a time."""
    require("accept_reject.web", *EXTRA)
    from accept_reject.web.serve import load_study
    from accept_reject.web.serve import serve as run

    config = load_study(study)
    if check:
        game = f"{config.game.rounds} rounds of {config.scenario.name}"
        typer.echo(f"{study}: no problems; {game}, languages: {', '.join(config.languages)}")
        for note in config.notes:
            typer.echo(f"Note: {note}")
        return
    kind = "pilot" if pilot else "simulated" if simulated else "real"
    run(config, file or Path(f"{config.name}.sqlite"), host, port, kind, monitor_secret)


@app.command()
def study_texts(
    language: Annotated[str, typer.Argument(help="Language: de or en.")] = "en",
) -> None:
    """Print the texts of studies that come with the program, to be translated into another language."""
    from accept_reject.web.texts import SHIPPED, to_translate

    if language not in SHIPPED:
        raise typer.BadParameter(f"must be {' or '.join(SHIPPED)}, got {language!r}")
    typer.echo(to_translate(language), nl=False)


@app.command()
def export_study(
    sources: Annotated[
        list[Path], typer.Argument(help="The files of the study, one for each server; then the folder.")
    ],
    kind: Annotated[str, typer.Option(help="Which sessions: real, pilot or simulated.")] = "real",
    bonus: Annotated[Path | None, typer.Option(help="Write the bonuses into this file, by external id.")] = None,
    license_name: Annotated[str, typer.Option("--license", help="License of the data.")] = "CC0",
    static: Annotated[
        bool, typer.Option("--static", help="Write a YAML file's pages instead, for JATOS or DataPipe.")
    ] = False,
    episodes: Annotated[int, typer.Option(help="With --static: number of episodes.", min=1, max=10_000)] = 200,
    datapipe: Annotated[
        str | None, typer.Option(help="With --static: the id of an experiment of DataPipe, instead of JATOS.")
    ] = None,
) -> None:
    """Write the data of a study as a BIDS data set, or its pages as files for JATOS or DataPipe."""
    *files, out = sources
    if not files or (static and len(files) > 1):
        raise typer.BadParameter("give the YAML file and then the folder" if static else "give files, then the folder")
    if static:
        _export_static(str(files[0]), out, episodes, datapipe)
        return
    from accept_reject.web.export import KINDS, write_bonuses
    from accept_reject.web.export import export_study as run

    if kind not in KINDS:
        raise typer.BadParameter(f"--kind must be {', '.join(KINDS[:-1])} or {KINDS[-1]}, got {kind!r}")
    found = run(files, out, kind, license_name)
    typer.echo(f"{plural(len(found.choices), 'participant')}: {out}")
    if found.left_out or found.others or found.withdrawn:
        typer.echo(
            f"Not exported: {found.left_out} sessions without rounds or consent, {found.others} of other kinds, "
            f"{found.withdrawn} withdrawn"
        )
    if bonus is not None:
        typer.echo(f"{write_bonuses(files, bonus, kind)} bonuses: {bonus}")


def _export_static(study: str, out: Path, episodes: int, datapipe: str | None) -> None:
    from accept_reject.web.serve import load_study
    from accept_reject.web.static import JATOS, export_static

    if datapipe is not None and not re.fullmatch(r"\w{1,40}", datapipe):
        raise typer.BadParameter(f"--datapipe must be the id of an experiment, got {datapipe!r}")
    export_static(load_study(study), out, episodes, datapipe or JATOS)
    typer.echo(f"{episodes} episodes: {out}")
    typer.echo("Note: participants who open the developer tools of their browser can read the rounds in advance")


@app.command()
def import_study(
    study: Annotated[str, typer.Argument(help="The study that was exported with --static.")],
    results: Annotated[list[Path], typer.Argument(help="Results: files, archives or folders of JATOS or DataPipe.")],
    file: Annotated[Path | None, typer.Option(help="The file for the data; NAME.sqlite by default.")] = None,
    pilot: Annotated[bool, typer.Option("--pilot", help="Mark the sessions as pilots.")] = False,
) -> None:
    """Read the results of a static study into a file, as a server writes it."""
    from accept_reject.web.import_study import import_study as run
    from accept_reject.web.serve import load_study

    config = load_study(study)
    file = file or Path(f"{config.name}.sqlite")
    found = run(config, results, file, pilot)
    typer.echo(f"{plural(found.sessions, 'session')}, {found.new} of them new: {file}")


@app.command()
def withdraw(
    file: Annotated[Path, typer.Argument(help="The file of the study; its server must not run.")],
    ids: Annotated[list[str], typer.Argument(help="External ids of participants.")],
) -> None:
    """Delete everything about participants who ask for it after the study."""
    from accept_reject.web.withdraw import withdraw as run

    run(file, ids)
    typer.echo(f"Deleted: {', '.join(ids)}. Data sets that were exported before still contain their data")


if __name__ == "__main__":
    main()
