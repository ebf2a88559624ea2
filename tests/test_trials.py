"""Values and prediction errors of each round, compared with loops over rounds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accept_reject.agents import make_agent
from accept_reject.agents.delta_rule import OutcomeLearner
from accept_reject.envs import scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.analysis.trials import trials
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay

N, ROUNDS = 3, 60
BETA = np.array([2.0, 5.0, 9.0])
SIGNALS = ("rank_value_1", "rank_value_2", "outcome_value_1", "outcome_value_2", "rank_prediction_error",
           "outcome_prediction_error", "rank_variance", "outcome_variance", "probability")  # fmt: skip


@pytest.fixture(scope="module")
def choices() -> Choices:
    """Games in which some ranks are hidden, with missed rounds, and an end before the last round."""
    game = scenario("orthogonal").game.model_copy(update={"rounds": ROUNDS})
    made = play(make_agent("thompson-outcome"), draw(game, 1, N), 1)
    missed = np.random.default_rng(0).random((N, ROUNDS)) < 0.1
    missed[2, 50:] = True
    return replace(
        made,
        choice=np.where(missed, MISSED, made.choice).astype(np.int8),
        rank=np.where(missed, 0, made.rank).astype(np.uint8),
        spots=np.where(missed, 255, made.spots).astype(np.uint8),
        accepted=made.accepted & ~missed,
        recorded=np.array([ROUNDS, ROUNDS, 50]),
    )


def by_hand(choices: Choices, player: int, update: Any, start: Any, value: Any) -> list[list[float]]:
    """Go through the rounds of a player with beliefs for each partner."""
    beliefs: dict[int, Any] = {}
    rows = []
    for t in range(50 if player == 2 else ROUNDS):
        offer = choices.offered[player, t].tolist()
        now = [beliefs.setdefault(partner, start()) for partner in offer]
        (r1, o1, *_), (r2, o2, *_) = (value(each) for each in now)
        place = int(choices.choice[player, t])
        if place == MISSED:
            rows.append([r1, r2, o1, o2, *[np.nan] * 5])
            continue
        rank, outcome = int(choices.rank[player, t]), float(choices.accepted[player, t])
        r, o, rv, ov = value(now[place])
        seen = (8 - rank) / 7 if rank else np.nan
        v1, v2 = (0.4 * each[0] + 0.6 * each[1] for each in (value(now[0]), value(now[1])))
        chosen, other = (v1, v2) if place == 0 else (v2, v1)
        probability = 1 / (1 + np.exp(-BETA[player] * (chosen - other)))
        rows.append([r1, r2, o1, o2, seen - r, outcome - o, rv, ov, probability])
        update(beliefs[offer[place]], seen, outcome)
    return rows


def test_bayesian_learner(choices: Choices) -> None:
    def update(belief: list[float], seen: float, outcome: float) -> None:
        belief[0] += outcome
        belief[1] += 1 - outcome
        if not np.isnan(seen):
            belief[2] += 1
            belief[3] += seen

    def value(belief: list[float]) -> tuple[float, float, float, float]:
        a, b, n, total = belief
        prior, noise = (2 / 7) ** -2, (1.2 / 7) ** -2
        p = (a + 1) / (a + b + 2)
        precision = prior + n * noise
        return (0.5 * prior + total * noise) / precision, p, 1 / precision, p * (1 - p) / (a + b + 3)

    agent = make_agent("bayes-hybrid", {"w": 0.4, "inverse_temperature": BETA})
    table = trials(agent, choices)
    expected = np.concatenate([by_hand(choices, i, update, lambda: [0.0] * 4, value) for i in range(N)])
    np.testing.assert_allclose(table[list(SIGNALS)].to_numpy(), expected, atol=1e-10)
    assert len(table) == 2 * ROUNDS + 50
    log_probability = replay(agent, choices).detach().numpy()
    made = table.probability.notna()
    np.testing.assert_allclose(np.log(table.probability[made]), log_probability[~choices.missed], atol=1e-10)


def test_delta_rule(choices: Choices) -> None:
    def update(belief: list[float], seen: float, outcome: float) -> None:
        belief[1] += 0.2 * (outcome - belief[1])
        if not np.isnan(seen):
            belief[0] += 0.3 * (seen - belief[0])

    def value(belief: list[float]) -> tuple[float, float, float, float]:
        return belief[0], belief[1], np.nan, np.nan

    agent = make_agent("delta-hybrid", {"w": 0.4, "inverse_temperature": BETA, "rate_rank": 0.3, "rate_outcome": 0.2})
    table = trials(agent, choices)
    expected = np.concatenate([by_hand(choices, i, update, lambda: [0.5, 0.5], value) for i in range(N)])
    np.testing.assert_allclose(table[list(SIGNALS)].to_numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("name", ["bayes-rank", "bayes-outcome", "delta-rank", "delta-outcome"])
def test_a_signal_that_a_model_does_not_use_has_no_values(name: str, choices: Choices) -> None:
    unused = "outcome" if name.endswith("rank") else "rank"
    used = "rank" if name.endswith("rank") else "outcome"
    table = trials(make_agent(name), choices)
    assert table.filter(regex=f"^{unused}_").isna().all().all()
    assert table[f"{used}_value_1"].equals(table.value_1)
    assert table[f"{used}_prediction_error"].notna().any()


class Plain(OutcomeLearner):
    """A learner of somebody else, which says nothing about its beliefs."""

    def beliefs(self, evidence: Any) -> None:  # type: ignore[override]
        return None


def test_a_learner_without_two_signals_has_values_only(choices: Choices) -> None:
    table = trials(Plain(), choices)
    assert table.filter(regex="prediction_error|variance|rank_value|outcome_value").isna().all().all()
    assert table.value_1.notna().all()
