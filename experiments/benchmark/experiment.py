"""The benchmark as an experiment: its answer, tables, figures and report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from accept_reject.agents.registry import describe
from accept_reject.envs.scenarios import SCENARIOS
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.analysis.scores import ABOUT, ANCHORED, SCORES, ScoreName
from accept_reject.experiments.benchmark import figures, tables
from accept_reject.experiments.benchmark.aggregate import FEWEST_SEEDS, Aggregates, aggregate
from accept_reject.experiments.benchmark.config import OVERALL, BenchmarkConfig
from accept_reject.experiments.benchmark.frames import frames
from accept_reject.experiments.benchmark.run import Results, run
from accept_reject.experiments.benchmark.tensorboard import write_scalars
from accept_reject.experiments.manifest import TENSORBOARD
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.reporting.progress import OnProgress
from accept_reject.experiments.reporting.tables import cell, to_markdown
from accept_reject.experiments.reporting.words import counted, listed
from accept_reject.experiments.runner import Artifacts, Experiment


class Benchmark(Experiment[BenchmarkConfig, None, Results]):
    """Every agent plays every scenario: leaderboards, learning curves and a report."""

    kind = "benchmark"
    config_type = BenchmarkConfig

    def run(self, folder: Path, on_progress: OnProgress) -> Results:
        """Play and score."""
        return run(self.config, on_progress)

    def artifacts(self, results: Results) -> Artifacts:
        """Leaderboards, figures, every number and the report."""
        config = self.config
        aggregates = {score: aggregate(results, score) for score in SCORES}
        leaderboard, doors = tables.leaderboard(results), tables.open_doors(results)
        interquartile_means = tables.interquartile_means(results, aggregates)
        by_scenario = [tables.by_scenario(results, score) for score in SCORES]
        improvement = {score: tables.improvement(results, aggregates[score], score) for score in ANCHORED}
        board = [leaderboard, interquartile_means, *by_scenario, *improvement.values()]
        answer = self.answer(results)
        notes = ("* sees the hidden state",) if results.privileged else ()
        return Artifacts(
            title=f"Benchmark report: {config.name}",
            answer=answer,
            frames=frames(results, aggregates),
            figures=_figures(results, aggregates),
            key_figure="interquartile_means",
            context={
                "suite": config.suite,
                "scores": ABOUT,
                "leaderboard": leaderboard,
                "interquartile_means": interquartile_means,
                "profiles": tables.profiles(results, aggregates),
                "improvement": improvement,
                "by_scenario": by_scenario,
                "doors_open": doors is not None,
                "stay_switch": tables.stay_switch(results),
                "differences": tables.behind_the_leader(results),
                "curves": tables.curves(results),
                "fewest_seeds": FEWEST_SEEDS,
                "scenarios": [(entry.name, SCENARIOS[entry.scenario].question) for entry in config.scenarios],
                "agents": [(entry.name, describe(entry.agent, entry.params)) for entry in config.agents],
                "methods": write_methods("benchmark", results=results),
            },
            tables=(leaderboard, doors) if doors else (leaderboard,),
            notes=notes,
            files={"leaderboard.md": self.markdown(answer, [to_markdown(table) for table in board])},
            write_more=lambda new: write_scalars(results, new / TENSORBOARD),
        )

    def answer(self, results: Results) -> tuple[str, ...]:
        """The leading agent on each anchored score, and its lead."""
        sentences = []
        for score in ANCHORED:
            leader, values = results.leader(score), results.overall(score)
            if leader is None:
                continue
            sentence = f"{leader} has the highest {score} score, {cell(mean_interval(values[OVERALL, leader]))}"
            others = [name for name in results.ranking(score) if name in results.competitors and name != leader]
            if others:
                gap = cell(mean_interval(values[OVERALL, leader] - values[OVERALL, others[0]]))
                sentence += f", ahead of {others[0]} by {gap}"
            sentences.append(f"{sentence}.")
        return tuple(sentences) or ("No agent has a score: in every offer all partners are equally good.",)

    def markdown(self, answer: tuple[str, ...], board: list[str]) -> str:
        """The leaderboard as a Markdown page."""
        config = self.config
        suite = f"benchmark suite {config.suite}" if config.suite else "a custom benchmark"
        note = (
            f"{' '.join(answer)}\n\n"
            f"{counted(len(config.agents), 'agent')} in {counted(len(config.scenarios), 'scenario')}, "
            f"{counted(config.seeds, 'seed')} of {counted(config.episodes, 'episode')} each, from seed "
            f"{config.first_seed} on; {suite}, run `{self.folder_name}`.\n\n"
            f"{' '.join(f'{name.capitalize()}: {about}.' for name, about in ABOUT.items())} For {listed(ANCHORED)}, 0 "
            "is random choice and 1 the oracle. Brackets: 95% intervals over seeds. A star marks agents that see "
            "the hidden state. Interquartile means and probabilities of improvement follow Agarwal et al. (2021); a "
            "run is one seed of one scenario.\n\n"
            "![Interquartile means of every agent](interquartile_means.png)\n\n"
            "![Scores of every agent in every scenario](scores_by_scenario.png)\n"
        )
        return "\n".join(["# Leaderboard", "", note, *board])


def _figures(results: Results, aggregates: Mapping[ScoreName, Aggregates]) -> dict[str, Figure]:
    return {
        "interquartile_means": figures.interquartile_means(results, aggregates),
        "scores_by_scenario": figures.scores_by_scenario(results),
        "performance_profiles": figures.performance_profiles(results, aggregates),
        **{f"improvement_{score}": figures.improvement(results, aggregates[score], score) for score in ANCHORED},
        "learning_curves": figures.learning_curves(results),
    }
