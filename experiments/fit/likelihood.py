"""The likelihood of a model: how probable each participant's choices are, given its parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.envs.faults import InvalidInputError
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.replay import evidence_over_rounds, of_choice, replay

FEW = 4
"""Participants for whom gradients are checked before a fit."""

_STEP = 1e-4


class Likelihood:
    """Log-likelihood of participants' choices under a model.

    Where what the learner remembers depends on no parameter, as with counts, it is gathered once; a replay is then a
    single decision over all rounds.

    Args:
        model: The model.
        choices: The choices of n participants.
    """

    def __init__(self, model: Model, choices: Choices) -> None:
        self.model = model
        self.choices = choices
        start = model.prior_mean.expand(len(choices), -1).clone().requires_grad_()
        evidence = evidence_over_rounds(model.agent(start), choices)
        self._evidence = None if evidence.requires_grad else evidence

    def of(self, participants: NDArray[np.int64]) -> Callable[[Tensor], Tensor]:
        """The log-likelihood of all choices of some participants, as a function of their parameters.

        Args:
            participants: Row numbers of m participants; they may repeat.

        Returns:
            A function from parameters in free space, `(m, parameters)`, to log-likelihoods, `(m,)`.
        """
        by_round = self.by_round(participants)
        return lambda free: by_round(free).sum(dim=1)

    def by_round(self, participants: NDArray[np.int64]) -> Callable[[Tensor], Tensor]:
        """The same choice by choice, `(m, rounds)`; 0 where missed."""
        choices = self.choices.take(participants)
        evidence = None if self._evidence is None else self._evidence[torch.from_numpy(participants)]

        def log_likelihood(free: Tensor) -> Tensor:
            agent = self.model.agent(free)
            if evidence is None:
                return replay(agent, choices)
            agent.start(len(choices), choices.game, 0)
            return of_choice(agent.decide(evidence), choices)

        return log_likelihood

    def check_gradients(self) -> None:
        """Make sure that gradients are those of a plain replay, by finite differences.

        Raises:
            InvalidInputError: If they are not: the learner uses a parameter behind autograd's back.
        """
        few = np.arange(len(self.choices))
        names = self.model.parameters
        shift = torch.linspace(0.2, 0.6, len(few) * len(names), dtype=torch.float64).reshape(len(few), len(names))
        free = (self.model.prior_mean + self.model.prior_sd * shift).requires_grad_()
        (gradient,) = torch.autograd.grad(self.of(few)(free).sum(), free)
        steps = _STEP * torch.eye(len(names), dtype=torch.float64)[:, None, :]
        around = torch.cat([free.detach() + steps, free.detach() - steps]).flatten(0, 1)
        with torch.no_grad():
            plain = replay(self.model.agent(around), self.choices.take(np.tile(few, 2 * len(names)))).sum(dim=1)
        above, below = plain.reshape(2, len(names), len(few))
        slope = ((above - below) / (2 * _STEP)).T
        wrong = (~torch.isclose(gradient, slope, rtol=1e-2, atol=1e-3)).any(dim=0).tolist()
        if any(wrong):
            hidden = ", ".join(name for name, is_wrong in zip(names, wrong, strict=True) if is_wrong)
            fault = (
                f"its choices depend on {hidden} in a way that gradients do not see; what it remembers and decides "
                "should be computed with torch from `self.value(...)`, without numpy or detach()"
            )
            raise InvalidInputError(f"{self.model.learner.__name__} can't be fitted", [fault])
