"""Models in configs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from accept_reject.agents.learner import NormalPrior, Parameter
from accept_reject.errors import Number, Spec, suggest
from accept_reject.experiments.entries import NamedAgent
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.simulation.population import LearnerName, learner_class


class PriorEntry(Spec):
    """A Normal prior on the unbounded scale of a parameter.

    Attributes:
        mean: The mean.
        sd: The standard deviation.
    """

    mean: Annotated[Number, Field(ge=-20, le=20)]
    sd: Annotated[Number, Field(gt=0, le=20)]


class ModelEntry(NamedAgent):
    """A model in a config: the name of a learner, or a mapping.

    Attributes:
        fit: The parameters to estimate; by default those with `Parameter.fitted`.
        fixed: Values of other parameters; the rest have the learner's defaults.
        priors: Priors of parameters to estimate; by default `Parameter.prior`.
    """

    agent: LearnerName
    fit: tuple[str, ...] | None = None
    fixed: dict[str, Number] = {}
    priors: dict[str, PriorEntry] = {}

    @model_validator(mode="after")
    def _check_parameters(self) -> ModelEntry:
        known = learner_class(self.agent).free_parameters()
        named = {"fit": self.fit or (), "fixed": tuple(self.fixed), "priors": tuple(self.priors)}
        problems = [
            f".{key}: unknown parameter {name!r}{suggest(name, known)}"
            for key, names in named.items()
            for name in names
            if name not in known
        ]
        if self.fit is not None:
            repeated = sorted({name for name in self.fit if self.fit.count(name) > 1})
            problems += [f".fit: parameters must be unique, got {name!r} more than once" for name in repeated]
        if not self.parameters:
            problems.append(".fit: must have at least 1 parameter, got none")
        problems += [f".fixed.{name}: can't be combined with fit" for name in self.fixed if name in self.parameters]
        problems += [
            f".priors.{name}: is only valid for parameters in fit"
            for name in self.priors
            if name in known and name not in self.parameters
        ]
        problems += [
            f".fixed.{name}: must be {known[name].range}, got {value:g}"
            for name, value in self.fixed.items()
            if name in known and not known[name].low <= value <= known[name].high
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters to estimate."""
        known = learner_class(self.agent).free_parameters()
        return tuple(n for n, p in known.items() if p.fitted and n not in self.fixed) if self.fit is None else self.fit

    def resolve(self) -> Model:
        """Create the model."""
        learner = learner_class(self.agent)
        known: dict[str, Parameter] = learner.free_parameters()
        given = {name: NormalPrior(prior.mean, prior.sd) for name, prior in self.priors.items()}
        return Model(
            name=self.name,
            learner=learner,
            priors={name: given.get(name, known[name].prior) for name in self.parameters},
            fixed=self.fixed,
        )
