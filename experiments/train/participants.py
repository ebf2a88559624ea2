"""The participants of an imitation: who is learned from, on whom training is stopped, and who is scored."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import generator
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec
from accept_reject.experiments.data.load import load
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.train.imitation_config import ImitationConfig

_SPLIT_LUCK = 4

DRAWS_SEED = 8_999
"""Seed of draws from a population or a group: other participants than any that are learned from or scored."""

PARTICIPANTS_SEED = 1_000_000
"""Added to the seed of a training, it is the seed of the simulated participants who are learned from."""


class Split(NamedTuple):
    """Choices of different participants.

    Attributes:
        train: Of those who are learned from.
        validation: Of those on whom training is stopped.
        known: Of both.
        test: Of those on whom it is scored.
        parameters: The true parameters of the last, if they were simulated.
        game: The game that was played, if it is known.
        simulated: Whether they say of themselves that no people made them.
    """

    train: Choices
    validation: Choices
    known: Choices
    test: Choices
    parameters: dict[str, NDArray[np.float64]] | None
    game: GameSpec | None
    simulated: bool

    @property
    def fingerprint(self) -> str:
        """Tells these choices from any others."""
        digest = hashlib.sha256()
        for choices in (self.known, self.test):
            for part in (choices.offered, choices.choice, choices.rank, choices.spots, choices.accepted):
                digest.update(part.tobytes())
        return digest.hexdigest()


def split(config: ImitationConfig, population: PopulationConfig | None) -> Split:
    """The choices that a config speaks of, divided by participant.

    Raises:
        InvalidInputError: If there are too few participants or some who made no choice, with every fault of their data,
            or if the population's seed is one of those set aside.
    """
    if population:
        if population.seed >= DRAWS_SEED:
            fault = f"seed: should be below {DRAWS_SEED} for an imitation, but is {population.seed}"
            raise InvalidInputError(config.population, [f"{fault}; others would meet the participants learned from"])
        test, parameters = simulate(population.model_copy(update={"participants": config.test}))
        others = {"participants": config.validation + (config.participants or 0)}
        known, _ = simulate(population.model_copy(update=others), seed=PARTICIPANTS_SEED + config.seed)
        game: GameSpec | None = test.game
        simulated = True
    else:
        data = load(config.data)
        held, n = config.test + config.validation, len(data.choices)
        if n <= held:
            fault = f"test and validation take {held} participants, but the data hold {n}"
            raise InvalidInputError(config.data, [fault])
        names = data.choices.names()
        silent = [names[row] for row in np.flatnonzero(data.choices.missed.all(axis=1))]
        if silent:
            fault = f"these participants made no choice, and there is nothing to learn or to score: {', '.join(silent)}"
            raise InvalidInputError(config.data, [fault])
        order = generator(config.seed, _SPLIT_LUCK).permutation(n)
        test, known = data.choices.take(order[: config.test]), data.choices.take(order[config.test :])
        parameters, game = None, data.choices.game if data.game_known else None
        simulated = data.simulated
    validation, train = known.take(slice(config.validation)), known.take(slice(config.validation, None))
    return Split(train, validation, known, test, parameters, game, simulated)
