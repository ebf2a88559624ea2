"""Participant-like players: an agent whose parameters differ from player to player as a config says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from scipy import stats

from accept_reject.agents.learner import Learner
from accept_reject.agents.registry import load_class
from accept_reject.envs.episodes import generator
from accept_reject.envs.faults import Real, Spec, Whole, suggest
from accept_reject.experiments.entries import RunName, ScenarioEntry

_PARAMETER_LUCK = 3


class Distribution(Spec):
    """A distribution of scipy.stats by name, with its arguments beside it, such as `{distribution: beta, a: 2, b: 3}`.

    A bare number stands for every player having that value.
    """

    model_config = ConfigDict(extra="allow")
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
        if self.distribution == "constant" and set(arguments) == {"value"}:
            return self
        family = getattr(stats, self.distribution, None)
        if not isinstance(family, stats.rv_continuous):
            known = [name for name, value in vars(stats).items() if isinstance(value, stats.rv_continuous)]
            near = suggest(self.distribution, known).partition(" (known")[0]
            raise ValueError(f"{self.distribution!r} is no continuous distribution of scipy.stats{near}")
        wrong = [
            key for key, value in arguments.items() if isinstance(value, bool) or not isinstance(value, int | float)
        ]
        if wrong:
            raise ValueError(f"arguments should be numbers, but {', '.join(wrong)} are not")
        try:
            mean = family(**arguments).ppf(0.5)
        except TypeError:
            shapes = [*(family.shapes or "").replace(" ", "").split(","), "loc", "scale"]
            raise ValueError(f"{self.distribution} takes {', '.join(filter(None, shapes))}") from None
        if not np.isfinite(mean):
            raise ValueError(f"{self.distribution} has no median with {arguments}")
        return self

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """The quantile function."""
        if self.distribution == "constant":
            return np.full_like(u, (self.model_extra or {})["value"])
        return getattr(stats, self.distribution)(**(self.model_extra or {})).ppf(u)


class Mixture(Spec):
    """Several distributions, each with a weight; weights need not sum to 1.

    Attributes:
        mixture: The distributions.
        weights: How much each of them counts.
    """

    mixture: Annotated[tuple[Distribution, ...], Field(min_length=1)]
    weights: tuple[Annotated[Real, Field(ge=0)], ...]

    @field_validator("weights")
    @classmethod
    def _check(cls, weights: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if "mixture" in info.data and len(weights) != len(info.data["mixture"]):
            raise ValueError(f"should be one for each of the {len(info.data['mixture'])} distributions")
        if not sum(weights) > 0:
            raise ValueError("should not all be 0")
        return weights


class CorrelatedNormals(Spec):
    """Parameters that vary together: a multivariate Normal, mapped to each parameter's range by its link.

    The link of a parameter between two bounds is logistic, above one bound `exp`, without bounds none.

    Attributes:
        parameters: Their names.
        mean: Mean before the links.
        covariance: Covariance before the links.
    """

    parameters: Annotated[tuple[str, ...], Field(min_length=1)]
    mean: tuple[Real, ...]
    covariance: tuple[tuple[Real, ...], ...]

    @model_validator(mode="after")
    def _check(self) -> CorrelatedNormals:
        n = len(self.parameters)
        if len(self.mean) != n:
            raise ValueError(f".mean: should hold a number for each of the {n} parameters")
        if len(self.covariance) != n or any(len(row) != n for row in self.covariance):
            raise ValueError(f".covariance: should be {n} rows of {n} numbers")
        matrix = np.array(self.covariance)
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() < -1e-9:
            raise ValueError(".covariance: should be symmetric and positive semi-definite")
        return self


def learner_class(agent: str) -> type[Learner]:
    """The class of a learner with named parameters.

    Raises:
        ValueError: If the agent is unknown or has no named parameters.
    """
    cls = load_class(agent)
    if not issubclass(cls, Learner):
        raise ValueError(f"agent {agent!r} has no named parameters: it can't be given a population of them")
    return cls


def _is_learner(agent: str) -> str:
    learner_class(agent)
    return agent


LearnerName = Annotated[str, AfterValidator(_is_learner)]
"""A learner's registered name or dotted path."""


class PopulationConfig(Spec):
    """Simulated participants.

    Attributes:
        name: Name of the data set.
        agent: A learner's registered name or dotted path.
        participants: How many.
        seed: Seed of everything: parameters, episodes, choices.
        game: The game that they play.
        parameters: How each parameter is distributed; those not named have their defaults.
        correlated: Groups of parameters that vary together.
    """

    name: RunName
    kind: Literal["population"] = "population"
    agent: LearnerName
    participants: Annotated[Whole, Field(ge=1, le=1_000_000)] = 42
    seed: Annotated[Whole, Field(ge=0)] = 0
    game: ScenarioEntry = ScenarioEntry(scenario="orthogonal")
    parameters: dict[str, Mixture | Distribution] = {}
    correlated: tuple[CorrelatedNormals, ...] = ()

    @field_validator("parameters", mode="before")
    @classmethod
    def _check_shape(cls, parameters: Any) -> Any:
        """Tell mixtures from plain distributions, so that a fault is told of the one that was meant."""
        if not isinstance(parameters, dict):
            return parameters
        return {
            name: Mixture.model_validate(each) if isinstance(each, dict) and "mixture" in each else each
            for name, each in parameters.items()
        }

    @model_validator(mode="after")
    def _check_parameters(self) -> PopulationConfig:
        free = learner_class(self.agent).free_parameters()
        named = [*self.parameters, *(name for group in self.correlated for name in group.parameters)]
        faults = [f".parameters.{name}: unknown parameter{suggest(name, free)}" for name in named if name not in free]
        faults += [f".parameters.{name}: is given more than once" for name in {n for n in named if named.count(n) > 1}]
        if not faults:
            sample = draw_parameters(self, 1000, seed=0)
            for name, values in sample.items():
                if not free[name].allows(torch.from_numpy(values)):
                    bounds = f"{free[name].low:g} to {free[name].high:g}"
                    faults.append(
                        f".parameters.{name}: should stay from {bounds}, but reaches {values.min():.3g} "
                        f"to {values.max():.3g}"
                    )
        if faults:
            raise ValueError("\n".join(fault.removeprefix(".") for fault in faults))
        return self


def draw_parameters(
    config: PopulationConfig, n: int | None = None, seed: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """Draw each participant's parameters, `(n,)` each by name; a participant's are the same whatever `n` is.

    Args:
        config: The population.
        n: How many participants; the config's number by default.
        seed: The seed; the config's by default.
    """
    n = config.participants if n is None else n
    width = 2 * len(config.parameters) + sum(len(group.parameters) for group in config.correlated)
    u = generator(config.seed if seed is None else seed, _PARAMETER_LUCK).random((n, width))
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
    free = learner_class(config.agent).free_parameters()
    for group in config.correlated:
        z = stats.norm.ppf(np.stack([next(columns) for _ in group.parameters], axis=1))
        values, vectors = np.linalg.eigh(np.array(group.covariance))
        x = np.array(group.mean) + z @ (vectors * np.sqrt(np.maximum(values, 0))).T
        for name, column in zip(group.parameters, x.T, strict=True):
            found[name] = free[name].constrain(torch.from_numpy(column.copy())).numpy()
    return found
