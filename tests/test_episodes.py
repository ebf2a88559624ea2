"""Episodes: draws follow the rules, agree with independent references, and don't depend on the batch."""

import hashlib
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from game_specs import game_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from accept_reject.envs import SCENARIOS, Episodes, GameSpec, draw, scenario
from accept_reject.envs.episodes import BLOCK

ARRAYS = ("offered", "rank", "spots", "kind", "mean_rank", "valuation", "acceptance", "rank_shown", "accepted")


def same(a: Episodes, b: Episodes, rows: slice = slice(None)) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)[rows]) for name in ARRAYS)


@settings(max_examples=60, deadline=None)
@given(game_specs(), st.integers(0, 2**40))
def test_draws_follow_the_rules(game: GameSpec, seed: int) -> None:
    episodes = draw(game, seed, 3)
    shape = (3, game.rounds, game.offered)
    assert episodes.offered.shape == episodes.rank.shape == episodes.spots.shape == shape
    assert np.array_equal(episodes.accepted, episodes.rank <= episodes.spots)
    assert episodes.rank.min() >= 1
    assert episodes.rank.max() <= game.ranks
    assert episodes.spots.max() <= game.ranks
    assert episodes.offered.max() < game.n_partners
    ordered = np.sort(episodes.offered, axis=2)
    assert (ordered[..., 1:] != ordered[..., :-1]).all(), "partners in an offer are unique"
    for hidden in (episodes.valuation, episodes.acceptance):
        assert hidden.shape == shape
        assert 0 <= hidden.min() <= hidden.max() <= 1 + 1e-6
    counts = [np.bincount(row, minlength=len(game.partners)).tolist() for row in episodes.kind]
    assert counts == [[kind.count for kind in game.partners]] * 3
    shown = np.array([kind.rank_shown for kind in game.partners])
    for i in range(3):  # independent look-up for each offered partner
        for t in range(game.rounds):
            for j, partner in enumerate(episodes.offered[i, t]):
                mean_rank = episodes.mean_rank[i, t if game.drift else 0, partner]
                assert episodes.valuation[i, t, j] == pytest.approx(
                    (game.ranks - mean_rank) / (game.ranks - 1), abs=1e-5
                )
                assert episodes.rank_shown[i, t, j] == shown[episodes.kind[i, partner]]
    if game.rule == "causal" and game.open_doors is None:
        for place, kind in enumerate(game.partners):
            of_kind = np.take_along_axis(episodes.kind[:, None, :], episodes.offered, axis=2) == place
            assert kind.spots is not None
            assert ((kind.spots[0] <= episodes.spots) & (episodes.spots <= kind.spots[1]))[of_kind].all()


@settings(max_examples=20, deadline=None)
@given(game_specs(), st.integers(0, 1000), st.integers(0, 2 * BLOCK), st.integers(1, 2 * BLOCK))
def test_an_episode_is_the_same_in_any_batch(game: GameSpec, seed: int, start: int, n: int) -> None:
    whole = draw(game, seed, start + n)
    assert same(draw(game, seed, n, start), whole, slice(start, None))
    assert same(draw(game, seed, 1, start), whole, slice(start, start + 1))


def test_an_episode_is_the_same_in_another_process() -> None:
    code = (
        "from accept_reject.envs import draw, scenario; import hashlib; e = draw(scenario('drift').game, 7, 5, 62);"
        "print(hashlib.sha256(b''.join(a.tobytes() for a in (e.offered, e.rank, e.spots, e.mean_rank))).hexdigest())"
    )
    e = draw(scenario("drift").game, 7, 5, 62)
    here = hashlib.sha256(b"".join(a.tobytes() for a in (e.offered, e.rank, e.spots, e.mean_rank))).hexdigest()
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert here == there


@pytest.mark.parametrize("name", SCENARIOS)
def test_episodes_of_a_seed_have_not_changed(name: str) -> None:
    """A change would invalidate all published scores and require new versions of the environment ids."""
    e = draw(scenario(name).game, 0, 2, start=63)  # the end of a block and the start of the next one
    drawn = (e.offered, e.rank, e.spots, e.kind, (e.mean_rank * 1000).round().astype(np.int32))
    assert hashlib.sha256(b"".join(array.tobytes() for array in drawn)).hexdigest()[:12] == PINNED[name]


PINNED = {
    "orthogonal": "59408786d98b",
    "scarce": "113273860eff",
    "hidden-ranks": "4f1110e4a976",
    "few-spots": "066c6aef4035",
    "open-doors": "356d1e3a1774",
    "drift": "04f85e19626d",
    "newcomers": "790107cb6971",
    "crowd": "4b6769c5f6f2",
    "noisy": "21bc894ae0d0",
}


def test_another_seed_gives_other_episodes() -> None:
    first, second = (draw(scenario("crowd").game, seed, 2) for seed in (0, 1))
    assert not np.array_equal(first.rank, second.rank)
    assert not np.array_equal(first.offered, second.offered)


@pytest.mark.parametrize("name", SCENARIOS)
def test_frequencies_of_acceptance_match_the_hidden_probabilities(name: str) -> None:
    episodes = draw(scenario(name).game, 11, 2000)
    p, accepted = episodes.acceptance.astype(float), episodes.accepted
    edges = np.linspace(0, 1, 11)
    for low, high in pairwise(edges):
        within = (p >= low) & (p <= high) if high == 1 else (p >= low) & (p < high)
        if within.sum() > 200:
            error = np.sqrt((p[within] * (1 - p[within])).sum()) / within.sum()
            assert abs(accepted[within].mean() - p[within].mean()) < 5 * error + 1e-6


def test_ranks_follow_a_rounded_and_clipped_normal() -> None:
    game = scenario("crowd").game
    episodes = draw(game, 3, 1000)
    mean_rank = np.take_along_axis(episodes.mean_rank, episodes.offered.reshape(1000, 1, -1), axis=2).reshape(
        episodes.rank.shape
    )
    for mean in (3.0, 6.0):
        observed = np.bincount(episodes.rank[mean_rank == mean], minlength=9)[1:]
        below = stats.norm(mean, game.rank_sd).cdf(np.arange(1, 8) + 0.5)
        expected = np.diff(below, prepend=0, append=1) * observed.sum()
        assert stats.chisquare(observed, expected).pvalue > 1e-4


def test_orthogonal_rule_draws_rank_and_acceptance_independently_and_spots_uniformly() -> None:
    game = scenario("crowd").game
    episodes = draw(game, 5, 1500)
    kind = np.take_along_axis(episodes.kind, episodes.offered.reshape(1500, -1), axis=1).reshape(episodes.rank.shape)
    for i, partner in enumerate(game.partners):
        rank, accepted, spots = (array[kind == i] for array in (episodes.rank, episodes.accepted, episodes.spots))
        assert partner.acceptance is not None
        assert abs(accepted.mean() - partner.acceptance) < 0.01
        table = np.array([[np.sum((rank == k) & (accepted == a)) for a in (0, 1)] for k in range(1, 9)])
        assert stats.chi2_contingency(table[table.sum(axis=1) > 40]).pvalue > 1e-4
        for k in range(1, 9):
            for is_accepted, allowed in ((True, range(k, 9)), (False, range(k))):
                here = spots[(rank == k) & (accepted == is_accepted)]
                counts = np.array([np.sum(here == s) for s in allowed])
                assert counts.sum() == len(here)
                if len(here) > 200 and len(counts) > 1:
                    assert stats.chisquare(counts).pvalue > 1e-4


def test_offers_are_uniform_over_ordered_pairs() -> None:
    offered = draw(scenario("orthogonal").game, 1, 600).offered.reshape(-1, 2)
    pairs = np.bincount(offered[:, 0].astype(int) * 8 + offered[:, 1], minlength=64).reshape(8, 8)
    assert (pairs.diagonal() == 0).all()
    assert stats.chisquare(pairs[~np.eye(8, dtype=bool)]).pvalue > 1e-4


def test_newcomers_arrive_one_by_one_and_partners_that_left_do_not_return() -> None:
    game = scenario("newcomers").game
    assert game.arrivals == tuple(int(144 * i / 17) for i in range(1, 17)), "at even intervals"
    starts = [0, *game.arrivals]
    left_from = np.zeros(8, int)
    for offered in draw(game, 2, 300).offered:
        stages = np.split(offered, game.arrivals)
        around = [set(stage.ravel().tolist()) for stage in stages]
        last_seen = {
            partner: max(i for i, each in enumerate(around) if partner in each)
            for partner in range(24)
            if any(partner in each for each in around)
        }
        for i, each in enumerate(around):
            assert max(each) < game.n_present + i, "no partner is offered before its arrival"
            # Partners that have arrived and are offered now or later must be present now.
            staying = {partner for partner, last in last_seen.items() if last >= i and partner < game.n_present + i}
            assert len(staying) <= game.n_present
        for partner in range(8):
            left_from[partner] += last_seen.get(partner, 0) < 4
    assert starts == sorted(set(starts))
    assert left_from.min() > 0.6 * left_from.max(), "all partners leave with equal probability"


def test_doors_open_halfway() -> None:
    game = scenario("open-doors").game
    episodes = draw(game, 4, 300)
    assert game.opening_round == 72
    assert set(np.unique(episodes.spots[:, 72:])) == {4, 5, 6}
    assert set(np.unique(episodes.spots[:, :72])) == set(range(9))
    after = np.unique(episodes.acceptance[:, 72:].round(3))
    expected = [np.mean([stats.norm(m, 1.2).cdf(s + 0.5) for s in (4, 5, 6)]).round(3) for m in (6, 3)]
    assert after == pytest.approx(expected)


def test_drift_is_a_reflected_random_walk_with_the_given_sd() -> None:
    game = scenario("drift").game
    walk = draw(game, 6, 500).mean_rank
    assert walk.min() >= 1
    assert walk.max() <= 8
    assert np.diff(walk[:, :20], axis=1).std() == pytest.approx(game.drift, rel=0.02)


def test_negative_numbers_are_errors() -> None:
    with pytest.raises(ValueError, match="integers >= 0, got -1, 3 and 0"):
        draw(scenario("crowd").game, -1, 3)
    assert len(draw(scenario("crowd").game, 0, 0)) == 0
