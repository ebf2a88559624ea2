"""The fit as an experiment: its answer, tables, figures and report."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

import numpy as np

from accept_reject.experiments.data.describe import describe
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.fit import figures, tables
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.draws import write_draws
from accept_reject.experiments.fit.frames import frames
from accept_reject.experiments.fit.predictive_check import smallest_p
from accept_reject.experiments.fit.recovery import FILE as RECOVERY
from accept_reject.experiments.fit.recovery import recovery_config
from accept_reject.experiments.fit.run import FitResults, run
from accept_reject.experiments.fit.trials import write_trials
from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.reporting.progress import OnProgress
from accept_reject.experiments.reporting.tables import probability
from accept_reject.experiments.reporting.words import counted, listed, spaced
from accept_reject.experiments.runner import Artifacts, Experiment


class FitExperiment(Experiment[FitConfig, Data, FitResults]):
    """Learners fitted to choices and compared: parameters, evidence, model selection, predictive checks."""

    kind = "fit"
    config_type = FitConfig

    @cached_property
    def inputs(self) -> Data:
        """The choices."""
        return load(self.config.data)

    @property
    def fingerprint(self) -> str:
        """Identifier of the choices, and of the groups and covariates that are used."""
        used = [name for name in (self.config.groups, *self.config.covariates) if name is not None]
        if not used or self.inputs.participants is None:
            return self.inputs.fingerprint
        known = [name for name in used if name in self.inputs.participants]
        return f"{self.inputs.fingerprint} {self.inputs.participants[known].to_csv()}"

    def run(self, folder: Path, on_progress: OnProgress) -> FitResults:
        """Fit, compare and check."""
        return run(self.config, self.inputs, on_progress)

    def artifacts(self, results: FitResults) -> Artifacts:
        """Estimates, evidence, figures and the report."""
        config, data, check = self.config, self.inputs, results.check
        models, selection, groups = tables.models(results), tables.selection(results), tables.groups(results)
        parameters, flags = tables.parameters(results), tables.flags(results)
        shown = (
            models.only(*(column for column in models.header if column not in ("per choice", "AIC"))),
            selection,
            parameters.only(*(column for column in parameters.header if column not in tables.PRIOR_COLUMNS)),
            groups and groups.only(*(column for column in groups.header if column not in tables.WIDE_COLUMNS)),
            tables.contrasts(results),
            tables.covariates(results),
            flags,
        )
        omnibus = tables.omnibus(results) if results.selections else ""
        accuracy = tables.accuracy(results)
        misfits = "" if check is None else tables.misfits(check, config.simulations)
        notes = (omnibus, accuracy, misfits, "The participants are simulated." if data.simulated else "")
        recovery = recovery_config(results)
        drawn = {"estimates": figures.estimates(results)}
        if results.selections:
            drawn["comparison"] = figures.comparison(results)
        if check is not None:
            drawn["predictive_check"] = figures.predictive_check(check)
        return Artifacts(
            title=f"Fit report: {config.name}",
            answer=self.answer(results),
            frames=frames(results),
            figures=drawn,
            key_figure="comparison" if results.selections else "estimates",
            context={
                "data": dict(describe(data)),
                "participants": len(data.choices),
                "method": tables.METHODS[config.method],
                "models": models,
                "selection": selection,
                "omnibus": omnibus,
                "accuracy": accuracy,
                "parameters": parameters,
                "reliability": tables.reliability(results),
                "groups": groups,
                "contrasts": tables.contrasts(results),
                "covariates": tables.covariates(results),
                "correlations": tables.correlations(results),
                "flags": flags,
                "predictive": tables.predictive(check) if check is not None else (),
                "smallest_p": smallest_p(config.simulations),
                "p_values": None if check is None else tables.predictive_p_values(check),
                "misfits": misfits,
                "recovery": RECOVERY if recovery else "",
                "free_running": check is not None and check.free_running,
                "methods": write_methods("fit", results=results),
            },
            tables=tuple(table for table in shown if table is not None),
            notes=tuple(filter(None, notes)),
            simulated=data.simulated,
            files={} if recovery is None else {RECOVERY: recovery},
            write_more=partial(_write_more, results),
        )

    def answer(self, results: FitResults) -> tuple[str, ...]:
        """The most frequent model with its exceedance probability, and its median parameters."""
        participants = counted(
            len(self.inputs.choices), "simulated participant" if results.data.simulated else "participant"
        )
        selection, names = results.selection, list(results.models)
        if selection is None:
            best, sentences = names[0], []
        else:
            index = int(selection.protected.argmax())
            best, pxp = names[index], selection.protected[index]
            numbers = (
                f"protected exceedance probability {probability(pxp)}, "
                f"expected frequency {selection.frequencies[index]:.0%}"
            )
            models = counted(len(names), "model")
            sentences = [
                f"{best} is the most frequent of {models} among {participants} ({numbers})."
                if pxp > DECIDED
                else f"No model is clearly the most frequent of {models} among {participants}; "
                f"the most probable one is {best} ({numbers})."
            ]
        if results.unconverged:
            many = len(results.unconverged) > 1
            group = "estimated groups have" if many else "estimated group has"
            verb = "draws have" if self.config.method == "bayes" else group
            compared = "" if len(names) == 1 else ", so models are not compared"
            sentences.insert(0, f"The {verb} not converged for {listed(results.unconverged)}{compared}.")
        unidentified = results.unidentified
        if unidentified:
            sentences.insert(0, _warning(unidentified, bool((self.inputs.choices.rank > 0).any())))
        if best in unidentified:
            return tuple(sentences)
        estimates = results.models[best].estimates
        model = results.models[best].fit.model
        medians = zip(model.parameters, np.median(estimates, axis=0), strict=True)
        known = model.learner.free_parameters()
        about = {name: f" ({known[name].about})" if len(name) < 3 else "" for name in model.parameters}
        values = ", ".join(f"{spaced(name)} {median:.2f}{about[name]}" for name, median in medians)
        sentences.append(f"Median estimates of {best}{'' if selection else f' over {participants}'}: {values}.")
        return tuple(sentences)


def _write_more(results: FitResults, folder: Path) -> None:
    write_draws(results, folder)
    write_trials(results, folder)


def _warning(unidentified: dict[str, tuple[str, ...]], ranks: bool) -> str:
    """Say which parameters the choices don't determine, and what follows."""
    parts = [f"{listed(map(spaced, names))} of {model}" for model, names in unidentified.items()]
    why = "These choices" if ranks else "No rank was shown, so these choices"
    return (
        f"{why} do not determine {', or '.join(parts)}: other values predict exactly the same choices. "
        "Estimates of these parameters, and comparisons with these models, reflect the priors."
    )
