"""Meta-learning: a network learns to learn by playing games with new partners in every episode.

Wang et al. (2016), arXiv:1611.05763; Duan et al. (2016), arXiv:1611.02779. The algorithm is proximal policy
optimization (Schulman et al. 2017, arXiv:1707.06347) over whole episodes. With one pass over each batch and one
minibatch, the default, it is the plain policy gradient (Williams 1992): the probability ratio is 1 in every step, so
that nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.agents.networks.agent import RecurrentAgent
from accept_reject.agents.networks.base import Network
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.analysis.scores import ANCHORED, score
from accept_reject.experiments.simulation.memory import require_memory
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import choice_log_probability
from accept_reject.experiments.train.config import MetaConfig
from accept_reject.experiments.train.loop import Evaluation, Step, Task
from accept_reject.random import Stream, generator

EVALUATION_SEED = 9_999
"""Seed of evaluation episodes. No training can have it, and the benchmark's seeds start at 10,000."""


class Batch(NamedTuple):
    """Episodes that were played.

    Attributes:
        choices: The choices.
        log_probability: Log-probability of each choice when it was made, `(n, rounds)`.
        advantage: Advantage of each choice, `(n, rounds)`.
        returns: Targets of the critic: advantages plus values, `(n, rounds)`.
        reward: Mean reward of a round.
    """

    choices: Choices
    log_probability: Tensor
    advantage: Tensor
    returns: Tensor
    reward: float

    def take(self, rows: NDArray[np.integer]) -> Batch:
        """Select episodes."""
        at = torch.from_numpy(rows).to(self.advantage.device)
        tensors = (self.log_probability[at], self.advantage[at], self.returns[at])
        return Batch(self.choices.take(rows), *tensors, self.reward)


class MetaLearning(Task):
    """Policy gradient over whole episodes.

    Args:
        config: The scenarios and the hyperparameters.

    Raises:
        InvalidInputError: If the episodes of a scenario don't fit into memory.
    """

    def __init__(self, config: MetaConfig) -> None:
        self.config = config
        self.phases = (config.updates,)
        self.games = {entry.name: entry.resolve() for entry in config.scenarios}
        for game in self.games.values():
            require_memory(f"{config.name}: episodes", max(config.episodes, config.evaluation_episodes), game)

    def steps(self, network: Network[Any], update: int) -> Iterator[Step]:
        """Play new episodes of every scenario, and make choices with a positive advantage more probable.

        Episodes are played without gradients; each step then computes all rounds at once with gradients.
        """
        config, n = self.config, self.config.episodes
        with torch.no_grad():
            batches = [self.play(network, name, update) for name in self.games]
        rounds = sum(batch.choices.choice.size for batch in batches)
        for epoch in range(config.n_epochs):
            order = generator(config.seed, Stream.TRAINING_ORDER, update, epoch).permutation(n)
            for rows in np.array_split(order if config.n_minibatches > 1 else np.arange(n), config.n_minibatches):
                yield self.step(network, [batch.take(rows) for batch in batches], rounds)
                rounds = 0  # later steps see the same rounds again

    def play(self, network: Network[Any], name: str, update: int) -> Batch:
        """Play new episodes of a scenario.

        Without a critic, the value of a round is the mean return of the batch from that round on.
        """
        n, gamma = self.config.episodes, self.config.gamma
        choices = play(RecurrentAgent(network), draw(self.games[name], self.config.seed, n, start=update * n))
        reward = self.reward(choices)
        outputs = network.teacher_forced(choices)
        if outputs.value is None:
            value = np.broadcast_to(discounted_returns(reward, gamma).mean(axis=0), reward.shape)
        else:
            value = outputs.value.cpu().numpy().astype(np.float64)
        advantage = advantages(reward, value, gamma, self.config.gae_lambda)
        tensors = network.tensor(advantage), network.tensor(advantage + value)
        return Batch(choices, choice_log_probability(outputs.log_policy, choices), *tensors, float(reward.mean()))

    def step(self, network: Network[Any], batches: list[Batch], rounds: int) -> Step:
        """The loss on a batch of each scenario."""
        losses: dict[str, list[Tensor]] = {"policy": [], "entropy": [], "approx_kl": [], "value": []}
        for batch in batches:
            outputs = network.teacher_forced(batch.choices)
            change = choice_log_probability(outputs.log_policy, batch.choices) - batch.log_probability
            ratio = change.exp()
            clipped = ratio.clip(1 - self.config.clip_range, 1 + self.config.clip_range)
            losses["policy"].append(-torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean())
            losses["entropy"].append(entropy(outputs.log_policy))
            losses["approx_kl"].append((ratio.detach() - 1 - change.detach()).mean())
            if outputs.value is not None:
                losses["value"].append((outputs.value - batch.returns).square().mean())
        means = {name: torch.stack(values).mean() for name, values in losses.items() if values}
        loss = means["policy"] - self.config.ent_coef * means["entropy"]
        if "value" in means:
            loss = loss + means["value"] / 2
        scalars = {f"losses/{name}": mean.item() for name, mean in means.items()}
        return Step(loss, {**scalars, "charts/reward": float(np.mean([batch.reward for batch in batches]))}, rounds)

    def reward(self, choices: Choices) -> NDArray[np.float64]:
        """The reward of each round, `(n, rounds)`."""
        assert choices.valuation is not None  # known for drawn episodes
        weights = self.config.reward
        return weights.acceptance * choices.accepted + weights.valuation * choices.of_chosen(choices.valuation)

    def regret(self, choices: Choices) -> float:
        """The regret of an episode: expected reward of the best offers minus that of the choices, summed over rounds.

        Returns:
            The mean over episodes.
        """
        assert choices.valuation is not None
        assert choices.acceptance is not None
        weights = self.config.reward
        expected = weights.acceptance * choices.acceptance + weights.valuation * choices.valuation
        return float((expected.max(axis=2) - choices.of_chosen(expected)).sum(axis=1).mean())

    def evaluate(self, network: Network[Any]) -> Evaluation:
        """Play greedily; the score is minus the regret, averaged over scenarios."""
        scalars, regrets = {}, []
        for name, game in self.games.items():
            episodes = draw(game, EVALUATION_SEED, self.config.evaluation_episodes)
            choices = play(RecurrentAgent(network, greedy=True), episodes)
            regrets.append(self.regret(choices))
            scalars[name, "eval/regret"] = regrets[-1]
            scalars |= {(name, f"eval/{metric}"): score(choices, metric).value for metric in ANCHORED}
        regret = float(np.mean(regrets))
        return Evaluation(-regret, f"regret {regret:.3f}", scalars)


def entropy(log_policy: Tensor) -> Tensor:
    """The policy's mean entropy in nats, from log-probabilities `(n, rounds, offered)`."""
    return -(log_policy.exp() * log_policy).sum(dim=-1).mean()


def discounted_returns(reward: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """The return from each round on: the discounted sum of this round's and all later rewards, `(n, rounds)`."""
    return advantages(reward, np.zeros_like(reward, np.float64), gamma, gae_lambda=1.0)


def advantages(
    reward: NDArray[np.float64], value: NDArray[np.float64], gamma: float, gae_lambda: float
) -> NDArray[np.float64]:
    """Generalized advantage estimates (Schulman et al. 2016, equation 16), `(n, rounds)`.

    The value after the last round is 0.

    Args:
        reward: The reward of each round, `(n, rounds)`.
        value: The value of each round, that is the expected return from it on, `(n, rounds)`.
        gamma: Discount factor.
        gae_lambda: Lambda.
    """
    advantage = reward - value
    advantage[:, :-1] += gamma * value[:, 1:]
    if gamma * gae_lambda:
        for t in range(reward.shape[1] - 2, -1, -1):
            advantage[:, t] += gamma * gae_lambda * advantage[:, t + 1]
    return advantage
