"""The report of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from accept_reject.agents.registry import describe
from accept_reject.envs.scenarios import SCENARIOS
from accept_reject.experiments.benchmark import leaderboard as boards
from accept_reject.experiments.benchmark.aggregate import FEWEST_SEEDS, Aggregates
from accept_reject.experiments.benchmark.config import OVERALL
from accept_reject.experiments.benchmark.methods import of_benchmark
from accept_reject.experiments.benchmark.results import Results, curve_width
from accept_reject.experiments.config import dump_config
from accept_reject.experiments.html import render
from accept_reject.experiments.intervals import Interval, mean_interval, mean_of_defined, share_interval
from accept_reject.experiments.scores import ANCHORED, SCORES, ScoreName
from accept_reject.experiments.signatures import EFFECTS
from accept_reject.experiments.tables import DASH, TextTable, cell
from accept_reject.experiments.words import counted


def render_report(results: Results, aggregates: Mapping[ScoreName, Aggregates], figures: Mapping[str, bytes]) -> str:
    """The report as HTML.

    Args:
        results: What to report.
        aggregates: What each score comes to over all scenarios.
        figures: The figures by name, as SVG.
    """
    return render(
        "benchmark.html",
        config=results.config,
        config_text=dump_config(results.config),
        summary=_summary(results),
        overall=boards.overall(results),
        interquartile_means=boards.interquartile_means(results, aggregates),
        profiles=boards.profiles(results, aggregates),
        improvement={score: boards.improvement(results, aggregates[score], score) for score in ANCHORED},
        by_scenario=[boards.by_scenario(results, score) for score in SCORES],
        doors_open=any(entry.resolve().open_doors for entry in results.config.scenarios),
        signatures=_signatures(results),
        differences=_behind_the_leader(results),
        figures=figures,
        curves_numbers=_curves(results),
        methods=of_benchmark(results),
        counted=counted,
        fewest_seeds=FEWEST_SEEDS,
        scenarios=[(entry.name, SCENARIOS[entry.scenario].question) for entry in results.config.scenarios],
        agents=[(entry.name, describe(entry.agent, entry.params)) for entry in results.config.agents],
    )


def _players(results: Results) -> list[str]:
    return [entry.name for entry in results.config.agents if entry.name not in results.privileged]


def _summary(results: Results) -> list[tuple[str, str, str]]:
    """For each score: who leads among those who don't see the hidden state, and with what."""
    found: list[tuple[str, str, str]] = []
    for score in SCORES:
        values = boards.with_overall(results, score)
        leader = _leader({name: values[OVERALL, name] for name in _players(results)})
        if leader:
            found.append((score, leader, cell(mean_interval(values[OVERALL, leader]))))
    return found


def _leader(values: Mapping[str, NDArray[np.float64]]) -> str | None:
    """Whose mean is highest; None if nobody has any."""
    known = {name: each for name, each in values.items() if not np.isnan(each).all()}
    return boards.best_first(known)[0] if known else None


def _curves(results: Results) -> list[TextTable]:
    """The learning curves of each scenario in quarters of the game: the mean of the points in each, in percent."""
    tables = []
    for entry in results.config.scenarios:
        game = entry.resolve()
        starts = np.arange(0, game.rounds, curve_width(game))
        quarters = np.array_split(starts, min(4, len(starts)))
        ends = [*(quarter[0] for quarter in quarters[1:]), game.rounds]
        header = ("rounds", *(f"{quarter[0] + 1}–{end}" for quarter, end in zip(quarters, ends, strict=True)))
        rows = []
        for agent in boards.ranking(results, SCORES[0]):
            points = np.array_split(results.curves[entry.name, agent], len(quarters), axis=1)
            shares = [share_interval(mean_of_defined(each, axis=1)) for each in points]
            rows.append((boards.starred(results, agent), *map(_percent, shares)))
        tables.append(TextTable(entry.name, header, tuple(rows)))
    return tables


def _percent(share: Interval) -> str:
    return cell(Interval(*(100 * each for each in share)), 0)


def _signatures(results: Results) -> TextTable:
    """The stay/switch effects of every agent in the first scenario."""
    first = results.config.scenarios[0].name
    effects = results.signatures[results.signatures.scenario == first].set_index(["agent", "effect"])
    rows = [
        (
            boards.starred(results, agent),
            *(cell(Interval(*effects.loc[(agent, effect), ["estimate", "low", "high"]])) for effect in EFFECTS),
        )
        for agent in boards.ranking(results, SCORES[0])
    ]
    return TextTable(f"Effects on staying, {first}", ("agent", *EFFECTS), tuple(rows))


def _behind_the_leader(results: Results) -> list[TextTable]:
    """For each score and scenario: how far each agent is behind the best one, on the same luck."""
    tables = []
    players = _players(results)
    for score in SCORES:
        values = boards.with_overall(results, score)
        scenarios = list(dict.fromkeys(scenario for scenario, _ in values))
        rows = []
        for scenario in [OVERALL, *(name for name in scenarios if name != OVERALL)]:
            leader = _leader({name: values[scenario, name] for name in players})
            if not leader:
                continue
            behind = {name: mean_interval(values[scenario, name] - values[scenario, leader]) for name in players}
            rows.append((scenario, leader, *(_behind(behind[name], name == leader) for name in players)))
        header = ("scenario", "leader", *players)
        if rows:
            tables.append(TextTable(f"{score.capitalize()}: behind the leader", header, tuple(rows)))
    return tables


def _behind(interval: Interval, leads: bool) -> str:
    return DASH if leads else cell(interval)
