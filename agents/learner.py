"""Learners with named parameters: one code for acting and for explaining choices, differentiable in every parameter.

A learner splits in two. What it remembers of each offered partner is its *evidence*; what it makes of it is its
*decision*. The decision broadcasts over rounds, so that all choices of a player can be explained at once.
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
from accept_reject.envs.faults import suggest
from accept_reject.envs.game import GameSpec


class NormalPrior(NamedTuple):
    """A Normal prior of a parameter on its unbounded scale, before `Parameter.constrain`.

    Attributes:
        mean: Its mean.
        sd: Its standard deviation.
    """

    mean: float
    sd: float


WIDE = NormalPrior(0, 1.5)

_FARTHEST = 50.0
"""Numbers beyond this, mapped to a range with bounds, stand for this one: `exp` would overflow."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a learner.

    Attributes:
        default: Its value where none is given.
        low: The least value that it may take.
        high: The greatest value that it may take.
        about: What it does, in one line.
        prior: What a fit expects of people, on the unbounded scale. The default is wide: between two bounds nearly
            uniform, above one bound from a twentieth to twenty above it, without bounds from -3 to 3 (95%).
        fitted: Whether a fit estimates it unless it is told otherwise.
    """

    default: float
    low: float
    high: float
    about: str
    prior: NormalPrior = WIDE
    fitted: bool = True

    def constrain(self, free: Tensor) -> Tensor:
        """Map any number to the parameter's range: logistic between two bounds, `exp` beyond one, else as it is."""
        if math.isinf(self.low) and math.isinf(self.high):
            return free
        free = free.clamp(-_FARTHEST, _FARTHEST)
        if math.isinf(self.low):
            return self.high - free.exp()
        if math.isinf(self.high):
            return self.low + free.exp()
        return self.low + (self.high - self.low) * torch.sigmoid(free)

    def allows(self, value: Tensor) -> bool:
        """Whether every element is a number in the parameter's range."""
        return bool(((value >= self.low) & (value <= self.high) & value.isfinite()).all())


INVERSE_TEMPERATURE = Parameter(20, 0, math.inf, "how strictly it follows its values", NormalPrior(0, 1))
"""For values of 0..1. Greedy agents are strict and people are not: Babür et al. (2024) published a median of 1.5; the
prior spans 0.14 to 7.1 (95%)."""


class Learner(Agent):
    """A learner with named parameters, each one number for all players or one for each of them, `(n_players,)`.

    Subclasses name their `parameters`, and may fix some of their parent's with `fixed`: those are no parameters of
    theirs any more.

    Args:
        values: Parameters by name; those not given have their defaults. Tensors that require gradients pass them on.

    Raises:
        ValueError: With every unknown name and every value out of range.
    """

    parameters: ClassVar[Mapping[str, Parameter]]
    fixed: ClassVar[Mapping[str, float]] = {}

    def __init__(self, **values: Any) -> None:
        faults = []
        self.values = {name: torch.tensor(value, dtype=torch.float64) for name, value in self.fixed.items()}
        for name, parameter in self.parameters.items():
            if name not in self.fixed:
                self.values[name] = torch.as_tensor(values.pop(name, parameter.default), dtype=torch.float64)
                if self.values[name].ndim > 1:
                    faults.append(f"{name}: should be one number, or one for each player")
                elif not parameter.allows(self.values[name].detach()):
                    faults.append(f"{name}: should be from {parameter.low:g} to {parameter.high:g}")
        faults += [f"{name}: unknown parameter{suggest(name, self.free_parameters())}" for name in values]
        if faults:
            raise ValueError(f"{type(self).__name__}: " + "; ".join(faults))

    @classmethod
    def free_parameters(cls) -> dict[str, Parameter]:
        """The parameters that are not fixed, by name."""
        return {name: parameter for name, parameter in cls.parameters.items() if name not in cls.fixed}

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Return to the prior.

        Raises:
            ValueError: If a parameter has values for another number of players.
        """
        wrong = [f"{name} ({len(v)})" for name, v in self.values.items() if v.ndim and len(v) != n_players]
        if wrong:
            raise ValueError(f"{type(self).__name__}: {n_players} players need as many values of {', '.join(wrong)}")
        self.game = game
        self.n_players = n_players
        self.forget(n_players)

    @abstractmethod
    def forget(self, n_players: int) -> None:
        """Set up the memory of `n_players` who have met nobody."""

    @abstractmethod
    def evidence(self, partners: NDArray[np.integer]) -> Tensor:
        """What the players remember of some partners.

        Args:
            partners: Numbers of partners, `(n_players, m)`.

        Returns:
            `(n_players, m, features)`.
        """

    @abstractmethod
    def worth(self, evidence: Tensor) -> Tensor:
        """What partners are worth to a player, 0..1.

        Args:
            evidence: `(n_players, ..., features)`.

        Returns:
            `(n_players, ...)`.
        """

    def preference(self, evidence: Tensor) -> Tensor:
        """What is compared when a player chooses, `(n_players, ..., offered)`: by default the worth, sharpened."""
        worth = self.worth(evidence)
        return self.value("inverse_temperature", worth) * worth

    def decide(self, evidence: Tensor) -> Tensor:
        """Log-probability of each offered partner: a softmax over the preferences.

        Args:
            evidence: Of the offered partners, `(n_players, ..., offered, features)`.

        Returns:
            `(n_players, ..., offered)`.
        """
        return torch.log_softmax(self.preference(evidence), dim=-1)

    def policy(self, offered: NDArray[np.uint8]) -> Tensor:
        """How probably each player asks each of the offered partners, `(n_players, offered)`."""
        return self.decide(self.evidence(offered)).exp()

    def valuations(self) -> NDArray[np.float64]:
        """What every partner is worth to each player, `(n_players, partners)`: the value that it acts on."""
        everyone = np.tile(np.arange(self.game.n_partners), (self.n_players, 1))
        with torch.no_grad():
            return self.worth(self.evidence(everyone)).numpy()

    def value(self, name: str, like: Tensor) -> Tensor:
        """A parameter in a shape that broadcasts over `like`, whose first axis is the players."""
        value = self.values[name]
        return value.reshape(-1, *[1] * (like.ndim - 1)) if value.ndim else value
