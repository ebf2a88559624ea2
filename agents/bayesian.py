"""The study's Bayesian learner of two signals, and its halves.

Babür, Leong, Pan & Hackel (2024), PNAS 121(49), e2400022121: a Normal belief about each partner's rank, a Beta belief
about its acceptance, and a softmax over `w * rank value + (1 - w) * outcome value`. The priors are our choice.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.base import Feedback
from accept_reject.agents.learner import INVERSE_TEMPERATURE, Learner, Parameter


class BayesianHybrid(Learner):
    """Learns from ranks and from outcomes; values are expectations under its beliefs, scaled to 0..1.

    With n ranks seen of a partner, as values `v = (ranks - rank) / (ranks - 1)`, prior mean m, prior SD s and noise SD
    e (both over `ranks - 1`), the rank value is `(m / s^2 + sum(v) / e^2) / (1 / s^2 + n / e^2)`. With a acceptances
    and r rejections the outcome value is `(A + a) / (A + R + a + r)`. Hidden ranks leave the rank belief alone.
    """

    parameters = {
        "w": Parameter(0.5, 0, 1, "weight of the rank value; the outcome value has the rest"),
        "inverse_temperature": INVERSE_TEMPERATURE,
        "rank_prior": Parameter(0.5, 0, 1, "rank value of a stranger", fitted=False),
        "rank_prior_sd": Parameter(
            2, 1e-6, inf, "SD of the belief about a stranger's mean rank, in ranks", fitted=False
        ),
        "rank_noise_sd": Parameter(
            1.2, 1e-6, inf, "SD of ranks around their mean that it assumes, in ranks", fitted=False
        ),
        "prior_acceptances": Parameter(
            1, 1e-6, inf, "acceptances that a stranger counts as having given", fitted=False
        ),
        "prior_rejections": Parameter(1, 1e-6, inf, "rejections that a stranger counts as having given", fitted=False),
    }

    def forget(self, n_players: int) -> None:
        """No acceptances, rejections, ranks seen and sum of their values: `(n_players, partners, 4)`."""
        self._counts = np.zeros((n_players, self.game.n_partners, 4))

    def learn(self, feedback: Feedback) -> None:
        """Count what happened; what to make of it is decided when it is needed."""
        shown = feedback.rank > 0
        value = np.where(shown, (self.game.ranks - feedback.rank.astype(float)) / (self.game.ranks - 1), 0)
        seen = np.stack([feedback.accepted, ~feedback.accepted, shown, value], axis=1)
        self._counts[feedback.players, feedback.partner] += seen

    def evidence(self, partners: NDArray[np.integer]) -> Tensor:
        """The counts of some partners, `(n_players, m, 4)`; they depend on no parameter."""
        return torch.from_numpy(np.take_along_axis(self._counts, partners[..., None], axis=1))

    def worth(self, evidence: Tensor) -> Tensor:
        """`w * rank value + (1 - w) * outcome value`."""
        accepted, rejected, shown, value = evidence.unbind(-1)
        scale = self.game.ranks - 1
        prior_precision = (self.value("rank_prior_sd", value) / scale) ** -2
        noise_precision = (self.value("rank_noise_sd", value) / scale) ** -2
        rank_value = (self.value("rank_prior", value) * prior_precision + value * noise_precision) / (
            prior_precision + shown * noise_precision
        )
        yes = self.value("prior_acceptances", value) + accepted
        no = self.value("prior_rejections", value) + rejected
        w = self.value("w", value)
        return w * rank_value + (1 - w) * yes / (yes + no)


class BayesianRank(BayesianHybrid):
    """The half that learns from ranks alone: w = 1."""

    fixed: ClassVar = {"w": 1.0, "prior_acceptances": 1.0, "prior_rejections": 1.0}


class BayesianOutcome(BayesianHybrid):
    """The half that learns from outcomes alone: w = 0."""

    fixed: ClassVar = {"w": 0.0, "rank_prior": 0.5, "rank_prior_sd": 2.0, "rank_noise_sd": 1.2}


class ScrambledHybrid(BayesianHybrid):
    """Learns what happened to somebody else: a control whose choices owe nothing to its own partners' answers.

    Each player learns from the feedback of the next one who answered. Players are therefore not independent, which is
    why it is in no registry; it is for simulated populations.
    """

    def learn(self, feedback: Feedback) -> None:
        """Count the next player's answer as one's own."""
        others = {name: np.roll(getattr(feedback, name), -1) for name in ("partner", "rank", "spots", "accepted")}
        super().learn(replace(feedback, **others))
