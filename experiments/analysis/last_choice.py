"""How the outcomes of the last rounds affect the next choice: the usual analysis of bandit tasks."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from rich.box import SIMPLE_HEAD
from rich.table import Table

from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.analysis.mixed_logit import mixed_logit

LAGS = 5
"""Number of rounds that are looked back."""

FEW_CLUSTERS = 10
"""With fewer participants, clustered standard errors are too small."""

KINDS = ("outcome", "choice")


def histories(choices: Choices, lags: int = LAGS) -> pd.DataFrame:
    """List the choices between two partners, with what happened in the player's last rounds.

    Args:
        choices: Choices with two partners in each offer.
        lags: Number of earlier rounds in which the player made a choice.

    Returns:
        Columns `player` (row index), `second` (whether the second partner was chosen), and for each lag `choice_1`,
        ...: 1 if the second partner was chosen then, -1 if it was the first one, else 0; and `outcome_1`, ...: the
        same, but 0 after a rejection, or times the reward if it is graded. Rounds before the first choice count as 0.

    Raises:
        InvalidInputError: If there are not two partners in each offer.
    """
    if choices.game.offered != 2:
        raise InvalidInputError("choices", [f"must be between 2 partners, got {choices.game.offered} in each offer"])
    made = ~choices.missed
    player, place = np.nonzero(made)[0], choices.choice[made].astype(np.int64)
    offered, outcome = choices.offered[made].astype(np.int64), choices.outcome[made]
    partner = offered[np.arange(len(place)), place]
    columns = {"player": player, "second": place}
    for lag in range(1, lags + 1):
        same_player = player[lag:] == player[:-lag]
        before, won = np.full(len(place), -1), np.zeros(len(place))
        before[lag:] = np.where(same_player, partner[:-lag], -1)
        won[lag:] = same_player * outcome[:-lag]
        chosen = (before == offered[:, 1]).astype(np.int64) - (before == offered[:, 0])
        columns |= {f"choice_{lag}": chosen, f"outcome_{lag}": chosen * won}
    return pd.DataFrame(columns)


def last_choice(choices: Choices, lags: int = LAGS) -> pd.DataFrame:
    r"""Estimate how choices and outcomes of the last rounds affect the next choice.

    The second of two partners is chosen with the probability

    $$P = \frac{1}{1 + \exp\big(-b_0 - \sum_{k=1}^{5} (b_k x_k + c_k y_k)\big)},$$

    where $y_k$ is 1 if it was chosen $k$ rounds ago, -1 if the other partner on offer was, and 0 otherwise, and $x_k$
    is the same, but 0 after a rejection. So $c_1$ are the log odds of choosing the last partner again after a
    rejection, where it is on offer, and $c_1 + b_1$ those after an acceptance.

    Args:
        choices: Choices with two partners in each offer.
        lags: Number of earlier rounds.

    Returns:
        A row for each effect (`outcome`, `choice`) and lag, with `estimate` (log odds), `se` (clustered by player),
        `z`, `p`, and the 95% interval `low`, `high`. NaN where it can't be estimated, because partners of earlier
        rounds are hardly ever on offer again.

    Raises:
        InvalidInputError: If there are not two partners in each offer.

    References:
        Lau, B., & Glimcher, P. W. (2005). Dynamic response-by-response models of matching behavior in rhesus monkeys.
        *Journal of the Experimental Analysis of Behavior*, 84(3), 555-579.
        [doi:10.1901/jeab.2005.110-04](https://doi.org/10.1901/jeab.2005.110-04)
    """
    data = histories(choices, lags)
    names = [f"{kind}_{lag}" for kind in KINDS for lag in range(1, lags + 1)]
    found = pd.DataFrame(np.nan, index=names, columns=["estimate", "se", "z", "p", "low", "high"])
    design = sm.add_constant(data[names].astype(float))
    solvable = len(design) > design.shape[1] and np.linalg.matrix_rank(design) == design.shape[1]
    if solvable and data.second.nunique() == 2 and data.player.nunique() > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence is checked below
            try:
                fit = sm.Logit(data.second, design).fit(
                    disp=False, cov_type="cluster", cov_kwds={"groups": data.player}
                )
            except np.linalg.LinAlgError:
                fit = None
        if fit is not None and fit.mle_retvals["converged"] and np.isfinite(fit.bse).all():
            interval = fit.conf_int()
            for name in names:
                row = (fit.params[name], fit.bse[name], fit.tvalues[name], fit.pvalues[name], *interval.loc[name])
                found.loc[name] = row
    return _by_lag(found)


def mixed_last_choice(choices: Choices, lags: int = LAGS) -> pd.DataFrame:
    """Estimate the same effects by a mixed-effects model, in which all of them vary between participants.

    Args:
        choices: Choices with two partners in each offer.
        lags: Number of earlier rounds.

    Returns:
        A row for each effect and lag, with what `mixed_logit` returns.

    Raises:
        InvalidInputError: If there are not two partners in each offer.
    """
    data = histories(choices, lags)
    predictors = data.drop(columns=["player", "second"]).assign(constant=1.0)
    fitted = mixed_logit(data.second.to_numpy(bool), predictors, data.player.to_numpy())
    return _by_lag(fitted.loc[[f"{kind}_{lag}" for kind in KINDS for lag in range(1, lags + 1)]])


def _by_lag(found: pd.DataFrame) -> pd.DataFrame:
    """Split names such as `outcome_1` into the columns `effect` and `lag`."""
    kinds, rounds = zip(*(name.split("_") for name in found.index), strict=True)
    found.insert(0, "effect", kinds)
    found.insert(1, "lag", [int(each) for each in rounds])
    return found.reset_index(drop=True)


def stay_rates(choices: Choices) -> tuple[int, float, float]:
    """Count how often the partner of a player's last choice is on offer again, and how often it is then chosen.

    Returns:
        Number of such offers, and the share that chose it again after an acceptance and after a rejection (NaN if there
        are none).
    """
    data = histories(choices, 1)
    again = data[data.choice_1 != 0]
    won = again.outcome_1.abs() > 0.5
    stayed = (again.choice_1 == 1) == (again.second == 1)
    return len(again), float(stayed[won].mean()), float(stayed[~won].mean())


def in_words(choices: Choices) -> str:
    """Describe how often the partner of the last choice is chosen again; empty if it is never on offer again."""
    count, *shares = stay_rates(choices)
    parts = [
        f"in {share:.0%} of them after {outcome}"
        for share, outcome in zip(shares, ("an acceptance", "a rejection"), strict=True)
        if np.isfinite(share)
    ]
    if not parts:
        return ""
    return f"The last partner was on offer again in {count:,} rounds, and was chosen again {' and '.join(parts)}."


def to_rich(effects: pd.DataFrame) -> Table:
    """Format effects as a table for the terminal, a row for each lag."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title_justify="left")
    mixed = "sd" in effects
    table.title = "Effects of the last rounds (log odds" + ("; mixed model)" if mixed else ")")
    last, third = ("SD", "sd") if mixed else ("z", "z")
    for name in ("rounds ago", "outcome", "SE", last, "choice", "SE", last):
        table.add_column(name, justify="right")
    for lag, part in effects.groupby("lag"):
        cells = [str(lag)]
        for kind in KINDS:
            row = part[part.effect == kind].iloc[0]
            numbers = (f"{round(row.estimate, 2) + 0.0:.2f}", f"{row.se:.2f}", f"{row[third]:.{2 if mixed else 1}f}")
            cells += numbers if np.isfinite(row.estimate) else ("–", "–", "–")
        table.add_row(*cells)
    return table
