"""The methods paragraphs: they hold the config's values, leave out what does not apply, and read as sentences."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from telling import told

from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.envs.choices import MISSED
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.methods import of_benchmark
from accept_reject.experiments.benchmark.results import run as benchmark
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.methods import of_fit
from accept_reject.experiments.fit.results import run
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.methods import of_recovery

HALVES = [{"agent": "bayes-hybrid", "label": "hybrid"}, "bayes-rank", "bayes-outcome"]


SHORT = "game={scenario: orthogonal, game: {rounds: 30}}"


class Odd(BayesianHybrid):
    """Believes what it likes."""


def of(data: Data, **changes: Any) -> str:
    plan = {"data": "somewhere/people", "models": HALVES, "starts": 2, "simulations": 2, **changes}
    return told(of_fit(run(FitConfig.model_validate(plan), data)))


@pytest.fixture(scope="module")
def simulated() -> Data:
    return load("population_babur2024", ["participants=4", "seed=7", SHORT])


@pytest.fixture(scope="module")
def people(simulated: Data) -> Data:
    """Choices that might be people's, of a game that is not known, one round missed, one participant silent."""
    choice = simulated.choices.choice.copy()
    choice[0, 0], choice[3] = MISSED, MISSED
    return Data(replace(simulated.choices, choice=choice), simulated=False, game_known=False)


def test_the_most_probable_parameters_of_simulated_participants(simulated: Data) -> None:
    text = of(simulated, seed=3)
    for said in (
        "the participants are simulated",
        "players of the agent bayes-hybrid, with parameters that were drawn with seed 7: w from a mixture of 27% beta(",
        "inverse temperature from lognorm(s = 0.988, scale = 1.51)",
        "The data (people) hold 120 choices of 4 simulated participants, from 30 rounds each.",
        "in each of 30 rounds a player asked one of the 2 partners offered, of 8 in all",
        "from 4 of the 8 partners also how it was ranked",
        "with a standard deviation of 1.2, and acceptance independently of them, with a probability of 0.8 or 0.2",
        "were 3 models: hybrid (bayes-hybrid), bayes-rank and bayes-outcome",
        "w is fixed at 1 in bayes-rank, which so learns from ranks alone, and at 0 in bayes-outcome, which",
        "In hybrid this parameter was estimated: w (weight of the rank value; from 0 to 1; logit: mean 0 and SD 1.5).",
        "In every model this parameter was estimated: inverse temperature (",
        "above 0; logarithm: mean 0 and SD 1)",
        "In hybrid and bayes-rank these parameters were held constant: rank value of a stranger (0.5); SD of",
        "the mode of the posterior",
        "from the mean given above and 1 draw from",
        "by Laplace's approximation and by quadrature",
        "a prior count of 1 for each",
        "2 studies of as many players",
        "from each model, with parameters drawn from the participants' posteriors; each played the game anew",
        "free-running",
        "The seed of starts and simulations was 3.",
    ):
        assert said in text, said
    for not_said in ("missed", "no choice", "Groups", "one step ahead", "likelihood", "delta rule", "stickiness"):
        assert not_said not in text.replace("R squared", ""), not_said


def test_a_group_and_models_of_many_parameters(simulated: Data) -> None:
    sticky = {"agent": "delta-outcome", "label": "sticky", "fit": ["rate_outcome", "stickiness"]}
    sticky |= {"priors": {"stickiness": {"mean": 1, "sd": 2}}, "fixed": {"inverse_temperature": 3}}
    changes = {"method": "hierarchical", "tolerance": 0.25, "selection_prior": "1/models", "starts": 1}
    text = of(simulated, models=["bayes-hybrid", "delta-gain-loss", sticky], simulations=0, **changes)
    for said in (
        "this group was learned, beginning with the means",
        "by more than 0.25 of its standard deviation",
        "then the start was tried once more",
        "from the mean given above;",
        "In delta-gain-loss what is worse than expected has learning rates of its own.",
        "plus in sticky the stickiness for the partner asked last",
        "stickiness (preference for the partner asked last; any number; as it is: mean 1 and SD 2)",
        "In sticky this parameter was held constant: how strictly it follows its values (3).",
        "for bayes-hybrid and sticky also by quadrature",
        "was not done for more than 3 parameters",
        "The integrated BIC",
        "a prior count of 1 over the number of models",
    ):
        assert said in text, said
    for not_said in (
        "To check predictions",
        "The seed of",
        "return at the same time",
        "There are no priors",
        "draw from",
    ):
        assert not_said not in text, not_said


def test_maximum_likelihood_of_what_might_be_people(people: Data) -> None:
    data = people._replace(choices=people.choices.take(slice(3)))
    text = of(data, models=["delta-outcome"], method="maximum-likelihood", starts=1, simulations=1)
    for said in (
        "The data (people) hold 89 choices of 3 participants, from 30 rounds each. 1 round (1.1%) was missed and "
        "counts for nothing.",
        "Fitted to these choices was 1 model: delta-outcome.",
        "The model delta-outcome learns by the delta rule (Rescorla & Wagner, 1972)",
        "These parameters were estimated: inverse temperature (",
        "logit: 0).",
        "There are no priors",
        "the maximum of the likelihood was looked for by",
        "the exact Hessian from the point given above.",
        "1 study of as many players as there are participants was simulated from the model, with the estimates",
        "one step ahead",
        "The seed of simulations was 0.",
    ):
        assert said in text, said
    for not_said in (
        "simulated participant",
        "evidence",
        "Models were compared",
        "posterior",
        "(after",
        "Groups",
        "w times",
    ):
        assert not_said not in text, not_said
    assert "sticki" not in text
    assert of(data, models=["delta-outcome"], method="maximum-likelihood", simulations=0).count("mean 0 and SD 1") == 2


def test_who_made_no_choice(people: Data) -> None:
    text = of(people, simulations=0)
    assert "1 participant made no choice at all, so that only the prior tells of them." in text
    assert "Participants who made no choice were left out of it." in text
    alone = of(people, models=["bayes-rank"], simulations=0)
    assert "left out of it" not in alone
    assert "Models were compared" not in alone
    assert "what is shown rests on the latter" in alone


def test_a_learner_of_ones_own_and_what_fades(simulated: Data) -> None:
    fading = {"agent": "delta-hybrid", "label": "fading", "fixed": {"forgetting": 0.1}}
    models = [{"agent": f"{__name__}:Odd", "label": "mine"}, fading, "delta-rank"]
    text = of(simulated, models=models, starts=1, simulations=0)
    assert f"mine ({__name__}:Odd), fading (delta-hybrid) and delta-rank" in text
    assert "The model mine is the learner Odd (Believes what it likes)." in text
    assert "In fading and delta-rank the probability of a choice is a softmax" in text
    assert "In fading all other partners' values return at the same time by a share, the forgetting," in text
    assert "Bayes' rule" not in text


def test_populations_of_every_sort() -> None:
    text = of(load("population_w0", ["participants=3"]), models=["bayes-outcome"], starts=1, simulations=0)
    assert "w from the one value 0" in text
    changes = ["participants=3", "parameters={}", "game={scenario: orthogonal, game: {rounds: 1}}"]
    text = of(load("population_babur2024", changes), models=["bayes-outcome"], starts=1, simulations=0)
    assert "bayes-hybrid, all with its default parameters and drawn with seed 0." in text
    assert "in a single round a player asked" in text
    assert "from 1 round each" in text
    group = "{parameters: [w, inverse_temperature], mean: [0, 0.5], covariance: [[1, 0.2], [0.2, 1]]}"
    found = load("population_babur2024", [*changes[:2], f"correlated=[{group}]"])
    text = of(found, models=["bayes-outcome"], starts=1, simulations=0)
    assert (
        "w and inverse temperature on an unbounded scale from a Normal with mean (0, 0.5) and covariance (1, 0.2) and"
        in (text)
    )


def test_the_design_of_many_studies() -> None:
    text = told(of_recovery(load_config(RecoverConfig, "recover_design")))
    for said in (
        "all participants are simulated",
        "For each model and each length of the game 4,200 participants were simulated, taken as 50 studies of "
        "20, 42 or 84 each; smaller studies are made of the first of them.",
        "in each of 72, 144, 288 or 576 rounds",
        "were 3 models: hybrid (bayes-hybrid), rank only (bayes-rank) and outcome only (bayes-outcome)",
        "True parameters of rank only and outcome only were drawn: inverse temperature from lognorm(s = 0.988, ",
        "from the mean given above and 3 draws from",
        "computed by Laplace's approximation.",
        "is above 0.95",
        "Wilson's 95% intervals",
    ):
        assert said in text, said
    assert "quadrature" not in text


@pytest.mark.parametrize(
    ("game", "said"),
    [
        ({"scenario": "newcomers", "game": {"rounds": 25}}, "8 partners were present at a time, and 16 newcomers took"),
        (
            "drift",
            "partners had 3 to 6 spots and accepted whenever the rank made that cutoff. Mean ranks made a random walk",
        ),
        ("open-doors", "From round 73 on every partner had 4 to 6 spots, and acceptance followed from the rank."),
        ("hidden-ranks", "learned whether that partner accepted or rejected."),
        ("few-spots", "partners had 1 to 3 or 5 to 7 spots"),
    ],
)
def test_one_study_of_one_model_in_every_game(game: Any, said: str) -> None:
    plan = {"models": ["bayes-outcome"], "participants": [3], "studies": 1, "starts": 1, "game": game, "seed": 5}
    text = told(of_recovery(RecoverConfig.model_validate({**plan, "evidence": "quadrature"})))
    assert said in text
    assert "For the model 3 participants were simulated, taken as 1 study of 3." in text
    assert "Posterior means were computed by quadrature" in text
    assert "inverse temperature from the prior" in text
    assert "The seed was 5." in text
    for not_said in ("Log-evidence", "Models were compared", "wins a study", "smaller", "every model", "Wilson"):
        assert not_said not in text, not_said


def test_doors_that_open_by_the_length_of_the_game() -> None:
    plan = {"models": HALVES, "participants": [3], "rounds": [20, 40], "game": "open-doors"}
    text = told(of_recovery(RecoverConfig.model_validate(plan)))
    assert "From round 11 or 21 (by the length of the game) on every partner had 4 to 6 spots" in text


def test_nobody_knows_an_empty_share_of_ranks(people: Data) -> None:
    """Of a game that is not known, only what was seen is told."""
    assert "learned whether it was accepted, and after" in of(people, simulations=0, models=["bayes-rank"])
    unseen = replace(people.choices, rank=np.zeros_like(people.choices.rank))
    assert "learned whether it was accepted." in of(
        people._replace(choices=unseen), simulations=0, models=["bayes-outcome"]
    )


def test_a_benchmark() -> None:
    plan: dict[str, Any] = {"agents": ["oracle-valuing", "meta-mixture", "random"], "episodes": 1}
    plan["scenarios"] = ["orthogonal", {"scenario": "crowd", "label": "long crowd", "game": {"rounds": 200}}]
    text = told(of_benchmark(benchmark(BenchmarkConfig.model_validate({**plan, "seeds": 5, "first_seed": 40}))))
    for said in (
        "3 agents (oracle-valuing, meta-mixture and random) played 2 scenarios of the accept-or-reject game (after "
        "Babür et al., 2024): orthogonal (144 rounds, "
        "8 partners) and long crowd (200 rounds, 32 partners).",
        "every agent played 1 episode for each of 5 seeds (40 to 44), with the same offers",
        "oracle-valuing saw the hidden state.",
        "Of each trained network (meta-mixture) there is one training",
        "95% intervals by Student's t",
        "2,000 resamples",
    ):
        assert said in text, said
    assert "missed" not in text
    plan |= {"agents": ["random"], "scenarios": ["crowd"], "episodes": 2, "seeds": 1}
    text = told(of_benchmark(benchmark(BenchmarkConfig.model_validate(plan))))
    assert "1 agent (random) played 1 scenario of" in text
    assert "played 2 episodes for seed 10000, with" in text
    for not_said in ("saw the hidden state", "network", "Student", "bootstrap", "Hesterberg"):
        assert not_said not in text, not_said
