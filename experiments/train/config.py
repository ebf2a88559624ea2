"""Configs of training: on the game (`meta`) and on choices of participants (`imitation`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from accept_reject.agents.networks.base import NetworkConfig
from accept_reject.errors import Integer, Number, Spec
from accept_reject.experiments.config import DataPath
from accept_reject.experiments.entries import RunName, ScenarioEntry, check_names
from accept_reject.experiments.inference.entries import ModelEntry

MODELS = ("bayes-hybrid", "bayes-rank", "bayes-outcome")
"""The study's models."""


class TrainConfig(Spec):
    """Options of all kinds of training.

    Attributes:
        name: Name of the run, the first part of its folder's name.
        network: The network.
        seed: Seed of weights, episodes, choices and splits.
        device: Device of the network; `auto` uses a GPU if there is one.
        updates: Number of batches to learn from.
        learning_rate: Initial learning rate of the optimizer (Adam). It decays to 0 along half a cosine.
        max_grad_norm: Maximum norm of the gradient; longer gradients are clipped.
        evaluate_every: Updates between evaluations. A checkpoint is saved at each evaluation.
    """

    name: RunName
    network: NetworkConfig = NetworkConfig()
    seed: Annotated[Integer, Field(ge=0, lt=9_000)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    updates: Annotated[Integer, Field(ge=1)]
    learning_rate: Annotated[Number, Field(gt=0, le=1)] = 0.01
    max_grad_norm: Annotated[Number, Field(gt=0)] = 1.0
    evaluate_every: Annotated[Integer, Field(ge=1)] = 20


class Reward(Spec):
    """The reward of a round: a weighted sum of two terms.

    Attributes:
        acceptance: Weight of being accepted (1 or 0).
        valuation: Weight of the chosen partner's hidden valuation (0..1).
    """

    acceptance: Annotated[Number, Field(ge=0)] = 0.0
    valuation: Annotated[Number, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _check(self) -> Reward:
        if not self.acceptance + self.valuation > 0:
            raise ValueError("acceptance or valuation must be positive, got 0 for both")
        return self


class MetaConfig(TrainConfig):
    """Meta-learning: training by playing the game. Hyperparameters are named as in Stable-Baselines3.

    Attributes:
        scenarios: The scenarios to play; each update plays episodes of all of them.
        episodes: Episodes of each scenario per update.
        reward: The reward of a round.
        gamma: Discount factor. With 0, a choice is credited with the reward of its own round only.
        gae_lambda: Lambda of generalized advantage estimation (Schulman et al. 2016, arXiv:1506.02438). With 1,
            advantages are returns minus values.
        n_epochs: Passes over each batch of episodes.
        n_minibatches: Minibatches per pass; the optimizer takes one step for each.
        clip_range: Clipping range of the probability ratio. A critic's loss, half its mean squared error, is added to
            the policy's loss.
        ent_coef: Weight of the policy's entropy in the loss, which encourages exploration.
        evaluation_episodes: Episodes of each scenario per evaluation, played greedily.
    """

    kind: Literal["meta"] = "meta"
    scenarios: tuple[ScenarioEntry, ...]
    episodes: Annotated[Integer, Field(ge=2, le=100_000)] = 512
    reward: Reward
    gamma: Annotated[Number, Field(ge=0, le=1)] = 0.0
    gae_lambda: Annotated[Number, Field(ge=0, le=1)] = 1.0
    n_epochs: Annotated[Integer, Field(ge=1, le=100)] = 1
    n_minibatches: Annotated[Integer, Field(ge=1)] = 1
    clip_range: Annotated[Number, Field(gt=0)] = 0.2
    ent_coef: Annotated[Number, Field(ge=0)] = 0.0
    evaluation_episodes: Annotated[Integer, Field(ge=1, le=100_000)] = 1024

    @field_validator("scenarios")
    @classmethod
    def _check_scenarios(cls, entries: tuple[ScenarioEntry, ...]) -> tuple[ScenarioEntry, ...]:
        check_names([entry.name for entry in entries])
        return entries

    @model_validator(mode="after")
    def _check(self) -> MetaConfig:
        problems = []
        if self.n_minibatches > self.episodes:
            problems.append(f".n_minibatches: must be at most episodes ({self.episodes}), got {self.n_minibatches}")
        if self.network.predicts:
            problems.append(".network.predicts: is only valid for imitation")
        if self.gae_lambda != 1 and not self.gamma:
            problems.append(f".gae_lambda: must be 1 with gamma 0, got {self.gae_lambda:g}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class GameFirst(Spec):
    """Pretraining on the game, before training on choices. It needs no participants.

    The partner states learn to predict the feedback of partners to players that choose at random in new episodes.

    Attributes:
        updates: Number of batches of episodes.
        episodes: Episodes in a batch.
        game: The game; by default the one that the participants played or, if it is not known, one of the same size
            with partners that differ in their ranks and in how often they accept.
    """

    updates: Annotated[Integer, Field(ge=1)] = 300
    episodes: Annotated[Integer, Field(ge=1)] = 50
    game: ScenarioEntry | None = None


class ImitationConfig(TrainConfig):
    """Imitation: training on choices of simulated participants or of a data set.

    Attributes:
        population: Name or path of the config of a population to simulate.
        data: A BIDS folder or a config that maps a table's columns, instead of a population.
        participants: Number of simulated training participants. A data set uses all that remain after `validation`
            and `test`.
        validation: Number of participants for early stopping.
        test: Number of held-out participants, which are scored once. Simulated ones are drawn with the population's
            own seed, whatever the seed of the training run. In a data set they are drawn with that seed.
        batch: Participants per update.
        patience: Early-stopping patience: training stops when more than this many evaluations in a row bring no better
            validation loss. The best weights are kept.
        prediction_weight: Weight of the loss of predicting the chosen partner's feedback, for networks that predict.
        models: Cognitive models to compare the network with. They are fitted to all but the test participants.
        game_first: Pretraining of the partner states on the game, for networks that predict.
    """

    kind: Literal["imitation"] = "imitation"
    population: DataPath | None = None
    data: DataPath | None = None
    participants: Annotated[Integer, Field(ge=1, le=1_000_000)] | None = None
    validation: Annotated[Integer, Field(ge=1)]
    test: Annotated[Integer, Field(ge=2)]
    batch: Annotated[Integer, Field(ge=1)] = 200
    patience: Annotated[Integer, Field(ge=1)] = 10
    models: tuple[ModelEntry, ...] = tuple(ModelEntry(agent=name) for name in MODELS)
    prediction_weight: Annotated[Number, Field(ge=0)] = 0.0
    game_first: GameFirst | None = None

    @field_validator("models")
    @classmethod
    def _check_models(cls, entries: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        if entries:
            check_names([entry.name for entry in entries])
        return entries

    @model_validator(mode="after")
    def _check(self) -> ImitationConfig:
        problems = []
        if bool(self.population) == bool(self.data):
            unset = "unset a config's value with `population=null participants=null`"
            problems.append(f"set exactly one of `population` and `data`; {unset}")
        if self.population and self.participants is None:
            problems.append(".participants: is required with a population")
        if self.data and self.participants is not None:
            problems.append(".participants: is only valid for a population; a data set uses all its participants")
        if self.prediction_weight and not self.network.predicts:
            problems.append(".prediction_weight: is only valid for a network with `predicts: true`")
        if self.network.predicts and not (self.prediction_weight or self.game_first):
            problems.append(".network.predicts: requires a positive prediction_weight or game_first")
        if self.network.critic:
            problems.append(".network.critic: is only valid for meta-learning")
        if self.game_first and not self.network.predicts:
            problems.append(".game_first: is only valid for a network with `predicts: true`")
        if problems:
            raise ValueError("\n".join(problems))
        return self
