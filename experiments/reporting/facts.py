"""The numbers and flags of methods sections that templates can't read directly from configs and results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from accept_reject.agents.bayesian import BayesianHybrid, BayesianOutcome, BayesianRank, NormalHybrid, NormalOutcome
from accept_reject.agents.delta_rule import DualSignalLearner, GainLossLearner, OutcomeLearner, RankLearner
from accept_reject.agents.learner import Learner, Parameter
from accept_reject.agents.networks.agent import RecurrentAgent
from accept_reject.agents.registry import load_class
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.entries import ScenarioEntry
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.priors import BetaPrior, GammaPrior, Prior
from accept_reject.experiments.reporting.words import span
from accept_reject.experiments.simulation.population import Distribution, Mixture, PopulationConfig, learner_class

FAMILIES: dict[str, tuple[type[Learner], ...]] = {
    "Bayesian": (BayesianHybrid, BayesianRank, BayesianOutcome, NormalHybrid, NormalOutcome),
    "delta rule": (DualSignalLearner, GainLossLearner, RankLearner, OutcomeLearner),
}
"""The learners whose equations templates describe."""


class DataFacts(NamedTuple):
    """Counts of participants, choices and rounds.

    Attributes:
        participants: Number of participants.
        choices: Number of choices.
        rounds: Fewest and most rounds of a participant.
        missed: Number of missed rounds.
        missed_share: Share of all rounds that were missed.
        silent: Number of participants without choices.
        rank_share: Share of choices after which the rank was shown.
        graded: Whether outcomes are graded rewards.
        levels: What the rounds are divided into, such as "sessions and blocks"; empty without these.
        parts: The same with numbers, such as "2 sessions"; empty without these.
    """

    participants: int
    choices: int
    rounds: tuple[int, int]
    missed: int
    missed_share: float
    silent: int
    rank_share: float
    graded: bool
    levels: str
    parts: str


class ParameterFacts(NamedTuple):
    """A parameter of a model.

    Attributes:
        name: Its name.
        parameter: Its range and description.
        prior: Its prior if it is estimated.
        value: Its value if it is held constant.
    """

    name: str
    parameter: Parameter
    prior: Prior | None
    value: float | None


class ModelFacts(NamedTuple):
    """A model.

    Attributes:
        name: Its name.
        agent: Its agent.
        learner: The class of its learner.
        family: A key of `FAMILIES`; empty for other learners.
        description: First line of the learner's docstring, without the period.
        uses_ranks: Whether it learns from ranks.
        uses_outcomes: Whether it learns from outcomes.
        normal_outcomes: Whether its belief about outcomes is Normal.
        gains_and_losses: Whether learning rates differ between better and worse than expected.
        forgetting: Whether the values of other partners decay.
        stickiness: Whether the partner that was chosen last is preferred.
        parameters: Its parameters.
    """

    name: str
    agent: str
    learner: str
    family: str
    description: str
    uses_ranks: bool
    uses_outcomes: bool
    normal_outcomes: bool
    gains_and_losses: bool
    forgetting: bool
    stickiness: bool
    parameters: tuple[ParameterFacts, ...]

    @property
    def label(self) -> str:
        """Its name, with that of its agent if it is a different one."""
        return self.name if self.name == self.agent else f"{self.name} ({self.agent})"


def data_facts(data: Data) -> DataFacts:
    """Count participants, choices and missed rounds."""
    choices = data.choices
    made = int((~choices.missed).sum())
    recorded = choices.lengths
    missed = int(recorded.sum()) - made
    labels = pd.DataFrame() if data.rounds is None else data.rounds
    counts = {name: labels.groupby("participant")[name].nunique() for name in ("session", "block") if name in labels}
    return DataFacts(
        participants=len(choices),
        choices=made,
        rounds=(int(recorded.min()), int(recorded.max())),
        missed=missed,
        missed_share=missed / int(recorded.sum()),
        silent=int(choices.missed.all(axis=1).sum()),
        rank_share=float((choices.rank > 0).sum()) / max(made, 1),
        graded=choices.reward is not None,
        levels=" and ".join(f"{name}s" for name in counts),
        parts=" and ".join(
            f"{span((int(each.min()), int(each.max())))} {name}{'s' if each.max() > 1 else ''}"
            for name, each in counts.items()
        ),
    )


def model_facts(entry: ModelEntry) -> ModelFacts:
    """Describe a model."""
    model = entry.resolve()
    cls = model.learner
    parameters = tuple(
        ParameterFacts(name, parameter, model.priors.get(name), None)
        if name in model.priors
        else ParameterFacts(name, parameter, None, model.fixed.get(name, parameter.default))
        for name, parameter in cls.free_parameters().items()
    )
    active = {each.name for each in parameters if each.prior is not None or each.value != 0}
    return ModelFacts(
        name=model.name,
        agent=entry.agent,
        learner=cls.__name__,
        family=next((family for family, learners in FAMILIES.items() if cls in learners), ""),
        description=(cls.__doc__ or "").strip().split("\n")[0].rstrip("."),
        uses_ranks=cls not in (BayesianOutcome, NormalOutcome, OutcomeLearner),
        uses_outcomes=cls not in (BayesianRank, RankLearner),
        normal_outcomes=cls in (NormalHybrid, NormalOutcome),
        gains_and_losses=cls is GainLossLearner,
        forgetting="forgetting" in active,
        stickiness="stickiness" in active,
        parameters=parameters,
    )


def parameter_groups(models: Sequence[ModelFacts], estimated: bool) -> dict[tuple[str, ...], list[ParameterFacts]]:
    """Group the estimated parameters, or those that are held constant, by the names of the models that have them."""
    owners: dict[ParameterFacts, list[str]] = {}
    for model in models:
        for each in model.parameters:
            if (each.prior is not None) == estimated:
                owners.setdefault(each, []).append(model.name)
    groups: dict[tuple[str, ...], list[ParameterFacts]] = {}
    for each, names in owners.items():
        groups.setdefault(tuple(names), []).append(each)
    return groups


def population_groups(entries: Iterable[Any], game: ScenarioEntry) -> list[tuple[list[str], list[tuple[str, Any]]]]:
    """Group simulated models by the distributions of their true parameters.

    Args:
        entries: The models, a `SimulatedModel` each.
        game: The game that they play.

    Returns:
        Names of models, with the names of parameters and their distributions; None for the prior.
    """
    groups: list[tuple[list[str], list[tuple[str, Any]]]] = []
    for entry in entries:
        distributions = entry.simulated(1, game, 0).parameters
        parameters = [(name, distributions[name]) for name in entry.population]
        parameters += [(name, None) for name in entry.parameters if name not in entry.population]
        same = next((names for names, others in groups if others == parameters), None)
        if same is None:
            groups.append(([entry.name], parameters))
        else:
            same.append(entry.name)
    return groups


def distribution(each: Distribution | Mixture) -> str:
    """Format a distribution in the notation of scipy.stats, such as `beta(a = 2, b = 3)`; mixtures as weighted sums."""
    if isinstance(each, Mixture):
        total = sum(each.weights)
        parts = zip(each.weights, each.mixture, strict=True)
        return " + ".join(f"{weight / total:.3g} × {distribution(part)}" for weight, part in parts)
    arguments = ", ".join(f"{key} = {value:g}" for key, value in (each.model_extra or {}).items())
    return f"{each.distribution}({arguments})"


def prior_text(prior: Prior) -> str:
    """Format a prior that is not Normal on the unbounded scale; empty for one that is."""
    if isinstance(prior, BetaPrior):
        return f"prior Beta({prior.a:g}, {prior.b:g})"
    return f"prior Gamma(shape {prior.a:g}, scale {prior.scale:g})" if isinstance(prior, GammaPrior) else ""


def has_other_priors(entries: Iterable[ModelEntry]) -> bool:
    """Return whether some priors are not Normal on the unbounded scale."""
    return any(prior_text(prior) for entry in entries for prior in entry.resolve().priors.values())


def has_defaults(population: PopulationConfig) -> bool:
    """Return whether some parameters of a population have their default values."""
    named = {*population.parameters, *(name for group in population.correlated for name in group.parameters)}
    return bool(learner_class(population.agent).free_parameters().keys() - named)


def opening_rounds(spec: GameSpec, lengths: Iterable[int]) -> list[int]:
    """Return the first round with plenty of spots, counted from 1, for each length of the game."""
    return [spec.model_copy(update={"rounds": rounds}).opening_round + 1 for rounds in lengths]


def is_network(agent: str) -> bool:
    """Return whether an agent is a trained network."""
    return issubclass(load_class(agent), RecurrentAgent)
