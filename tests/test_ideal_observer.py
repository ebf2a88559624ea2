"""The ideal observer equals brute force over all assignments of kinds to partners."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from accept_reject.agents.ideal_observer import IdealObserver, _Deals, _reflected_walk
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay


def brute_force(game: GameSpec, choices: object, row: int, until: int) -> np.ndarray:
    """Expected valuations after `until` rounds, summing over all permutations of the kinds."""
    kinds = [kind for kind in game.partners for _ in range(kind.count)]
    total, expected = 0.0, np.zeros(game.n_partners)
    for deal in set(permutations(range(len(kinds)))):
        probability = 1.0
        for t in range(until):
            c = choices
            choice = c.choice[row, t]  # type: ignore[attr-defined]
            kind = kinds[deal[c.offered[row, t, choice]]]  # type: ignore[attr-defined]
            rank, spots, accepted = int(c.rank[row, t]), int(c.spots[row, t]), bool(c.accepted[row, t])  # type: ignore[attr-defined]
            cdf = stats.norm(kind.mean_rank, game.rank_sd).cdf
            low = 0 if rank == 1 else cdf(rank - 0.5)
            high = 1 if rank == game.ranks else cdf(rank + 0.5)
            if kind.rank_shown != (rank > 0):
                probability = 0
                break
            if rank:
                probability *= high - low
            if kind.spots is None:
                assert kind.acceptance is not None
                probability *= kind.acceptance if accepted else 1 - kind.acceptance
            elif rank and spots == UNKNOWN_SPOTS:
                enough = np.mean([s >= rank for s in range(kind.spots[0], kind.spots[1] + 1)])
                probability *= enough if accepted else 1 - enough
            elif rank:
                probability *= (kind.spots[0] <= spots <= kind.spots[1]) / (kind.spots[1] - kind.spots[0] + 1)
            else:
                yes = np.mean([0 if s == 0 else cdf(s + 0.5) for s in range(kind.spots[0], kind.spots[1] + 1)])
                probability *= yes if accepted else 1 - yes
        total += probability
        valuations = [(game.ranks - kinds[k].mean_rank) / (game.ranks - 1) for k in deal]
        expected += probability * np.array(valuations)
    return expected / total


@pytest.mark.parametrize(
    "game",
    [
        {
            "rule": "orthogonal",
            "partners": [
                {"mean_rank": 3, "acceptance": 0.8, "count": 2},
                {"mean_rank": 6, "acceptance": 0.3, "rank_shown": False, "count": 2},
                {"mean_rank": 5, "acceptance": 0.6, "rank_shown": False},
            ],
        },
        {
            "rule": "causal",
            "partners": [
                {"mean_rank": 2, "spots": [1, 3], "count": 2},
                {"mean_rank": 6, "spots": [2, 5], "count": 1},
                {"mean_rank": 5, "spots": [2, 4], "rank_shown": False, "count": 2},
            ],
        },
    ],
)
def test_beliefs_equal_brute_force(game: dict[str, object]) -> None:
    spec = GameSpec.model_validate({**game, "rounds": 12})
    observer = IdealObserver("valuation")
    beliefs: list[np.ndarray] = []
    choices = play(observer, draw(spec, 3, 4), on_round=lambda _: beliefs.append(observer.valuations()))
    for row in range(4):
        for until in (1, 5, 12):
            assert beliefs[until - 1][row] == pytest.approx(brute_force(spec, choices, row, until), abs=1e-8)


def test_unknown_spots_and_missing_ranks_in_recorded_choices() -> None:
    kinds = [{"mean_rank": 2, "spots": [1, 3], "count": 2}, {"mean_rank": 6, "spots": [2, 5], "count": 2}]
    spec = GameSpec.model_validate({"rule": "causal", "rounds": 10, "partners": kinds})
    choices = play(IdealObserver("valuation"), draw(spec, 3, 4))
    unknown = replace(choices, spots=np.full_like(choices.spots, UNKNOWN_SPOTS))
    observer = IdealObserver("valuation")
    replay(observer, unknown)
    for row in range(4):
        assert observer.valuations()[row] == pytest.approx(brute_force(spec, unknown, row, 10), abs=1e-8)
    blank = replace(choices, rank=np.where(choices.choice == 0, 0, choices.rank).astype(np.uint8))
    for agent in (IdealObserver("valuation"), IdealObserver("acceptance")):
        assert not replay(agent, blank).isnan().any()
        assert np.isfinite(agent.valuations()).all()


def test_marginals_with_and_without_joint_inference() -> None:
    likelihood = np.random.default_rng(0).random((2, 4, 2))
    few, many = _Deals([2, 2], joint=False).marginals(likelihood), _Deals([2, 2], joint=True).marginals(likelihood)
    assert few == pytest.approx(likelihood / likelihood.sum(axis=2, keepdims=True))
    assert np.allclose(many.sum(axis=1), 2), "the expected number of partners of each kind is known"


def test_the_transition_matrix_matches_drawn_walks() -> None:
    game = scenario("drift").game
    grid = np.linspace(1, 8, 71)
    walk = _reflected_walk(grid, game.drift)
    drawn = draw(game, 1, 600).mean_rank
    at_edge = drawn[:, :-1] < 1.25
    after = drawn[:, 1:][at_edge]
    start = np.abs(drawn[:, :-1][at_edge][:, None] - grid).argmin(axis=1)
    assert (walk[start] @ grid).mean() == pytest.approx(after.mean(), abs=0.02)
    assert walk.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("name", ["orthogonal", "few-spots", "open-doors", "drift", "noisy"])
def test_it_scores_higher_than_learners(name: str) -> None:
    from accept_reject.agents import make_agent

    episodes = draw(scenario(name).game, 2, 150)
    for which, observer, rivals in (
        ("valuing", "ideal-valuing", ("thompson-rank", "bayes-rank", "bayes-hybrid", "delta-rank")),
        ("accepted", "ideal-accepted", ("thompson-outcome", "bayes-outcome", "bayes-hybrid", "delta-outcome")),
    ):
        best = score(play(make_agent(observer), episodes), which).value  # type: ignore[arg-type]
        assert all(best > score(play(make_agent(rival), episodes), which).value for rival in rivals)  # type: ignore[arg-type]
