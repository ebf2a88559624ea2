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
        choices = self.choices.take(participants)
        evidence = None if self._evidence is None else self._evidence[torch.from_numpy(participants)]

        def log_likelihood(free: Tensor) -> Tensor:
            agent = self.model.agent(free)
            if evidence is None:
                return replay(agent, choices).sum(dim=1)
            agent.start(len(choices), choices.game, 0)
            return of_choice(agent.decide(evidence), choices).sum(dim=1)

        return log_likelihood

    def check(self, free: Tensor, found: Tensor) -> None:
        """Make sure that what was found is what a plain replay finds.

        Args:
            free: Parameters of all participants in free space, `(n, parameters)`.
            found: The log-likelihoods that were found there, `(n,)`.

        Raises:
            InvalidInputError: If they differ: the learner uses a parameter behind autograd's back.
        """
        with torch.no_grad():
            plain = replay(self.model.agent(free), self.choices).sum(dim=1)
        if not torch.allclose(plain, found, rtol=1e-9, atol=1e-6):
            fault = (
                "what it remembers depends on a parameter in a way that gradients do not see; its memory should be "
                "computed with torch from `self.value(...)`, without numpy or detach()"
            )
            raise InvalidInputError(f"{self.model.learner.__name__} can't be fitted", [fault])
