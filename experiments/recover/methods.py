"""How a recovery was made, in words, from its config: what a paper would say of it."""

from __future__ import annotations

from accept_reject.experiments.data.words import distribution
from accept_reject.experiments.fit.methods import (
    PRIORS,
    QUADRATURE,
    by_itself,
    intervals,
    models,
    selection,
)
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.results import DECIDED
from accept_reject.experiments.words import Methods, counted, game, listed, methods, software, spaced


def of_recovery(config: RecoverConfig) -> Methods:
    """The paragraphs of a recovery: what was simulated, the models, and what was done with both."""
    return methods(
        [*_studies(config), *game(config.game.resolve(), config.lengths)],
        [*models(config.models, PRIORS, done="Simulated and fitted"), *_populations(config)],
        [
            *_fits(config),
            "Estimates were laid beside the truth by Pearson's and Spearman's correlations, mean and root mean square "
            "errors, and the share of intervals that hold the truth.",
            *_verdicts(config),
            f"The seed was {config.seed}.",
            software(),
        ],
    )


def _studies(config: RecoverConfig) -> list[str]:
    several = len(config.models) > 1
    each = ["each model"] if several else ["the model"]
    each += ["each length of the game"] if len(config.lengths) > 1 else []
    people = counted(config.studies * max(config.participants), "participant")
    sizes = listed((f"{size:,}" for size in config.participants), "or")
    taken = f"{people} were simulated, taken as {counted(config.studies, 'study', 'studies')} of {sizes}"
    taken += " each" if config.studies > 1 else ""
    smaller = "; smaller studies are made of the first of them" if len(config.participants) > 1 else ""
    to = " All models were fitted to the choices of every model." if several else ""
    return [
        "No person took part: all participants are simulated.",
        f"For {listed(each)} {taken}{smaller}.{to}",
    ]


def _populations(config: RecoverConfig) -> list[str]:
    """From what true parameters were drawn, models with the same distributions together."""
    told: dict[str, list[str]] = {}
    for entry in config.models:
        specs = entry.simulated(1, config.game, 0).parameters
        given = [f"{spaced(name)} from {distribution(specs[name])}" for name in entry.population]
        rest = [f"{spaced(name)} from the prior" for name in entry.parameters if name not in entry.population]
        told.setdefault("; ".join([*given, *rest]), []).append(entry.name)
    return [f"True parameters of {listed(names)} were drawn: {text}." for text, names in told.items()]


def _fits(config: RecoverConfig) -> list[str]:
    way = "Laplace's approximation" if config.evidence == "laplace" else QUADRATURE
    evidence = "Log-evidence and posterior means were" if len(config.models) > 1 else "Posterior means were"
    return [by_itself(config.starts), intervals(bayesian=True), f"{evidence} computed by {way}."]


def _verdicts(config: RecoverConfig) -> list[str]:
    if len(config.models) == 1:
        return []
    sentences = [
        selection(config.selection_prior),
        "The model with the highest exceedance probability wins a study; the study has decided for it if its protected "
        f"exceedance probability is above {DECIDED:g}.",
    ]
    if len(config.lengths) * len(config.participants) > 1:
        sentences.append("Shares of studies have Wilson's 95% intervals (Wilson, 1927).")
    return sentences
