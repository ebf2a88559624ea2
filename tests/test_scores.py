"""Choices and scores: equal to plain loops; 0 for random choices and 1 for the oracle in every scenario."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from accept_reject.agents import make_agent
from accept_reject.envs import SCENARIOS, Episodes, draw, scenario
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.experiments.analysis.curves import curve_counts, learning_curves
from accept_reject.experiments.analysis.intervals import mean_interval
from accept_reject.experiments.analysis.scores import AnchoredName, insight, score
from accept_reject.experiments.simulation.play import play


def some_choices(missed: bool = False, n: int = 4) -> Choices:
    choices = play(make_agent("thompson-rank"), draw(scenario("orthogonal").game, 3, n), seed=3)
    if not missed:
        return choices
    where = np.random.default_rng(0).random(choices.choice.shape) < 0.2
    return replace(
        choices,
        choice=np.where(where, MISSED, choices.choice).astype(np.int8),
        rank=np.where(where, 0, choices.rank).astype(np.uint8),
        accepted=choices.accepted & ~where,
    )


@pytest.mark.parametrize("missed", [False, True])
@pytest.mark.parametrize("name", ["valuing", "accepted"])
@pytest.mark.parametrize("rounds", [slice(None), slice(0, 10), slice(100, None)])
def test_scores_equal_a_plain_loop(name: AnchoredName, missed: bool, rounds: slice) -> None:
    choices = some_choices(missed)
    worth = choices.valuation if name == "valuing" else choices.acceptance
    got, chance, best = [], [], []
    for i in range(len(choices)):
        for t in range(144)[rounds]:
            if choices.choice[i, t] != MISSED:
                offer = [float(value) for value in worth[i, t]]
                got.append(offer[choices.choice[i, t]])
                chance.append(sum(offer) / len(offer))
                best.append(max(offer))
    g, c, b = (math.fsum(each) / len(each) for each in (got, chance, best))
    found = score(choices, name, rounds)
    assert (found.mean, found.chance, found.best) == pytest.approx((g, c, b))
    assert found.value == pytest.approx((g - c) / (b - c))


@pytest.mark.parametrize("missed", [False, True])
@pytest.mark.parametrize("width", [1, 7, 144])
def test_learning_curves_equal_a_plain_loop(missed: bool, width: int) -> None:
    choices = some_choices(missed)
    expected = []
    for first in range(0, 144, width):
        right = total = 0
        for i in range(len(choices)):
            for t in range(first, min(first + width, 144)):
                low, high = sorted(choices.valuation[i, t])
                if choices.choice[i, t] != MISSED and high > low:
                    total += 1
                    right += choices.valuation[i, t, choices.choice[i, t]] == high
        expected.append(right / total if total else np.nan)
    found = curve_counts(choices, n=-(-144 // width))["valuing"].pool(1).shares[0]
    assert found == pytest.approx(expected, nan_ok=True)


def test_insight_equals_scipys_tau_b() -> None:
    rng = np.random.default_rng(0)
    for name in ("orthogonal", "drift", "newcomers"):
        episodes = draw(scenario(name).game, 2, 3)
        beliefs = rng.integers(0, 4, (3, 144, episodes.game.n_partners)) / 4
        beliefs[0, :20] = 0.5
        found = insight(beliefs, episodes.offered, episodes.partner_valuation)
        for i in range(3):
            for t in (0, 3, 15, 40, 143):
                met = np.unique(episodes.offered[i, : t + 1])
                hidden = episodes.partner_valuation[i, t if name == "drift" else 0, met]
                if len(set(hidden.tolist())) == 1:
                    assert np.isnan(found[i, t])
                elif len(set(beliefs[i, t, met].tolist())) == 1:
                    assert found[i, t] == 0
                else:
                    assert found[i, t] == pytest.approx(stats.kendalltau(hidden, beliefs[i, t, met]).statistic)


def test_scores_without_information_are_undefined() -> None:
    game = {"rule": "causal", "partners": [{"mean_rank": 3, "spots": [2, 4], "count": 3}]}
    alike = play(make_agent("random"), draw(scenario("crowd").game.model_validate(game), 0, 2))
    assert math.isnan(score(alike, "valuing").value)
    assert np.isnan(learning_curves(alike)["valuing"]).all()
    silent = replace(alike, choice=np.full_like(alike.choice, MISSED))
    assert math.isnan(score(silent, "accepted").value)


@pytest.mark.parametrize("name", SCENARIOS)
def test_anchors_hold_in_every_scenario(name: str) -> None:
    game = scenario(name).game
    episodes = draw(game, 21, 1500)
    for agent, which in (("oracle-valuing", "valuing"), ("oracle-accepted", "accepted")):
        assert score(play(make_agent(agent), episodes), which).value == pytest.approx(1)  # type: ignore[arg-type]
    seeds = [draw(game, seed, 50) for seed in range(40)]
    for which in ("valuing", "accepted"):
        found = [score(play(make_agent("random"), each, seed), which).value for seed, each in enumerate(seeds)]  # type: ignore[arg-type]
        assert abs(np.mean(found)) < 4 * stats.sem(found)


def test_learners_of_one_signal_find_one_kind_of_partner() -> None:
    episodes = draw(scenario("orthogonal").game, 1, 400)
    by_rank, by_outcome = (play(make_agent(f"thompson-{signal}"), episodes, 1) for signal in ("rank", "outcome"))
    assert score(by_rank, "valuing").value > 0.4
    assert abs(score(by_rank, "accepted").value) < 0.03
    assert score(by_outcome, "accepted").value > 0.75
    assert abs(score(by_outcome, "valuing").value) < 0.03


def test_open_doors_disadvantage_learners_of_outcomes() -> None:
    episodes = draw(scenario("open-doors").game, 1, 300)
    by_rank, by_outcome = (play(make_agent(f"thompson-{signal}"), episodes, 1) for signal in ("rank", "outcome"))
    before, after = slice(0, 72), slice(72, None)
    assert score(by_rank, "accepted", after).value > 0.97
    assert score(by_outcome, "accepted", after).value < score(by_outcome, "accepted", before).value - 0.2


def test_random_numbers_of_choices_belong_to_the_episode() -> None:
    game = scenario("crowd").game
    joined = Episodes.join([draw(game, 2, 7, start=60), draw(game, 3, 5)])
    apart = [play(make_agent("random"), draw(game, 2, 7, start=60)), play(make_agent("random"), draw(game, 3, 5))]
    together = play(make_agent("random"), joined)
    assert np.array_equal(together.choice, np.concatenate([each.choice for each in apart]))
    assert np.array_equal(together.take(slice(7, 12)).valuation, apart[1].valuation)
    whole = play(make_agent("random"), draw(game, 2, 70), seed=9)
    part = play(make_agent("random"), draw(game, 2, 7, start=60), seed=9)
    assert np.array_equal(whole.choice[60:67], part.choice)
    assert not np.array_equal(whole.choice, play(make_agent("random"), draw(game, 2, 70), seed=10).choice)


def test_table_has_the_content_of_the_arrays() -> None:
    choices = some_choices(missed=True)
    frame = choices.to_frame()
    assert len(frame) == 4 * 144
    for row in frame.itertuples():
        i, t = int(row.participant) - 1, row.round - 1
        assert [row.offered_1, row.offered_2] == choices.offered[i, t].tolist()
        assert [row.valuation_1, row.valuation_2] == choices.valuation[i, t].tolist()
        assert [row.acceptance_1, row.acceptance_2] == choices.acceptance[i, t].tolist()
        choice = choices.choice[i, t]
        if choice == MISSED:
            assert all(pd.isna(value) for value in (row.choice, row.rank, row.spots, row.accepted))
            continue
        assert row.choice == choices.offered[i, t, choice]
        assert row.accepted == choices.accepted[i, t]
        assert pd.isna(row.rank) == pd.isna(row.spots) == (choices.rank[i, t] == 0)
        if choices.rank[i, t]:
            assert (row.rank, row.spots) == (choices.rank[i, t], choices.spots[i, t])
            assert row.accepted == (row.rank <= row.spots)


def test_intervals_equal_those_of_scipy() -> None:
    values = np.random.default_rng(0).normal(2, 1, (40, 3))
    found = mean_interval(values)
    result = stats.bootstrap((values[:, 1],), np.mean, method="percentile", n_resamples=20_000, rng=1)
    assert (found.low[1], found.high[1]) == pytest.approx(tuple(result.confidence_interval), abs=0.02)
    by_test = stats.ttest_1samp(values, 0).confidence_interval()
    assert found.low == pytest.approx(by_test.low)
    assert found.high == pytest.approx(by_test.high)
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    assert mean_interval(values).low.tolist() == found.low.tolist()
    assert np.isnan(mean_interval(values[:1]).low).all()
    assert mean_interval(np.ones(5)) == (1, 1, 1)
    gappy = np.where(np.arange(40) < 5, np.nan, values[:, 0])
    assert mean_interval(gappy).mean == pytest.approx(values[5:, 0].mean())
    assert mean_interval(gappy) == pytest.approx(mean_interval(values[5:, 0]))
    assert np.isnan(mean_interval(np.full(5, np.nan))).all()
