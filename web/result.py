"""What the last page of `play` shows: the player's learning curve next to those of others on the very same rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.registry import make_agent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import Episodes
from accept_reject.experiments.config import load_config
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig, draw_parameters, learner_class

Floats = NDArray[np.float64]

AGENTS = ("random", "thompson-outcome", "bayes-rank", "ideal-valuing")
"""Agents whose curves are shown, from the worst."""

PEOPLE = "people"
POPULATION = "population_babur2024"
"""The simulated participants."""

WINDOW = 20
"""Rounds that a point of a curve averages."""

FIRST_POINT = 5
"""The first round with a point."""

GAMES = 20
"""Games of each agent, and simulated participants, on the same rounds with other random choices."""

GAINED, LUCKY, LIKED, NOTHING = "🟦", "🟧", "💙", "⬜"
"""Squares of a round: chosen well and accepted, accepted only, chosen well only, neither."""


def others(episode: Episodes) -> dict[str, Floats]:
    """Let agents and simulated participants play an episode, and return how often each choice was a good one.

    Args:
        episode: A single episode.

    Returns:
        Shares of games in which the more valuing partner was chosen, `(rounds,)`, by name; NaN where both partners on
        offer value the player alike.
    """
    found = {}
    for name in AGENTS:
        agent = make_agent(name)
        found[name] = np.mean([well_chosen(play(agent, episode, seed)) for seed in range(GAMES)], axis=0)
    population = load_config(PopulationConfig, POPULATION)
    parameters = draw_parameters(population.model_copy(update={"participants": GAMES}), GAMES, seed=0)
    learner = learner_class(population.agent)
    games = [
        play(learner(**{name: each[i : i + 1] for name, each in parameters.items()}), episode, seed=i)
        for i in range(GAMES)
    ]
    found[PEOPLE] = np.mean([well_chosen(each) for each in games], axis=0)
    return found


def well_chosen(choices: Choices) -> Floats:
    """Whether the more valuing partner was chosen by the only player, `(rounds,)`; NaN where the offer has no such."""
    assert choices.valuation is not None  # choices of drawn episodes
    worth = choices.valuation[0].astype(np.float64)
    best = worth.max(axis=1)
    hit = np.where(choices.missed[0], 0.0, choices.of_chosen(choices.valuation)[0] == best)
    return np.where(best > worth.min(axis=1), hit, np.nan)


def curve(hits: Floats) -> list[tuple[int, float]]:
    """Average the last rounds before each round: its number, from 1, and the share; nothing where none counts."""
    found = []
    for end in range(FIRST_POINT, len(hits) + 1):
        window = hits[max(0, end - WINDOW) : end]
        if not np.isnan(window).all():
            found.append((end, float(np.nanmean(window))))
    return found


def result(choices: Choices, of_others: dict[str, Floats]) -> dict[str, Any]:
    """Summarize a game.

    Args:
        choices: The choices of the player, a single row.
        of_others: Those of others, from `others`.
    """
    hits = well_chosen(choices)
    return {
        "rounds": choices.game.rounds,
        "window": WINDOW,
        "share": float(np.nanmean(hits)) if not np.isnan(hits).all() else 1.0,
        "you": curve(hits),
        "curves": [{"name": name, "points": curve(each)} for name, each in of_others.items()],
        "partners": valuing(choices),
        "admirer": admirer(choices),
        "squares": squares(hits, choices.accepted[0]),
    }


def valuing(choices: Choices) -> list[dict[str, Any]]:
    """How much each partner on offer valued the player, on average over the game; the most valuing first."""
    assert choices.valuation is not None
    found = []
    for partner in np.unique(choices.offered):
        of_partner = choices.valuation[choices.offered == partner]
        found.append({"partner": int(partner), "valuation": float(of_partner.mean())})
    return sorted(found, key=lambda each: -each["valuation"])


def admirer(choices: Choices) -> dict[str, Any] | None:
    """Of the half of partners that value the player most, the one that rejected it most often.

    Only partners that show their rank, since a rejection for want of spots must be visible. None if no such partner
    rejected the player.
    """
    chosen = choices.of_chosen(choices.offered)[0]
    rejected = (choices.rank[0] > choices.spots[0]) & (choices.rank[0] > 0)
    best = valuing(choices)
    candidates = []
    for each in best[: max(1, len(best) // 2)]:
        asked = chosen == each["partner"]
        shown = asked & (choices.rank[0] > 0)
        count = int((asked & rejected).sum())
        if count:
            rank = round(float(choices.rank[0][shown].mean()))
            candidates.append({"partner": each["partner"], "rank": rank, "rejected": count, "asked": int(asked.sum())})
    return max(candidates, key=lambda each: each["rejected"], default=None)


def squares(hits: Sequence[float] | Floats, accepted: NDArray[np.bool_]) -> str:
    """A line of squares, one for each round; where all partners value the player alike, any choice is a good one."""
    well = np.asarray(hits) != 0
    return "".join(
        (GAINED if yes else LIKED) if good else (LUCKY if yes else NOTHING)
        for good, yes in zip(well, accepted, strict=True)
    )
