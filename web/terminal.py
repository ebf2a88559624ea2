"""Play in the terminal."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from accept_reject.envs.rendering import ordinal, plural
from accept_reject.web.bodies import PageAnswer, RoundAnswer, Start
from accept_reject.web.play import Results
from accept_reject.web.sessions import Sessions
from accept_reject.web.store import Store
from accept_reject.web.study import Study
from accept_reject.web.texts import Example, Texts

QUIT = "q"

BAR = 24
"""Width of bars, in characters."""


def play_in_terminal(study: Study, save: Path | None, console: Console | None = None) -> None:
    """Play one game.

    Args:
        study: The game, from `play.game_of`.
        save: The file in which choices are stored; None to store nothing.
        console: Where to play.

    Raises:
        InvalidInputError: If the file can't be used.
    """
    console = console or Console(highlight=False)
    sessions = Sessions(study, Store(save, study.model_dump_json()), free=True)
    try:
        asyncio.run(_play(sessions, console))
    finally:
        sessions.store.close()
    if save is not None:
        console.print(f"Stored: {save}")


async def _play(sessions: Sessions, console: Console) -> None:
    study = sessions.study
    texts = study.languages["en"]
    results = Results(sessions)
    session, _ = await sessions.start(Start(language="en", episode=study.first_episode), "terminal")
    results.prepare(session.episode)
    state = await sessions.answer_page(session, PageAnswer(page="instructions", attempt=0))
    keys = [str(place + 1) for place in range(study.game.offered)]
    console.print(f"[bold]{texts.title}[/]\n")
    for page in texts.instructions:
        paragraphs = page.text.replace("**", "").strip().split("\n\n")
        console.print("\n\n".join(" ".join(each.split()) for each in paragraphs) + "\n")
        if page.ladder is not None:
            console.print(f"   {_ladder(study.game.ranks, page.ladder)}\n")
    console.print(f"Choose with {' or '.join(keys)} and Enter; {QUIT} and Enter ends the game.\n")
    while state["step"] == "round":
        names = [f"[bold]{key}[/] {texts.partners[p]}" for key, p in zip(keys, state["offered"], strict=True)]
        shown = time.perf_counter()
        key = _ask(console, f"[dim]{state['round'] + 1:>3}/{state['rounds']}[/]  {'   '.join(names)}  > ", keys)
        if key == QUIT:
            console.print("The game was ended.")
            return
        seconds = time.perf_counter() - shown
        answer = RoundAnswer(
            part="game", round=state["round"], place=keys.index(key), response_time=seconds, device="key"
        )
        state = await sessions.answer_round(session, answer)
        console.print(f"         {_feedback(texts, state['last'])}")
    with console.status(texts.result.working if texts.result else ""):
        found = results(session)
    _summarize(console, texts, found)


def _ladder(ranks: int, example: Example) -> str:
    """A ladder on one line, with its cutoff and the player."""
    rungs = [
        f"[bold]{ordinal(rank)} (you)[/]" if rank == example.rank else ordinal(rank) for rank in range(1, ranks + 1)
    ]
    rungs.insert(example.spots, f"| {plural(example.spots, 'spot')} |")
    return "  ".join(rungs)


def _ask(console: Console, prompt: str, keys: list[str]) -> str:
    while True:
        try:
            key = console.input(prompt).strip().lower()
        except EOFError:
            return QUIT
        if key in (*keys, QUIT):
            return key
        console.print(f"Type {', '.join(keys)} or {QUIT}.")


def _feedback(texts: Texts, last: dict[str, Any]) -> str:
    name = texts.partners[last["offered"][last["place"]]]
    color, mark, word = ("blue", "✓", "accepted") if last["accepted"] else ("red", "✕", "rejected")
    verdict = f"[bold {color}]{mark} {getattr(texts.round, word)}[/]"
    if last["rank"] is None:
        return f"{verdict}  {texts.round.hidden.format(name=name)}"
    spots = plural(last["spots"], "spot")
    return f"{verdict}  {texts.round.ranked.format(name=name, rank=ordinal(last['rank']), spots=spots)}"


def _summarize(console: Console, texts: Texts, found: Any) -> None:
    """Print how often the player and others chose well in the last rounds, and how much each partner valued it."""
    words = texts.result
    assert words is not None  # it comes with the program
    others = [(words.agents.get(each["name"], words.people), each["points"]) for each in found["curves"]]
    curves = [(name, points[-1][1]) for name, points in [(words.you, found["you"]), *others] if points]
    console.print(f"\n[bold]{words.headline.format(percent=format(found['share'], '.0%'))}[/]\n")
    _print_bars(console, sorted(curves, key=lambda each: -each[1]), words.you)
    console.print(f"[dim]{words.caption.format(n=found['window'])}[/]\n\n[bold]{words.valued}[/]\n")
    _print_bars(console, [(texts.partners[each["partner"]], each["valuation"]) for each in found["partners"]])
    if admirer := found["admirer"]:
        name = texts.partners[admirer.pop("partner")]
        text = words.admirer_text.format(**admirer | {"rank": ordinal(admirer["rank"])})
        console.print(f"\n[bold]{words.admirer.format(name=name)}[/]. {text}")
    console.print(f"\n{found['squares']}\n{found['challenge']}", soft_wrap=True)


def _print_bars(console: Console, shares: list[tuple[str, float]], bold: str = "") -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, share in shares:
        table.add_row(name, _bar(share), f"{share:.0%}", style="bold" if name == bold else "")
    console.print(table)


def _bar(share: float) -> str:
    full = round(BAR * share)
    return "█" * full + "░" * (BAR - full)
