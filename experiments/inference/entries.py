"""Models in configs."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from accept_reject.agents.learner import NormalPrior, Parameter
from accept_reject.errors import Number, Spec, suggest
from accept_reject.experiments.entries import NamedAgent
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.priors import BetaPrior, GammaPrior
from accept_reject.experiments.simulation.population import LearnerName, learner_class


class NormalEntry(Spec):
    """A Normal prior on the unbounded scale of a parameter.

    Attributes:
        mean: The mean.
        sd: The standard deviation.
    """

    mean: Annotated[Number, Field(ge=-20, le=20)]
    sd: Annotated[Number, Field(gt=0, le=20)]

    def resolve(self) -> NormalPrior:
        """Return the prior."""
        return NormalPrior(self.mean, self.sd)


class BetaEntry(Spec):
    """A Beta prior in the range of a parameter with two bounds.

    Attributes:
        a: The first parameter.
        b: The second parameter.
    """

    distribution: Literal["beta"]
    a: Annotated[Number, Field(gt=0, le=1e4)]
    b: Annotated[Number, Field(gt=0, le=1e4)]

    def resolve(self) -> BetaPrior:
        """Return the prior."""
        return BetaPrior(self.a, self.b)


class GammaEntry(Spec):
    """A Gamma prior of the distance of a parameter from its only bound.

    Attributes:
        a: The shape.
        scale: The scale.
    """

    distribution: Literal["gamma"]
    a: Annotated[Number, Field(gt=0, le=1e4)]
    scale: Annotated[Number, Field(gt=0, le=1e4)]

    def resolve(self) -> GammaPrior:
        """Return the prior."""
        return GammaPrior(self.a, self.scale)


def _kind_of(data: Any) -> str:
    if isinstance(data, NormalEntry | BetaEntry | GammaEntry):
        return type(data).__name__
    given = data.get("distribution") if isinstance(data, dict) else None
    return {"beta": "BetaEntry", "gamma": "GammaEntry"}.get(str(given), "NormalEntry")


PriorEntry = Annotated[
    Annotated[NormalEntry, Tag("NormalEntry")]
    | Annotated[BetaEntry, Tag("BetaEntry")]
    | Annotated[GammaEntry, Tag("GammaEntry")],
    Discriminator(_kind_of),
]
"""A prior: `{mean: 0, sd: 1}`, `{distribution: beta, a: 2, b: 2}` or `{distribution: gamma, a: 2, scale: 3}`."""


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
            f".priors.{name}: {prior.distribution} is only valid for a parameter with {bounds}, got {known[name].range}"
            for name, prior in self.priors.items()
            if name in known and not isinstance(prior, NormalEntry)
            for wanted, bounds in [(2, "two bounds") if isinstance(prior, BetaEntry) else (1, "a single bound")]
            if sum(map(math.isfinite, (known[name].low, known[name].high))) != wanted
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
        given = {name: prior.resolve() for name, prior in self.priors.items()}
        return Model(
            name=self.name,
            learner=learner,
            priors={name: given.get(name, known[name].prior) for name in self.parameters},
            fixed=self.fixed,
        )
