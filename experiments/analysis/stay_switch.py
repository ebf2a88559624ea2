"""Stay/switch effects: how the last rank and the last outcome affect choosing a partner again."""

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
from accept_reject.experiments.analysis.mixed_logit import mixed_logit

EFFECTS = ("rank", "outcome")
TITLE = "Stay/switch effects (log odds per SD)"


def repeat_offers(choices: Choices, answers: NDArray[np.integer] | None = None) -> pd.DataFrame:
    """List the offers of partners that the player had chosen before.

    Args:
        choices: The choices.
        answers: Other answers to the same offers, as places in the offer, `(n, rounds)`, such as those of a model that
            was teacher-forced; by default the choices themselves. Missed rounds stay missed.

    Returns:
        Columns `player` (row index), `round` (from 1), `stay` (whether the partner was chosen again), `rank` (its last
        rank as a value from 0, worst, to 1, best; NaN if it was hidden) and `outcome` (1 if it accepted last time, else
        0).
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
            rows = players[answered & ~np.isnan(outcome[players, partner])]
            at = (rows, partner[rows])
            found.append(np.stack([rows, np.full(len(rows), now + 1), answer[rows] == place, rank[at], outcome[at]]))
        rows = players[answered]
        at = (rows, offered[rows, choice[rows]])
        seen = choices.rank[rows, now].astype(float)
        rank[at] = np.where(seen > 0, (ranks - seen) / (ranks - 1), np.nan)
        outcome[at] = choices.outcome[rows, now]
    return pd.DataFrame(np.concatenate(found, axis=1).T, columns=["player", "round", "stay", "rank", "outcome"])


def stay_switch(choices: Choices, answers: NDArray[np.integer] | None = None) -> pd.DataFrame:
    r"""Estimate the effects of the last rank and the last outcome on choosing a partner again.

    Whenever a partner is offered that the player has chosen before, it is chosen again with the probability

    $$P(\text{stay}) = \frac{1}{1 + \exp(-b_0 - b_\text{rank} z_\text{rank} - b_\text{outcome} z_\text{outcome})}.$$

    The predictors are the value of the partner's last rank, $(K - r) / (K - 1)$ for rank $r$ of $K$, and its last
    outcome, 1 if it accepted, or its reward. Both are standardized over all such offers; a hidden rank counts as an
    average one.

    Args:
        choices: The choices.
        answers: Other answers to the same offers, as for `repeat_offers`.

    Returns:
        One row for each effect, `rank` and `outcome`, with the columns `estimate` (log odds for one standard
        deviation), `se` (clustered by player), `z`, `p`, `odds_ratio`, and the 95% interval `low`, `high` of the
        estimate. NaN where an effect can't be estimated: a predictor or the answers don't vary, the predictors are
        collinear, there are too few such offers, or the answers are perfectly separated.

    Examples:
        >>> import accept_reject as ar
        >>> choices, parameters = ar.simulate("population_babur2024")
        >>> effects = ar.stay_switch(choices)
        >>> effects.estimate.round(2).to_dict()
        {'rank': 0.25, 'outcome': 0.17}
        >>> effects.se.round(2).to_dict()
        {'rank': 0.06, 'outcome': 0.04}

    References:
        Babür, B. G., Leong, Y. C., Pan, C. X., & Hackel, L. M. (2024). Neural responses to social rejection reflect
        dissociable learning about relational value and reward. *PNAS*, 121(49), e2400022121.
        [doi:10.1073/pnas.2400022121](https://doi.org/10.1073/pnas.2400022121)
    """
    columns = ("estimate", "se", "z", "p", "odds_ratio", "low", "high")
    effects = pd.DataFrame(np.nan, index=pd.Index(EFFECTS, name="effect"), columns=list(columns))
    data, standardized = _predictors(choices, answers)
    if not len(standardized.columns) or data.stay.nunique() < 2 or data.player.nunique() < 2:
        return effects
    design = sm.add_constant(standardized)
    if len(design) <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return effects
    model = sm.Logit(data.stay, design)
    clusters = {"cov_type": "cluster", "cov_kwds": {"groups": data.player.astype(int)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is checked below
        try:
            fit = model.fit(disp=False, **clusters)
        except np.linalg.LinAlgError:
            return effects
    if not fit.mle_retvals["converged"] or not np.isfinite(fit.bse).all():
        return effects
    interval = fit.conf_int()
    for effect in standardized:
        b = fit.params[effect]
        row = (b, fit.bse[effect], fit.tvalues[effect], fit.pvalues[effect], np.exp(b), *interval.loc[effect])
        effects.loc[effect] = row
    return effects


def _predictors(choices: Choices, answers: NDArray[np.integer] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the repeated offers, and those of their predictors that vary, standardized."""
    data = repeat_offers(choices, answers)
    spread = data[list(EFFECTS)].std(ddof=0)
    usable = [effect for effect in EFFECTS if spread[effect] > 1e-9]
    return data, ((data[usable] - data[usable].mean()) / spread[usable]).fillna(0.0)


def mixed_stay_switch(choices: Choices) -> pd.DataFrame:
    """Estimate the same effects by a mixed-effects model, in which they and the intercept vary between participants.

    Args:
        choices: The choices.

    Returns:
        One row for each effect, as `mixed_logit` returns them.
    """
    data, standardized = _predictors(choices)
    fitted = mixed_logit(data.stay.to_numpy(bool), standardized.assign(constant=1.0), data.player.to_numpy(int))
    return fitted.reindex(pd.Index(EFFECTS, name="effect"))


def of_run(folder: Path) -> pd.DataFrame:
    """Read the effects in the folder of a run, with columns such as `scenario` and `agent` before the others."""
    return pd.read_csv(folder / "stay_switch.csv")


def to_rich(effects: pd.DataFrame) -> Table:
    """Format effects as a table for the terminal."""
    names = [column for column in ("scenario", "agent", "effect") if column in effects]
    last = {"sd": "SD of participants"} if "sd" in effects else {"odds_ratio": "odds ratio"}
    titles = {"estimate": "estimate", "se": "SE", "z": "z"} | last
    title = TITLE.replace(")", "; mixed model)") if "sd" in effects else TITLE
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=title, title_justify="left")
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in titles.values():
        table.add_column(name, justify="right")
    for row in effects.to_dict("records"):
        known = not np.isnan(row["estimate"])
        cells = [f"{row[name]:.{1 if name == 'z' else 2}f}" if known else "–" for name in titles]
        table.add_row(*(str(row[name]) for name in names), *cells)
    return table
