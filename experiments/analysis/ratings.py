"""Ratings of partners: effects of their ranks and outcomes, and agreement with a model's beliefs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from accept_reject.envs.choices import Choices
from accept_reject.experiments.analysis.intervals import UNKNOWN, mean_interval, mean_of_defined

FACTORS = ("rank", "outcome")
EFFECTS = ("rank", "outcome", "rank:outcome")

FEWEST_RATINGS = 3
"""With fewer ratings of a participant, a correlation says nothing."""


class Levels(NamedTuple):
    """Ratings with the levels of the rated partners.

    Attributes:
        ratings: The ratings with columns `rank` (whether the partner's ranks are good) and `outcome` (whether it
            accepts often), each True, False or None.
        origin: Where the levels are from.
    """

    ratings: pd.DataFrame
    origin: str

    @property
    def factors(self) -> list[str]:
        """The known levels."""
        return [name for name in FACTORS if name in self.ratings]

    @property
    def known(self) -> pd.DataFrame:
        """The ratings of partners with known levels."""
        return self.ratings.dropna(subset=self.factors).astype(dict.fromkeys(self.factors, bool))


def with_levels(ratings: pd.DataFrame, choices: Choices) -> Levels:
    """Add the levels of the rated partners, unless the ratings have them.

    They are from the hidden state if it is known: how much the partner values the participant, and the probability that
    it accepts, each above or below the mean over the participant's partners. Otherwise they are from what the
    participant experienced: the mean of the partner's ranks and its share of acceptances. Levels of partners whose
    ranks were never shown, or that were never chosen, are None.

    Args:
        ratings: Ratings, see `Data.ratings`.
        choices: The choices of the same participants.
    """
    if any(name in ratings for name in FACTORS):
        return Levels(ratings, "the table of ratings")
    if choices.valuation is not None and choices.acceptance is not None:
        values = {"rank": _of_offers(choices, choices.valuation), "outcome": _of_offers(choices, choices.acceptance)}
        origin = "the partners' hidden valuations and probabilities of accepting"
    else:
        values = experience(choices)
        origin = "the ranks and outcomes that participants saw"
    found = ratings.copy()
    for name, value in values.items():
        level = value[ratings.player, ratings.partner]
        if np.isnan(level).all():
            continue
        middle = np.array([mean_of_defined(row) for row in value])[ratings.player]
        found[name] = pd.Series(level > middle, ratings.index).astype(object).where(~np.isnan(level), None)
    return Levels(found, origin)


def experience(choices: Choices) -> dict[str, NDArray[np.float64]]:
    """Compute what participants saw of each partner: the mean value of its ranks, and its share of acceptances.

    Returns:
        `rank`, from 0 (worst) to 1, and `outcome`, each `(n, partners)`, NaN where a partner was never chosen or its
        ranks were hidden.
    """
    made = ~choices.missed
    player = np.nonzero(made)[0]
    partner = choices.of_chosen(choices.offered)[made].astype(np.int64)
    rank, ranks = choices.rank[made].astype(np.float64), choices.game.ranks
    seen = {"rank": np.where(rank > 0, (ranks - rank) / (ranks - 1), np.nan), "outcome": choices.outcome[made]}
    found = {}
    for name, values in seen.items():
        table = np.full((len(choices), choices.game.n_partners), np.nan)
        means = pd.Series(values).groupby([player, partner]).mean()
        table[means.index.get_level_values(0), means.index.get_level_values(1)] = means
        found[name] = table
    return found


def _of_offers(choices: Choices, of_offered: NDArray[np.floating]) -> NDArray[np.float64]:
    """The mean hidden state of each partner over the rounds in which it was on offer, `(n, partners)`."""
    total, count = (np.zeros((len(choices), choices.game.n_partners)) for _ in range(2))
    at = np.arange(len(choices))[:, None, None], choices.offered
    played = choices.played[..., None].astype(np.float64)
    np.add.at(total, at, of_offered * played)
    np.add.at(count, at, played)
    with np.errstate(invalid="ignore"):
        return total / count


def anova(levels: Levels) -> pd.DataFrame:
    r"""Compute the repeated-measures analysis of variance of mean ratings: rank x outcome.

    Args:
        levels: Ratings of one time with the levels of partners.

    Returns:
        A row for each effect (`rank`, `outcome`, `rank:outcome`; one if only one level is known), with the means of
        ratings `high` and `low` for both levels (NaN for the interaction), `F`, `df1`, `df2`, `p`, and
        $\eta_p^2 = F \, df_1 / (F \, df_1 + df_2)$ as `partial_eta2`. Participants without ratings of all kinds of
        partners are left out. NaN where fewer than two are left, or if ratings do not vary.

    References:
        Babür, B. G., Leong, Y. C., Pan, C. X., & Hackel, L. M. (2024). Neural responses to social rejection reflect
        dissociable learning about relational value and reward. *PNAS*, 121(49), e2400022121.
        [doi:10.1073/pnas.2400022121](https://doi.org/10.1073/pnas.2400022121)
    """
    factors = levels.factors
    effects = EFFECTS if len(factors) == 2 else tuple(factors)
    found = pd.DataFrame(
        np.nan, index=pd.Index(effects, name="effect"), columns=["high", "low", "F", "df1", "df2", "p", "partial_eta2"]
    )
    cells = complete_cells(levels)
    long = cells.stack(factors, future_stack=True).rename("rating").reset_index()
    if len(cells) < 2:
        return found
    for name in factors:
        found.loc[name, ["high", "low"]] = [long.rating[long[name] == level].mean() for level in (True, False)]
    within = long.rating - long.groupby("player").rating.transform("mean")
    if not within.abs().max() > 1e-12:
        return found
    with np.errstate(divide="ignore", invalid="ignore"):
        table = AnovaRM(long, "rating", "player", within=factors).fit().anova_table
    f, df1, df2 = (table[name].to_numpy() for name in ("F Value", "Num DF", "Den DF"))
    found[["F", "df1", "df2", "p"]] = np.stack([f, df1, df2, table["Pr > F"].to_numpy()], axis=1)
    found["partial_eta2"] = f * df1 / (f * df1 + df2)
    return found


def complete_cells(levels: Levels) -> pd.DataFrame:
    """Return the mean ratings of each kind of partner, for participants (`player`) that rated all kinds."""
    factors = levels.factors
    if not factors:
        return pd.DataFrame()
    cells = levels.known.groupby(["player", *factors]).rating.mean().unstack(factors)
    return cells.dropna() if cells.shape[1] == 2 ** len(factors) else cells.iloc[:0]


def mixed_model(levels: Levels) -> pd.DataFrame:
    """Fit a linear mixed model to all ratings: effects of rank and outcome that vary between participants.

    Levels are coded 0.5 and -0.5, so that an effect is the difference between ratings. Intercepts and effects of rank
    and outcome vary between participants, without correlations, and are estimated by restricted maximum likelihood.

    Args:
        levels: Ratings of one time with the levels of partners.

    Returns:
        A row for each effect with `estimate`, `se`, `z`, `p`, the 95% interval `low`, `high`, and `sd`, its standard
        deviation between participants (NaN for the interaction). NaN if the model can't be fitted.
    """
    factors = levels.factors
    effects = EFFECTS if len(factors) == 2 else tuple(factors)
    columns = ["estimate", "se", "z", "p", "low", "high", "sd"]
    found = pd.DataFrame(np.nan, index=pd.Index(effects, name="effect"), columns=columns)
    known = levels.known
    coded = known.assign(**{name: known[name] - 0.5 for name in factors})
    if coded.player.nunique() < 2 or any(coded[name].nunique() < 2 for name in factors):
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of 0 is no problem
        try:
            fit = smf.mixedlm(
                f"rating ~ {' * '.join(factors)}",
                coded,
                groups="player",
                vc_formula={name: f"0 + {name}" for name in factors},
                re_formula="1",
            ).fit()
        except (np.linalg.LinAlgError, ValueError):
            return found
    if not np.isfinite(fit.bse_fe).all():
        return found
    interval = fit.conf_int()
    spread = dict(zip(fit.model.exog_vc.names, np.sqrt(fit.vcomp), strict=True))
    for name in effects:
        fixed = fit.fe_params[name], fit.bse_fe[name], fit.tvalues[name], fit.pvalues[name]
        found.loc[name] = (*fixed, *interval.loc[name], spread.get(name, np.nan))
    return found


def correlations(ratings: pd.DataFrame, beliefs: Mapping[str, NDArray[np.float64]]) -> pd.DataFrame:
    """Correlate the ratings of each participant with a model's beliefs about the same partners.

    Args:
        ratings: Ratings of one time, see `Data.ratings`.
        beliefs: Beliefs by name, each `(n, partners)`; NaN where there is none.

    Returns:
        A row for each belief with the mean correlation `r` over participants, its 95% interval `low`, `high` by
        Student's t, `p`, and the number of `participants`: those with at least three ratings, which vary.
    """
    rows = []
    for name, belief in beliefs.items():
        each = ratings.assign(belief=belief[ratings.player, ratings.partner]).dropna(subset=["belief"])
        groups = each.groupby("player")
        usable = (groups.size() >= FEWEST_RATINGS) & (groups.rating.std() > 1e-9) & (groups.belief.std() > 1e-9)
        kept = each[each.player.map(usable).astype(bool)]
        r = [part.rating.corr(part.belief) for _, part in kept.groupby("player")]
        with np.errstate(divide="ignore", invalid="ignore"):  # participants with the same correlation
            t = np.mean(r) / stats.sem(r) if len(r) > 1 else np.nan
        p = 2 * stats.t.sf(np.abs(t), len(r) - 1)
        interval = np.clip(mean_interval(r), -1, 1) if r else UNKNOWN  # Student's t knows no bounds
        rows.append((name, *interval, p, len(r)))
    return pd.DataFrame(rows, columns=["belief", "r", "low", "high", "p", "participants"]).set_index("belief")
