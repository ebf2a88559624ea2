"""Delta-rule learners of two signals (Rescorla & Wagner 1972), and their halves."""

from __future__ import annotations

from math import inf
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.base import Feedback
from accept_reject.agents.learner import INVERSE_TEMPERATURE, Learner, Parameter


class DualSignalLearner(Learner):
    """Moves a value for each signal towards what was seen, by a share of the surprise.

    After an answer with rank value `v = (ranks - rank) / (ranks - 1)` and outcome y (1 accepted, 0 rejected), the
    values of the partner that was asked become `R + rate_rank * (v - R)`, unless the rank was hidden, and
    `O + rate_outcome * (y - O)`; all other partners' values return by the share `forgetting` towards their initial
    ones. It chooses by a softmax over `inverse_temperature * (w * R + (1 - w) * O)`, plus `stickiness` for the partner
    whom it asked last.
    """

    parameters = {
        "w": Parameter(0.5, 0, 1, "weight of the rank value; the outcome value has the rest"),
        "inverse_temperature": INVERSE_TEMPERATURE,
        "rate_rank": Parameter(0.3, 0, 1, "learning rate for ranks"),
        "rate_outcome": Parameter(0.3, 0, 1, "learning rate for outcomes"),
        "stickiness": Parameter(0, -inf, inf, "preference for the partner asked last", fitted=False),
        "forgetting": Parameter(
            0, 0, 1, "share by which other partners' values return to the initial ones", fitted=False
        ),
        "initial_rank": Parameter(0.5, 0, 1, "rank value of a stranger", fitted=False),
        "initial_outcome": Parameter(0.5, 0, 1, "outcome value of a stranger", fitted=False),
    }

    def forget(self, n_players: int) -> None:
        """The initial values of all partners, `(n_players, partners, 2)`: of the rank first, then of the outcome."""
        self._initial = self._pair("initial_rank", "initial_outcome")[:, None, :]
        self._values = self._initial.expand(n_players, self.game.n_partners, 2)
        self._gains = self._pair("rate_rank", "rate_outcome")
        self._last = torch.full((n_players, 1), -1)

    def learn(self, feedback: Feedback) -> None:
        """Move the values of those who were asked; all others fade."""
        at = torch.from_numpy(feedback.players), torch.from_numpy(feedback.partner.astype(np.int64))
        before = self._values[at]
        rank_value = (self.game.ranks - feedback.rank.astype(float)) / (self.game.ranks - 1)
        seen = torch.from_numpy(np.stack([rank_value, feedback.accepted], axis=1))
        shown = torch.from_numpy(np.stack([feedback.rank > 0, np.ones(len(feedback.rank), bool)], axis=1))
        surprise = torch.where(shown, seen - before, 0.0)
        after = before + self._rates(surprise, at[0]) * surprise
        faded = self._values + self.value("forgetting", self._values) * (self._initial - self._values)
        if len(at[0]) < self.n_players:  # time stands still for those who missed the round
            answered = torch.zeros(self.n_players, 1, 1, dtype=torch.bool).index_fill(0, at[0], True)
            faded = torch.where(answered, faded, self._values)
        self._values = faded.index_put(at, after)
        self._last = self._last.index_put((at[0],), at[1][:, None])

    def evidence(self, partners: NDArray[np.integer]) -> Tensor:
        """Rank value, outcome value and whether it was the last one asked, of some partners: `(n_players, m, 3)`."""
        place = torch.from_numpy(partners.astype(np.int64))
        values = self._values.gather(1, place[..., None].expand(-1, -1, 2))
        return torch.cat([values, (place == self._last)[..., None].to(values)], dim=-1)

    def worth(self, evidence: Tensor) -> Tensor:
        """`w * R + (1 - w) * O`."""
        rank_value, outcome_value, _ = evidence.unbind(-1)
        w = self.value("w", rank_value)
        return w * rank_value + (1 - w) * outcome_value

    def preference(self, evidence: Tensor) -> Tensor:
        """The worth, sharpened, and the stickiness of the partner asked last."""
        last = evidence[..., 2]
        return super().preference(evidence) + self.value("stickiness", last) * last

    def _rates(self, surprise: Tensor, players: Tensor) -> Tensor:
        """The learning rates of the two signals for the surprises of some players, `(m, 2)`."""
        return self._gains[players]

    def _pair(self, of_rank: str, of_outcome: str) -> Tensor:
        """A parameter of each signal, `(n_players, 2)`."""
        return torch.stack([self.values[name].expand(self.n_players) for name in (of_rank, of_outcome)], dim=-1)


class GainLossLearner(DualSignalLearner):
    """A dual-signal learner with learning rates of their own for good and for bad surprises."""

    parameters = {
        **DualSignalLearner.parameters,
        "rate_rank_loss": Parameter(0.3, 0, 1, "learning rate for ranks worse than expected"),
        "rate_outcome_loss": Parameter(0.3, 0, 1, "learning rate for outcomes worse than expected"),
    }

    def forget(self, n_players: int) -> None:
        """The initial values, and the rates for bad surprises."""
        super().forget(n_players)
        self._losses = self._pair("rate_rank_loss", "rate_outcome_loss")

    def _rates(self, surprise: Tensor, players: Tensor) -> Tensor:
        return torch.where(surprise < 0, self._losses[players], super()._rates(surprise, players))


class RankLearner(DualSignalLearner):
    """The half that learns from ranks alone: w = 1."""

    fixed: ClassVar = {"w": 1.0, "rate_outcome": 0.0, "initial_outcome": 0.5}


class OutcomeLearner(DualSignalLearner):
    """The half that learns from outcomes alone: w = 0."""

    fixed: ClassVar = {"w": 0.0, "rate_rank": 0.0, "initial_rank": 0.5}
