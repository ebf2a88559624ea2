"""Agents by name, or by the dotted path of anyone's class."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accept_reject.envs.faults import suggest

if TYPE_CHECKING:
    from accept_reject.agents.base import Agent


@dataclass(frozen=True)
class Entry:
    """How a named agent is made.

    Attributes:
        path: `module:Class`.
        summary: What it does, in one line.
        params: Arguments that the name stands for; a config may add others.
        privileged: Whether it is shown the hidden state.
    """

    path: str
    summary: str
    params: Mapping[str, Any] = field(default_factory=dict)
    privileged: bool = False


_BASELINES, _THOMPSON = "accept_reject.agents.baselines", "accept_reject.agents.thompson"
_BAYESIAN, _DELTA = "accept_reject.agents.bayesian", "accept_reject.agents.delta_rule"
_IDEAL = "accept_reject.agents.ideal_observer:IdealObserver"
_RECURRENT = "accept_reject.agents.recurrent:RecurrentAgent"

AGENTS: dict[str, Entry] = {
    "oracle-valuing": Entry(
        f"{_BASELINES}:Oracle",
        "sees who values it most and asks them",
        {"target": "valuation"},
        privileged=True,
    ),
    "oracle-accepted": Entry(
        f"{_BASELINES}:Oracle",
        "sees who most probably accepts and asks them",
        {"target": "acceptance"},
        privileged=True,
    ),
    "ideal-valuing": Entry(
        _IDEAL, "knows how the game is made, infers who values it and asks them", {"target": "valuation"}
    ),
    "ideal-accepted": Entry(
        _IDEAL, "knows how the game is made, infers who accepts and asks them", {"target": "acceptance"}
    ),
    "bayes-hybrid": Entry(f"{_BAYESIAN}:BayesianHybrid", "the study's model: Normal and Beta beliefs, weighted by w"),
    "bayes-rank": Entry(f"{_BAYESIAN}:BayesianRank", "its half that learns from ranks alone"),
    "bayes-outcome": Entry(f"{_BAYESIAN}:BayesianOutcome", "its half that learns from outcomes alone"),
    "delta-hybrid": Entry(f"{_DELTA}:DualSignalLearner", "delta rule with a learning rate for each signal"),
    "delta-gain-loss": Entry(f"{_DELTA}:GainLossLearner", "the same with rates of their own for bad surprises"),
    "delta-rank": Entry(f"{_DELTA}:RankLearner", "delta rule on ranks alone"),
    "delta-outcome": Entry(f"{_DELTA}:OutcomeLearner", "delta rule on outcomes alone"),
    "thompson-rank": Entry(f"{_THOMPSON}:ThompsonRank", "Thompson sampling on ranks alone: Normal beliefs"),
    "thompson-outcome": Entry(f"{_THOMPSON}:ThompsonOutcome", "Thompson sampling on outcomes alone: Beta beliefs"),
    "meta-orthogonal": Entry(
        _RECURRENT,
        "a network that learned to be accepted by playing the study's game",
        {"weights": "meta_orthogonal", "greedy": True},
    ),
    "meta-mixture": Entry(
        _RECURRENT,
        "a network that learned to find out who values it by playing all scenarios",
        {"weights": "meta_mixture", "greedy": True},
    ),
    "win-stay-lose-shift": Entry(
        f"{_BASELINES}:WinStayLoseShift", "asks whoever accepted last time, avoids the others"
    ),
    "random": Entry(f"{_BASELINES}:RandomAgent", "asks anyone with equal chances"),
}
"""The registered agents by name. Modules are imported when an agent is made, not before."""


def make_agent(name: str, params: Mapping[str, Any] | None = None) -> Agent:
    """Make a registered agent, or one of the class that a dotted path such as `my_package.my_module:MyAgent` names.

    Modules are also looked for in the current folder.

    Args:
        name: A registered name or a dotted path.
        params: Arguments for its class, beyond those that a registered name stands for.

    Raises:
        ValueError: If the name is unknown, the module or class can't be found, the class is no `Agent` or refuses the
            arguments; the message says which.
    """
    cls = load_class(name)
    arguments = {**(AGENTS[name].params if name in AGENTS else {}), **(params or {})}
    try:
        return cls(**arguments)
    except ValueError:
        raise  # an agent's own word on its params
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"agent {name!r} can't be made with params {arguments}: {told}") from error


def load_class(name: str) -> type[Agent]:
    """The class of a registered agent, or the one that a dotted path names.

    Raises:
        ValueError: If there is none, or if it is no `Agent`.
    """
    if name not in AGENTS and ":" not in name:
        raise ValueError(f"unknown agent {name!r}{suggest(name, AGENTS)}, or a dotted path such as my_module:MyAgent")
    path = AGENTS[name].path if name in AGENTS else name
    from accept_reject.agents.base import Agent

    module_name, _, class_name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # and left there: the module may import its neighbours later
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the module does when it is imported
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"agent {path!r}: the module {module_name!r} can't be imported: {told}") from error
    cls = getattr(module, class_name, None)
    if cls is None:
        classes = [name for name, value in vars(module).items() if isinstance(value, type) and issubclass(value, Agent)]
        raise ValueError(f"agent {path!r}: no {class_name!r} in the module{suggest(class_name, classes)}")
    if not (isinstance(cls, type) and issubclass(cls, Agent)):
        raise ValueError(f"agent {path!r}: should be a subclass of accept_reject.agents.Agent, but is {cls!r}")
    return cls
