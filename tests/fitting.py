"""What the tests of fits share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs import draw, scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.experiments.fit.config import ModelEntry
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.play import play


def model(agent: str = "bayes-hybrid", **changes: Any) -> Model:
    return ModelEntry.model_validate({"agent": agent, **changes}).resolve()


def participants(n: int, seed: int = 0, rounds: int = 144, game: str = "orthogonal") -> Choices:
    """Simulated hybrids of all sorts, from those who choose at random to those who hardly ever do."""
    rng = np.random.default_rng(seed)
    who = model().learner(w=rng.random(n), inverse_temperature=rng.lognormal(0.7, 1.2, n))
    spec = scenario(game).game.model_copy(update={"rounds": rounds})
    return play(who, draw(spec, seed, n))


def missing(choices: Choices, where: NDArray[np.bool_]) -> Choices:
    """The same choices, but some rounds missed; what was seen in them is gone."""
    kept = choices.choice.copy()
    kept[where] = MISSED
    parts = {"choice": kept, "rank": choices.rank * ~where, "accepted": choices.accepted & ~where}
    return Choices(**{**vars(choices), **parts})
