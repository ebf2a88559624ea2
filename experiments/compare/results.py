"""Compare: agents play the participants' games, and are asked how probable they find the participants' choices.

Where the participants' own episodes are known (those of a population), agents meet the very same offers and the same
luck, so that curves differ by the player alone. Where only the game is known they play fresh episodes of it; where
not even that is, they only foretell choices.

Losses are held out: participants are divided into folds, and whatever is fitted (a model's group, an agent's rate of
lapses into chance) is fitted to the other folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from accept_reject.agents.base import Agent
from accept_reject.agents.registry import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw, generator
from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.compare.config import FITTED, CompareConfig, PeopleEntry
from accept_reject.experiments.config import is_shipped, kind_of, load_config
from accept_reject.experiments.curves import AXES, By, Floats, Points, by_player, points
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.fit.hierarchical import fit_hierarchically
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.intervals import (
    UNKNOWN,
    Interval,
    curve_distance,
    mean_interval,
    mean_of_defined,
    ratio_interval,
)
from accept_reject.experiments.play import play_with_beliefs
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.progress import OnProgress, steps
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import ANCHORED, insight
from accept_reject.experiments.signatures import stay_effects
from accept_reject.experiments.train.held_out import STARTS, fitted, lapse_rate, lapsing, per_choice

BEHIND = "behind the best"
"""What tables call how much a player's loss is above the lowest one."""

_FOLD_LUCK, _PARAMETER_LUCK = 40, 41

FIRST_SEED, PLAYED = 10_000, 200
"""Where the participants' own episodes are not known, agents play at least so many, of a seed like the benchmark's."""


class Curve(NamedTuple):
    """A learning curve in percent.

    Attributes:
        values: Of each game that was played, `(n, points)`; NaN where a game has no value.
        mean: The mean over games with its 95% interval, `(points,)` each.
    """

    values: Floats
    mean: Interval


class Player(NamedTuple):
    """What is known of a player beside some participants, or of the participants themselves.

    Attributes:
        name: What tables and figures call it.
        curves: Learning curves, by what they go by and by name; empty where it did not play.
        scores: Scores by name with 95% intervals over games; NaN where they can't be told.
        effects: Stay/switch effects, as `stay_effects` gives them; None where it did not play.
        loss: Held-out loss per choice of each participant, `(n,)`; None for the participants themselves.
        distances: How far its learning curves are from the participants' by round, in percentage points, by name.
    """

    name: str
    curves: dict[By, dict[str, Curve]]
    scores: dict[str, Interval]
    effects: pd.DataFrame | None
    loss: Floats | None
    distances: dict[str, Interval]


@dataclass(frozen=True, eq=False)
class Beside:
    """Some participants, with every player beside them.

    Attributes:
        entry: Who they are.
        data: Their choices.
        own_episodes: Whether the players met the participants' own episodes; None if they did not play.
        points: The points of the curves, by what they go by.
        people: The participants.
        players: The others.
    """

    entry: PeopleEntry
    data: Data
    own_episodes: bool | None
    points: dict[By, Points]
    people: Player
    players: tuple[Player, ...]


def run(
    config: CompareConfig, seen_from: Path = Path(), on_progress: OnProgress = lambda stage, share: None
) -> list[Beside]:
    """Compare.

    Args:
        config: Whom to compare with whom.
        seen_from: The folder from which paths of data are seen.
        on_progress: Is told how far it is.

    Raises:
        InvalidInputError: With every fault of the data, or if there are too few participants.
    """
    everyone = [(entry, load(entry.data, seen_from=seen_from)) for entry in config.people]
    for entry, data in everyone:
        if len(data.choices) < config.folds:
            fault = f"{len(data.choices)} participants can't be divided into {config.folds} folds"
            raise InvalidInputError(entry.name, [fault])
    return [_beside(config, entry, data, _own_episodes(entry, seen_from), on_progress) for entry, data in everyone]


def _beside(
    config: CompareConfig, entry: PeopleEntry, data: Data, own_episodes: Episodes | None, on_progress: OnProgress
) -> Beside:
    step = steps(on_progress, entry.name, len(config.agents) + len(config.models))
    own, episodes = own_episodes is not None, own_episodes
    if episodes is None and data.game_known:
        episodes = draw(data.choices.game, FIRST_SEED + config.seed, played_afresh(data.choices))
    folds = np.arange(len(data.choices)) % config.folds
    folds = generator(config.seed, _FOLD_LUCK).permutation(folds)
    people = _participants(data)
    players = []
    for agent_entry in config.agents:
        agent = make_agent(agent_entry.agent, agent_entry.params)
        players.append(_player(agent_entry.name, agent, episodes, own, _lapsing_loss(agent, data, folds), people))
        step(1)
    for model_entry in config.models:
        model = model_entry.resolve()
        n = len(data.choices) if episodes is None else len(episodes)
        agent, loss = _fitted_agent(model, data.choices, n, config.seed), _fitted_loss(model, data.choices, folds)
        players.append(_player(model_entry.name + FITTED, agent, episodes, own, loss, people))
        step(1)
    axes = {by: points(data.choices.game, by) for by in AXES}
    return Beside(entry, data, own if episodes is not None else None, axes, people, tuple(players))


def _own_episodes(entry: PeopleEntry, seen_from: Path) -> Episodes | None:
    """The participants' own episodes, where they are known: those of a population."""
    path = entry.data if is_shipped(entry.data) else str(seen_from / entry.data)
    if Path(path).is_dir() or kind_of(path) != "population":
        return None
    population = load_config(PopulationConfig, path)
    return draw(population.game.resolve(), population.seed, population.participants)


def played_afresh(choices: Choices) -> int:
    """How many episodes agents play where the participants' own are not known."""
    return max(len(choices), PLAYED)


def _participants(data: Data) -> Player:
    choices = data.choices
    effects = stay_effects(choices).reset_index()
    return Player("people", _curves(choices), _scores(choices, None), effects, None, {})


def _player(
    name: str, agent: Agent, episodes: Episodes | None, own: bool, loss: Floats | None, people: Player
) -> Player:
    """Let an agent play, and lay what it did beside the participants."""
    if episodes is None:
        return Player(name, {}, {}, None, loss, {})
    with torch.no_grad():
        choices, beliefs = play_with_beliefs(agent, episodes)
    tau = None if beliefs is None else insight(beliefs, episodes.offered, episodes.partner_valuation)
    curves = _curves(choices)
    effects = stay_effects(choices).reset_index()
    distances = {
        name: curve_distance(people.curves["round"][name].values, curve.values, paired=own)
        for name, curve in curves["round"].items()
        if name in people.curves["round"]
    }
    return Player(name, curves, _scores(choices, tau), effects, loss, distances)


def _curves(choices: Choices) -> dict[By, dict[str, Curve]]:
    return {
        by: {name: Curve(values, mean_interval(values)) for name, values in by_player(choices, by).items()}
        for by in AXES
    }


def _scores(choices: Choices, tau: Floats | None) -> dict[str, Interval]:
    """The scores with intervals over games: each a ratio of sums, over chance and up to the oracle."""
    scores: dict[str, Interval] = {}
    answered = ~choices.missed
    for name, hidden in zip(ANCHORED, (choices.valuation, choices.acceptance), strict=True):
        if hidden is None:
            scores[name] = UNKNOWN
            continue
        worth = hidden.astype(np.float64)
        chance = worth.mean(axis=2)
        gained = np.where(answered, choices.of_chosen(worth) - chance, 0).sum(axis=1)
        room = np.where(answered, worth.max(axis=2) - chance, 0).sum(axis=1)
        scores[name] = ratio_interval(gained, room)
    with np.errstate(invalid="ignore"):
        known = None if tau is None else np.nanmean(tau, axis=1)
    scores["insight"] = UNKNOWN if known is None else mean_interval(known)
    return scores


def _lapsing_loss(agent: Agent, data: Data, folds: np.ndarray[Any, Any]) -> Floats | None:
    """An agent's held-out loss with as many lapses into chance as suit the other folds; None if it can't be asked."""
    choices = data.choices
    try:
        with torch.no_grad():
            own = replay(agent, choices).exp().numpy()
    except InvalidInputError:
        return None  # sees the hidden state, which these data do not hold, or can't play their game
    own = np.where(np.isnan(own), 1 / choices.game.offered, own)  # gave no answer: that foretells nothing
    log_probability = np.zeros(own.shape)
    for fold in np.unique(folds):
        here = folds == fold
        rate = lapse_rate(own[~here], choices.take(np.flatnonzero(~here)))
        log_probability[here] = lapsing(own[here], choices.take(np.flatnonzero(here)), rate)
    return per_choice(log_probability, choices)


def _fitted_loss(model: Model, choices: Choices, folds: np.ndarray[Any, Any]) -> Floats:
    """A model's held-out loss: its group is fitted to the other folds, and learns of each participant as it goes."""
    loss = np.empty(len(choices))
    for fold in np.unique(folds):
        here, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        held = choices.take(here)
        loss[here] = per_choice(fitted(model, choices.take(others), held), held)
    return loss


def _fitted_agent(model: Model, choices: Choices, n: int, seed: int) -> Agent:
    """Players whose parameters are drawn from the group's distribution, fitted to all participants."""
    group = fit_hierarchically(model, choices, starts=STARTS).fit.model
    z = generator(seed, _PARAMETER_LUCK).standard_normal((n, len(group.parameters)))
    return group.agent(group.prior_mean + group.prior_sd * torch.from_numpy(z))


def behind_the_best(beside: Beside) -> dict[str, Interval]:
    """How much each player's loss is above that of the player with the lowest mean loss, by name.

    The same participants' choices are foretold by all, so that the intervals are those of paired differences: those of
    the losses themselves hold how much participants differ, which is far more. The best player is left out, as are
    participants whose loss is not defined under either.
    """
    losses = {player.name: player.loss for player in beside.players if player.loss is not None}
    if not losses:
        return {}
    best = min(losses, key=lambda name: mean_of_defined(losses[name]))
    return {name: mean_interval(loss - losses[best]) for name, loss in losses.items() if name != best}


def frames(besides: Sequence[Beside]) -> dict[str, pd.DataFrame]:
    """Everything as tables, by name."""
    found: dict[str, list[pd.DataFrame]] = {"curves": [], "effects": [], "losses": [], "players": []}
    for beside in besides:
        behind = behind_the_best(beside)
        for player in (beside.people, *beside.players):
            key = {"people": beside.entry.name, "player": player.name}
            row: dict[str, Any] = dict(key)
            measures = {**player.scores, **{f"distance, {curve}": each for curve, each in player.distances.items()}}
            if player.loss is not None:
                measures["loss"] = mean_interval(player.loss)
                measures[BEHIND] = behind.get(player.name, UNKNOWN)
                found["losses"].append(
                    pd.DataFrame({**key, "participant": beside.data.choices.names(), "loss": player.loss})
                )
            for name, interval in measures.items():
                row |= {name: interval.mean, f"{name}, low": interval.low, f"{name}, high": interval.high}
            found["players"].append(pd.DataFrame([row]))
            for by, curves in player.curves.items():
                for name, curve in curves.items():
                    at = {"curve": name, "by": by, "x": beside.points[by].middle}
                    games = (~np.isnan(curve.values)).sum(axis=0)
                    found["curves"].append(pd.DataFrame({**key, **at, **curve.mean._asdict(), "games": games}))
            if player.effects is not None:
                found["effects"].append(player.effects.assign(**key))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items() if parts}
