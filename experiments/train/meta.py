"""Meta-learning: a network learns to learn by playing games with partners who are fresh in every episode.

Wang et al. (2016), arXiv:1611.05763; Duan et al. (2016), arXiv:1611.02779. The algorithm is proximal policy
optimisation (Schulman et al. 2017, arXiv:1707.06347) over whole episodes. With batches that are gone through once and
in one part, as is the default, it is the plain policy gradient (Williams 1992): nothing has changed yet, nothing is
clipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from accept_reject.agents.networks import Network, OverRounds
from accept_reject.agents.recurrent import RecurrentAgent
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw, generator
from accept_reject.envs.faults import Real, Spec, Whole
from accept_reject.experiments.entries import ScenarioEntry, check_names
from accept_reject.experiments.play import play
from accept_reject.experiments.replay import of_choice
from accept_reject.experiments.scores import ANCHORED, anchored
from accept_reject.experiments.train.loop import ORDER_LUCK, Evaluation, Step, Task, TrainConfig

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
        trace: How far a reward's surprise reaches back, the lambda of generalised advantage estimation (Schulman et al.
            2016, arXiv:1506.02438); 1 to trust in no foresight of later rewards.
        epochs: How many times each batch of episodes is gone through.
        minibatches: Parts in which it is, each with a step of the optimiser.
        clip_ratio: By which share a choice's probability may change in the course of it. A critic's loss (half its mean
            squared error) is added to that of the policy.
        entropy: Weight of the policy's entropy, which keeps it trying.
        evaluation_episodes: Episodes of each scenario in an evaluation, played greedily.
    """

    kind: Literal["meta"] = "meta"
    scenarios: tuple[ScenarioEntry, ...]
    episodes: Annotated[Whole, Field(ge=2, le=100_000)] = 512
    reward: Reward
    discount: Annotated[Real, Field(ge=0, le=1)] = 0.0
    trace: Annotated[Real, Field(ge=0, le=1)] = 1.0
    epochs: Annotated[Whole, Field(ge=1, le=100)] = 1
    minibatches: Annotated[Whole, Field(ge=1)] = 1
    clip_ratio: Annotated[Real, Field(gt=0)] = 0.2
    entropy: Annotated[Real, Field(ge=0)] = 0.0
    evaluation_episodes: Annotated[Whole, Field(ge=1, le=100_000)] = 1024

    @field_validator("scenarios")
    @classmethod
    def _check_scenarios(cls, entries: tuple[ScenarioEntry, ...]) -> tuple[ScenarioEntry, ...]:
        check_names([entry.name for entry in entries])
        return entries

    @model_validator(mode="after")
    def _check(self) -> MetaConfig:
        faults = []
        if self.minibatches > self.episodes:
            faults.append(f".minibatches: should be at most the {self.episodes} episodes, but is {self.minibatches}")
        if self.network.predicts:
            faults.append(".network.predicts: has no place here: nothing would learn to predict")
        if self.trace != 1 and not self.discount:
            faults.append(".trace: has no place without a discount: a choice counts for its own round only")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Batch(NamedTuple):
    """Episodes that were played.

    Attributes:
        choices: The choices.
        log_probability: Of each choice when it was made, `(n, rounds)`.
        advantage: By how much the reward surpassed what was foreseen, `(n, rounds)`.
        reward_to_come: What a critic should have foreseen, `(n, rounds)`.
        reward: The mean reward of a round.
    """

    choices: Choices
    log_probability: Tensor
    advantage: Tensor
    reward_to_come: Tensor
    reward: float

    def take(self, rows: NDArray[np.integer]) -> Batch:
        """Some of the episodes."""
        of = torch.from_numpy(rows).to(self.advantage.device)
        tensors = (self.log_probability[of], self.advantage[of], self.reward_to_come[of])
        return Batch(self.choices.take(rows), *tensors, self.reward)


class MetaLearning(Task):
    """Policy gradient over whole episodes.

    Args:
        config: What is played, and for what.
    """

    def __init__(self, config: MetaConfig) -> None:
        self.config = config
        self.phases = (config.updates,)
        self.games = {entry.name: entry.resolve() for entry in config.scenarios}

    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        """Play fresh episodes of every scenario, and make the choices that turned out well more probable.

        Choices are played without gradients and then gone through again, all rounds at once.
        """
        config, n = self.config, self.config.episodes
        with torch.no_grad():
            batches = [self.play(network, name, update) for name in self.games]
        rounds = sum(batch.choices.choice.size for batch in batches)
        for epoch in range(config.epochs):
            order = generator(config.seed, ORDER_LUCK, update, epoch).permutation(n)
            for part in np.array_split(order if config.minibatches > 1 else np.arange(n), config.minibatches):
                yield self.step(network, [batch.take(part) for batch in batches], rounds)
                rounds = 0  # they are the same ones

    def play(self, network: Network[Any], name: str, update: int) -> Batch:
        """Fresh episodes of a scenario.

        The reward to come is foreseen by the critic, or else is the mean over the batch in the same round.
        """
        n = self.config.episodes
        choices = play(RecurrentAgent(network), draw(self.games[name], self.config.seed, n, start=update * n))
        reward = self.reward(choices)
        over = network.over_rounds(choices)
        if over.foreseen is None:
            foreseen = np.broadcast_to(to_come(reward, self.config.discount).mean(axis=0), reward.shape)
        else:
            foreseen = over.foreseen.cpu().numpy().astype(np.float64)
        advantage = advantages(reward, foreseen, self.config.discount, self.config.trace)
        tensors = network.tensor(advantage), network.tensor(advantage + foreseen)
        return Batch(choices, of_choice(over.log_policy, choices), *tensors, float(reward.mean()))

    def step(self, network: Network[Any], batches: list[Batch], rounds: int) -> Step:
        """The loss on some episodes of every scenario."""
        losses: dict[str, list[Tensor]] = {"policy": [], "entropy": [], "approx_kl": [], "value": []}
        for batch in batches:
            over = network.over_rounds(batch.choices)
            change = of_choice(over.log_policy, batch.choices) - batch.log_probability
            ratio = change.exp()
            within = ratio.clip(1 - self.config.clip_ratio, 1 + self.config.clip_ratio)
            losses["policy"].append(-torch.minimum(ratio * batch.advantage, within * batch.advantage).mean())
            losses["entropy"].append(entropy(over))
            losses["approx_kl"].append((ratio.detach() - 1 - change.detach()).mean())
            if over.foreseen is not None:
                losses["value"].append((over.foreseen - batch.reward_to_come).square().mean())
        means = {name: torch.stack(values).mean() for name, values in losses.items() if values}
        loss = means["policy"] - self.config.entropy * means["entropy"]
        if "value" in means:
            loss = loss + means["value"] / 2
        scalars = {f"losses/{name}": mean.item() for name, mean in means.items()}
        return Step(loss, {**scalars, "charts/reward": float(np.mean([batch.reward for batch in batches]))}, rounds)

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


def entropy(over: OverRounds) -> Tensor:
    """The policy's mean entropy, in nats."""
    return -(over.log_policy.exp() * over.log_policy).sum(dim=-1).mean()


def to_come(reward: NDArray[np.float64], discount: float) -> NDArray[np.float64]:
    """The reward of each round and, discounted, of those after it, `(n, rounds)`."""
    return advantages(reward, np.zeros_like(reward, np.float64), discount, trace=1.0)


def advantages(
    reward: NDArray[np.float64], foreseen: NDArray[np.float64], discount: float, trace: float
) -> NDArray[np.float64]:
    """Generalised advantage estimates (Schulman et al. 2016, equation 16), `(n, rounds)`: nothing comes after the last.

    Args:
        reward: Of each round, `(n, rounds)`.
        foreseen: The reward to come from each round on, as it was foreseen, `(n, rounds)`.
        discount: How much less a reward counts for the round before.
        trace: Lambda.
    """
    found = reward - foreseen
    found[:, :-1] += discount * foreseen[:, 1:]
    if discount * trace:
        for now in range(reward.shape[1] - 2, -1, -1):
            found[:, now] += discount * trace * found[:, now + 1]
    return found
