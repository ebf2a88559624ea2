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
from accept_reject.experiments.analysis.curves import Floats, curve_points, learning_curves
from accept_reject.experiments.analysis.intervals import Interval, mean_interval, mean_of_defined, spread
from accept_reject.experiments.analysis.stay_switch import EFFECTS, stay_switch
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.fit.config import PARTICIPANTS
from accept_reject.experiments.inference.fit import ModelFit
from accept_reject.experiments.simulation.play import play, sample
from accept_reject.experiments.simulation.replay import evidence_over_rounds
from accept_reject.random import Stream, generator


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
    """

    free_running: bool
    rounds: Floats
    curves: dict[tuple[str, str], Interval]
    effects: pd.DataFrame

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
    for name, curve in learning_curves(choices, outcomes=data.game_known).items():
        curves[name, PARTICIPANTS] = mean_interval(curve)
    observed = stay_switch(choices).reset_index()
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
    table = pd.concat(effects)[["player", "effect", "estimate", "low", "high"]]
    return Check(data.game_known, curve_points(choices.game).middle, curves, table.dropna().reset_index(drop=True))


def _one_step_ahead(fit: ModelFit, parameters: torch.Tensor, choices: Choices, seed: int) -> Choices:
    """Simulate choices given each participant's own offers and feedback so far; missed rounds stay missed."""
    agent = fit.fit.model.agent(parameters)
    with torch.no_grad():
        policy = agent.log_policy(evidence_over_rounds(agent, choices)).exp().numpy()
    answer = sample(policy, np.random.default_rng(seed).random(policy.shape[:2]))
    return replace(choices, choice=np.where(choices.missed, choices.choice, answer).astype(np.int8))
