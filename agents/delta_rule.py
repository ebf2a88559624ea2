"""Delta-rule learners of two signals (Rescorla & Wagner 1972), and their nested models."""

from __future__ import annotations

from math import inf
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.base import Feedback
from accept_reject.agents.learner import INVERSE_TEMPERATURE, Beliefs, Learner, Parameter


class DualSignalLearner(Learner):
    r"""Delta-rule learner of two signals: one learning rate for ranks, one for outcomes.

    Every partner has a rank value $R$ and an outcome value $O$. When the chosen partner answers with the outcome $y$ (1
    accepted, 0 rejected, or a reward between both) and the rank $r$ of $K$, which counts as $v = (K - r) / (K - 1)$,
    both move by a share of the prediction error:

    $$R \leftarrow R + \alpha_R (v - R), \qquad O \leftarrow O + \alpha_O (y - O),$$

    with the learning rates $\alpha_R$ (`rate_rank`) and $\alpha_O$ (`rate_outcome`). A hidden rank leaves $R$ as it is.
    The values of all other partners return to the initial ones by the share $\phi$ (`forgetting`):

    $$R \leftarrow R + \phi (R_0 - R), \qquad O \leftarrow O + \phi (O_0 - O),$$

    with $R_0$ (`initial_rank`) and $O_0$ (`initial_outcome`). Choices follow a softmax over the offered partners:

    $$P(c) = \frac{\exp(\beta (w R_c + (1 - w) O_c) + \kappa L_c)}
    {\sum_{j} \exp(\beta (w R_j + (1 - w) O_j) + \kappa L_j)},$$

    where $L_c$ is 1 for the partner chosen last and 0 for all others, with the weight $w$ (`w`), the inverse
    temperature $\beta$ (`inverse_temperature`) and the stickiness $\kappa$ (`stickiness`). By default forgetting and
    stickiness are 0, and a fit estimates the weight, the inverse temperature and the two learning rates.

    Registered as `delta-hybrid`.

    Examples:
        >>> import accept_reject as ar
        >>> agent = ar.make_agent("delta-hybrid", {"rate_rank": 0.5, "rate_outcome": 0.1})
        >>> choices = ar.play(agent, ar.draw(ar.scenario("few-spots").game, seed=0, n=500))
        >>> print(f"{ar.score(choices, 'valuing').value:.2f}")
        0.83

        One rejection with rank 2 of 8 moves the outcome value down and the rank value up:

        >>> import numpy as np
        >>> agent.start(1, ar.scenario("orthogonal").game, seed=0)
        >>> agent.learn(ar.Feedback(np.array([0]), np.array([[3, 5]]), np.array([0]), np.array([3]), np.array([2]),
        ...                         np.array([1]), np.array([False])))
        >>> agent.evidence(np.array([[3]]))[0, 0].tolist()  # rank value, outcome value, chosen last
        [0.6785714285714286, 0.45, 1.0]

    References:
        Rescorla, R. A., & Wagner, A. R. (1972). A theory of Pavlovian conditioning: Variations in the effectiveness of
        reinforcement and nonreinforcement. In A. H. Black & W. F. Prokasy (Eds.), *Classical conditioning II* (pp.
        64-99). Appleton-Century-Crofts.
    """

    parameters = {
        "w": Parameter(0.5, 0, 1, "weight of the rank value relative to the outcome value"),
        "inverse_temperature": INVERSE_TEMPERATURE,
        "rate_rank": Parameter(0.3, 0, 1, "learning rate for ranks"),
        "rate_outcome": Parameter(0.3, 0, 1, "learning rate for outcomes"),
        "stickiness": Parameter(0, -inf, inf, "preference for the partner chosen last", fitted=False),
        "forgetting": Parameter(
            0, 0, 1, "rate at which the values of other partners return to the initial ones", fitted=False
        ),
        "initial_rank": Parameter(0.5, 0, 1, "initial rank value", fitted=False),
        "initial_outcome": Parameter(0.5, 0, 1, "initial outcome value", fitted=False),
    }

    def reset(self, n_players: int) -> None:
        """Start with the initial values of all partners, `(n_players, partners, 2)`: rank value, then outcome value."""
        self._initial = self._pair("initial_rank", "initial_outcome")[:, None, :]
        self._values = self._initial.expand(n_players, self.game.n_partners, 2)
        self._gains = self._pair("rate_rank", "rate_outcome")
        self._last = torch.full((n_players, 1), -1)

    def learn(self, feedback: Feedback) -> None:
        """Move the values of the chosen partners by the delta rule; those of all others return by `forgetting`."""
        at = torch.from_numpy(feedback.players), torch.from_numpy(feedback.partner.astype(np.int64))
        before = self._values[at]
        rank_value = (self.game.ranks - feedback.rank.astype(float)) / (self.game.ranks - 1)
        seen = torch.from_numpy(np.stack([rank_value, feedback.outcome], axis=1))
        shown = torch.from_numpy(np.stack([feedback.rank > 0, np.ones(len(feedback.rank), bool)], axis=1))
        error = torch.where(shown, seen - before, 0.0)
        after = before + self._rates(error, at[0]) * error
        faded = self._values + self.parameter("forgetting", self._values) * (self._initial - self._values)
        if len(at[0]) < self.n_players:  # players that missed the round keep their values
            answered = torch.zeros(self.n_players, 1, 1, dtype=torch.bool).index_fill(0, at[0], True)
            faded = torch.where(answered, faded, self._values)
        self._values = faded.index_put(at, after)
        self._last = self._last.index_put((at[0],), at[1][:, None])

    def evidence(self, partners: NDArray[np.integer]) -> Tensor:
        """Return rank value, outcome value and whether a partner was chosen last, `(n_players, m, 3)`."""
        place = torch.from_numpy(partners.astype(np.int64))
        values = self._values.gather(1, place[..., None].expand(-1, -1, 2))
        return torch.cat([values, (place == self._last)[..., None].to(values)], dim=-1)

    def value(self, evidence: Tensor) -> Tensor:
        """Return `w * R + (1 - w) * O`."""
        rank_value, outcome_value, _ = evidence.unbind(-1)
        w = self.parameter("w", rank_value)
        return w * rank_value + (1 - w) * outcome_value

    def beliefs(self, evidence: Tensor) -> Beliefs:
        """Return the rank value and the outcome value; None for a signal that has no weight."""
        rank_value, outcome_value, _ = evidence.unbind(-1)
        weight = self.fixed.get("w")
        return Beliefs(None if weight == 0 else rank_value, None if weight == 1 else outcome_value)

    def logits(self, evidence: Tensor) -> Tensor:
        """Return value times inverse temperature, plus the stickiness for the partner chosen last."""
        last = evidence[..., 2]
        return super().logits(evidence) + self.parameter("stickiness", last) * last

    def _rates(self, error: Tensor, players: Tensor) -> Tensor:
        """Return the learning rates of the two signals for the prediction errors of some players, `(m, 2)`."""
        return self._gains[players]

    def _pair(self, of_rank: str, of_outcome: str) -> Tensor:
        """Return a parameter of each signal, `(n_players, 2)`."""
        return torch.stack([self.values[name].expand(self.n_players) for name in (of_rank, of_outcome)], dim=-1)


class GainLossLearner(DualSignalLearner):
    r"""Delta-rule learner of two signals with separate learning rates for positive and negative prediction errors.

    It is `DualSignalLearner` with a learning rate that depends on the sign of the prediction error:

    $$R \leftarrow R + \alpha_R^{\pm} (v - R), \qquad O \leftarrow O + \alpha_O^{\pm} (y - O),$$

    with $\alpha_R^+$ (`rate_rank`) and $\alpha_O^+$ (`rate_outcome`) if the prediction error is 0 or more, and
    $\alpha_R^-$ (`rate_rank_loss`) and $\alpha_O^-$ (`rate_outcome_loss`) if it is negative. With the defaults all four
    rates are equal, and it plays as `delta-hybrid` does.

    Registered as `delta-gain-loss`.

    Examples:
        >>> import accept_reject as ar
        >>> episodes = ar.draw(ar.scenario("orthogonal").game, seed=0, n=200)
        >>> forgiving = ar.make_agent("delta-gain-loss", {"rate_outcome_loss": 0.05})
        >>> equal = ar.make_agent("delta-gain-loss")
        >>> bool((ar.play(equal, episodes).choice == ar.play(ar.make_agent("delta-hybrid"), episodes).choice).all())
        True
        >>> bool((ar.play(forgiving, episodes).choice == ar.play(equal, episodes).choice).all())
        False

    References:
        Frank, M. J., Moustafa, A. A., Haughey, H. M., Curran, T., & Hutchison, K. E. (2007). Genetic triple
        dissociation reveals multiple roles for dopamine in reinforcement learning. *PNAS*, 104(41), 16311-16316.
        [doi:10.1073/pnas.0706111104](https://doi.org/10.1073/pnas.0706111104)
    """

    parameters = {
        **DualSignalLearner.parameters,
        "rate_rank_loss": Parameter(0.3, 0, 1, "learning rate for ranks worse than expected"),
        "rate_outcome_loss": Parameter(0.3, 0, 1, "learning rate for outcomes worse than expected"),
    }

    def reset(self, n_players: int) -> None:
        """Start with the initial values, and set up the rates for negative prediction errors."""
        super().reset(n_players)
        self._losses = self._pair("rate_rank_loss", "rate_outcome_loss")

    def _rates(self, error: Tensor, players: Tensor) -> Tensor:
        return torch.where(error < 0, self._losses[players], super()._rates(error, players))


class RankLearner(DualSignalLearner):
    """The nested model that learns from ranks alone: `DualSignalLearner` with $w = 1$.

    Registered as `delta-rank`.

    Examples:
        >>> from accept_reject.agents.delta_rule import RankLearner
        >>> list(RankLearner.free_parameters())
        ['inverse_temperature', 'rate_rank', 'stickiness', 'forgetting', 'initial_rank']
    """

    fixed: ClassVar = {"w": 1.0, "rate_outcome": 0.0, "initial_outcome": 0.5}


class OutcomeLearner(DualSignalLearner):
    """The nested model that learns from outcomes alone: `DualSignalLearner` with $w = 0$.

    Registered as `delta-outcome`. It is the usual model of a bandit task.

    Examples:
        >>> from accept_reject.agents.delta_rule import OutcomeLearner
        >>> list(OutcomeLearner.free_parameters())
        ['inverse_temperature', 'rate_outcome', 'stickiness', 'forgetting', 'initial_outcome']
    """

    fixed: ClassVar = {"w": 0.0, "rate_rank": 0.0, "initial_rank": 0.5}
