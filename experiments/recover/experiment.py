"""The recovery study as an experiment: its answer, tables, figures and report."""

from __future__ import annotations

from pathlib import Path

from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.recover import figures, tables
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.frames import frames
from accept_reject.experiments.recover.run import RecoverResults, run
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.reporting.progress import OnProgress
from accept_reject.experiments.reporting.words import counted, listed
from accept_reject.experiments.runner import Artifacts, Experiment


class Recover(Experiment[RecoverConfig, None, RecoverResults]):
    """Simulated participants of every model, fitted by every model: are parameters and models recovered?"""

    kind = "recover"
    config_type = RecoverConfig

    def run(self, folder: Path, on_progress: OnProgress) -> RecoverResults:
        """Simulate and fit."""
        return run(self.config, on_progress)

    def artifacts(self, results: RecoverResults) -> Artifacts:
        """Recovered parameters and models, figures and the report."""
        config = self.config
        parameters, confusion = tables.parameters(results), tables.confusion(results)
        drawn = {"recovery": figures.scatter(results)}
        if confusion is not None:
            drawn["confusion"] = figures.confusion(results)
        if len(config.lengths) * len(config.participants) > 1:
            drawn["design"] = figures.design(results)
        return Artifacts(
            title=f"Recovery report: {config.name}",
            answer=self.answer(results),
            frames=frames(results),
            figures=drawn,
            key_figure="design" if "design" in drawn else "confusion" if confusion is not None else "recovery",
            context={
                "game": config.game.name,
                "models": [entry.name for entry in config.models],
                "parameters": parameters,
                "confusion": confusion,
                "design": tables.design(results),
                "methods": write_methods("recover", config=config),
            },
            tables=(parameters,) if confusion is None else (parameters, confusion),
            simulated=True,
        )

    def answer(self, results: RecoverResults) -> tuple[str, ...]:
        """Recovery of parameters and models in the largest design."""
        config = self.config
        rounds, size = max(config.lengths), max(config.participants)
        parameters = results.parameters
        parameters = parameters[(parameters.rounds == rounds) & (parameters.participants == size)].dropna(subset="r")
        sentences = []
        if len(parameters):
            items = (f"{row.parameter.replace('_', ' ')} of {row.model} {row.r:.2f}" for row in parameters.itertuples())
            sentences.append(
                f"With {counted(rounds, 'round')}, estimates correlate with the true parameters: {listed(items)}."
            )
        confusion = results.confusion
        if not confusion.empty:
            recovered = confusion[(confusion.rounds == rounds) & (confusion.participants == size)]
            recovered = recovered[recovered.generating == recovered.fitted]
            shares = (
                f"{row.generating} in {row.wins:.0%} (decisively in {row.decided:.0%})"
                for row in recovered.itertuples()
            )
            sentences.append(
                f"In studies with {size} participants, the generating model wins: {listed(shares)}; evidence is "
                f"decisive if the protected exceedance probability is above {DECIDED:g}."
            )
        return tuple(sentences) or ("No true parameter varies, so recovery can't be measured.",)
