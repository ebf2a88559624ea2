"""Effects of the last rounds on the next choice, compared with a logistic regression by hand."""

import numpy as np
import pytest
import statsmodels.api as sm
from fitting import with_missed

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError, scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.analysis.last_choice import last_choice, stay_rates
from accept_reject.experiments.simulation.play import play


@pytest.fixture(scope="module")
def choices() -> Choices:
    """A bandit: all rounds offer the same two partners."""
    game = scenario("hidden-ranks").game
    kinds = tuple(kind.model_copy(update={"count": 1}) for kind in (game.partners[0], game.partners[-1]))
    bandit = game.model_copy(update={"rounds": 120, "partners": kinds})
    agent = make_agent("delta-outcome", {"rate_outcome": 0.4, "inverse_temperature": 3.0})
    made = play(agent, draw(bandit, 2, 12), 2)
    return with_missed(made, np.random.default_rng(1).random(made.choice.shape) < 0.05)


def test_it_is_a_logistic_regression(choices: Choices) -> None:
    rows, answers, groups = [], [], []
    for player in range(len(choices)):
        past: list[tuple[int, bool]] = []
        for t in range(choices.game.rounds):
            place = int(choices.choice[player, t])
            if place == MISSED:
                continue
            first, second = choices.offered[player, t].tolist()
            row = []
            for lag in range(1, 4):
                partner, won = past[-lag] if lag <= len(past) else (-1, False)
                chosen = (partner == second) - (partner == first)
                row += [chosen * won, chosen]
            rows.append([1, *row])
            answers.append(place)
            groups.append(player)
            past.append(((first, second)[place], bool(choices.accepted[player, t])))
    fit = sm.Logit(answers, np.array(rows, float)).fit(disp=False, cov_type="cluster", cov_kwds={"groups": groups})
    found = last_choice(choices, 3).set_index(["effect", "lag"])
    for lag in range(1, 4):
        for kind, at in (("outcome", 2 * lag - 1), ("choice", 2 * lag)):
            assert found.estimate[kind, lag] == pytest.approx(fit.params[at], abs=1e-6)
            assert found.se[kind, lag] == pytest.approx(fit.bse[at], abs=1e-6)
            assert [found.low[kind, lag], found.high[kind, lag]] == pytest.approx(fit.conf_int()[at].tolist(), abs=1e-6)
    assert found.estimate["outcome", 1] > found.estimate["outcome", 3] > 0, "a delta rule forgets"


def test_rates_of_staying(choices: Choices) -> None:
    stayed: dict[bool, list[bool]] = {True: [], False: []}
    for player in range(len(choices)):
        last = None
        for t in range(choices.game.rounds):
            place = int(choices.choice[player, t])
            if place == MISSED:
                continue
            partner = int(choices.offered[player, t, place])
            if last is not None and last[0] in choices.offered[player, t]:
                stayed[last[1]].append(partner == last[0])
            last = partner, bool(choices.accepted[player, t])
    count, accepted, rejected = stay_rates(choices)
    assert count == len(stayed[True]) + len(stayed[False])
    assert (accepted, rejected) == pytest.approx((np.mean(stayed[True]), np.mean(stayed[False])))


def test_what_can_not_be_estimated(choices: Choices) -> None:
    one = choices.take(np.array([0]))
    assert last_choice(one)[["estimate", "se"]].isna().all().all(), "errors are clustered by player"
    three = scenario("orthogonal").game.model_copy(update={"offered": 3})
    with pytest.raises(InvalidInputError, match="must be between 2 partners, got 3 in each offer"):
        last_choice(play(make_agent("random"), draw(three, 0, 2), 0))
