"""The accept-or-reject game: environments, agents, and comparisons of how people and machines learn who values them.

Public names are imported when they are first used, so that `import accept_reject` is instant and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from accept_reject.agents.adapters.single_player import SinglePlayer
    from accept_reject.agents.base import Agent, Feedback, greedy
    from accept_reject.agents.learner import Learner, Parameter
    from accept_reject.agents.registry import make_agent
    from accept_reject.envs import Choices, Episodes, GameSpec, PartnerKind, draw, scenario
    from accept_reject.errors import InvalidInputError
    from accept_reject.experiments.analysis.curves import learning_curves
    from accept_reject.experiments.analysis.scores import insight, score
    from accept_reject.experiments.analysis.stay_switch import stay_switch
    from accept_reject.experiments.data.load import load
    from accept_reject.experiments.inference.fit import fit
    from accept_reject.experiments.inference.model import Model
    from accept_reject.experiments.inference.model_selection import select_models
    from accept_reject.experiments.simulation.play import play
    from accept_reject.experiments.simulation.replay import replay
    from accept_reject.experiments.simulation.simulate import simulate

__all__ = [
    "Agent",
    "Choices",
    "Episodes",
    "Feedback",
    "GameSpec",
    "InvalidInputError",
    "Learner",
    "Model",
    "Parameter",
    "PartnerKind",
    "SinglePlayer",
    "__version__",
    "draw",
    "fit",
    "greedy",
    "insight",
    "learning_curves",
    "load",
    "make_agent",
    "play",
    "replay",
    "scenario",
    "score",
    "select_models",
    "simulate",
    "stay_switch",
]

_MODULES = {
    "Agent": "accept_reject.agents.base",
    "Choices": "accept_reject.envs",
    "Episodes": "accept_reject.envs",
    "Feedback": "accept_reject.agents.base",
    "GameSpec": "accept_reject.envs",
    "InvalidInputError": "accept_reject.errors",
    "Learner": "accept_reject.agents.learner",
    "Model": "accept_reject.experiments.inference.model",
    "Parameter": "accept_reject.agents.learner",
    "PartnerKind": "accept_reject.envs",
    "SinglePlayer": "accept_reject.agents.adapters.single_player",
    "draw": "accept_reject.envs",
    "fit": "accept_reject.experiments.inference.fit",
    "greedy": "accept_reject.agents.base",
    "insight": "accept_reject.experiments.analysis.scores",
    "learning_curves": "accept_reject.experiments.analysis.curves",
    "load": "accept_reject.experiments.data.load",
    "make_agent": "accept_reject.agents.registry",
    "play": "accept_reject.experiments.simulation.play",
    "replay": "accept_reject.experiments.simulation.replay",
    "scenario": "accept_reject.envs",
    "score": "accept_reject.experiments.analysis.scores",
    "select_models": "accept_reject.experiments.inference.model_selection",
    "simulate": "accept_reject.experiments.simulation.simulate",
    "stay_switch": "accept_reject.experiments.analysis.stay_switch",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
