"""How a benchmark was made, in words, from its config: what a paper would say of it."""

from __future__ import annotations

from accept_reject.agents.recurrent import RecurrentAgent
from accept_reject.agents.registry import load_class
from accept_reject.experiments.benchmark.aggregate import FEWEST_SEEDS, RESAMPLES
from accept_reject.experiments.benchmark.results import Results
from accept_reject.experiments.words import Methods, counted, listed, methods, software


def of_benchmark(results: Results) -> Methods:
    """The paragraphs of a benchmark: what was played, and how it was scored."""
    return methods([*_played(results)], [*_scored(results), software()])


def _played(results: Results) -> list[str]:
    config = results.config
    games = [(entry.name, entry.resolve()) for entry in config.scenarios]
    told = [f"{name} ({counted(game.rounds, 'round')}, {game.n_present} partners)" for name, game in games]
    last = config.first_seed + config.seeds - 1
    seeds = f"each of {config.seeds} seeds ({config.first_seed} to {last})" if config.seeds > 1 else f"seed {last}"
    networks = [entry.name for entry in config.agents if issubclass(load_class(entry.agent), RecurrentAgent)]
    return [
        f"{counted(len(config.agents), 'agent')} ({listed(entry.name for entry in config.agents)}) played "
        f"{counted(len(games), 'scenario')} of the accept-or-reject game (after Babür et al., 2024): {listed(told)}.",
        f"In each scenario every agent played {counted(config.episodes, 'episode')} for {seeds}, with the same offers, "
        "ranks, spots and luck of choosing as all others"
        + ("; scenarios share the luck of a seed as far as their games are alike." if len(games) > 1 else "."),
        "An agent gives probabilities, with which its choices were drawn.",
        f"{listed(sorted(results.privileged))} saw the hidden state." if results.privileged else "",
        f"Of each trained network ({listed(networks)}) there is one training, with weights that were not changed here: "
        "intervals do not hold how much trainings differ."
        if networks
        else "",
    ]


def _scored(results: Results) -> list[str]:
    several = results.config.seeds > 1
    return [
        "The valuing score is the mean hidden valuation of the partners asked, less that of a player who asks anyone "
        "offered with equal probability, divided by the same difference for a player who asks whoever values it most.",
        "The accepted score is the same for the partners' probability of acceptance.",
        "Insight is Kendall's tau-b between an agent's beliefs and the hidden valuations of the partners offered so "
        "far, averaged over rounds.",
        "Each score pools all games of a seed"
        + (
            "; a score over all scenarios is the mean over those in which anybody has it, for agents that have it in "
            "all of them."
            if len(results.config.scenarios) > 1
            else "."
        ),
        "Rounds that an agent missed count for nothing." if results.missed.any() else "",
        "Means over seeds have 95% intervals by Student's t, and differences between agents are paired by seed."
        if several
        else "",
        "Interquartile means, performance profiles and probabilities of improvement were taken over runs, one for each "
        "seed in each scenario (Agarwal et al., 2021)"
        + (
            f", with 95% bootstrap intervals over seeds from {RESAMPLES:,} resamples, whose percentiles are expanded "
            "for the number of seeds (Hesterberg, 2015); a resample takes the same seeds for all agents and scenarios, "
            "as these share their luck."
            if results.config.seeds >= FEWEST_SEEDS
            else "."
        ),
        "Runs of the same seed were not compared for probabilities of improvement." if several else "",
        "Effects on staying with a partner are from logistic regressions with standard errors clustered by episode.",
    ]
