"""The study's Bayesian learner of two signals, and its nested models (Babür, Leong, Pan & Hackel 2024)."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.base import Feedback
from accept_reject.agents.learner import INVERSE_TEMPERATURE, Beliefs, Learner, Parameter


class BayesianHybrid(Learner):
    r"""Bayesian learner of two signals: the study's winning model, with Normal and Beta beliefs.

    Each rank $r$ that a partner shows becomes a value from 0 (worst) to 1 (best), $v = (K - r) / (K - 1)$ with $K$
    ranks. After $n$ such values the *rank value* of the partner is the mean of a Normal belief,

    $$R = \frac{m_0 / s_0^2 + \sum_{i=1}^{n} v_i / \sigma^2}{1 / s_0^2 + n / \sigma^2},$$

    with the prior mean $m_0$ (`rank_prior`), the prior SD $s_0$ (`rank_prior_sd` divided by $K - 1$) and the noise SD
    $\sigma$ (`rank_noise_sd` divided by $K - 1$). A hidden rank does not change it. After $a$ acceptances and $b$
    rejections the *outcome value* is the mean of a Beta belief,

    $$O = \frac{A_0 + a}{A_0 + B_0 + a + b},$$

    with the prior counts $A_0$ (`prior_acceptances`) and $B_0$ (`prior_rejections`). The value of a partner is a
    weighted mean of both, and choices follow a softmax over the offered partners:

    $$V = w R + (1 - w) O, \qquad P(c) = \frac{\exp(\beta V_c)}{\sum_{j} \exp(\beta V_j)},$$

    with the weight $w$ (`w`) and the inverse temperature $\beta$ (`inverse_temperature`). The priors of the beliefs are
    not published; the defaults are ours.

    Registered as `bayes-hybrid`.

    Examples:
        >>> import accept_reject as ar
        >>> agent = ar.make_agent("bayes-hybrid", {"w": 0.5})
        >>> choices = ar.play(agent, ar.draw(ar.scenario("few-spots").game, seed=0, n=500))
        >>> print(f"{ar.score(choices, 'valuing').value:.2f}")
        0.81

        A population gives each player parameters of its own:

        >>> agent = ar.make_agent("bayes-hybrid", {"w": [0.0, 0.5, 1.0], "inverse_temperature": 2.0})
        >>> ar.play(agent, ar.draw(ar.scenario("orthogonal").game, seed=0, n=3)).choice.shape
        (3, 144)

    References:
        Babür, B. G., Leong, Y. C., Pan, C. X., & Hackel, L. M. (2024). Neural responses to social rejection reflect
        dissociable learning about relational value and reward. *PNAS*, 121(49), e2400022121.
        [doi:10.1073/pnas.2400022121](https://doi.org/10.1073/pnas.2400022121)
    """

    parameters = {
        "w": Parameter(0.5, 0, 1, "weight of the rank value relative to the outcome value"),
        "inverse_temperature": INVERSE_TEMPERATURE,
        "rank_prior": Parameter(0.5, 0, 1, "prior mean of the rank value", fitted=False),
        "rank_prior_sd": Parameter(
            2, 1e-6, inf, "prior SD of the belief about a partner's mean rank, in ranks", fitted=False
        ),
        "rank_noise_sd": Parameter(1.2, 1e-6, inf, "assumed SD of ranks around their mean, in ranks", fitted=False),
        "prior_acceptances": Parameter(1, 1e-6, inf, "prior count of acceptances", fitted=False),
        "prior_rejections": Parameter(1, 1e-6, inf, "prior count of rejections", fitted=False),
    }

    def reset(self, n_players: int) -> None:
        """Start with no acceptances, rejections, ranks and summed rank values: `(n_players, partners, 4)`."""
        self._counts = np.zeros((n_players, self.game.n_partners, 4))

    def learn(self, feedback: Feedback) -> None:
        """Count the outcomes and sum up the ranks; no parameter is needed for that."""
        shown = feedback.rank > 0
        value = np.where(shown, (self.game.ranks - feedback.rank.astype(float)) / (self.game.ranks - 1), 0)
        seen = np.stack([*self._outcome(feedback), shown, value], axis=1)
        self._counts[feedback.players, feedback.partner] += seen

    def _outcome(self, feedback: Feedback) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What an outcome adds to the acceptances and rejections; a reward between both adds a part to each."""
        return feedback.outcome, 1 - feedback.outcome

    def evidence(self, partners: NDArray[np.integer]) -> Tensor:
        """Return the counts of some partners, `(n_players, m, 4)`; they depend on no parameter."""
        return torch.from_numpy(np.take_along_axis(self._counts, partners[..., None], axis=1))

    def value(self, evidence: Tensor) -> Tensor:
        """Return `w * rank value + (1 - w) * outcome value`."""
        rank_value, _ = self._of_rank(evidence)
        outcome_value, _ = self._of_outcome(evidence)
        w = self.parameter("w", outcome_value)
        return w * rank_value + (1 - w) * outcome_value

    def beliefs(self, evidence: Tensor) -> Beliefs:
        """Return means and variances of both beliefs; None for a signal that has no weight."""
        rank_value, rank_variance = self._of_rank(evidence)
        outcome_value, outcome_variance = self._of_outcome(evidence)
        weight = self.fixed.get("w")
        uses_rank, uses_outcome = weight != 0, weight != 1
        return Beliefs(
            rank_value if uses_rank else None,
            outcome_value if uses_outcome else None,
            rank_variance if uses_rank else None,
            outcome_variance if uses_outcome else None,
        )

    def _of_rank(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the belief about the rank value."""
        _, _, shown, total = evidence.unbind(-1)
        scale = self.game.ranks - 1
        prior_sd, noise_sd = (self.parameter(name, total) / scale for name in ("rank_prior_sd", "rank_noise_sd"))
        return normal_belief(self.parameter("rank_prior", total), prior_sd, noise_sd, shown, total)

    def _of_outcome(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the belief about the outcome."""
        accepted, rejected, _, _ = evidence.unbind(-1)
        yes = self.parameter("prior_acceptances", accepted) + accepted
        total = yes + self.parameter("prior_rejections", rejected) + rejected
        mean = yes / total
        return mean, mean * (1 - mean) / (total + 1)


class BayesianRank(BayesianHybrid):
    """The nested model that learns from ranks alone: `BayesianHybrid` with $w = 1$.

    Registered as `bayes-rank`. Its free parameters are those that matter for the rank value.

    Examples:
        >>> from accept_reject.agents.bayesian import BayesianRank
        >>> list(BayesianRank.free_parameters())
        ['inverse_temperature', 'rank_prior', 'rank_prior_sd', 'rank_noise_sd']
    """

    fixed: ClassVar = {"w": 1.0, "prior_acceptances": 1.0, "prior_rejections": 1.0}


class BayesianOutcome(BayesianHybrid):
    """The nested model that learns from outcomes alone: `BayesianHybrid` with $w = 0$.

    Registered as `bayes-outcome`. Its free parameters are those that matter for the outcome value.

    Examples:
        >>> from accept_reject.agents.bayesian import BayesianOutcome
        >>> list(BayesianOutcome.free_parameters())
        ['inverse_temperature', 'prior_acceptances', 'prior_rejections']
    """

    fixed: ClassVar = {"w": 0.0, "rank_prior": 0.5, "rank_prior_sd": 2.0, "rank_noise_sd": 1.2}


class NormalHybrid(BayesianHybrid):
    r"""Bayesian learner of two signals with Normal beliefs about both, for graded rewards.

    It is `BayesianHybrid` with another outcome value. After $n$ rewards $y_i$ from 0 to 1 it is the mean of a Normal
    belief about the partner's mean reward,

    $$O = \frac{m / s^2 + \sum_{i=1}^{n} y_i / \tau^2}{1 / s^2 + n / \tau^2},$$

    with the prior mean $m$ (`reward_prior`), the prior SD $s$ (`reward_prior_sd`) and the noise SD $\tau$
    (`reward_noise_sd`). Without graded rewards, acceptances count as 1 and rejections as 0.

    Registered as `bayes-normal-hybrid`.

    Examples:
        >>> import accept_reject as ar
        >>> agent = ar.make_agent("bayes-normal-hybrid", {"reward_noise_sd": 0.5})
        >>> choices = ar.play(agent, ar.draw(ar.scenario("few-spots").game, seed=0, n=500))
        >>> print(f"{ar.score(choices, 'valuing').value:.2f}")
        0.83
    """

    parameters = {
        **{name: each for name, each in BayesianHybrid.parameters.items() if not name.startswith("prior_")},
        "reward_prior": Parameter(0.5, 0, 1, "prior mean of the outcome value", fitted=False),
        "reward_prior_sd": Parameter(
            0.3, 1e-6, inf, "prior SD of the belief about a partner's mean reward", fitted=False
        ),
        "reward_noise_sd": Parameter(0.3, 1e-6, inf, "assumed SD of rewards around their mean"),
    }

    def _outcome(self, feedback: Feedback) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What an outcome adds: a reward, and its value."""
        return np.ones(len(feedback.outcome)), feedback.outcome

    def _of_outcome(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the belief about the outcome."""
        count, total, _, _ = evidence.unbind(-1)
        prior_sd, noise_sd = (self.parameter(name, total) for name in ("reward_prior_sd", "reward_noise_sd"))
        return normal_belief(self.parameter("reward_prior", total), prior_sd, noise_sd, count, total)


class NormalOutcome(NormalHybrid):
    """The nested model that learns from rewards alone: `NormalHybrid` with $w = 0$.

    Registered as `bayes-normal-outcome`.

    Examples:
        >>> from accept_reject.agents.bayesian import NormalOutcome
        >>> list(NormalOutcome.free_parameters())
        ['inverse_temperature', 'reward_prior', 'reward_prior_sd', 'reward_noise_sd']
    """

    fixed: ClassVar = {"w": 0.0, "rank_prior": 0.5, "rank_prior_sd": 2.0, "rank_noise_sd": 1.2}


class ScrambledHybrid(BayesianHybrid):
    """Control for simulated populations: each player learns from the feedback of another player.

    A player's choices are then unrelated to what its own partners answered. Feedback comes from the next player that
    answered in the same round, so players are not independent, which is why this learner is not registered. The
    population `population_scrambled` uses it.

    Examples:
        >>> import accept_reject as ar
        >>> choices, parameters = ar.simulate("population_scrambled")
        >>> sorted(parameters)
        ['inverse_temperature', 'w']
    """

    def learn(self, feedback: Feedback) -> None:
        """Count the next player's feedback as the player's own."""
        names = ["partner", "rank", "spots", "accepted", *([] if feedback.reward is None else ["reward"])]
        others = {name: np.roll(getattr(feedback, name), -1) for name in names}
        super().learn(replace(feedback, **others))


def normal_belief(mean: Tensor, sd: Tensor, noise_sd: Tensor, count: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Update a Normal belief about a mean with observations of known noise.

    Args:
        mean: Mean of the prior.
        sd: Standard deviation of the prior.
        noise_sd: Standard deviation of observations around their mean.
        count: Number of observations.
        total: Their sum.

    Returns:
        Mean and variance of the posterior.
    """
    prior_precision, noise_precision = sd**-2, noise_sd**-2
    precision = prior_precision + count * noise_precision
    return (mean * prior_precision + total * noise_precision) / precision, 1 / precision
