"""The likelihood of a model: the probability of each participant's choices given its parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.simulation.replay import choice_log_probability, evidence_over_rounds, replay

ALL_ROUNDS = slice(None)

_STEP = 1e-4


class Likelihood:
    """Log-likelihood of participants' choices under a model.

    If the evidence of the learner depends on no parameter, it is computed once, and each evaluation is a single call of
    the policy over all rounds.

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

    def of(self, participants: NDArray[np.int64], rounds: slice = ALL_ROUNDS) -> Callable[[Tensor], Tensor]:
        """Return the log-likelihood of the choices of some participants, as a function of their parameters.

        Args:
            participants: Row indices of m participants; they may repeat.
            rounds: The rounds whose choices count; what was learned in other rounds still does.

        Returns:
            A function from parameters on the unbounded scale, `(m, parameters)`, to log-likelihoods, `(m,)`.
        """
        by_round = self.by_round(participants)
        return lambda unbounded: by_round(unbounded)[:, rounds].sum(dim=1)

    @cached_property
    def shares_evidence(self) -> bool:
        """Whether all points of a participant have the same evidence: it depends on no parameter, and broadcasts.

        A learner's policy may rely on as many players in the evidence as in the parameters, which is tried out.
        """
        if self._evidence is None:
            return False
        points = self.model.prior_mean + self.model.prior_sd * torch.tensor([[0.3], [-0.4], [0.7]], dtype=torch.float64)
        with torch.no_grad():
            expected = self.of(np.zeros(len(points), np.int64))(points)
            try:
                return torch.equal(self.at_points(0, points), expected)
            except (RuntimeError, ValueError, IndexError):
                return False

    def at_points(self, participant: int, unbounded: Tensor) -> Tensor:
        """Compute the log-likelihood of a participant's choices at k points, `(k,)`, from `(k, parameters)`.

        Only for evidence that depends on no parameter: it is not copied, and what follows from it is computed once.
        """
        assert self._evidence is not None
        choices = self.choices.take(np.array([participant]))
        agent = self.model.agent(unbounded)
        agent.start(len(unbounded), choices.game, 0)
        log_policy = agent.log_policy(self._evidence[participant : participant + 1])
        missed = torch.from_numpy(choices.missed)
        place = torch.from_numpy(np.where(choices.missed, 0, choices.choice).astype(np.int64))
        chosen = log_policy.gather(2, place[..., None].expand(len(unbounded), -1, -1))[..., 0]
        return chosen.masked_fill(missed, 0.0).sum(dim=1)

    def by_round(self, participants: NDArray[np.int64]) -> Callable[[Tensor], Tensor]:
        """Return the same for each round separately, `(m, rounds)`; 0 in missed rounds."""
        choices = self.choices.take(participants)
        evidence = None if self._evidence is None else self._evidence[torch.from_numpy(participants)]

        def log_likelihood(unbounded: Tensor) -> Tensor:
            agent = self.model.agent(unbounded)
            if evidence is None:
                return replay(agent, choices)
            agent.start(len(choices), choices.game, 0)
            return choice_log_probability(agent.log_policy(evidence), choices)

        return log_likelihood

    def check_gradients(self) -> None:
        """Compare gradients with finite differences of a replay.

        Raises:
            InvalidInputError: If they differ, as for a learner that uses a parameter outside of autograd.
        """
        rows = np.arange(len(self.choices))
        names = self.model.parameters
        shift = torch.linspace(0.2, 0.6, len(rows) * len(names), dtype=torch.float64).reshape(len(rows), len(names))
        point = (self.model.prior_mean + self.model.prior_sd * shift).requires_grad_()
        (gradient,) = torch.autograd.grad(self.of(rows)(point).sum(), point)
        steps = _STEP * torch.eye(len(names), dtype=torch.float64)[:, None, :]
        around = torch.cat([point.detach() + steps, point.detach() - steps]).flatten(0, 1)
        with torch.no_grad():
            replayed = replay(self.model.agent(around), self.choices.take(np.tile(rows, 2 * len(names)))).sum(dim=1)
        above, below = replayed.reshape(2, len(names), len(rows))
        slope = ((above - below) / (2 * _STEP)).T
        wrong = (~torch.isclose(gradient, slope, rtol=1e-2, atol=1e-3)).any(dim=0).tolist()
        if any(wrong):
            hidden = ", ".join(name for name, is_wrong in zip(names, wrong, strict=True) if is_wrong)
            problem = (
                f"gradients are wrong for {hidden}; evidence and policy must be computed from `self.parameter(...)` "
                "with torch, without numpy or detach()"
            )
            raise InvalidInputError(self.model.learner.__name__, [problem])
