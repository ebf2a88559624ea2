"""All numbers of a training run as data frames: its history, and held-out prediction for imitation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from accept_reject.agents.baselines import WinStayLoseShift
from accept_reject.agents.networks.agent import RecurrentAgent
from accept_reject.agents.networks.base import Network
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.experiments.analysis.curves import curve_counts, curve_points
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.prediction import (
    DRAWS_SEED,
    lapse_rate,
    nll_per_choice,
    noise_ceiling,
    predict_with_group,
    with_lapses,
)
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import learner_class
from accept_reject.experiments.simulation.replay import choice_log_probability, replay
from accept_reject.experiments.train.loop import Progress
from accept_reject.experiments.train.participants import Split

NETWORK, CHANCE, CEILING = "network", "chance", "noise ceiling"
"""Players in tables: the trained network, uniformly random choices, and the best possible prediction."""

FREE_RUNNING_EPISODES = 200
"""Minimum number of free-running episodes if the participants' own episodes are unknown."""


def history(progress: Progress) -> pd.DataFrame:
    """The history of a training run, with a row for each scalar: `rounds`, `run`, `name`, `value`."""
    return pd.DataFrame(progress.history, columns=["rounds", "run", "name", "value"])


def imitation_frames(network: Network[Any], split: Split, models: Sequence[Model]) -> dict[str, pd.DataFrame]:
    """Compare an imitation network with other players on held-out participants.

    The other players are chance, win-stay-lose-shift with the lapse rate that fits the training participants best, and
    cognitive models whose group is fitted to them. For a population there are also the true player, with each
    participant's own parameters, and the noise ceiling: the Bayesian mixture over the population, updated with each
    participant's past choices. No predictor that does not know a participant can be expected to do better, so that

        share_explained = (chance - nll) / (chance - noise ceiling)

    is the share of the explainable information that a player explains.

    Args:
        network: The trained network.
        split: The participants.
        models: Cognitive models to fit to all but the test participants.

    Returns:
        `participants` (the NLL per choice of each participant under each player), `held_out` (a row for each player)
        and, if the game is known, those of `free_running`.
    """
    by_participant = _nll_by_participant(network, split, models)
    frames = {"participants": by_participant, "held_out": summarize(by_participant)}
    if split.game:
        seed, n = DRAWS_SEED, max(FREE_RUNNING_EPISODES, len(split.test))
        if split.population:
            seed, n = split.population.seed, len(split.test)  # the participants' own episodes
        frames |= free_running(network, split.test, draw(split.game, seed, n))
    return frames


def _nll_by_participant(network: Network[Any], split: Split, models: Sequence[Model]) -> pd.DataFrame:
    known, test = split.known, split.test
    nll = {}
    for model in models:
        nll[model.name] = nll_per_choice(predict_with_group(model, known, test), test)
    with torch.no_grad():
        log_policy = choice_log_probability(network.teacher_forced(test).log_policy, test).double().cpu().numpy()
        simple = WinStayLoseShift()
        rate = lapse_rate(replay(simple, known).exp().numpy(), known)
        lapsing = with_lapses(replay(simple, test).exp().numpy(), test, rate)
        nll = {
            NETWORK: nll_per_choice(log_policy, test),
            CHANCE: np.full(len(test), np.log(test.game.offered)),
            "win-stay-lose-shift": nll_per_choice(lapsing, test),
            **nll,
        }
        if split.population and split.parameters:
            truth = learner_class(split.population.agent)(**split.parameters)
            nll["true player"] = nll_per_choice(replay(truth, test).numpy(), test)
            nll[CEILING] = nll_per_choice(noise_ceiling(split.population, test), test)
    return pd.DataFrame({"participant": test.names(), **nll})


def summarize(by_participant: pd.DataFrame) -> pd.DataFrame:
    """Average over participants, with a row for each player.

    Returns:
        Columns `player`, `nll` with its 95% interval `low`, `high`, `likelihood` (the geometric mean probability of a
        choice) and, if there is a noise ceiling, `share_explained`.
    """
    nll = by_participant.drop(columns="participant")
    means = nll.mean()
    rows = []
    for player in nll:
        interval = mean_interval(nll[player])
        row = {"player": player, "nll": interval.mean, "low": interval.low, "high": interval.high}
        row["likelihood"] = np.exp(-interval.mean)
        if CEILING in means:
            row["share_explained"] = (means[CHANCE] - means[player]) / (means[CHANCE] - means[CEILING])
        rows.append(row)
    return pd.DataFrame(rows)


def free_running(network: Network[Any], participants: Choices, episodes: Episodes) -> dict[str, pd.DataFrame]:
    """Let the network play on its own, and compare its behavior with that of the participants.

    Returns:
        `stay_switch` (as from `analysis.stay_switch`, with a column `player`) and `learning_curves` (shares 0..1 by
        `curve`, `player` and `round`, with 95% intervals).
    """
    with torch.no_grad():
        both = {"participants": participants, NETWORK: play(RecurrentAgent(network), episodes)}
    effects = [stay_switch(choices).reset_index().assign(player=player) for player, choices in both.items()]
    middle = curve_points(participants.game).middle
    curves = [
        pd.DataFrame({"curve": name, "player": player, "round": middle, **counts.interval._asdict()})
        for player, choices in both.items()
        for name, counts in curve_counts(choices).items()
    ]
    return {
        "stay_switch": pd.concat(effects, ignore_index=True),
        "learning_curves": pd.concat(curves, ignore_index=True),
    }
