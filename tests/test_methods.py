"""Methods sections: their numbers are those of configs, data and results, and they mention only what was done."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from prose import expect, text_of

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.envs.choices import MISSED
from accept_reject.experiments.benchmark.aggregate import FEWEST_SEEDS, RESAMPLES
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.run import run as benchmark
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.run import run
from accept_reject.experiments.inference import hierarchical
from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.inference.quadrature import MAX_PARAMETERS
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.reporting.facts import distribution
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.simulation.population import Mixture

HALVES = [{"agent": "bayes-hybrid", "label": "hybrid"}, "bayes-rank", "bayes-outcome"]
SHORT = "game={scenario: orthogonal, game: {rounds: 30}}"


class Odd(BayesianHybrid):
    """Believes what it likes."""


def of_fit(data: Data, **changes: Any) -> str:
    plan = {"data": "somewhere/people", "models": HALVES, "starts": 2, "simulations": 2, **changes}
    return text_of(write_methods("fit", results=run(FitConfig.model_validate(plan), data)))


@pytest.fixture(scope="module")
def simulated() -> Data:
    return load("population_babur2024", ["participants=4", "seed=7", SHORT])


@pytest.fixture(scope="module")
def people(simulated: Data) -> Data:
    """Choices like people's: of a game that is not known, with a missed round and a participant without choices."""
    choice = simulated.choices.choice.copy()
    choice[0, 0], choice[3] = MISSED, MISSED
    return Data(replace(simulated.choices, choice=choice), simulated=False, game_known=False)


def test_map_fit_of_simulated_participants(simulated: Data) -> None:
    text = of_fit(simulated, seed=3)
    game, population = simulated.choices.game, simulated.population
    assert population
    w = population.parameters["w"]
    assert isinstance(w, Mixture)
    parts = [
        f"{weight / sum(w.weights):.3g} × beta(a = {each.model_extra['a']:g}, b = {each.model_extra['b']:g})"
        for weight, each in zip(w.weights, w.mixture, strict=True)
        if each.model_extra
    ]
    expect(
        text,
        [
            "simulated",
            "agent bayes-hybrid",
            "seed 7",
            f"w ~ {' + '.join(parts)};",
            "inverse temperature ~ lognorm(s = 0.988, scale = 1.51)",
            "(people)",
            "120 choices",
            "4 simulated participants",
            "30 rounds each",
            f"one of {game.offered} partners",
            f"{game.n_partners} in total",
            "4 of the 8 partners",
            f"deviation of {game.rank_sd:g}",
            "independently of rank, with a probability of 0.8 or 0.2",
            "3 models",
            "hybrid (bayes-hybrid), bayes-rank, and bayes-outcome",
            "In bayes-rank, w is fixed at 1",
            "In bayes-outcome, w is fixed at 0",
            "In hybrid, the following parameter was estimated: w (",
            "between 0 and 1; mean 0 and SD 1.5 on the logit scale)",
            "In every model, the following parameter was estimated: inverse temperature (",
            "above 0; mean 0 and SD 1 on the log scale)",
            "In hybrid and bayes-rank, the following parameters were held constant",
            "(MAP)",
            "1 random draw",
            "the Laplace approximation and by quadrature",
            "prior count of 1 for each",
            "2 studies",
            "each model, with parameters drawn from the Laplace approximations of the participants' posteriors",
            "free-running",
            "seed of starting points and simulations was 3",
        ],
        ["missed", "no choices", "group", "one step ahead", "maximum likelihood", "delta rule", "stickiness"],
    )


def test_hierarchical_fit_and_models_of_many_parameters(simulated: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchical, "MAX_ITERATIONS", 1)
    sticky = {"agent": "delta-outcome", "label": "sticky", "fit": ["rate_outcome", "stickiness"]}
    sticky |= {"priors": {"stickiness": {"mean": 1, "sd": 2}}, "fixed": {"inverse_temperature": 3}}
    changes = {"method": "hierarchical", "starts": 1}
    text = of_fit(simulated, models=["bayes-hybrid", "delta-gain-loss", sticky], simulations=0, **changes)
    expect(
        text,
        [
            "group means and standard deviations were estimated",
            "more than 0.1 standard deviations or a standard deviation by more than 10%",
            "importance sampling (2,048 quasi-random draws, half of them from",
            "curvature of the marginal likelihood",
            "(Laird & Louis, 1987)",
            "The random seed of draws was",
            "did not converge for bayes-hybrid, delta-gain-loss, and sticky within 1 iteration.",
            "the starting point was tried",
            "starting from the initial group mean.",
            "In delta-gain-loss, learning rates differ",
            "plus (in sticky) the stickiness",
            "any value; mean 1 and SD 2 on its own scale)",
            "In sticky, the following parameter was held constant: ",
            "(3)",
            "For bayes-hybrid and sticky, it was also computed by quadrature",
            f"more than {MAX_PARAMETERS} parameters",
            "integrated BIC",
        ],
        ["predictive check", "decay", "priors", "random draw from", "random draws from", "exceedance"],
    )


def test_prior_counts_that_depend_on_the_number_of_models(simulated: Data) -> None:
    changes = {"models": ["bayes-rank", "bayes-outcome"], "selection_prior": "1/models", "starts": 1, "simulations": 0}
    expect(of_fit(simulated, **changes), ["prior count of 1 divided by the number of models for each"], ["Laird"])


def test_maximum_likelihood_fit_of_people(people: Data) -> None:
    data = people._replace(choices=people.choices.take(slice(3)))
    text = of_fit(data, models=["delta-outcome"], method="maximum-likelihood", starts=1, simulations=1)
    expect(
        text,
        [
            "(people)",
            "89 choices",
            "3 participants",
            "30 rounds each",
            "1 round (1.1%) was missed",
            "The following model was fitted",
            "The model delta-outcome learns by the delta rule",
            "The following parameters were estimated: inverse temperature (",
            "; 0 on the log scale)",
            "; 0 on the logit scale)",
            "No priors",
            "maximum likelihood",
            "starting from the values given above",
            "1 study",
            "from the model, with the estimated parameters",
            "one step ahead",
            "seed of simulations was 0",
        ],
        [
            "simulated participant",
            "evidence",
            "Models were compared",
            "posterior",
            "after Bab",
            "group",
            "w times",
            "stickiness",
        ],
    )
    text = of_fit(data, models=["delta-outcome"], method="maximum-likelihood", simulations=0)
    assert text.count("mean 0 and SD 1") == 2


def test_participants_without_choices(people: Data) -> None:
    text = of_fit(people, simulations=0)
    expect(text, ["by 1 participant, so their estimates reflect the prior", "without choices were excluded"], [])
    alone = of_fit(people, models=["bayes-rank"], simulations=0)
    expect(alone, ["Reported results, including posterior means"], ["without choices were", "Models were compared"])


def test_own_learners_and_forgetting(simulated: Data) -> None:
    fading = {"agent": "delta-hybrid", "label": "fading", "fixed": {"forgetting": 0.1}}
    models = [{"agent": f"{__name__}:Odd", "label": "mine"}, fading, "delta-rank"]
    text = of_fit(simulated, models=models, starts=1, simulations=0)
    expect(
        text,
        [
            f"mine ({__name__}:Odd), fading (delta-hybrid), and delta-rank",
            "learner Odd (Believes what it likes)",
            "In fading and delta-rank, choice probabilities",
            "In fading, the values of all other partners decay",
            "(0.1)",
        ],
        ["Bayes' rule"],
    )


def test_populations() -> None:
    fit = {"models": ["bayes-outcome"], "starts": 1, "simulations": 0}
    expect(of_fit(load("population_w0", ["participants=3"]), **fit), ["w = 0"], [])
    changes = ["participants=3", "parameters={}", "game={scenario: orthogonal, game: {rounds: 1}}"]
    text = of_fit(load("population_babur2024", changes), **fit)
    expect(text, ["bayes-hybrid with its default parameters (seed 0)", "game of 1 round (", "in 1 round each"], [])
    group = "{parameters: [w, inverse_temperature], mean: [0, 0.5], covariance: [[1, 0.2], [0.2, 1]]}"
    text = of_fit(load("population_babur2024", [*changes[:2], f"correlated=[{group}]"]), **fit)
    expect(text, ["(w, inverse temperature) ~", "mean (0, 0.5)", "covariance ((1, 0.2), (0.2, 1))"], [])


def test_weights_of_mixtures_are_shares() -> None:
    parts = [{"distribution": "constant", "value": 0}, {"distribution": "beta", "a": 2, "b": 3}]
    mixture = Mixture.model_validate({"mixture": parts, "weights": [1, 3]})
    assert distribution(mixture) == "0.25 × constant(value = 0) + 0.75 × beta(a = 2, b = 3)"


def test_recovery_of_a_design() -> None:
    config = load_config(RecoverConfig, "recover_design")
    expect(
        text_of(write_methods("recover", config=config)),
        [
            "All participants were simulated",
            "each model and each length",
            f"{config.studies * max(config.participants):,} participants",
            "50 studies of 20, 42, or 84 each",
            "first participants of larger ones",
            "72, 144, 288, or 576 rounds",
            "3 models",
            "hybrid (bayes-hybrid), rank only (bayes-rank), and outcome only (bayes-outcome)",
            "True parameters of rank only and outcome only were drawn",
            "inverse temperature ~ lognorm(s = 0.988, ",
            "3 random draws",
            "by the Laplace approximation.",
            f"above {DECIDED:g}",
            "Wilson intervals",
        ],
        ["quadrature"],
    )


@pytest.mark.parametrize(
    ("game", "parts"),
    [
        ({"scenario": "newcomers", "game": {"rounds": 25}}, ["8 partners were present", "16 newcomers", "25 rounds"]),
        ("drift", ["3 to 6 spots", "made that cutoff", "random walk", "0.3 per round"]),
        ("open-doors", ["From round 73 on, every partner had 4 to 6 spots"]),
        ("hidden-ranks", ["accepted or rejected the player. Ranks were drawn"]),
        ("few-spots", ["1 to 3 or 5 to 7 spots", "number of spots were also shown."]),
    ],
)
def test_recovery_of_one_model_in_one_study(game: Any, parts: list[str]) -> None:
    plan = {"models": ["bayes-outcome"], "participants": [3], "studies": 1, "starts": 1, "game": game, "seed": 5}
    config = RecoverConfig.model_validate({**plan, "evidence": "quadrature"})
    expect(
        text_of(write_methods("recover", config=config)),
        [
            *parts,
            "For the model, 3 participants",
            "1 study of 3.",
            "Posterior means were computed by quadrature",
            "inverse temperature from the prior",
            "seed was 5",
        ],
        ["Log evidence", "Models were compared", "wins", "smaller", "every model", "Wilson", "random draw"],
    )


def test_opening_rounds_by_length() -> None:
    plan = {"models": HALVES, "participants": [3], "rounds": [20, 40], "game": "open-doors"}
    text = text_of(write_methods("recover", config=RecoverConfig.model_validate(plan)))
    expect(text, ["From round 11 or 21 on (depending on the length of the game), every partner had 4 to 6 spots"], [])


def test_share_of_shown_ranks(people: Data) -> None:
    """If the game is not known, the text reports what was observed."""
    shown = (people.choices.rank > 0).sum() / (~people.choices.missed).sum()
    expect(of_fit(people, simulations=0, models=["bayes-rank"]), [f"After {shown:.0%} of the choices"], [])
    unseen = people._replace(choices=replace(people.choices, rank=np.zeros_like(people.choices.rank)))
    expect(of_fit(unseen, simulations=0, models=["bayes-outcome"]), ["learned whether it was accepted."], ["After"])


def test_benchmark() -> None:
    plan: dict[str, Any] = {"agents": ["oracle-valuing", "meta-mixture", "random"], "episodes": 1}
    plan["scenarios"] = ["orthogonal", {"scenario": "crowd", "label": "long crowd", "game": {"rounds": 200}}]
    plan |= {"seeds": FEWEST_SEEDS, "first_seed": 40}
    expect(
        text_of(write_methods("benchmark", results=benchmark(BenchmarkConfig.model_validate(plan)))),
        [
            "3 agents (oracle-valuing, meta-mixture, and random)",
            "2 scenarios",
            "orthogonal (144 rounds, 8 partners) and long crowd (200 rounds, 32 partners)",
            f"1 episode for each of {FEWEST_SEEDS} seeds (40 to {39 + FEWEST_SEEDS})",
            "common random numbers",
            "visible to oracle-valuing.",
            "network (meta-mixture)",
            "95% intervals based on Student's t",
            f"{RESAMPLES:,} resamples",
        ],
        ["missed", "suite"],
    )
    plan |= {"agents": ["random"], "scenarios": ["crowd"], "episodes": 2, "seeds": 1}
    expect(
        text_of(write_methods("benchmark", results=benchmark(BenchmarkConfig.model_validate(plan)))),
        ["1 agent (random)", "1 scenario", "2 episodes for seed 40"],
        ["visible", "network", "Student", "bootstrap", "Hesterberg", "several", "scenarios"],
    )


def test_benchmark_suite_and_few_seeds() -> None:
    plan = {"agents": ["random", "bayes-rank"], "seeds": FEWEST_SEEDS - 1, "episodes": 1}
    results = benchmark(BenchmarkConfig.model_validate(plan))
    text = text_of(write_methods("benchmark", results=results))
    expect(text, [f"(suite version {results.config.suite})", "9 scenarios"], ["bootstrap", "Hesterberg"])
