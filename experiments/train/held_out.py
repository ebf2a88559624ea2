"""How well an imitator foretells the choices of participants it has never seen, and what there was to foretell.

Beside it stand chance, win-stay-lose-shift with the lapses that suit the participants learned from, cognitive models
whose group is fitted to them and which learn of each participant as they go along, and for simulated participants the
true player and the *ceiling*: the Bayesian mixture over the population's parameters, updated with each participant's
own choices. No predictor that does not know the participant can be expected to beat it, so that

    share = (chance - loss) / (chance - ceiling)

is the share of the explainable information that an imitator explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from accept_reject.agents.baselines import WinStayLoseShift
from accept_reject.agents.networks import Network
from accept_reject.agents.recurrent import RecurrentAgent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.experiments.curves import by_player, points
from accept_reject.experiments.fit.hierarchical import fit_hierarchically
from accept_reject.experiments.fit.likelihood import Likelihood
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.intervals import mean_interval
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig, draw_parameters, learner_class
from accept_reject.experiments.replay import of_choice, replay
from accept_reject.experiments.signatures import stay_effects
from accept_reject.experiments.tables import TextTable
from accept_reject.experiments.train.participants import DRAWS_SEED, Split

PLAYED = 200
"""Episodes that an imitator plays by itself, at least, where its teachers' own are not known."""

DRAWS = 1000
"""Draws from a population or a group over which a mixture is taken."""

STARTS = 3
"""Starts of each fit of a group."""


def held_out_tables(
    network: Network[Any], split: Split, population: PopulationConfig | None, models: Sequence[Model]
) -> dict[str, pd.DataFrame]:
    """The tables that an imitation leaves, by name.

    Args:
        network: The imitator.
        split: Who was learned from, and who is scored.
        population: Where they come from, if they are simulated.
        models: Cognitive models to fit to all but the test participants, and to score beside the imitator.
    """
    known, test = split.known, split.test
    with torch.no_grad():
        own = of_choice(network.over_rounds(test).log_policy, test).double().cpu().numpy()
        losses = {"network": per_choice(own, test)}
        losses["chance"] = np.full(len(test), np.log(test.game.offered))
        simple = WinStayLoseShift()
        rate = lapse_rate(replay(simple, known).exp().numpy(), known)
        losses["win-stay-lose-shift"] = per_choice(lapsing(replay(simple, test).exp().numpy(), test, rate), test)
        for model in models:
            with torch.enable_grad():  # a fit follows gradients
                losses[model.name] = per_choice(fitted(model, known, test), test)
        if population and split.parameters:
            truth = learner_class(population.agent)(**split.parameters)
            losses["true player"] = per_choice(replay(truth, test).numpy(), test)
            losses["ceiling"] = per_choice(ceiling(population, test), test)
        by_participant = pd.DataFrame({"participant": test.names(), **losses})
        tables = {"participants": by_participant, "held_out": summary(by_participant)}
        if split.game:
            luck = (population.seed, len(test)) if population else (DRAWS_SEED, max(PLAYED, len(test)))
            tables |= free_running(network, test, draw(split.game, *luck))
    return tables


def per_choice(log_probability: NDArray[np.float64], choices: Choices) -> NDArray[np.float64]:
    """Minus the mean log-probability of each participant's choices, `(n,)`; NaN for those who made none."""
    made = (~choices.missed).sum(axis=1)
    return -np.divide(log_probability.sum(axis=1), made, where=made > 0, out=np.full(len(made), np.nan))


def ceiling(population: PopulationConfig, choices: Choices) -> NDArray[np.float64]:
    """Log-probability of each choice under the mixture over the population that made them, `(n, rounds)`."""
    learner = learner_class(population.agent)
    parameters = draw_parameters(population, DRAWS, DRAWS_SEED)
    players = (learner(**{name: values[i] for name, values in parameters.items()}) for i in range(DRAWS))
    return mixture(replay(player, choices).numpy() for player in players)


def fitted(model: Model, train: Choices, test: Choices) -> NDArray[np.float64]:
    """Log-probability of each choice under the mixture over a group that was fitted to other participants.

    The group is learned from the participants learned from (expectation-maximisation), as the imitator's weights are.

    Returns:
        `(n, rounds)`, of the participants in `test`.
    """
    group = fit_hierarchically(model, train, starts=STARTS).fit.model
    z = np.random.default_rng(DRAWS_SEED).standard_normal((DRAWS, len(group.parameters)))
    free = group.prior_mean + group.prior_sd * torch.from_numpy(z)
    log_probability = Likelihood(group, test).by_round(np.arange(len(test)))
    return mixture(log_probability(draw.expand(len(test), -1)).numpy() for draw in free)


def mixture(log_probabilities: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Log-probability of each choice under a Bayesian mixture of players, given the choices before it.

    It is the ratio of successive marginal likelihoods, each a mean over the players.

    Args:
        log_probabilities: Of each choice under each player, `(n, rounds)` each.

    Returns:
        `(n, rounds)`.
    """
    marginal, players = np.float64(-np.inf), 0
    for each in log_probabilities:
        marginal = np.logaddexp(marginal, each.cumsum(axis=1))
        players += 1
    return np.diff(marginal, axis=1, prepend=np.log(players))


def lapsing(own: NDArray[np.float64], choices: Choices, rate: float) -> NDArray[np.float64]:
    """Log-probability of each choice, `(n, rounds)`, 0 where missed, under a player who at times lapses into chance.

    Args:
        own: The probability of each choice where the player does not lapse, `(n, rounds)`.
        choices: The choices.
        rate: How often the player lapses, 0..1.
    """
    return np.log(np.where(choices.missed, 1.0, (1 - rate) * own + rate / choices.game.offered))


def lapse_rate(own: NDArray[np.float64], choices: Choices) -> float:
    """The rate of lapses, from 0.01 to 1, under which choices are most probable; arguments as for `lapsing`."""
    return max(np.linspace(0.01, 1, 100).tolist(), key=lambda rate: lapsing(own, choices, rate).sum())


def summary(by_participant: pd.DataFrame) -> pd.DataFrame:
    """A row for each player: mean loss with its 95% interval over participants, likelihood, share explained."""
    losses = by_participant.drop(columns="participant")
    means = losses.mean()
    rows = []
    for player in losses:
        interval = mean_interval(losses[player])
        row = {"player": player, "loss": interval.mean, "low": interval.low, "high": interval.high}
        row["likelihood"] = np.exp(-interval.mean)
        if "ceiling" in means:
            row["share"] = (means.chance - means[player]) / (means.chance - means.ceiling)
        rows.append(row)
    return pd.DataFrame(rows)


def to_text(table: pd.DataFrame) -> TextTable:
    """The summary for the eye."""
    cells = {
        "player": table.player,
        "loss per choice": [f"{loss:.4f} [{low:.4f}, {high:.4f}]" for loss, low, high in table.iloc[:, 1:4].to_numpy()],
        "likelihood": [f"{likelihood:.4f}" for likelihood in table.likelihood],
    }
    if "share" in table:
        cells["share explained"] = [f"{share:.3f}".replace("-0.000", "0.000") for share in table.share]
    return TextTable("Held-out participants", tuple(cells), tuple(zip(*cells.values(), strict=True)))


def free_running(network: Network[Any], teachers: Choices, episodes: Episodes) -> dict[str, pd.DataFrame]:
    """The imitator plays by itself: stay/switch effects and learning curves of it and of its teachers."""
    both = {"teachers": teachers, "network": play(RecurrentAgent(network), episodes)}
    effects = [stay_effects(choices).reset_index().assign(player=player) for player, choices in both.items()]
    middle = points(teachers.game).middle
    curves = [
        pd.DataFrame({"curve": name, "player": player, "round": middle, **mean_interval(curve)._asdict()})
        for player, choices in both.items()
        for name, curve in by_player(choices).items()
    ]
    return {
        "signatures": pd.concat(effects, ignore_index=True),
        "learning_curves": pd.concat(curves, ignore_index=True),
    }
