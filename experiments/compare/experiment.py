"""The comparison as an experiment: its answer, tables, figures and report."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from accept_reject.agents.registry import describe as describe_agent
from accept_reject.experiments.analysis.curves import AXES, CURVES
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.compare import figures, tables
from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.frames import frames
from accept_reject.experiments.compare.run import CompareResults, Comparison, run
from accept_reject.experiments.data.describe import describe
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.reporting.facts import data_facts
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.reporting.progress import OnProgress
from accept_reject.experiments.reporting.tables import TextTable, cell
from accept_reject.experiments.reporting.words import listed
from accept_reject.experiments.runner import Artifacts, Experiment


class Compare(Experiment[CompareConfig, tuple[Data, ...], CompareResults]):
    """Agents compared with participants: learning curves, scores, stay/switch effects and predictive accuracy."""

    kind = "compare"
    config_type = CompareConfig

    @cached_property
    def inputs(self) -> tuple[Data, ...]:
        """The choices of each data set."""
        return tuple(load(entry.data) for entry in self.config.participants)

    @property
    def fingerprint(self) -> str:
        """Identifier of the choices."""
        return " ".join(data.fingerprint for data in self.inputs)

    def run(self, folder: Path, on_progress: OnProgress) -> CompareResults:
        """Play, predict and compare."""
        return run(self.config, self.inputs, on_progress)

    def artifacts(self, results: CompareResults) -> Artifacts:
        """Tables and figures of every data set, every number and the report."""
        config = self.config
        drawn: dict[str, Figure] = {}
        sections: list[dict[str, Any]] = []
        shown: list[TextTable] = []
        for number, comparison in enumerate(results.comparisons, start=1):
            players = tables.players(comparison)
            player, *columns = players.header
            split = len(tables.PREDICTION)
            shown += [players.only(player, *few) for few in (columns[:split], columns[split:]) if few]
            curves: list[tuple[str, str, str, TextTable]] = []
            section = {
                "number": number,
                "comparison": comparison,
                "about": describe(comparison.data),
                "levels": data_facts(comparison.data).levels,
                "players": players,
                "unscored": tables.unscored(comparison),
                "curves": curves,
                "stay_switch": tables.stay_switch(comparison),
                "own": [],
            }
            drawn[f"prediction_{number}"] = figures.prediction(comparison)
            if comparison.own_episodes is not None:
                for curve, by in product(CURVES, AXES):
                    name = f"curves_{curve}_by_{by}_{number}"
                    drawn[name] = figures.learning_curves(comparison, curve, by)
                    curves.append((name, curve, by, tables.curve(comparison, curve, by)))
                drawn[f"stay_switch_{number}"] = figures.stay_switch(comparison)
                drawn[f"prediction_and_score_{number}"] = figures.prediction_and_score(comparison)
            else:
                known = comparison.participants.curves
                section["own"] = [tables.curve(comparison, name, by) for by in AXES for name in known[by]]
            sections.append(section)
        simulated = [each.entry.name for each in results.comparisons if each.data.simulated]
        simulated_note = f"Simulated participants: {listed(simulated)}." if simulated else ""
        return Artifacts(
            title=f"Comparison report: {config.name}",
            answer=self.answer(results),
            frames=frames(results),
            figures=drawn,
            key_figure="prediction_1",
            context={
                "sections": sections,
                "simulated_sets": simulated,
                "agents": [(entry.name, describe_agent(entry.agent, entry.params)) for entry in config.agents],
                "methods": write_methods("compare", results=results),
            },
            tables=tuple(shown),
            notes=tuple(filter(None, (simulated_note, *map(tables.unscored, results.comparisons)))),
            simulated=len(simulated) == len(results.comparisons),
        )

    def answer(self, results: CompareResults) -> tuple[str, ...]:
        """The player that predicts the participants best, its lead over the next one, and players reliably worse."""
        return tuple(sentence for comparison in results.comparisons for sentence in _answer(comparison))


def _answer(comparison: Comparison) -> list[str]:
    data, ranked = comparison.entry.name, comparison.ranked
    kind = "simulated participants" if comparison.data.simulated else "participants"
    if not ranked:
        return [f"No player can predict the choices of the {kind} of {data}."]
    best = ranked[0]
    assert best.nll is not None  # ranked by it
    sentences = [
        f"{best.name} predicts the {kind} of {data} best, with a held-out NLL of "
        f"{cell(mean_interval(best.nll), 3)} nats per choice."
    ]
    close = [name for name, gap in comparison.behind_the_best.items() if not gap.low > 0]
    behind = len(ranked) - 1 - len(close)
    if close and behind:
        others = "the other player is" if behind == 1 else f"the other {behind} players are"
        verb = "is" if len(close) == 1 else "are"
        sentences.append(f"{listed(close)} {verb} not reliably worse; {others}.")
    elif close:
        sentences.append("No other player is reliably worse.")
    elif behind:
        following = ranked[1].name
        gap = cell(comparison.behind_the_best[following], 4)
        sentences.append(f"All other players are reliably worse; the closest is {following}, by {gap} nats.")
    return sentences
