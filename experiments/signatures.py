"""Signatures: how choices follow the last rank and the last outcome, the stay/switch analysis of the study.

Whenever a partner that a player has asked before is offered again, was it asked again? This is regressed on the rank
that it gave the last time (high where it valued the player) and on the last outcome, both standardised over all such
occasions, by a logistic regression with participants as clusters. A rank that was not shown counts as an average one.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from accept_reject.envs.choices import Choices

EFFECTS = ("rank", "outcome")
TITLE = "Stay/switch effects (log odds for one standard deviation)"


def reoffers(choices: Choices, answers: NDArray[np.integer] | None = None) -> pd.DataFrame:
    """Every occasion on which a partner that was asked before was offered again.

    Args:
        choices: What happened.
        answers: What was answered to the offers, `(n, rounds)`, if not what the players chose: a model's answers to
            what happened to them, say. Missed rounds stay missed.

    Returns:
        Columns `player` (row number), `round` (from 1), `stay` (whether it was asked again), `rank` (its last rank as a
    value, 1 for the best and 0 for the worst; NaN where it was not shown) and `outcome` (1 if it accepted last time).
    """
    n, rounds = choices.choice.shape
    players, ranks = np.arange(n), choices.game.ranks
    rank = np.full((n, choices.game.n_partners), np.nan)
    outcome = np.full((n, choices.game.n_partners), np.nan)
    found = []
    for now in range(rounds):
        choice, offered = choices.choice[:, now], choices.offered[:, now]
        answer = choice if answers is None else answers[:, now]
        answered = ~choices.missed[:, now]
        for place in range(offered.shape[1]):
            partner = offered[:, place]
            here = answered & ~np.isnan(outcome[players, partner])
            who = players[here]
            at = (who, partner[here])
            found.append(np.stack([who, np.full(len(who), now + 1), answer[here] == place, rank[at], outcome[at]]))
        who = players[answered]
        asked = offered[who, choice[answered]]
        seen = choices.rank[who, now].astype(float)
        rank[who, asked] = np.where(seen > 0, (ranks - seen) / (ranks - 1), np.nan)
        outcome[who, asked] = choices.accepted[who, now]
    return pd.DataFrame(np.concatenate(found, axis=1).T, columns=["player", "round", "stay", "rank", "outcome"])


def stay_effects(choices: Choices, answers: NDArray[np.integer] | None = None) -> pd.DataFrame:
    """The effects of the last rank and the last outcome on staying.

    Args:
        choices: What happened.
        answers: What was answered to the offers, if not what the players chose, as for `reoffers`.

    Returns:
        A row for each effect (`rank`, `outcome`), with `estimate` (log odds for one SD), `se` (clustered by
        participant), `z`, `p`, `odds_ratio`, and the 95% interval `low`, `high` of the estimate. NaN where there is
        nothing to estimate from (no rank was ever shown, or all outcomes or all answers were alike), and where the
        effects have no finite estimate, as for players whose choices follow from them without exception.
    """
    data = reoffers(choices, answers)
    columns = {"estimate": np.nan, "se": np.nan, "z": np.nan, "p": np.nan, "odds_ratio": np.nan}
    effects = pd.DataFrame({**columns, "low": np.nan, "high": np.nan}, index=pd.Index(EFFECTS, name="effect"))
    spread = data[list(EFFECTS)].std(ddof=0)
    usable = [effect for effect in EFFECTS if spread[effect] > 1e-9]
    if not usable or data.stay.nunique() < 2 or data.player.nunique() < 2:
        return effects
    standardised = ((data[usable] - data[usable].mean()) / spread[usable]).fillna(0.0)
    design = sm.add_constant(standardised)
    if (
        np.linalg.matrix_rank(design) < design.shape[1]
    ):  # rank and outcome tell the same: their effects can't be told apart
        return effects
    model = sm.Logit(data.stay, design)
    clusters = {"cov_type": "cluster", "cov_kwds": {"groups": data.player.astype(int)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether there is an estimate is checked below
        try:
            fit = model.fit(disp=False, **clusters)
        except np.linalg.LinAlgError:
            return effects
    if not fit.mle_retvals["converged"] or not np.isfinite(fit.bse).all():
        return effects
    interval = fit.conf_int()
    for effect in usable:
        b = fit.params[effect]
        row = (b, fit.bse[effect], fit.tvalues[effect], fit.pvalues[effect], np.exp(b), *interval.loc[effect])
        effects.loc[effect] = row
    return effects


def of_run(folder: Path) -> pd.DataFrame:
    """The effects that a benchmark left in its folder, with columns `scenario` and `agent` before the others."""
    return pd.read_csv(folder / "signatures.csv")


def to_rich(effects: pd.DataFrame) -> Table:
    """The effects as a table for the terminal."""
    names = [column for column in ("scenario", "agent", "effect") if column in effects]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=TITLE, title_justify="left")
    for name in (*names, "estimate", "SE", "z", "odds ratio"):
        table.add_column(name, justify="left" if name in names else "right", no_wrap=name in names)
    for row in effects.to_dict("records"):
        numbers = [
            f"{row[name]:.{digits}f}" for name, digits in (("estimate", 2), ("se", 2), ("z", 1), ("odds_ratio", 2))
        ]
        known = not np.isnan(row["estimate"])
        table.add_row(*(str(row[name]) for name in names), *(numbers if known else ["–"] * 4))
    return table
