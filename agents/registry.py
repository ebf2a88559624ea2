"""The registry of agents: those of this package, those of installed packages, and any class by its dotted path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from accept_reject.agents.dotted import load_dotted
from accept_reject.errors import describe_exception, suggest

if TYPE_CHECKING:
    from accept_reject.agents.adapters.single_player import SinglePlayer
    from accept_reject.agents.base import Agent


@dataclass(frozen=True)
class Entry:
    """A registered agent.

    Attributes:
        path: Dotted path of its class, `module:Class`.
        summary: A one-line summary.
        params: Arguments of the class; a config can override them and add others.
        privileged: Whether it has access to the hidden state.
    """

    path: str
    summary: str
    params: Mapping[str, Any] = field(default_factory=dict)
    privileged: bool = False


_BASELINES, _THOMPSON = "accept_reject.agents.baselines", "accept_reject.agents.thompson"
_BAYESIAN, _DELTA = "accept_reject.agents.bayesian", "accept_reject.agents.delta_rule"
_IDEAL = "accept_reject.agents.ideal_observer:IdealObserver"
_RECURRENT = "accept_reject.agents.networks.agent:RecurrentAgent"

AGENTS: dict[str, Entry] = {
    "oracle-valuing": Entry(
        f"{_BASELINES}:Oracle",
        "Knows the hidden state and chooses the partner that values it most.",
        {"target": "valuation"},
        privileged=True,
    ),
    "oracle-accepted": Entry(
        f"{_BASELINES}:Oracle",
        "Knows the hidden state and chooses the partner most likely to accept.",
        {"target": "acceptance"},
        privileged=True,
    ),
    "ideal-valuing": Entry(
        _IDEAL,
        "Knows the game's parameters, infers the hidden state, chooses the partner expected to value it most.",
        {"target": "valuation"},
    ),
    "ideal-accepted": Entry(
        _IDEAL,
        "Knows the game's parameters, infers the hidden state, chooses the partner most likely to accept.",
        {"target": "acceptance"},
    ),
    "bayes-hybrid": Entry(
        f"{_BAYESIAN}:BayesianHybrid",
        "The study's model: Normal beliefs about ranks and Beta beliefs about outcomes, weighted by w.",
    ),
    "bayes-rank": Entry(f"{_BAYESIAN}:BayesianRank", "The study's model with w = 1: learns from ranks only."),
    "bayes-outcome": Entry(f"{_BAYESIAN}:BayesianOutcome", "The study's model with w = 0: learns from outcomes only."),
    "bayes-normal-hybrid": Entry(
        f"{_BAYESIAN}:NormalHybrid", "Normal beliefs about ranks and about outcomes, for graded rewards, weighted by w."
    ),
    "bayes-normal-outcome": Entry(
        f"{_BAYESIAN}:NormalOutcome", "Normal beliefs about outcomes only, for graded rewards."
    ),
    "delta-hybrid": Entry(
        f"{_DELTA}:DualSignalLearner", "Delta rule with a learning rate for each of the two signals."
    ),
    "delta-gain-loss": Entry(
        f"{_DELTA}:GainLossLearner",
        "Delta rule with separate learning rates for positive and negative prediction errors (equal by default).",
    ),
    "delta-rank": Entry(f"{_DELTA}:RankLearner", "Delta rule that learns from ranks only."),
    "delta-outcome": Entry(f"{_DELTA}:OutcomeLearner", "Delta rule that learns from outcomes only."),
    "thompson-rank": Entry(f"{_THOMPSON}:ThompsonRank", "Thompson sampling with Normal beliefs about ranks."),
    "thompson-outcome": Entry(f"{_THOMPSON}:ThompsonOutcome", "Thompson sampling with Beta beliefs about outcomes."),
    "meta-orthogonal": Entry(
        _RECURRENT,
        "Recurrent network, meta-trained in the study's game to be accepted.",
        {"weights": "meta_orthogonal", "greedy": True},
    ),
    "meta-mixture": Entry(
        _RECURRENT,
        "Recurrent network, meta-trained in all scenarios to choose partners that value it.",
        {"weights": "meta_mixture", "greedy": True},
    ),
    "imitation": Entry(
        _RECURRENT,
        "Recurrent network, trained to imitate 5,000 simulated participants in the study's game (without the 42 of the "
        "shipped population).",
        {"weights": "imitation"},  # not greedy, as it imitates people
    ),
    "win-stay-lose-shift": Entry(
        f"{_BASELINES}:WinStayLoseShift", "Prefers partners that accepted last time, avoids partners that rejected."
    ),
    "random": Entry(f"{_BASELINES}:RandomAgent", "Chooses each offered partner with equal probability."),
}
"""The registered agents by name. Modules are imported when an agent is made."""


ADAPTERS: dict[str, Entry] = {
    "gymnasium-policy": Entry(
        "accept_reject.agents.adapters.gymnasium_policy:GymnasiumPolicy",
        "A policy for the Gymnasium environment (params: policy).",
    ),
    "stable-baselines": Entry(
        "accept_reject.agents.adapters.stable_baselines:StableBaselines",
        "A model saved by Stable-Baselines3 or sb3-contrib (params: model, deterministic, vecnormalize).",
    ),
    "text": Entry(
        "accept_reject.agents.adapters.text:TextFunction", "A function from a prompt to a letter (params: answer)."
    ),
    "endpoint": Entry(
        "accept_reject.agents.adapters.endpoint:Endpoint",
        "A language model behind an OpenAI-compatible endpoint (params: model, base_url).",
    ),
}
"""Adapters by name: agents that require params."""

ENTRY_POINTS = "accept_reject.agents"
"""The group of entry points that installed distributions use to register agents."""


@cache
def installed() -> tuple[tuple[str, Entry], ...]:
    """List the names, which may not be unique, and the entries of agents of installed distributions."""
    found = [(point.name, _entry_of(point)) for point in entry_points(group=ENTRY_POINTS)]
    return tuple(sorted(found, key=lambda each: (each[0], each[1].path, each[1].summary)))


def _entry_of(point: EntryPoint) -> Entry:
    origin = f"installed by {point.dist.name} {point.dist.version}" if point.dist else "installed"
    return Entry(f"{point.module}:{point.attr}", origin)


def describe_installed() -> dict[str, str]:
    """Describe the agents of installed distributions by name; ambiguous names get the error message instead."""
    descriptions = {}
    for name, entry in installed():
        try:
            find_entry(name)
            descriptions[name] = f"{entry.path}, {entry.summary}"
        except ValueError as error:
            descriptions[name] = str(error)
    return descriptions


def find_entry(name: str) -> Entry | None:
    """Find a registered or installed agent by name; return None if there is none.

    Raises:
        ValueError: If an installed agent has the same name as another one.
    """
    ours = [group[name] for group in (AGENTS, ADAPTERS) if name in group]
    theirs = [entry for other, entry in installed() if other == name]
    if len(ours) + len(theirs) > 1:
        owners = [f"{entry.path} (part of accept-reject)" for entry in ours]
        owners += [f"{entry.path} ({entry.summary})" for entry in theirs]
        problem = f"agent {name!r}: must be unique, but is the name of {' and '.join(owners)}"
        raise ValueError(f"{problem}; use a dotted path, or uninstall one of them")
    return next(iter(ours + theirs), None)


def describe(name: str, params: Mapping[str, Any] | None = None) -> str:
    """Describe an agent in one line: by its summary, or by the first line of its class's docstring and its origin.

    Args:
        name: As for `make_agent`.
        params: Its arguments.

    Raises:
        ValueError: If there is no such agent; see `load_class`.
    """
    given = " with " + ", ".join(f"{key}={value!r}" for key, value in params.items()) if params else ""
    if name in AGENTS:  # its summary describes the defaults
        summary = AGENTS[name].summary
        return f"{name}{given}; by default: {summary}" if given else summary
    entry = find_entry(name)
    origin = entry.path if entry else name
    if entry and name not in ADAPTERS:
        origin += f", {entry.summary}"
    own = (load_class(name).__doc__ or "").strip()  # not inherited: a base class describes another agent
    return f"{own.splitlines()[0].strip()} ({origin}{given})" if own else f"{origin}{given}"


def make_agent(name: str, params: Mapping[str, Any] | None = None) -> Agent:
    """Make an agent by its name, or by the dotted path of its class.

    The current folder is also searched for modules. A `SinglePlayer` becomes an agent that plays with copies of it.

    Args:
        name: Name of a registered or installed agent or of an adapter, or a dotted path such as
            `my_package.my_module:MyAgent`.
        params: Arguments of the class, in addition to those that are registered with the name.

    Raises:
        ValueError: If there is no such agent, or if the class does not accept the arguments.
    """
    from accept_reject.agents.adapters.single_player import as_agent

    cls = load_class(name)
    entry = find_entry(name)
    arguments = {**(entry.params if entry else {}), **(params or {})}
    try:
        return as_agent(cls(**arguments))
    except ValueError:
        raise  # the agent's own message about its params
    except (Exception, SystemExit) as error:
        problem = describe_exception(error)
        raise ValueError(f"agent {name!r}: can't be made with params {arguments}: {problem}") from error


def load_class(name: str) -> type[Agent | SinglePlayer]:
    """Return the class of a registered or installed agent, or the one with a dotted path.

    Raises:
        ValueError: If there is none, if the name is ambiguous, or if it is not a class of agents.
    """
    entry = find_entry(name)
    if entry is None and ":" not in name:
        known = [*AGENTS, *ADAPTERS, *(other for other, _ in installed())]
        raise ValueError(f"unknown agent {name!r}{suggest(name, known)}, or a dotted path such as my_module:MyAgent")
    from accept_reject.agents.adapters.single_player import SinglePlayer
    from accept_reject.agents.base import Agent

    def is_agent(found: Any) -> bool:
        return isinstance(found, type) and issubclass(found, Agent | SinglePlayer)

    path = entry.path if entry else name
    cls: type[Agent | SinglePlayer] = load_dotted(path, "agent", is_agent, "a subclass of Agent or SinglePlayer")
    return cls
