"""Learners with named parameters: the same code plays and computes likelihoods, differentiable in every parameter.

A learner separates its *evidence*, the memory about each offered partner, from its *policy*, which maps evidence to
log-probabilities. The policy broadcasts over rounds, so that the likelihood of all choices is computed at once.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.base import Agent
from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError, shorten, suggest


class NormalPrior(NamedTuple):
    """A Normal prior of a parameter on its unbounded scale, before `Parameter.constrain`.

    Attributes:
        mean: The mean.
        sd: The standard deviation.
    """

    mean: float
    sd: float

    def log_density(self, unbounded: Tensor) -> Tensor:
        """Log-density on the unbounded scale, `(...)`."""
        return -(((unbounded - self.mean) / self.sd) ** 2) / 2 - math.log(self.sd * math.sqrt(2 * math.pi))


WIDE = NormalPrior(0, 1.5)

_FARTHEST = 50.0
"""Largest absolute value that `constrain` maps to a bounded range; larger ones are clipped, as `exp` would overflow."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a learner.

    Attributes:
        default: The default value.
        low: The lower bound.
        high: The upper bound.
        about: A one-line description.
        prior: The prior of a fit, on the unbounded scale. The default is wide: its central 95% cover nearly the whole
            range between two bounds, 0.05 to 20 above a lower bound, and -3 to 3 without bounds.
        fitted: Whether a fit estimates it by default.
    """

    default: float
    low: float
    high: float
    about: str
    prior: NormalPrior = WIDE
    fitted: bool = True

    @property
    def range(self) -> str:
        """The parameter's range in words, such as "a number >= 0"."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"a number from {self.low:g} to {self.high:g}"
        if math.isfinite(self.low):
            return f"a number >= {self.low:g}"
        return f"a number <= {self.high:g}" if math.isfinite(self.high) else "a finite number"

    def constrain(self, free: Tensor) -> Tensor:
        """Map numbers to the parameter's range: by a logistic function, by `exp` with one bound, or unchanged."""
        if math.isinf(self.low) and math.isinf(self.high):
            return free
        free = free.clamp(-_FARTHEST, _FARTHEST)
        if math.isinf(self.low):
            return self.high - free.exp()
        if math.isinf(self.high):
            return self.low + free.exp()
        return self.low + (self.high - self.low) * torch.sigmoid(free)

    def log_slope(self, free: Tensor) -> Tensor:
        """Compute the logarithm of the absolute derivative of `constrain`."""
        if math.isinf(self.low) and math.isinf(self.high):
            return torch.zeros_like(free)
        if math.isinf(self.low) or math.isinf(self.high):
            return free
        logsigmoid = torch.nn.functional.logsigmoid
        return math.log(self.high - self.low) + logsigmoid(free) + logsigmoid(-free)

    def allows(self, value: Tensor) -> bool:
        """Return whether all values are finite and in the parameter's range."""
        return bool(((value >= self.low) & (value <= self.high) & value.isfinite()).all())


INVERSE_TEMPERATURE = Parameter(20, 0, math.inf, "softmax inverse temperature", NormalPrior(0, 1))
"""For values in 0..1. The default is nearly greedy. Babür et al. (2024) report a median of 1.5 in people; the central
95% of the prior cover 0.14 to 7.1."""


class Beliefs(NamedTuple):
    """What a learner of two signals believes about partners, each of the same shape, or None.

    Attributes:
        rank_value: Expected value of the partner's rank, 0..1; None if the learner does not use ranks.
        outcome_value: Expected outcome, 0..1; None if the learner does not use outcomes.
        rank_variance: Variance of the belief about the mean of the rank value; None without a belief.
        outcome_variance: Variance of the belief about the probability of being accepted; None without a belief.
    """

    rank_value: Tensor | None
    outcome_value: Tensor | None
    rank_variance: Tensor | None = None
    outcome_variance: Tensor | None = None


class Learner(Agent):
    """Base class of learners with named parameters.

    Subclasses declare `parameters`, and can hold some of their parent's parameters constant with `fixed`.

    Args:
        values: Parameters by name, each a number or an array with one number for each player, `(n_players,)`. Omitted
            ones have their default. Gradients flow to tensors that require them.

    Raises:
        ValueError: With every unknown name and every invalid value.
    """

    parameters: ClassVar[Mapping[str, Parameter]]
    fixed: ClassVar[Mapping[str, float]] = {}

    def __init__(self, **values: Any) -> None:
        problems = []
        self.values = {name: torch.tensor(value, dtype=torch.float64) for name, value in self.fixed.items()}
        for name, parameter in self.parameters.items():
            if name not in self.fixed:
                given = values.pop(name, parameter.default)
                found = _numbers(given)
                if found is None or found.ndim > 1:
                    problems.append(f"{name}: must be a number, or one number for each player, got {shorten(given)}")
                elif not parameter.allows(found.detach()):
                    problems.append(f"{name}: must be {parameter.range}, got {shorten(found.tolist())}")
                else:
                    self.values[name] = found
        problems += [f"unknown parameter {name!r}{suggest(name, self.free_parameters())}" for name in values]
        if problems:
            raise InvalidInputError(type(self).__name__, problems)

    @classmethod
    def free_parameters(cls) -> dict[str, Parameter]:
        """Return the parameters that are not held constant, by name."""
        return {name: parameter for name, parameter in cls.parameters.items() if name not in cls.fixed}

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Reset the memory.

        Raises:
            ValueError: If a parameter has values for a different number of players.
        """
        problems = [
            f"{name}: must be one number for each of the {n_players} players, got {len(value)} numbers"
            for name, value in self.values.items()
            if value.ndim and len(value) != n_players
        ]
        if problems:
            raise InvalidInputError(type(self).__name__, problems)
        self.game = game
        self.n_players = n_players
        self.reset(n_players)

    @abstractmethod
    def reset(self, n_players: int) -> None:
        """Initialize the memory of `n_players` players."""

    @abstractmethod
    def evidence(self, partners: NDArray[np.integer]) -> Tensor:
        """Return the memory about some partners.

        Args:
            partners: The partners, `(n_players, m)`.

        Returns:
            The evidence, `(n_players, m, features)`.
        """

    @abstractmethod
    def value(self, evidence: Tensor) -> Tensor:
        """Compute the value of partners to the players, 0..1.

        Args:
            evidence: The evidence about the partners, `(n_players, ..., features)`.

        Returns:
            The values, `(n_players, ...)`.
        """

    def beliefs(self, evidence: Tensor) -> Beliefs | None:
        """Return the beliefs behind the values, if the learner has a rank value and an outcome value.

        Args:
            evidence: The evidence about the partners, `(n_players, ..., features)`.

        Returns:
            Beliefs with the shape `(n_players, ...)`, by default None.
        """
        return None

    def logits(self, evidence: Tensor) -> Tensor:
        """Compute the logits of the policy, by default the values times the inverse temperature.

        Args:
            evidence: The evidence about the offered partners, `(n_players, ..., offered, features)`.

        Returns:
            The logits, `(n_players, ..., offered)`.
        """
        value = self.value(evidence)
        return self.parameter("inverse_temperature", value) * value

    def log_policy(self, evidence: Tensor) -> Tensor:
        """Compute the log-probability of choosing each offered partner, the log-softmax of the logits.

        Args:
            evidence: The evidence about the offered partners, `(n_players, ..., offered, features)`.

        Returns:
            Log-probabilities, `(n_players, ..., offered)`.
        """
        return torch.log_softmax(self.logits(evidence), dim=-1)

    def policy(self, offered: NDArray[np.uint8]) -> Tensor:
        """Return the probability of choosing each offered partner, `(n_players, offered)`."""
        return self.log_policy(self.evidence(offered)).exp()

    def valuations(self) -> NDArray[np.float64]:
        """Return the value of every partner to each player, `(n_players, partners)`, on which its choices depend."""
        partners = np.tile(np.arange(self.game.n_partners), (self.n_players, 1))
        with torch.no_grad():
            return self.value(self.evidence(partners)).numpy()

    def parameter(self, name: str, like: Tensor) -> Tensor:
        """Return a parameter in a shape that broadcasts over `like`, whose first axis is the players."""
        value = self.values[name]
        return value.reshape(-1, *[1] * (like.ndim - 1)) if value.ndim else value


def _numbers(given: Any) -> Tensor | None:
    """Convert a parameter's values to a tensor; None if they are not real numbers, such as booleans and strings."""
    try:
        found = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    return None if found.dtype == torch.bool or found.is_complex() else torch.as_tensor(given, dtype=torch.float64)
