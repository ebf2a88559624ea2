"""Tables of a benchmark: leaderboards, differences and curves, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from accept_reject.experiments.analysis.curves import curve_points
from accept_reject.experiments.analysis.intervals import (
    UNKNOWN,
    Interval,
    mean_interval,
    mean_of_defined,
)
from accept_reject.experiments.analysis.scores import ANCHORED, SCORES, ScoreName
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.benchmark.aggregate import THRESHOLDS, Aggregates
from accept_reject.experiments.benchmark.config import OVERALL
from accept_reject.experiments.benchmark.run import CURVE_POINTS, Floats, Results
from accept_reject.experiments.reporting.tables import DASH, TextTable, cell, percent_cell

SHOWN_THRESHOLDS = (0.25, 0.5, 0.75, 0.9)
"""The thresholds of performance profiles that tables show."""


def leaderboard(results: Results) -> TextTable:
    """Every score of every agent over all scenarios, and the rounds that agents missed; the best agent first."""
    agents = results.ranking(SCORES[0])
    columns: dict[str, list[str]] = {
        name: [cell(mean_interval(results.overall(name)[OVERALL, agent])) for agent in agents] for name in SCORES
    }
    if results.missed.any():
        columns["missed rounds (%)"] = [f"{100 * results.missed[agent]:.1f}" for agent in agents]
    rows = zip(map(results.label, agents), *columns.values(), strict=True)
    return TextTable("Leaderboard: means over all scenarios", ("agent", *columns), tuple(rows))


def by_scenario(results: Results, score: ScoreName) -> TextTable:
    """A score of every agent in every scenario, also before and after doors open; the best agent first."""
    by_phase = {"": results.overall(score)}
    by_phase |= {f", {phase}": results.values(score, phase) for phase in ("before", "after")}
    agents = results.ranking(score)
    columns = {
        scenario + phase: {agent: values[scenario, agent] for agent in agents}
        for scenario in (OVERALL, *results.scenarios)
        for phase, values in by_phase.items()
        if (scenario, agents[0]) in values
    }
    return _table(f"{score.capitalize()} by scenario", results, agents, columns)


def open_doors(results: Results) -> TextTable | None:
    """The anchored scores of every agent before and after doors open; None if they open in no scenario."""
    agents = results.ranking(SCORES[0])
    columns = {}
    for score in ANCHORED:
        for phase in ("before", "after"):
            values = results.values(score, phase)
            if values:
                columns[f"{score} {phase}"] = {
                    agent: mean_of_defined([value for (_, name), value in values.items() if name == agent])
                    for agent in agents
                }
    return _table("Before and after the doors open", results, agents, columns) if columns else None


def interquartile_means(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> TextTable:
    """The interquartile mean of every score of every agent over all runs."""
    columns = {score: _by_agent(aggregates[score].agents, aggregates[score].interquartile_mean) for score in SCORES}
    rows = [
        (results.label(agent), *(cell(columns[score].get(agent, UNKNOWN)) for score in SCORES))
        for agent in results.ranking(SCORES[0])
    ]
    return TextTable("Interquartile means over all scenarios", ("agent", *SCORES), tuple(rows))


def profiles(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> TextTable:
    """Percentages of every agent's runs that score above some thresholds."""
    columns: dict[str, dict[str, str]] = {}
    for score in ANCHORED:
        aggregate = aggregates[score]
        for threshold in SHOWN_THRESHOLDS:
            index = int(np.abs(THRESHOLDS - threshold).argmin())
            shares = (f"{100 * share:.0f}" for share in aggregate.profile[:, index])
            columns[f"{score} > {threshold}"] = dict(zip(aggregate.agents, shares, strict=True))
    rows = [
        (results.label(agent), *(column.get(agent, DASH) for column in columns.values()))
        for agent in results.ranking(SCORES[0])
    ]
    return TextTable("Runs above a score (%)", ("agent", *columns), tuple(rows))


def improvement(results: Results, aggregates: Aggregates, score: ScoreName) -> TextTable:
    """The probability that a run of a row's agent scores higher than a run of a column's agent, in percent."""
    names = [results.label(agent) for agent in aggregates.agents]
    shares = aggregates.improvement
    rows = [
        (
            name,
            *(DASH if i == j else percent_cell(Interval(*(each[i, j] for each in shares))) for j in range(len(names))),
        )
        for i, name in enumerate(names)
    ]
    return TextTable(f"Probability of a higher {score} score (%)", ("agent", *names), tuple(rows))


def curves(results: Results) -> list[TextTable]:
    """The learning curves of each scenario in quarters of the game, in percent."""
    tables = []
    for entry in results.config.scenarios:
        game = entry.resolve()
        starts = curve_points(game, n=CURVE_POINTS).first
        quarters = np.array_split(starts, min(4, len(starts)))
        ends = [*(quarter[0] - 1 for quarter in quarters[1:]), game.rounds]
        header = ("rounds", *(f"{quarter[0]}–{end}" for quarter, end in zip(quarters, ends, strict=True)))
        rows = []
        for agent in results.ranking(SCORES[0]):
            counts = results.curves[entry.name, agent]
            points = np.array_split(np.arange(len(starts)), len(quarters))
            rows.append((results.label(agent), *(percent_cell(counts.sum(each).interval) for each in points)))
        tables.append(TextTable(entry.name, header, tuple(rows)))
    return tables


def stay_switch(results: Results) -> TextTable:
    """The stay/switch effects of every agent in the first scenario."""
    first = results.scenarios[0]
    effects = results.stay_switch[results.stay_switch.scenario == first].set_index(["agent", "effect"])
    rows = [
        (
            results.label(agent),
            *(cell(Interval(*effects.loc[(agent, effect), ["estimate", "low", "high"]])) for effect in EFFECTS),
        )
        for agent in results.ranking(SCORES[0])
    ]
    return TextTable(f"Effects on staying, {first}", ("agent", *EFFECTS), tuple(rows))


def behind_the_leader(results: Results) -> list[TextTable]:
    """For each score and scenario, how far each agent is behind the best one, by paired differences."""
    tables = []
    competitors = results.competitors
    for score in SCORES:
        values = results.overall(score)
        rows = []
        for scenario in (OVERALL, *results.scenarios):
            leader = results.leader(score, scenario)
            if leader:
                behind = (mean_interval(values[scenario, name] - values[scenario, leader]) for name in competitors)
                cells = (DASH if name == leader else cell(each) for name, each in zip(competitors, behind, strict=True))
                rows.append((scenario, leader, *cells))
        if rows:
            header = ("scenario", "leader", *competitors)
            tables.append(TextTable(f"{score.capitalize()}: behind the leader", header, tuple(rows)))
    return tables


def _by_agent(agents: Sequence[str], interval: Interval) -> dict[str, Interval]:
    return {agent: Interval(*(each[row] for each in interval)) for row, agent in enumerate(agents)}


def _table(title: str, results: Results, agents: Sequence[str], columns: dict[str, dict[str, Floats]]) -> TextTable:
    """A row for each agent, a column for each named set of values by agent and seed."""
    rows = [
        (results.label(agent), *(cell(mean_interval(values[agent])) for values in columns.values())) for agent in agents
    ]
    return TextTable(title, ("agent", *columns), tuple(rows))
