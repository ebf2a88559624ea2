"""Participants for imitation learning, split into training, validation and test participants."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.envs.game import GameSpec, PartnerKind
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import load
from accept_reject.experiments.inference.prediction import DRAWS_SEED
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate
from accept_reject.experiments.train.config import ImitationConfig
from accept_reject.random import Stream, generator

PARTICIPANTS_SEED = 1_000_000
"""Offset from the seed of a training run to the seed of simulated training and validation participants."""


class Split(NamedTuple):
    """Choices of disjoint groups of participants.

    Attributes:
        train: Choices of the training participants.
        validation: Choices of the participants for early stopping.
        known: Choices of both.
        test: Choices of the held-out participants.
        game: The game that was played, if it is known.
        simulated: Whether the participants are simulated.
        population: The population that they were drawn from, if they were simulated for this.
        parameters: True parameters of the held-out participants, by name, for a population.
    """

    train: Choices
    validation: Choices
    known: Choices
    test: Choices
    game: GameSpec | None
    simulated: bool
    population: PopulationConfig | None = None
    parameters: dict[str, NDArray[np.float64]] | None = None

    @property
    def fingerprint(self) -> str:
        """Identifier of these choices."""
        return f"{self.known.fingerprint} {self.test.fingerprint} {self.simulated}"


def split(config: ImitationConfig) -> Split:
    """Simulate or load the participants, and split them.

    Raises:
        InvalidInputError: With all problems of the population or the data, or if they have too few participants.
    """
    return _simulated(config, config.population) if config.population else _loaded(config, str(config.data))


def _simulated(config: ImitationConfig, path: str) -> Split:
    population = load_config(PopulationConfig, path)
    if population.seed >= DRAWS_SEED:
        problem = f"seed: must be below {DRAWS_SEED} for imitation (higher seeds are reserved), got {population.seed}"
        raise InvalidInputError(path, [problem])
    test, parameters = simulate(population.model_copy(update={"participants": config.test}))
    others = population.model_copy(update={"participants": config.validation + (config.participants or 0)})
    known, _ = simulate(others, seed=PARTICIPANTS_SEED + config.seed)
    validation, train = _divide(known, config.validation)
    return Split(train, validation, known, test, test.game, True, population, parameters)


def _loaded(config: ImitationConfig, path: str) -> Split:
    data = load(path)
    held_out, n = config.test + config.validation, len(data.choices)
    if n <= held_out:
        problem = f"must have more participants than test and validation take ({held_out}), got {n}"
        raise InvalidInputError(path, [problem])
    names = data.choices.names()
    empty = [names[row] for row in np.flatnonzero(data.choices.missed.all(axis=1))]
    if empty:
        raise InvalidInputError(path, [f"participants must have choices, got none for {', '.join(empty)}"])
    order = generator(config.seed, Stream.PARTICIPANT_SPLIT).permutation(n)
    test, known = _divide(data.choices.take(order), config.test)
    validation, train = _divide(known, config.validation)
    return Split(train, validation, known, test, data.choices.game if data.game_known else None, data.simulated)


def varied_game(size: GameSpec) -> GameSpec:
    """Return a game of the same size in which partners differ in rank and acceptance, and ranks are shown as there."""
    shown = any(kind.rank_shown for kind in size.partners)
    kinds = [
        PartnerKind(mean_rank=1 + (size.ranks - 1) * rank, acceptance=acceptance, rank_shown=shown)
        for rank in (0.25, 0.75)
        for acceptance in (0.8, 0.2)
    ]
    partners = tuple(kinds[i % len(kinds)] for i in range(size.n_partners))
    return size.model_copy(update={"partners": partners, "rank_sd": 0.17 * (size.ranks - 1)})


def _divide(choices: Choices, n: int) -> tuple[Choices, Choices]:
    """Split choices into those of the first n participants and those of the others."""
    return choices.take(slice(n)), choices.take(slice(n, None))
