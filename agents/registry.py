"""Agents by name, ours and installed ones, or by the dotted path of anyone's class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from accept_reject.agents.dotted import load_dotted
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
    "delta-gain-loss": Entry(
        f"{_DELTA}:GainLossLearner", "the same with rates of their own for bad surprises; equal by default"
    ),
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
    "imitation": Entry(
        _RECURRENT,
        "a network that learned to choose as 5,000 simulated participants did in the study's game, and met no other; "
        "the 42 who ship are none of them",
        {"weights": "imitation"},  # not greedy: people are not
    ),
    "win-stay-lose-shift": Entry(
        f"{_BASELINES}:WinStayLoseShift", "asks whoever accepted last time, avoids the others"
    ),
    "random": Entry(f"{_BASELINES}:RandomAgent", "asks anyone with equal chances"),
}
"""The registered agents by name. Modules are imported when an agent is made, not before."""


ADAPTERS: dict[str, Entry] = {
    "gymnasium-policy": Entry(
        "accept_reject.agents.adapters.gymnasium_policy:GymnasiumPolicy", "params: policy, of the Gymnasium environment"
    ),
    "stable-baselines": Entry(
        "accept_reject.agents.adapters.stable_baselines:StableBaselines",
        "params: model, a file that Stable-Baselines3 or sb3-contrib saved",
    ),
    "text": Entry(
        "accept_reject.agents.adapters.text:TextFunction", "params: answer, a function from a prompt to a letter"
    ),
    "endpoint": Entry(
        "accept_reject.agents.adapters.endpoint:Endpoint",
        "params: model and base_url, a language model behind an OpenAI-compatible endpoint",
    ),
}
"""Adapters by name: agents that can't be made without params, which say what they adapt."""

ENTRY_POINTS = "accept_reject.agents"
"""The group of entry points under which installed distributions offer agents by name."""


@cache
def installed() -> tuple[tuple[str, Entry], ...]:
    """The agents that installed distributions offer: names, which may come twice, and entries."""
    found = [(point.name, _entry_of(point)) for point in entry_points(group=ENTRY_POINTS)]
    return tuple(sorted(found, key=lambda each: (each[0], each[1].path, each[1].summary)))


def _entry_of(point: EntryPoint) -> Entry:
    origin = f"installed by {point.dist.name} {point.dist.version}" if point.dist else "installed"
    return Entry(f"{point.module}:{point.attr}", origin)


def describe_installed() -> dict[str, str]:
    """What installed distributions offer, by name; for a name that stands for two agents, that it does."""
    told = {}
    for name, entry in installed():
        try:
            find_entry(name)
            told[name] = f"{entry.path}, {entry.summary}"
        except ValueError as error:
            told[name] = str(error)
    return told


def find_entry(name: str) -> Entry | None:
    """What a name stands for; None if it is not registered.

    Raises:
        ValueError: If it stands for two agents, since an installed one has the name of another.
    """
    ours = [group[name] for group in (AGENTS, ADAPTERS) if name in group]
    theirs = [entry for other, entry in installed() if other == name]
    if len(ours) + len(theirs) > 1:
        told = " and ".join(
            [f"{entry.path} (part of accept-reject)" for entry in ours]
            + [f"{entry.path} ({entry.summary})" for entry in theirs]
        )
        raise ValueError(f"{name!r} is the name of two agents, {told}: give a dotted path instead, or uninstall one")
    return next(iter(ours + theirs), None)


def describe(name: str, params: Mapping[str, Any] | None = None) -> str:
    """What an agent is, in a line: our summary; of others the first line of their class's docstring and where it is.

    Args:
        name: As `make_agent` takes it.
        params: Those that it was given; they are added as they are, since a summary does not know of them.

    Raises:
        ValueError: If there is no such agent, as `load_class` tells.
    """
    given = "; with " + ", ".join(f"{key}={value!r}" for key, value in params.items()) if params else ""
    if name in AGENTS:
        changed = f"{name}, by default: " if params else ""
        return f"{changed}{AGENTS[name].summary}{given}"
    entry = find_entry(name)
    origin = entry.path if entry else name
    if entry and name not in ADAPTERS:
        origin += f", {entry.summary}"  # whose it is
    own = (load_class(name).__doc__ or "").strip()  # never a base class's, which would tell of another agent
    return (f"{own.splitlines()[0].strip()} ({origin})" if own else origin) + given


def make_agent(name: str, params: Mapping[str, Any] | None = None) -> Agent:
    """Make a registered agent, or one of the class that a dotted path such as `my_package.my_module:MyAgent` names.

    Modules are also looked for in the current folder.

    Args:
        name: The name of a registered or installed agent or of an adapter, or a dotted path.
        params: Arguments for its class, beyond those that a registered name stands for.

    Raises:
        ValueError: If the name is unknown or stands for two agents, the module or class can't be found, the class is no
            `Agent` or refuses the arguments; the message says which.
    """
    cls = load_class(name)
    entry = find_entry(name)
    arguments = {**(entry.params if entry else {}), **(params or {})}
    try:
        return cls(**arguments)
    except ValueError:
        raise  # an agent's own word on its params
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"agent {name!r} can't be made with params {arguments}: {told}") from error


def load_class(name: str) -> type[Agent]:
    """The class of a registered or installed agent, or the one that a dotted path names.

    Raises:
        ValueError: If there is none, if the name stands for two, or if it is no `Agent`.
    """
    entry = find_entry(name)
    if entry is None and ":" not in name:
        known = [*AGENTS, *ADAPTERS, *(other for other, _ in installed())]
        raise ValueError(f"unknown agent {name!r}{suggest(name, known)}, or a dotted path such as my_module:MyAgent")
    from accept_reject.agents.base import Agent

    def fits(found: Any) -> bool:
        return isinstance(found, type) and issubclass(found, Agent)

    path = entry.path if entry else name
    cls: type[Agent] = load_dotted(path, "agent", fits, "a subclass of accept_reject.agents.Agent")
    return cls
