"""What to fit, as configs say it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from accept_reject.agents.learner import NormalPrior, Parameter
from accept_reject.envs.faults import Real, Spec, Whole, suggest
from accept_reject.experiments.entries import NamedAgent, RunName, check_names
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.population import LearnerName, learner_class

PARTICIPANTS = "data"
"""What tables call the participants themselves, beside models."""

Method = Literal["map", "hierarchical", "maximum-likelihood"]
SelectionPrior = Literal[1, "1/models"]


class PriorEntry(Spec):
    """A Normal prior on the unbounded scale of a parameter.

    Attributes:
        mean: Its mean.
        sd: Its standard deviation.
    """

    mean: Annotated[Real, Field(ge=-20, le=20)]
    sd: Annotated[Real, Field(gt=0, le=20)]


class ModelEntry(NamedAgent):
    """A model in a config: a learner's bare name, or a mapping.

    Attributes:
        fit: The parameters to estimate; by default those that the learner says.
        fixed: Values of other parameters; those not named have the learner's defaults.
        priors: Priors of estimated parameters; those not named have the learner's.
    """

    agent: LearnerName
    fit: tuple[str, ...] | None = None
    fixed: dict[str, Real] = {}
    priors: dict[str, PriorEntry] = {}

    @model_validator(mode="after")
    def _check_parameters(self) -> ModelEntry:
        known = learner_class(self.agent).free_parameters()
        named = {"fit": self.fit or (), "fixed": tuple(self.fixed), "priors": tuple(self.priors)}
        faults = [
            f".{key}.{name}: unknown parameter{suggest(name, known)}"
            for key, names in named.items()
            for name in names
            if name not in known
        ]
        if self.fit is not None:
            faults += [f".fit: names {name} twice" for name in sorted({n for n in self.fit if self.fit.count(n) > 1})]
        if not self.parameters:
            faults.append(".fit: should name a parameter or more")
        faults += [f".fixed.{name}: is estimated too" for name in self.fixed if name in self.parameters]
        faults += [
            f".priors.{name}: is not estimated" for name in self.priors if name in known and name not in self.parameters
        ]
        faults += [
            f".fixed.{name}: should be from {known[name].low:g} to {known[name].high:g}, but is {value:g}"
            for name, value in self.fixed.items()
            if name in known and not known[name].low <= value <= known[name].high
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters to estimate."""
        known = learner_class(self.agent).free_parameters()
        return tuple(n for n, p in known.items() if p.fitted and n not in self.fixed) if self.fit is None else self.fit

    def resolve(self) -> Model:
        """The model."""
        learner = learner_class(self.agent)
        known: dict[str, Parameter] = learner.free_parameters()
        given = {name: NormalPrior(prior.mean, prior.sd) for name, prior in self.priors.items()}
        return Model(
            name=self.name,
            learner=learner,
            priors={name: given.get(name, known[name].prior) for name in self.parameters},
            fixed=self.fixed,
        )


def prior_count(prior: SelectionPrior, models: int) -> float:
    """The prior count of each of several models in model selection."""
    return 1.0 if prior == 1 else 1 / models


class FitConfig(Spec):
    """What to fit to what.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        data: The choices: the folder of a BIDS data set, a config that maps a table's columns, or a population to
            simulate. A path in a config file is seen from the file's folder, one given on the command line from the
            current folder.
        models: The models.
        method: `map` finds each participant's most probable parameters under the priors; `hierarchical` learns the
            priors too, from the group; `maximum-likelihood` takes no priors, and so has no evidence to compare.
        starts: From how many points the optimum is looked for.
        seed: Seed of the starts and of the simulations.
        tolerance: A hierarchical fit ends when the group moves by less than this share of its standard deviation.
        selection_prior: Prior count of each model in model selection: 1 as in SPM, or 1 over the number of models as in
            the VBA toolbox.
        simulations: How many times the fitted participants are simulated for the predictive check; 0 for no check.
    """

    name: RunName = "fit"
    kind: Literal["fit"] = "fit"
    data: Annotated[str, Field(min_length=1)]
    models: tuple[ModelEntry, ...]
    method: Method = "map"
    starts: Annotated[Whole, Field(ge=1, le=1_000)] = 10
    seed: Annotated[Whole, Field(ge=0)] = 0
    tolerance: Annotated[Real, Field(gt=0, le=1)] = 1e-3
    selection_prior: SelectionPrior = 1
    simulations: Annotated[Whole, Field(ge=0, le=10_000)] = 40

    @field_validator("models")
    @classmethod
    def _check_models(cls, entries: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        names = [entry.name for entry in entries]
        check_names(names)
        if PARTICIPANTS in names:
            raise ValueError(f"{PARTICIPANTS!r} is what tables call the participants themselves; give another label")
        return entries
