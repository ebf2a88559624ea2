"""Models and choices for tests of fits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs import draw, scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.simulation.play import play


def model(agent: str = "bayes-hybrid", **changes: Any) -> Model:
    return ModelEntry.model_validate({"agent": agent, **changes}).resolve()


def participants(n: int, seed: int = 0, rounds: int = 144, game: str = "orthogonal") -> Choices:
    """Simulate hybrid learners that range from random to nearly deterministic."""
    rng = np.random.default_rng(seed)
    learner = model().learner(w=rng.random(n), inverse_temperature=rng.lognormal(0.7, 1.2, n))
    spec = scenario(game).game.model_copy(update={"rounds": rounds})
    return play(learner, draw(spec, seed, n))


def with_missed(choices: Choices, where: NDArray[np.bool_]) -> Choices:
    """Mark some rounds as missed and remove their feedback."""
    choice = choices.choice.copy()
    choice[where] = MISSED
    parts = {"choice": choice, "rank": choices.rank * ~where, "accepted": choices.accepted & ~where}
    return Choices(**{**vars(choices), **parts})
