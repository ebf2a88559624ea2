"""Choices in words: who made them, and in which game."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accept_reject.experiments.data.load import Data
from accept_reject.experiments.population import Distribution, Mixture, PopulationConfig, learner_class
from accept_reject.experiments.words import UNBOUNDED, counted, game, listed, spaced


def participants(name: str, data: Data, of_silent: str) -> list[str]:
    """Who made how many choices.

    Args:
        name: The data's path or name.
        data: The choices.
        of_silent: What follows for participants who made none.
    """
    choices = data.choices
    made = int((~choices.missed).sum())
    recorded = np.full(len(choices), choices.game.rounds) if choices.recorded is None else choices.recorded
    missed = int(recorded.sum()) - made
    mute = silent(data)
    low, high = int(recorded.min()), int(recorded.max())
    length = counted(high, "round") if low == high else f"{low:,} to {counted(high, 'round')}"
    who = counted(len(choices), "simulated participant" if data.simulated else "participant")
    each = " each" if len(choices) > 1 else ""
    sentences = [
        "No person made these choices: the participants are simulated." if data.simulated else "",
        f"The data ({Path(name).name or name}) hold {counted(made, 'choice')} of {who}, from {length}{each}.",
    ]
    if data.population is not None:
        sentences.insert(1, f"They are players of the agent {data.population.agent}{drawn(data.population)}.")
    if missed:
        share = f"{counted(missed, 'round')} ({missed / recorded.sum():.1%})"
        sentences.append(f"{share} {'was missed and counts' if missed == 1 else 'were missed and count'} for nothing.")
    if mute:
        sentences.append(f"{counted(mute, 'participant')} made no choice at all, so that {of_silent}.")
    return sentences


def silent(data: Data) -> int:
    """How many participants made no choice."""
    return int(data.choices.missed.all(axis=1).sum())


def drawn(population: PopulationConfig) -> str:
    """From what simulated participants' parameters were drawn, to follow their agent."""
    told = [f"{spaced(name)} from {distribution(spec)}" for name, spec in population.parameters.items()]
    for group in population.correlated:
        rows = listed(f"({', '.join(f'{x:g}' for x in row)})" for row in group.covariance)
        mean = ", ".join(f"{x:g}" for x in group.mean)
        together = listed(spaced(name) for name in group.parameters)
        told.append(f"{together} {UNBOUNDED} from a Normal with mean ({mean}) and covariance {rows}")
    named = {*population.parameters, *(name for group in population.correlated for name in group.parameters)}
    rest = learner_class(population.agent).free_parameters().keys() - named
    if not told:
        return f", all with its default parameters and drawn with seed {population.seed}"
    others = "; all else has its default" if rest else ""
    return f", with parameters that were drawn with seed {population.seed}: {'; '.join(told)}{others}"


def distribution(spec: Distribution | Mixture) -> str:
    """A distribution, as scipy.stats names it."""
    if isinstance(spec, Mixture):
        shares = np.array(spec.weights) / sum(spec.weights)
        parts = [f"{100 * share:.3g}% {distribution(each)}" for share, each in zip(shares, spec.mixture, strict=True)]
        return f"a mixture of {listed(parts)}"
    arguments = spec.model_extra or {}
    if spec.distribution == "constant":
        return f"the one value {arguments['value']:g}"
    told = ", ".join(f"{key} = {value:g}" for key, value in arguments.items())
    return f"{spec.distribution}({told})" if told else spec.distribution


def the_game(data: Data) -> list[str]:
    """What was played, as far as it is known."""
    choices = data.choices
    if data.game_known:
        return game(choices.game, [choices.game.rounds])
    answered = ~choices.missed
    shown = (choices.rank > 0).sum() / max(int(answered.sum()), 1)
    ranks = (
        f", and after {shown:.0%} of the choices also its rank from 1 (best) to {choices.game.ranks}" if shown else ""
    )
    return [
        f"In each round a participant chose one of the {choices.game.offered} options (partners) offered, of "
        f"{choices.game.n_partners} in all, and learned whether it was accepted{ranks}."
    ]
