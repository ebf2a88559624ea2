"""Tables of a comparison: what a reader wants to know first."""

from __future__ import annotations

import numpy as np

from accept_reject.experiments.compare.results import BEHIND, Beside, Player, behind_the_best
from accept_reject.experiments.curves import CURVES, By
from accept_reject.experiments.intervals import UNKNOWN, Interval, mean_interval, mean_of_defined
from accept_reject.experiments.scores import SCORES
from accept_reject.experiments.signatures import EFFECTS
from accept_reject.experiments.tables import DASH, TextTable, cell


def players(beside: Beside) -> TextTable:
    """Scores, held-out losses and distances of everyone, the most like people first."""
    everyone = [beside.people, *sorted(beside.players, key=_loss)]
    behind = behind_the_best(beside)
    rows = []
    for player in everyone:
        scores = [cell(player.scores[name]) if name in player.scores else DASH for name in SCORES]
        loss = DASH if player.loss is None else cell(mean_interval(player.loss), 4)
        apart = [cell(player.distances[name], 1) if name in player.distances else DASH for name in _curves(beside)]
        rows.append((_name(player, beside), loss, cell(behind.get(player.name, UNKNOWN), 4), *apart, *scores))
    header = ("player", "loss per choice", BEHIND, *(f"{name} curve apart" for name in _curves(beside)), *SCORES)
    return TextTable(f"Beside {_who(beside)} of {beside.entry.name}", header, tuple(rows))


def curve(beside: Beside, name: str, by: By) -> TextTable:
    """The points of a learning curve of everyone."""
    rows = [
        (
            _name(player, beside),
            *(cell(Interval(*point), 0) for point in zip(*player.curves[by][name].mean, strict=True)),
        )
        for player in (beside.people, *beside.players)
        if name in player.curves.get(by, ())
    ]
    return TextTable(
        f"{CURVES[name]}, beside {_who(beside)} of {beside.entry.name}", (by, *beside.points[by].names), tuple(rows)
    )


def effects(beside: Beside) -> TextTable:
    """Stay/switch effects of everyone."""
    rows = []
    for player in (beside.people, *beside.players):
        if player.effects is not None:
            of = player.effects.set_index("effect")
            cells = [cell(Interval(*of.loc[name, ["estimate", "low", "high"]])) for name in EFFECTS]
            rows.append((_name(player, beside), *cells))
    header = ("player", *(f"last {name}" for name in EFFECTS))
    title = f"Stay/switch effects beside {_who(beside)} of {beside.entry.name} (log odds for one SD)"
    return TextTable(title, header, tuple(rows))


def _who(beside: Beside) -> str:
    return "simulated participants" if beside.data.simulated else "participants"


def _name(player: Player, beside: Beside) -> str:
    """What a row calls a player: tables are read apart from their reports."""
    return f"{player.name} (simulated)" if player is beside.people and beside.data.simulated else player.name


def _curves(beside: Beside) -> tuple[str, ...]:
    """Curves of which there are distances."""
    return tuple(dict.fromkeys(name for player in beside.players for name in player.distances))


def _loss(player: Player) -> float:
    return np.inf if player.loss is None else float(mean_of_defined(player.loss))
