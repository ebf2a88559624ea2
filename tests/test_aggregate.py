"""Aggregate scores as Agarwal et al. (2021) define them, against plain counts, scipy, and numbers of their library."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from accept_reject.experiments.analysis.intervals import expanded_levels, mean_interval
from accept_reject.experiments.analysis.scores import SCORES
from accept_reject.experiments.benchmark import figures, tables
from accept_reject.experiments.benchmark.aggregate import (
    THRESHOLDS,
    aggregate,
    improvement,
    interquartile_mean,
    profile,
    resampled_means,
    runs_by_agent,
)
from accept_reject.experiments.benchmark.config import OVERALL, BenchmarkConfig
from accept_reject.experiments.benchmark.frames import frames
from accept_reject.experiments.benchmark.run import Results, run

ONE = np.array([[0.5, 0.59, 0.42], [0.23, 0.36, 0.2], [0.52, 0.9, 0.35], [0.31, 0.65, 0.61], [0.53, 0.22, 0.49]])
OTHER = np.array([[0.23, 0.36, 0.2], [-0.17, 0.01, -0.15], [0.33, 0.02, 0.48], [0.45, 0.34, -0.36], [0.24, 0.39, 0.43]])
CONFIG = {
    "scenarios": ["orthogonal", {"scenario": "hidden-ranks", "game": {"rounds": 40}}],
    "agents": ["oracle-valuing", "bayes-hybrid", "delta-rank", "random"],
    "seeds": 6,
    "episodes": 2,
}


@pytest.fixture(scope="module")
def results() -> Results:
    return run(BenchmarkConfig.model_validate(CONFIG))


def test_numbers_of_rliable() -> None:
    """Computed with rliable 1.2.0, the library of the paper."""
    assert interquartile_mean(ONE) == pytest.approx(0.45222222222222214)
    assert interquartile_mean(OTHER) == pytest.approx(0.23555555555555557)
    apart = [np.mean(ONE[i] > OTHER[i]) + np.mean(ONE[i] == OTHER[i]) / 2 for i in range(5)]  # pairs of the same seed
    assert improvement(ONE, OTHER).mean * 20 / 25 + np.sum(apart) / 25 == pytest.approx(0.78)


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    runs = np.arange(8.0).reshape(4, 2)
    assert interquartile_mean(runs) == pytest.approx((2 + 3 + 4 + 5) / 4)
    stacked = np.random.default_rng(0).random((7, 4, 2))
    assert interquartile_mean(stacked) == pytest.approx([float(interquartile_mean(each)) for each in stacked])


scores = st.lists(st.sampled_from([-0.2, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=12, max_size=12)


@given(scores, scores)
def test_improvement_and_profiles_are_plain_counts(one: list[float], other: list[float]) -> None:
    ours, theirs = np.reshape(one, (4, 3)), np.reshape(other, (4, 3))
    counted = [
        1.0 if ours[i, s] > theirs[j, s] else 0.5 if ours[i, s] == theirs[j, s] else 0.0
        for s, i, j in product(range(3), range(4), range(4))
        if i != j  # runs of the same seed are not compared
    ]
    found = improvement(ours, theirs).mean
    assert found == pytest.approx(np.mean(counted))
    assert found + improvement(theirs, ours).mean == pytest.approx(1)
    others = [[j for j in range(4) if j != i] for i in range(4)]
    u = [stats.mannwhitneyu(ours[[i], s], theirs[others[i], s]).statistic / 3 for s in range(3) for i in range(4)]
    assert found == pytest.approx(np.mean(u))
    assert profile(ours) == pytest.approx([np.mean([a > threshold for a in one]) for threshold in THRESHOLDS])


def test_a_bootstrap_of_a_mean_is_as_wide_as_students_t() -> None:
    values = np.random.default_rng(2).normal(size=20)
    rows = np.random.default_rng(3).integers(20, size=(100_000, 20))
    low, high = np.quantile(values[rows].mean(axis=1), expanded_levels(20))
    assert (low, high) == pytest.approx(mean_interval(values)[1:], abs=0.03)
    plain = np.quantile(values[rows].mean(axis=1), (0.025, 0.975))
    assert plain[1] - plain[0] < 0.95 * (high - low)


def made_up(values: dict[tuple[str, str], np.ndarray]) -> Results:
    """Results that hold given values of `valuing`, `(seeds,)`, by scenario and agent."""
    scenarios, agents = (list(dict.fromkeys(key[i] for key in values)) for i in (0, 1))
    config = BenchmarkConfig.model_validate(
        {
            "scenarios": [{"scenario": "orthogonal", "label": name} for name in scenarios],
            "agents": [{"agent": "random", "label": name} for name in agents],
            "seeds": len(next(iter(values.values()))),
            "episodes": 1,
        }
    )
    rows = [
        {"scenario": scenario, "phase": "all", "agent": agent, "seed": seed, "score": "valuing", "value": value}
        for (scenario, agent), each in values.items()
        for seed, value in enumerate(each)
    ]
    return Results(config, pd.DataFrame(rows).assign(missed=0.0), pd.DataFrame(), {}, frozenset())


def test_the_interval_is_that_of_whole_seeds_drawn_anew_with_expanded_percentiles() -> None:
    runs = np.random.default_rng(4).normal(0.5, 0.2, (20, 2))
    found = aggregate(made_up({("one", "a"): runs[:, 0], ("two", "a"): runs[:, 1]}), "valuing")
    rows = np.random.default_rng(5).integers(20, size=(50_000, 20))
    low, high = np.quantile(interquartile_mean(runs[rows]), expanded_levels(20))
    assert found.interquartile_mean.low[0] == pytest.approx(low, abs=0.006)
    assert found.interquartile_mean.high[0] == pytest.approx(high, abs=0.006)
    plain = np.quantile(interquartile_mean(runs[rows]), (0.025, 0.975))
    width = found.interquartile_mean.high[0] - found.interquartile_mean.low[0]
    assert width > 1.04 * (plain[1] - plain[0])


def test_a_copy_of_a_scenario_adds_no_information() -> None:
    """Drawn on their own, as runs of independent trainings are, the two would make intervals narrower by a third."""
    runs = np.random.default_rng(4).normal(0.5, 0.2, 20)
    once = aggregate(made_up({("one", "a"): runs}), "valuing").interquartile_mean
    twice = aggregate(made_up({("one", "a"): runs, ("two", "a"): runs}), "valuing").interquartile_mean
    assert np.array(twice) == pytest.approx(np.array(once))


def test_what_nobody_has_and_who_lacks_what_others_have() -> None:
    rng = np.random.default_rng(6)
    values = {(scenario, agent): rng.random(8) for scenario in ("one", "two") for agent in ("a", "b", "silent")}
    values["two", "silent"][:] = np.nan
    found = made_up(values)
    assert set(aggregate(found, "valuing").agents) == {"a", "b"}
    overall = found.overall("valuing")
    assert np.isnan(overall[OVERALL, "silent"]).all()
    assert found.ranking("valuing")[-1] == "silent"
    assert overall[OVERALL, "a"] == pytest.approx((values["one", "a"] + values["two", "a"]) / 2)
    for agent in ("a", "b", "silent"):
        values["two", agent][3] = np.nan  # all offers of that game were alike
    runs = runs_by_agent(made_up(values), "valuing")
    assert {agent: each.shape for agent, each in runs.items()} == dict.fromkeys(("a", "b", "silent"), (8, 1))
    values["one", "a"] -= 2  # below everybody, though not below who has no score
    assert made_up(values).ranking("valuing")[1:] == ["a", "silent"]


def test_too_few_seeds_have_no_bootstrap_intervals() -> None:
    runs = np.random.default_rng(4).random(5)
    five = aggregate(made_up({("one", "a"): runs, ("one", "b"): runs / 2}), "valuing")
    four = aggregate(made_up({("one", "a"): runs[:4], ("one", "b"): runs[:4] / 2}), "valuing")
    assert np.isfinite(five.interquartile_mean.low).all()
    assert np.isnan(four.interquartile_mean.low).all()
    assert np.isfinite(four.improvement.mean).all()
    assert np.isfinite(five.improvement.low).all()
    assert np.isnan(four.improvement.low).all()


def test_improvement_contains_its_truth_when_agents_are_far_apart_or_close() -> None:
    rng = np.random.default_rng(7)
    for apart in ([0.0], [1.0], [3.2], [0.0, 1.0, 2.0], [6.0, 6.0, 1.0]):
        truth = stats.norm.cdf(np.divide(apart, np.sqrt(2))).mean()
        runs = rng.normal(size=(500, 2, 20, len(apart)))
        found = np.array([improvement(apart + one, other) for one, other in runs])
        assert 0.925 < np.mean((found[:, 1] <= truth) & (truth <= found[:, 2])) < 0.995


def test_aggregates_of_a_benchmark(results: Results) -> None:
    found = aggregate(results, "valuing")
    assert found.agents == ("oracle-valuing", "bayes-hybrid", "delta-rank", "random")
    assert found.interquartile_mean.mean[0] == 1
    runs = runs_by_agent(results, "valuing")
    assert runs["random"].shape == (6, 2)
    assert runs["random"][:, 1] == pytest.approx(results.values("valuing")["hidden-ranks", "random"])
    for interval in (found.interquartile_mean, found.improvement):
        assert (interval.low <= interval.mean + 1e-12).all()
        assert (interval.mean <= interval.high + 1e-12).all()
    assert found.improvement.mean.shape == (4, 4)
    assert found.improvement.mean[0, 3] == 1
    assert found.improvement.mean + found.improvement.mean.T == pytest.approx(np.ones((4, 4)))
    assert found.improvement.low + found.improvement.high.T == pytest.approx(np.ones((4, 4)))
    assert found.profile[0, [0, -1]].tolist() == [1, 0]


def test_agents_without_a_score_are_left_out(results: Results) -> None:
    found = aggregate(results, "insight")
    assert set(found.agents) == {"bayes-hybrid", "delta-rank"}
    table = tables.interquartile_means(results, {score: aggregate(results, score) for score in SCORES})
    insight = {row[0]: row[table.header.index("insight")] for row in table.rows}
    assert insight["random"] == insight["oracle-valuing*"] == "–"
    assert insight["bayes-hybrid"].startswith("0.")


def test_tables_hold_what_figures_show(results: Results) -> None:
    aggregates = {score: aggregate(results, score) for score in SCORES}
    found_frames = frames(results, aggregates)
    row = (
        found_frames["improvement"].query("score == 'valuing' and agent == 'delta-rank' and versus == 'random'").iloc[0]
    )
    found = aggregates["valuing"]
    at = found.agents.index("delta-rank"), found.agents.index("random")
    assert (row["mean"], row.low, row.high) == tuple(each[at] for each in found.improvement)
    curves = found_frames["curves"].query("scenario == 'hidden-ranks' and agent == 'random'")
    expected = results.curves["hidden-ranks", "random"].interval
    assert curves["low"].tolist() == pytest.approx(expected.low, nan_ok=True)
    assert curves["round"].iloc[0] == 1.5  # rounds 1 and 2
    profiles = found_frames["profiles"].query("score == 'accepted' and agent == 'random'")
    assert profiles["share"].is_monotonic_decreasing
    shown = tables.profiles(results, aggregates)
    above = float(profiles[np.isclose(profiles.threshold, 0.25)]["share"].iloc[0])
    assert shown.header[5] == "accepted > 0.25"
    assert shown.rows[-1][5] == f"{100 * above:.0f}"


def test_figures_show_players_and_mark_those_who_see(results: Results) -> None:
    aggregates = {score: aggregate(results, score) for score in SCORES}
    labels = [each.get_text() for each in figures.interquartile_means(results, aggregates).axes[0].get_yticklabels()]
    assert labels == ["oracle-valuing*", "bayes-hybrid", "delta-rank", "random"]
    grid = figures.improvement(results, aggregates["valuing"], "valuing").axes[0]
    assert [each.get_text() for each in grid.get_yticklabels()] == ["bayes-hybrid", "delta-rank", "random"]
    assert len(grid.texts) == 6
    percent = 100 * aggregates["valuing"].improvement.mean
    for text in grid.texts:  # "a run of the agent in this row scores higher than a run of the agent in this column"
        row, column = (aggregates["valuing"].agents.index(labels[int(at) + 1]) for at in reversed(text.get_position()))
        assert text.get_text() == f"{percent[row, column]:.0f}"
    colors = grid.collections[0].get_array().reshape(3, 3)
    assert colors[0, 2] == pytest.approx(aggregates["valuing"].improvement.mean[1, 3] * 100)
    assert grid.yaxis_inverted(), "the first agent is above, as in the table"
    lines = {line.get_label() for line in figures.performance_profiles(results, aggregates).axes[0].get_lines()}
    assert lines == {"bayes-hybrid", "delta-rank", "random"}


def test_one_seed_has_no_intervals() -> None:
    single = run(BenchmarkConfig.model_validate({**CONFIG, "seeds": 1}))
    found = aggregate(single, "valuing")
    assert np.isnan(found.interquartile_mean.low).all()
    assert np.isfinite(found.interquartile_mean.mean).all()
    assert np.isnan(found.improvement.high).all()


def test_missed_rounds_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shy_agent.py").write_text(
        "import numpy as np\n"
        "from accept_reject.agents import Agent\n\n\n"
        "class Shy(Agent):\n"
        "    may_miss = True\n\n"
        "    def start(self, n_players, game, seed):\n"
        "        self.now = 0\n\n"
        "    def policy(self, offered):\n"
        "        self.now += 1\n"
        "        return np.full(offered.shape, np.nan if self.now % 4 == 0 else 1 / offered.shape[1])\n\n"
        "    def learn(self, feedback):\n"
        "        pass\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    found = run(BenchmarkConfig.model_validate({**CONFIG, "agents": ["shy_agent:Shy", "random"], "seeds": 2}))
    table = tables.leaderboard(found)
    assert table.header[-1] == "missed rounds (%)"
    assert {row[0]: row[-1] for row in table.rows} == {"Shy": "25.0", "random": "0.0"}
    assert pd.unique(found.scores.query("agent == 'Shy'").missed).tolist() == [0.25]


@pytest.mark.parametrize("shape", [(5, 1), (7, 3), (20, 9)])
def test_resampled_means_are_those_of_the_resampled_runs(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    runs = rng.random(shape).round(1)  # with ties
    rows = rng.integers(shape[0], size=(150, shape[0]))
    times = np.stack([np.bincount(row, minlength=shape[0]) for row in rows])
    np.testing.assert_allclose(resampled_means(runs, times), interquartile_mean(runs[rows]), atol=1e-14)
