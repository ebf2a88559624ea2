"""Predictive checks: do players with the fitted parameters behave like the participants?

If the game is known, simulated players with the fitted parameters play new episodes (free-running), without the rounds
that a participant missed. Otherwise they respond to the participants' own offers and feedback, one step ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.analysis.curves import Floats, curve_counts, curve_points, learning_curves
from accept_reject.experiments.analysis.intervals import Interval, mean_of_defined, spread
from accept_reject.experiments.analysis.stay_switch import EFFECTS, stay_switch
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.fit.config import PARTICIPANTS
from accept_reject.experiments.inference.fit import ModelFit
from accept_reject.experiments.simulation.play import play, sample
from accept_reject.experiments.simulation.replay import evidence_over_rounds
from accept_reject.random import Stream, generator

_COUNTED = {"valuing": "choices of valuing partners", "accepted": "acceptances"}
"""What the learning curves are shares of."""


@dataclass(frozen=True, eq=False)
class Check:
    """Participants and simulated players with their fitted parameters.

    Attributes:
        free_running: Whether the simulated players played new episodes, rather than responding one step ahead.
        rounds: The middle round of each point of the curves.
        curves: Learning curves by name and player: those of the participants with 95% intervals over participants, and
            those of each model as mean and central 95% of the simulations.
        effects: A row for each stay/switch effect of each player that can be estimated; columns `player`, `effect`,
            `estimate`, and `low`, `high` as for the curves.
        statistics: A row for each summary statistic of each model; columns `model`, `statistic`, `observed` in the
            participants, `predicted` (the mean of the simulated studies) with their central 95% `low`, `high`, and the
            two-sided posterior predictive p-value `p`, which is at least 2 / (simulations + 1).
    """

    free_running: bool
    rounds: Floats
    curves: dict[tuple[str, str], Interval]
    effects: pd.DataFrame
    statistics: pd.DataFrame

    def curves_frame(self) -> pd.DataFrame:
        """Return the curves as a table: `curve`, `player`, `round`, and shares `mean`, `low`, `high`; without NaN."""
        parts = [
            pd.DataFrame({"curve": curve, "player": player, "round": self.rounds, **interval._asdict()})
            for (curve, player), interval in self.curves.items()
        ]
        columns = ["curve", "player", "round", "mean", "low", "high"]
        return pd.concat(parts).dropna().reset_index(drop=True) if parts else pd.DataFrame(columns=columns)


def check(
    fits: dict[str, ModelFit],
    data: Data,
    simulations: int,
    seed: int,
    on_simulated: Callable[[int], None] = lambda _: None,
) -> Check:
    """Simulate studies from fitted participants, and compare them with the data.

    Args:
        fits: The fits by the models' names.
        data: The data that they were fitted to.
        simulations: Number of studies for each model; parameters are drawn from the participants' posteriors.
        seed: Seed of the simulations.
        on_simulated: Called with the number of studies simulated since the last call.
    """
    choices = data.choices
    curves: dict[tuple[str, str], Interval] = {}
    for name, counts in curve_counts(choices, outcomes=data.game_known).items():
        curves[name, PARTICIPANTS] = counts.interval
    observed = stay_switch(choices).reset_index()
    means = {name: interval.mean for (name, _), interval in curves.items()}
    summary, statistics = _summarize(means, observed.estimate.to_numpy()), []
    effects = [observed[["effect", "estimate", "low", "high"]].assign(player=PARTICIPANTS)]
    for model, fit in fits.items():
        simulated: dict[str, list[Floats]] = {}
        estimates: list[Floats] = []
        for i in range(simulations):
            rng = generator(seed, Stream.PREDICTIVE_CHECK, i)
            study_seed = int(rng.integers(2**31))
            parameters = fit.draw(rng)
            if data.game_known:
                episodes = draw(choices.game, study_seed, len(choices))
                study = play(fit.fit.model.agent(parameters), episodes, study_seed)
                study = replace(study, choice=np.where(choices.missed, choices.choice, study.choice))
                estimates.append(stay_switch(study).estimate.to_numpy())
            else:
                study = _one_step_ahead(fit, parameters, choices, study_seed)
                estimates.append(stay_switch(choices, study.choice).estimate.to_numpy())
            for name, curve in learning_curves(study, outcomes=data.game_known).items():
                simulated.setdefault(name, []).append(mean_of_defined(curve))
            on_simulated(1)
        for name, each in simulated.items():
            curves[name, model] = spread(np.array(each))
        interval = spread(np.array(estimates))
        columns = {"estimate": interval.mean, "low": interval.low, "high": interval.high}
        effects.append(pd.DataFrame({"player": model, "effect": EFFECTS, **columns}))
        studies = [
            _summarize({name: each[i] for name, each in simulated.items()}, estimates[i]) for i in range(simulations)
        ]
        statistics += [
            {"model": model, "statistic": name, **_compare(value, np.array([study[name] for study in studies]))}
            for name, value in summary.items()
            if np.isfinite(value)
        ]
    table = pd.concat(effects)[["player", "effect", "estimate", "low", "high"]]
    return Check(
        free_running=data.game_known,
        rounds=curve_points(choices.game).middle,
        curves=curves,
        effects=table.dropna().reset_index(drop=True),
        statistics=pd.DataFrame(statistics),
    )


def _summarize(curves: dict[str, Floats], effects: Floats) -> dict[str, float]:
    """Compute the summary statistics of a study: levels and gains of its learning curves, and its stay/switch effects.

    Args:
        curves: The mean of each learning curve over players, `(points,)`, by name.
        effects: The stay/switch effects, in the order of `EFFECTS`.
    """
    found = {}
    for name, points in curves.items():
        third = max(1, len(points) // 3)
        early, late = mean_of_defined(points[:third]), mean_of_defined(points[-third:])
        found[f"share of {_COUNTED[name]}"] = float(mean_of_defined(points))
        found[f"gain in the share of {_COUNTED[name]}"] = float(late - early)
    return found | {f"effect of {name} on staying": float(each) for name, each in zip(EFFECTS, effects, strict=True)}


def smallest_p(simulations: int) -> float:
    """Return the smallest possible p-value with this number of simulated studies."""
    return 2 / (simulations + 1)


def _compare(observed: float, simulated: Floats) -> dict[str, float]:
    """Compare a statistic with those of simulated studies, `(studies,)`."""
    simulated = simulated[np.isfinite(simulated)]
    below, above = (simulated <= observed).sum(), (simulated >= observed).sum()
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + len(simulated)))
    mean, low, high = spread(simulated) if len(simulated) else (np.nan, np.nan, np.nan)
    return {"observed": observed, "predicted": float(mean), "low": float(low), "high": float(high), "p": float(p)}


def _one_step_ahead(fit: ModelFit, parameters: torch.Tensor, choices: Choices, seed: int) -> Choices:
    """Simulate choices given each participant's own offers and feedback so far; missed rounds stay missed."""
    agent = fit.fit.model.agent(parameters)
    with torch.no_grad():
        policy = agent.log_policy(evidence_over_rounds(agent, choices)).exp().numpy()
    answer = sample(policy, np.random.default_rng(seed).random(policy.shape[:2]))
    return replace(choices, choice=np.where(choices.missed, choices.choice, answer).astype(np.int8))
