"""Meta-learning: a network learns to learn by playing games with partners who are fresh in every episode.

Wang et al. (2016), arXiv:1611.05763; Duan et al. (2016), arXiv:1611.02779. The algorithm is the plain policy gradient
over whole episodes (Williams 1992), with the mean over the batch in the same round as its baseline.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from accept_reject.agents.networks import Network
from accept_reject.agents.recurrent import RecurrentAgent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.envs.faults import Real, Spec, Whole
from accept_reject.experiments.entries import ScenarioEntry, check_names
from accept_reject.experiments.play import play
from accept_reject.experiments.replay import of_choice
from accept_reject.experiments.scores import ANCHORED, anchored
from accept_reject.experiments.train.loop import Evaluation, Step, Task, TrainConfig

EVALUATION_SEED = 9_999
"""Seed of the episodes for evaluation: neither one to train with nor one of the benchmark's, which start at 10,000."""


class Reward(Spec):
    """What a round is worth: a weighting of two things.

    Attributes:
        acceptance: Weight of having been accepted (1 or 0).
        valuation: Weight of the asked partner's hidden valuation (0..1).
    """

    acceptance: Annotated[Real, Field(ge=0)] = 0.0
    valuation: Annotated[Real, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _check(self) -> Reward:
        if not self.acceptance + self.valuation > 0:
            raise ValueError("acceptance and valuation should not both be 0")
        return self


class MetaConfig(TrainConfig):
    """Learning to learn.

    Attributes:
        scenarios: What is played: the episodes of an update are shared among them.
        episodes: Episodes of each scenario in an update.
        reward: What a round is worth.
        discount: How much less a reward counts for the choice of a round before. With 0 a choice counts for its own
            round only: what it teaches is worth nothing.
        evaluation_episodes: Episodes of each scenario in an evaluation, played greedily.
    """

    kind: Literal["meta"] = "meta"
    scenarios: tuple[ScenarioEntry, ...]
    episodes: Annotated[Whole, Field(ge=2, le=100_000)] = 512
    reward: Reward
    discount: Annotated[Real, Field(ge=0, le=1)] = 0.0
    evaluation_episodes: Annotated[Whole, Field(ge=1, le=100_000)] = 1024

    @field_validator("scenarios")
    @classmethod
    def _check_scenarios(cls, entries: tuple[ScenarioEntry, ...]) -> tuple[ScenarioEntry, ...]:
        check_names([entry.name for entry in entries])
        return entries


class MetaLearning(Task):
    """Policy gradient over whole episodes.

    Args:
        config: What is played, and for what.
    """

    def __init__(self, config: MetaConfig) -> None:
        self.config = config
        self.games = {entry.name: entry.resolve() for entry in config.scenarios}

    def step(self, network: Network[Any], update: int) -> Step:
        """Play fresh episodes of every scenario, and make the choices that turned out well more probable.

        Choices are played without gradients and then gone through once more, all rounds at once.
        """
        losses, rewards, rounds = [], [], 0
        for game in self.games.values():
            episodes = draw(game, self.config.seed, self.config.episodes, start=update * self.config.episodes)
            with torch.no_grad():
                choices = play(RecurrentAgent(network), episodes)
            log_policy = network.over_rounds(choices).log_policy
            reward = self.reward(choices)
            to_go = discounted(reward, self.config.discount)
            advantage = network.tensor(to_go - to_go.mean(axis=0))
            losses.append(-(of_choice(log_policy, choices) * advantage).mean())
            rewards.append(reward.mean())
            rounds += reward.size
        loss = torch.stack(losses).mean()
        return Step(loss, {"losses/policy": loss.item(), "charts/reward": float(np.mean(rewards))}, rounds)

    def reward(self, choices: Choices) -> NDArray[np.float64]:
        """What each round was worth, `(n, rounds)`."""
        assert choices.valuation is not None  # drawn episodes hold it
        weights = self.config.reward
        return weights.acceptance * choices.accepted + weights.valuation * choices.of_chosen(choices.valuation)

    def regret(self, choices: Choices) -> float:
        """By how much the best offers beat the chosen ones in what is expected of a round, summed over an episode."""
        assert choices.valuation is not None
        assert choices.acceptance is not None
        weights = self.config.reward
        worth = weights.acceptance * choices.acceptance + weights.valuation * choices.valuation
        return float((worth.max(axis=2) - choices.of_chosen(worth)).sum(axis=1).mean())

    def evaluate(self, network: Network[Any]) -> Evaluation:
        """Play greedily; the score is the regret, below 0 and averaged over scenarios."""
        scalars, regrets = {}, []
        for name, game in self.games.items():
            episodes = draw(game, EVALUATION_SEED, self.config.evaluation_episodes)
            choices = play(RecurrentAgent(network, greedy=True), episodes)
            regrets.append(self.regret(choices))
            scalars[name, "eval/regret"] = regrets[-1]
            scalars |= {(name, f"eval/{score}"): anchored(choices, score).score for score in ANCHORED}
        regret = float(np.mean(regrets))
        return Evaluation(-regret, f"regret {regret:.3f}", scalars)


def discounted(reward: NDArray[np.float64], discount: float) -> NDArray[np.float64]:
    """The reward of each round and, discounted, of those after it, `(n, rounds)`."""
    to_go = reward.astype(np.float64)
    if discount:
        for now in range(reward.shape[1] - 2, -1, -1):
            to_go[:, now] += discount * to_go[:, now + 1]
    return to_go
