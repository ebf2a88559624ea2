"""Populations of simulated participants: a learner whose parameters vary between players."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from scipy import stats

from accept_reject.agents.learner import Learner
from accept_reject.agents.registry import load_class
from accept_reject.errors import Integer, Number, Spec, shorten, suggest
from accept_reject.experiments.entries import RunName, ScenarioEntry
from accept_reject.random import Stream, generator


class Distribution(Spec):
    """A continuous distribution of `scipy.stats` with its arguments, such as `{distribution: beta, a: 2, b: 3}`.

    A number is short for the same value for every player.

    Attributes:
        distribution: Name of the distribution.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra={"must_be": "a number or a distribution"})
    distribution: str

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"distribution": "constant", "value": data}
        return data

    @model_validator(mode="after")
    def _check(self) -> Distribution:
        arguments = self.model_extra or {}
        family: Any = getattr(stats, self.distribution, None)
        constant = self.distribution == "constant" and set(arguments) == {"value"}
        if not constant and not isinstance(family, stats.rv_continuous):
            known = [name for name, value in vars(stats).items() if isinstance(value, stats.rv_continuous)]
            near = suggest(self.distribution, known).partition(" (known")[0]
            raise ValueError(
                f".distribution: must be a continuous distribution of scipy.stats, got {self.distribution!r}{near}"
            )
        problems = [
            f".{key}: must be a finite number, got {shorten(value)}"
            for key, value in arguments.items()
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max
        ]
        if problems:
            raise ValueError("\n".join(problems))
        if constant:
            return self
        try:
            median = family(**arguments).ppf(0.5)
        except TypeError:
            shapes = [*(family.shapes or "").replace(" ", "").split(","), "loc", "scale"]
            takes = ", ".join(filter(None, shapes))
            raise ValueError(
                f"must have the arguments of {self.distribution} ({takes}), got {shorten(arguments)}"
            ) from None
        if not np.isfinite(median):
            raise ValueError(f"must be valid arguments of {self.distribution}, got {shorten(arguments)}")
        return self

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate the quantile function at probabilities u, in 0..1."""
        if self.distribution == "constant":
            return np.full_like(u, (self.model_extra or {})["value"])
        return getattr(stats, self.distribution)(**(self.model_extra or {})).ppf(u)


class Mixture(Spec):
    """A mixture of distributions.

    Attributes:
        mixture: The distributions.
        weights: The weight of each distribution; they are normalized to sum to 1.
    """

    mixture: Annotated[tuple[Distribution, ...], Field(min_length=1)]
    weights: tuple[Annotated[Number, Field(ge=0)], ...]

    @field_validator("weights")
    @classmethod
    def _check(cls, weights: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if "mixture" in info.data and len(weights) != len(info.data["mixture"]):
            raise ValueError(
                f"must have one number for each distribution ({len(info.data['mixture'])}), got {len(weights)}"
            )
        if not sum(weights) > 0:
            raise ValueError(f"must have a sum > 0, got {shorten(list(weights))}")
        return weights


def _kind_of(data: Any) -> str:
    return "Mixture" if isinstance(data, Mixture) or (isinstance(data, dict) and "mixture" in data) else "Distribution"


AnyDistribution = Annotated[
    Annotated[Mixture, Tag("Mixture")] | Annotated[Distribution, Tag("Distribution")], Discriminator(_kind_of)
]
"""A distribution or a mixture of distributions."""


class CorrelatedNormals(Spec):
    """Correlated parameters: multivariate Normal on the unbounded scale, mapped to each parameter's range.

    The mapping is `Parameter.constrain`: logistic between two bounds, `exp` with one bound, none without bounds.

    Attributes:
        parameters: Names of the parameters.
        mean: Mean on the unbounded scale.
        covariance: Covariance on the unbounded scale.
    """

    parameters: Annotated[tuple[str, ...], Field(min_length=1)]
    mean: tuple[Number, ...]
    covariance: tuple[tuple[Number, ...], ...]

    @model_validator(mode="after")
    def _check(self) -> CorrelatedNormals:
        n = len(self.parameters)
        if len(self.mean) != n:
            raise ValueError(f".mean: must have one number for each parameter ({n}), got {len(self.mean)}")
        if len(self.covariance) != n or any(len(row) != n for row in self.covariance):
            rows = [len(row) for row in self.covariance]
            raise ValueError(f".covariance: must be a {n} x {n} matrix, got rows of {shorten(rows)} numbers")
        matrix = np.array(self.covariance)
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() < -1e-9:
            raise ValueError(
                f".covariance: must be symmetric and positive semi-definite, got {shorten(matrix.tolist())}"
            )
        return self


def learner_class(agent: str) -> type[Learner]:
    """Return the class of a learner.

    Args:
        agent: Registered name or dotted path.

    Raises:
        ValueError: If the agent is unknown or is not a `Learner`.
    """
    cls = load_class(agent)
    if not issubclass(cls, Learner):
        raise ValueError(f"must be a learner, an agent with named parameters, got {agent!r}")
    return cls


def _is_learner(agent: str) -> str:
    learner_class(agent)
    return agent


LearnerName = Annotated[str, AfterValidator(_is_learner)]
"""Registered name or dotted path of a learner."""


class RatingNoise(Spec):
    """How participants rate partners after the last round, see `rate`.

    Attributes:
        noise: Standard deviation of a rating around the participant's belief, which is from 0 to 1.
        rank_odds: How much more ranks count in ratings than in choices: the factor of the odds of `w`.
    """

    noise: Annotated[Number, Field(ge=0)]
    rank_odds: Annotated[Number, Field(gt=0)] = 1


class PopulationConfig(Spec):
    """A population of simulated participants.

    Attributes:
        name: Name of the data set.
        agent: Registered name or dotted path of a learner.
        participants: Number of participants.
        seed: Seed of parameters, episodes and choices.
        game: The game.
        parameters: Distributions of parameters; the other parameters have the learner's defaults.
        correlated: Groups of correlated parameters.
        ratings: How participants rate partners; by default they do not.
    """

    name: RunName
    kind: Literal["population"] = "population"
    agent: LearnerName
    participants: Annotated[Integer, Field(ge=1, le=1_000_000)] = 42
    seed: Annotated[Integer, Field(ge=0)] = 0
    game: ScenarioEntry = ScenarioEntry(scenario="orthogonal")
    parameters: dict[str, AnyDistribution] = {}
    correlated: tuple[CorrelatedNormals, ...] = ()
    ratings: RatingNoise | None = None

    @model_validator(mode="after")
    def _check_parameters(self) -> PopulationConfig:
        known = learner_class(self.agent).free_parameters()
        named = [("parameters", name) for name in self.parameters]
        named += [
            (f"correlated.{i}.parameters", name) for i, group in enumerate(self.correlated) for name in group.parameters
        ]
        names = [name for _, name in named]
        problems = [
            f"{place}: unknown parameter {name!r}{suggest(name, known)}" for place, name in named if name not in known
        ]
        problems += [
            f"{place}: must be unique across parameters and correlated, got {name!r} more than once"
            for i, (place, name) in enumerate(named)
            if name in names[:i]
        ]
        if self.ratings is not None and self.ratings.rank_odds != 1 and "w" not in known:
            problems.append(f"ratings.rank_odds: needs a learner with the parameter w, got {self.agent!r}")
        if not problems:
            for name, values in draw_parameters(self, 1000, seed=0).items():
                if not known[name].allows(torch.from_numpy(values)):
                    got = f"values from {values.min():.3g} to {values.max():.3g}"
                    problems.append(f"parameters.{name}: must be {known[name].range}, got {got}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


def draw_parameters(
    config: PopulationConfig, n: int | None = None, seed: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """Draw the parameters of participants. Those of a participant don't depend on the number of participants.

    Args:
        config: The population.
        n: Number of participants; by default that of the config.
        seed: Seed; by default that of the config.

    Returns:
        The parameters by name, `(n,)` each.
    """
    n = config.participants if n is None else n
    width = 2 * len(config.parameters) + sum(len(group.parameters) for group in config.correlated)
    u = generator(config.seed if seed is None else seed, Stream.PARAMETERS).random((n, width))
    columns = iter(np.clip(u.T, 1e-12, 1 - 1e-12))
    found = {}
    for name, spec in config.parameters.items():
        which, quantile = next(columns), next(columns)
        if isinstance(spec, Distribution):
            found[name] = spec.quantile(quantile)
        else:
            shares = np.cumsum(spec.weights) / np.sum(spec.weights)
            component = np.searchsorted(shares, which, side="right")
            found[name] = np.choose(component, [each.quantile(quantile) for each in spec.mixture])
    known = learner_class(config.agent).free_parameters()
    for group in config.correlated:
        z = stats.norm.ppf(np.stack([next(columns) for _ in group.parameters], axis=1))
        values, vectors = np.linalg.eigh(np.array(group.covariance))
        x = np.array(group.mean) + z @ (vectors * np.sqrt(np.maximum(values, 0))).T
        for name, column in zip(group.parameters, x.T, strict=True):
            found[name] = known[name].constrain(torch.from_numpy(column.copy())).numpy()
    return found
