"""Tables of a comparison."""

from __future__ import annotations

import numpy as np

from accept_reject.experiments.analysis.curves import CURVES, By
from accept_reject.experiments.analysis.intervals import UNKNOWN, Interval, mean_interval
from accept_reject.experiments.analysis.scores import SCORES
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.compare.run import Comparison, Player
from accept_reject.experiments.reporting.tables import DASH, TextTable, cell, percent_cell
from accept_reject.experiments.reporting.words import listed

PREDICTION = ("NLL per choice", "behind the best")
"""Columns about predictive accuracy."""


def players(comparison: Comparison) -> TextTable:
    """Held-out NLL, distances of learning curves and scores of all players, the best predictor first.

    Scores that are unknown for everybody have no column, and players about which nothing is known have no row.
    """
    others = [player for player in comparison.players if player.nll is None and _has_score(player)]
    participants = [comparison.participants] if _has_score(comparison.participants) else []
    everybody = (*participants, *comparison.ranked, *others)
    known = [name for name in SCORES if any(_is_known(player, name) for player in everybody)]
    curves = tuple(dict.fromkeys(name for player in comparison.players for name in player.distances))
    rows = []
    for player in everybody:
        nll = DASH if player.nll is None else cell(mean_interval(player.nll), 4)
        behind = cell(comparison.behind_the_best.get(player.name, UNKNOWN), 4)
        distances = [percent_cell(player.distances.get(name, UNKNOWN), 1) for name in curves]
        scores = [cell(player.scores.get(name, UNKNOWN)) for name in known]
        rows.append((_name(player, comparison), nll, behind, *distances, *scores))
    header = ("player", *PREDICTION, *(f"distance of {name} curve" for name in curves), *known)
    return TextTable(f"Players compared with the {_participants(comparison)}", header, tuple(rows))


def unscored(comparison: Comparison) -> str:
    """Say which players can't predict the participants, and why; empty if all can."""
    reasons: dict[str, list[str]] = {}
    for player in comparison.players:
        if player.reason:
            reasons.setdefault(player.reason, []).append(player.name)
    parts = [f"{listed(names)} ({reason})" for reason, names in reasons.items()]
    return f"Not scored on the {_participants(comparison)}: {'; '.join(parts)}." if parts else ""


def _is_known(player: Player, score: str) -> bool:
    return bool(np.isfinite(player.scores.get(score, UNKNOWN).mean))


def _has_score(player: Player) -> bool:
    return any(_is_known(player, name) for name in SCORES)


def curve(comparison: Comparison, name: str, by: By) -> TextTable:
    """The points of a learning curve of all players, in percent."""
    rows = [
        (
            _name(player, comparison),
            *(percent_cell(Interval(*point)) for point in zip(*player.curves[by][name].mean, strict=True)),
        )
        for player in (comparison.participants, *comparison.players)
        if name in player.curves.get(by, ())
    ]
    return TextTable(f"{CURVES[name]}: {_participants(comparison)}", (by, *comparison.points[by].names), tuple(rows))


def stay_switch(comparison: Comparison) -> TextTable:
    """The stay/switch effects of all players, as far as they can be estimated for any of them."""
    shown = [(player, player.effects.set_index("effect")) for player in (comparison.participants, *comparison.players)
             if player.effects is not None]  # fmt: skip
    known = [name for name in EFFECTS if any(np.isfinite(effects.estimate[name]) for _, effects in shown)]
    rows = []
    for player, effects in shown:
        cells = [cell(Interval(*effects.loc[name, ["estimate", "low", "high"]])) for name in known]
        rows.append((_name(player, comparison), *cells))
    header = ("player", *(f"last {name}" for name in known))
    return TextTable(f"Stay/switch effects (log odds per SD): {_participants(comparison)}", header, tuple(rows))


def _participants(comparison: Comparison) -> str:
    kind = "simulated participants" if comparison.data.simulated else "participants"
    return f"{kind} of {comparison.entry.name}"


def _name(player: Player, comparison: Comparison) -> str:
    """Return a player's name in tables, marked as simulated, as tables are also used outside of reports."""
    simulated = player is comparison.participants and comparison.data.simulated
    return f"{player.name} (simulated)" if simulated else player.name
