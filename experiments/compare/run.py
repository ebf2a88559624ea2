"""Comparison: agents play the participants' game, and predict the participants' choices.

If the participants' own episodes are known (those of a population), agents play the same episodes with common random
numbers, so that curves differ only because players do. If only the game is known, they play other episodes of it; if
the game is unknown, too, they only predict choices.

Predictions are held out: participants are divided into folds, and everything that is fitted (the group of a model, the
lapse rate of an agent) is fitted to the other folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from accept_reject.agents.base import Agent
from accept_reject.agents.registry import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.errors import InvalidInputError, within
from accept_reject.experiments.analysis.curves import AXES, By, Floats, Points, curve_counts, curve_points
from accept_reject.experiments.analysis.intervals import (
    UNKNOWN,
    Interval,
    curve_distance,
    mean_interval,
    mean_of_defined,
)
from accept_reject.experiments.analysis.scores import ANCHORED, insight, score
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.compare.config import FITTED, CompareConfig, ParticipantsEntry
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.inference.hierarchical import fit_hierarchically
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.prediction import (
    LAPSE_RATES,
    STARTS,
    lapse_rate,
    nll_per_choice,
    predict_with_group,
    with_lapses,
)
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps
from accept_reject.experiments.simulation.play import play_with_beliefs
from accept_reject.experiments.simulation.replay import replay
from accept_reject.random import Stream, generator

PARTICIPANTS = "participants"
"""Name of the participants among the players."""

FIRST_SEED, MIN_EPISODES = 10_000, 200
"""First seed, as in the benchmark, and minimum number of episodes to play if the participants' own are unknown."""


class Curve(NamedTuple):
    """A learning curve: shares from 0 to 1.

    Attributes:
        values: The curve of each episode, `(n, points)`; NaN where an episode has no value.
        mean: The mean over episodes with its 95% interval, `(points,)` each.
    """

    values: Floats
    mean: Interval


class Player(NamedTuple):
    """The results of a player, or of the participants themselves.

    Attributes:
        name: Its name in tables and figures.
        curves: Learning curves, by what they are plotted against and by name; empty if it did not play.
        scores: Scores by name with 95% intervals over episodes; NaN where they are unknown.
        effects: Stay/switch effects, as from `stay_switch`; None if it did not play.
        nll: Held-out NLL per choice of each participant, `(n,)`; None for the participants themselves.
        distances: Distance of its learning curves by round from the participants', 0..1, by name.
        reason: Why it can't predict the participants; empty if it can.
    """

    name: str
    curves: dict[By, dict[str, Curve]]
    scores: dict[str, Interval]
    effects: pd.DataFrame | None
    nll: Floats | None
    distances: dict[str, Interval]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The participants of one data set, and all players.

    Attributes:
        entry: The data set's entry in the config.
        data: The participants' choices.
        own_episodes: Whether the players played the participants' own episodes; None if they did not play.
        points: The points of the curves, by what they are plotted against.
        participants: The results of the participants.
        players: The results of the players.
    """

    entry: ParticipantsEntry
    data: Data
    own_episodes: bool | None
    points: dict[By, Points]
    participants: Player
    players: tuple[Player, ...]

    @cached_property
    def ranked(self) -> tuple[Player, ...]:
        """The players that predict, by their mean NLL, the lowest first."""
        known = [player for player in self.players if player.nll is not None]
        return tuple(sorted(known, key=lambda player: float(mean_of_defined(player.nll))))

    @cached_property
    def behind_the_best(self) -> dict[str, Interval]:
        """Difference between each player's NLL and that of the best player, which has the lowest mean NLL, by name.

        All players predict the same choices, so these are intervals of paired differences, which don't include the much
        larger variability between participants. The best player is left out, as are participants whose NLL is undefined
        under either player.
        """
        if not self.ranked:
            return {}
        best, *others = self.ranked
        assert best.nll is not None
        return {player.name: mean_interval(player.nll - best.nll) for player in others if player.nll is not None}


@dataclass(frozen=True, eq=False)
class CompareResults:
    """The results of a comparison.

    Attributes:
        config: The config.
        comparisons: One for each data set.
    """

    config: CompareConfig
    comparisons: tuple[Comparison, ...]


def run(config: CompareConfig, data: Sequence[Data], on_progress: OnProgress = silent) -> CompareResults:
    """Compare players with the participants of each data set.

    Args:
        config: The config.
        data: The choices of each entry of `config.participants`.
        on_progress: Called with the data set and the share of players that are done.

    Raises:
        InvalidInputError: If there are too few participants.
    """
    for entry, each in zip(config.participants, data, strict=True):
        if config.models and len(each.choices) < config.folds:
            n = len(each.choices)
            remedy = f"; write `folds: {n}`" if n > 1 else ""
            problem = f"must have at least as many participants as folds ({config.folds}), got {n}{remedy}"
            raise InvalidInputError(entry.name, [problem])
    pairs = zip(config.participants, data, strict=True)
    return CompareResults(config, tuple(_compare(config, entry, each, on_progress) for entry, each in pairs))


def _compare(config: CompareConfig, entry: ParticipantsEntry, data: Data, on_progress: OnProgress) -> Comparison:
    step = steps(on_progress, entry.name, len(config.agents) + len(config.models))
    episodes = own_episodes(data)
    own = episodes is not None
    if episodes is None and data.game_known:
        episodes = draw(data.choices.game, FIRST_SEED + config.seed, other_episodes(data.choices))
    folds = np.arange(len(data.choices)) % min(config.folds, len(data.choices))
    folds = generator(config.seed, Stream.FOLDS).permutation(folds)
    participants = _participants(data)
    players = []
    for agent_entry in config.agents:
        agent = make_agent(agent_entry.agent, agent_entry.params)
        with within(f"agent {agent_entry.name}"):
            nll, reason = _agent_nll(agent, data, folds)
            player = _player(agent_entry.name, agent, episodes, own, nll, participants)
            players.append(player._replace(reason=reason))
        step(1)
    for model_entry in config.models:
        model = model_entry.resolve()
        fitted = None if episodes is None else _fitted_agent(model, data.choices, len(episodes), config.seed)
        model_nll = _model_nll(model, data.choices, folds)
        players.append(_player(model_entry.name + FITTED, fitted, episodes, own, model_nll, participants))
        step(1)
    if episodes is None and all(player.nll is None for player in players):
        reasons = [f"{player.name}: {player.reason}" for player in players]
        raise InvalidInputError(entry.name, ["no player can predict these participants", *reasons])
    axes = {by: curve_points(data.choices.game, by) for by in AXES}
    return Comparison(entry, data, own if episodes is not None else None, axes, participants, tuple(players))


def own_episodes(data: Data) -> Episodes | None:
    """Return the participants' own episodes; None if they are not known.

    They are known for a population, and for data whose `participants.tsv` has the seed and the episode of each
    participant, if their offers are those in the data.
    """
    if data.population is not None:
        return draw(data.population.game.resolve(), data.population.seed, data.population.participants)
    choices, table = data.choices, data.participants
    if table is None or not data.game_known or not {"seed", "episode"} <= set(table):
        return None
    drawn = table[["seed", "episode"]]
    if not drawn.apply(lambda column: column.str.fullmatch(r"\d{1,10}")).all(axis=None):
        return None
    episodes = Episodes.join([draw(choices.game, int(seed), 1, int(episode)) for seed, episode in drawn.to_numpy()])
    same = (episodes.offered == choices.offered).all(axis=2) | ~choices.played
    return episodes if same.all() else None


def other_episodes(choices: Choices) -> int:
    """Return the number of episodes that agents play if the participants' own are unknown."""
    return max(len(choices), MIN_EPISODES)


def _participants(data: Data) -> Player:
    choices = data.choices
    effects = stay_switch(choices).reset_index()
    return Player(PARTICIPANTS, _curves(choices), _scores(choices, None), effects, None, {})


def _player(
    name: str, agent: Agent | None, episodes: Episodes | None, own: bool, nll: Floats | None, participants: Player
) -> Player:
    """Let an agent play, if there are episodes, and compare it with the participants."""
    if episodes is None or agent is None:
        return Player(name, {}, {}, None, nll, {})
    with torch.no_grad():
        choices, beliefs = play_with_beliefs(agent, episodes)
    tau = None if beliefs is None else insight(beliefs, episodes.offered, episodes.partner_valuation)
    curves = _curves(choices)
    effects = stay_switch(choices).reset_index()
    distances = {
        name: curve_distance(participants.curves["round"][name].values, curve.values, paired=own)
        for name, curve in curves["round"].items()
        if name in participants.curves["round"]
    }
    return Player(name, curves, _scores(choices, tau), effects, nll, distances)


def _curves(choices: Choices) -> dict[By, dict[str, Curve]]:
    return {
        by: {name: Curve(counts.shares, counts.interval) for name, counts in curve_counts(choices, by).items()}
        for by in AXES
    }


def _scores(choices: Choices, tau: Floats | None) -> dict[str, Interval]:
    """The scores with intervals over episodes."""
    scores: dict[str, Interval] = {name: score(choices, name).interval for name in ANCHORED}
    with np.errstate(invalid="ignore"):
        known = None if tau is None else np.nanmean(tau, axis=1)
    scores["insight"] = UNKNOWN if known is None else mean_interval(known)
    return scores


def _agent_nll(agent: Agent, data: Data, folds: np.ndarray[Any, Any]) -> tuple[Floats | None, str]:
    """Compute an agent's held-out NLL, with the lapse rate of the other folds; None and why if it can't predict.

    A single participant has no others: then the lapse rate is the smallest one.
    """
    choices = data.choices
    if agent.knows_game and not data.game_known:
        return None, "requires a known game"
    try:
        with torch.no_grad():
            own = replay(agent, choices).exp().numpy()
    except InvalidInputError as error:
        return None, "; ".join(error.problems)
    own = np.where(np.isnan(own), 1 / choices.game.offered, own)  # without an answer, predict uniformly random choices
    log_probability = np.zeros(own.shape)
    for fold in np.unique(folds):
        test = folds == fold
        rate = LAPSE_RATES[0] if test.all() else lapse_rate(own[~test], choices.take(np.flatnonzero(~test)))
        log_probability[test] = with_lapses(own[test], choices.take(np.flatnonzero(test)), rate)
    return nll_per_choice(log_probability, choices), ""


def _model_nll(model: Model, choices: Choices, folds: np.ndarray[Any, Any]) -> Floats:
    """Compute a model's held-out NLL: its group is fitted to the other folds and updated after each choice."""
    nll = np.empty(len(choices))
    for fold in np.unique(folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        held_out = choices.take(test)
        nll[test] = nll_per_choice(predict_with_group(model, choices.take(train), held_out), held_out)
    return nll


def _fitted_agent(model: Model, choices: Choices, n: int, seed: int) -> Agent:
    """Return players with parameters drawn from the group distribution, which is fitted to all participants."""
    group = fit_hierarchically(model, choices, starts=STARTS).fit.model
    z = generator(seed, Stream.GROUP_DRAWS).standard_normal((n, len(group.parameters)))
    return group.agent(group.prior_mean + group.prior_sd * torch.from_numpy(z))
