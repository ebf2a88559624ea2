"""How a comparison was made, in words, from its config and its data: what a paper would say of it."""

from __future__ import annotations

from collections.abc import Sequence

from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.results import FIRST_SEED, Beside, played_afresh
from accept_reject.experiments.data.words import participants, the_game
from accept_reject.experiments.fit.hierarchical import MOST_ITERATIONS, TOLERANCE
from accept_reject.experiments.fit.methods import GROUP, learning_of_groups, models
from accept_reject.experiments.intervals import DISTANCE_RESAMPLES
from accept_reject.experiments.train.held_out import DRAWS, STARTS
from accept_reject.experiments.words import Methods, counted, listed, methods, software


def of_comparison(config: CompareConfig, besides: Sequence[Beside]) -> Methods:
    """The paragraphs of a comparison: each of its data sets, who was laid beside them, and how."""
    played = any(beside.own_episodes is not None for beside in besides)
    return methods(
        *(_beside(config, beside) for beside in besides),
        _held_out(config),
        _models(config, played) if config.models else [],
        _measures() if played else [],
        [_intervals(besides, played), software()],
    )


def _beside(config: CompareConfig, beside: Beside) -> list[str]:
    """The participants, their game, and what the others did with it."""
    choices = beside.data.choices
    if beside.own_episodes:
        play = "All other players played the participants' own episodes, with the same offers and the same luck."
    elif beside.own_episodes is not None:
        play = (
            "What the partners who were not asked would have answered is not known, so that all other players played "
            f"{played_afresh(choices):,} other episodes of the same game (seed {FIRST_SEED + config.seed})."
        )
    else:
        play = (
            "The game's hidden parameters are not known, so that the other players did not play, and were only asked "
            "how probable they find the participants' choices."
        )
    mute = [player.name for player in beside.players if player.loss is None]
    return [
        *participants(beside.entry.name, beside.data, "their loss is not defined"),
        *the_game(beside.data),
        "How much each partner valued them is not known, so that it can't be told how often they asked the more "
        "valuing partner."
        if choices.valuation is None
        else "",
        play,
        f"{listed(mute)} can't foretell these choices." if mute else "",
    ]


def _held_out(config: CompareConfig) -> list[str]:
    """How well choices are foretold."""
    several = len(config.agents) > 1
    return [
        f"Participants were divided at random into {config.folds} folds (seed {config.seed}).",
        "Loss is minus the mean natural log-probability of a participant's choices, each foretold from what had "
        "happened to the participant before; whatever was fitted was fitted to the other folds.",
        f"{counted(len(config.agents), 'agent')} {'were taken as they come' if several else 'was taken as it comes'} "
        f"({listed(entry.name for entry in config.agents)}), but for lapses into chance at the rate, from 0.01 to 1, "
        "under which the choices of the other folds are most probable."
        if config.agents
        else "",
        "How far a player is behind the best, the one with the lowest mean loss, is the mean of the differences "
        "between their losses, paired by participant."
        if len(config.agents) + len(config.models) > 1
        else "",
    ]


def _models(config: CompareConfig, played: bool) -> list[str]:
    """The models, their groups, and what was done with these."""
    return [
        *models(config.models, GROUP, done="Fitted to participants"),
        learning_of_groups(STARTS, TOLERANCE),
        f"There were {MOST_ITERATIONS:,} iterations at most.",
        f"A held-out participant's choices were foretold by a Bayesian mixture of {DRAWS:,} draws from the group's "
        "distribution, updated by the participant's choices before.",
        "To play, models drew parameters from the distribution fitted to all participants." if played else "",
    ]


def _measures() -> list[str]:
    """What is told of play."""
    return [
        "Scores are 0 for chance and 1 for a player who knows the hidden state, both computed from the rounds that "
        "were played; insight is Kendall's tau-b between beliefs and hidden valuations.",
        "Learning curves go by round and by meeting: how often the player had been offered, in rounds that it "
        "answered, the partner on offer that it had been offered least often, this time included, like stimulus "
        "iterations (Collins & Frank, 2012).",
        "The distance of two curves is the root mean square of the differences between their means by round, in "
        "percentage points.",
        "Stay/switch effects are those of a logistic regression of asking a partner again on its last rank and its "
        "last outcome, both standardised, with standard errors clustered by participant.",
    ]


def _intervals(besides: Sequence[Beside], played: bool) -> str:
    if not played:
        return "Intervals are 95% intervals over participants, by Student's t."
    shared = any(beside.own_episodes for beside in besides)
    pairs = "; games were resampled in pairs where the luck was the same" if shared else ""
    return (
        "Intervals are 95% intervals over participants or games, by Student's t for means and scores, by percentile "
        f"bootstrap with {DISTANCE_RESAMPLES} resamples for distances, and Wald's for stay/switch effects{pairs}."
    )
