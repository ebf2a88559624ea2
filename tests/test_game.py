"""GameSpec: valid games make a round trip through JSON; faulty ones are refused, every fault under its key."""

import copy
import pickle
from typing import Any

import gymnasium as gym
import pytest
from game_specs import game_specs
from hypothesis import given

from accept_reject.envs import SCENARIOS, AcceptRejectEnv, GameSpec, InvalidInputError, scenario
from accept_reject.envs.faults import parse
from accept_reject.envs.scenarios import resolve_game

GOOD: dict[str, Any] = {
    "rule": "orthogonal",
    "partners": [{"mean_rank": 3, "acceptance": 0.8, "count": 2}, {"mean_rank": 6, "acceptance": 0.2, "count": 2}],
}
CAUSAL: dict[str, Any] = {"rule": "causal", "partners": [{"mean_rank": 3, "spots": [1, 3], "count": 4}]}


def put(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(base)
    *way, last = path.split(".")
    here: Any = data
    for key in way:
        here = here[int(key)] if isinstance(here, list) else here[key]
    here[int(last) if isinstance(here, list) else last] = value
    return data


@pytest.mark.parametrize(
    ("data", "key", "hint"),
    [
        (put(GOOD, "rounds", 0), "rounds", "greater than or equal to 1"),
        (put(GOOD, "rounds", 2.5), "rounds", "integer"),
        (put(GOOD, "rounds", "many"), "rounds", "integer"),
        (put(GOOD, "rounds", True), "rounds", "integer"),
        (put(GOOD, "offered", 1), "offered", "greater than or equal to 2"),
        (put(GOOD, "offered", 5), "partners", "at least as many partners as are offered (5), but holds 4"),
        (put(GOOD, "ranks", 1), "ranks", "greater than or equal to 2"),
        (put(GOOD, "ranks", 1000), "ranks", "less than or equal to 100"),
        (put(GOOD, "rank_sd", 0), "rank_sd", "greater than or equal to 0.01"),
        (put(GOOD, "rank_sd", float("nan")), "rank_sd", "finite"),
        (put(GOOD, "rank_sd", "wide"), "rank_sd", "number"),
        (put(GOOD, "rule", "fair"), "rule", "'orthogonal' or 'causal'"),
        (put(GOOD, "partners", []), "partners", "at least as many"),
        (put(GOOD, "partners", "eight"), "partners", "a list"),
        ({"rule": "orthogonal"}, "partners", "required"),
        (put(GOOD, "partners.0.mean_rank", 9), "partners.0.mean_rank", "from 1 to 8"),
        (put(GOOD, "partners.1.mean_rank", 0.5), "partners.1.mean_rank", "from 1 to 8"),
        (put(GOOD, "partners.0.acceptance", 1.2), "partners.0.acceptance", "less than or equal to 1"),
        (put(GOOD, "partners.0.acceptance", -0.1), "partners.0.acceptance", "greater than or equal to 0"),
        (put(GOOD, "partners.0", {"mean_rank": 3}), "partners.0.acceptance", "required by the orthogonal rule"),
        (put(GOOD, "partners.0.spots", [1, 2]), "partners.0.spots", "no place in the orthogonal rule"),
        (put(GOOD, "partners.0.count", 0), "partners.0.count", "greater than or equal to 1"),
        (put(GOOD, "partners.0.count", 300), "partners", "at most 256"),
        (put(GOOD, "partners.0.mean_rnk", 3), "partners.0.mean_rnk", "did you mean 'mean_rank'"),
        (put(GOOD, "partners.0.rank_shown", "maybe"), "partners.0.rank_shown", "boolean"),
        (put(CAUSAL, "partners.0.spots", [3, 1]), "partners.0.spots", "fewest <= most"),
        (put(CAUSAL, "partners.0.spots", [0, 9]), "partners.0.spots", "<= 8 (ranks)"),
        (put(CAUSAL, "partners.0.spots", [1]), "partners.0.spots.1", "required"),
        (put(CAUSAL, "partners.0.spots", None), "partners.0.spots", "required by the causal rule"),
        (put(CAUSAL, "partners.0.acceptance", 0.5), "partners.0.acceptance", "no place in the causal rule"),
        (put(GOOD, "present", 1), "present", "greater than or equal to 2"),
        (put(GOOD, "present", 9), "present", "from 2 (offered) to 4 (partners)"),
        (put(put(GOOD, "rounds", 2), "present", 2), "present", "fewer newcomers than there are rounds"),
        (put(GOOD, "drift", -1), "drift", "greater than or equal to 0"),
        (put(GOOD, "open_doors", {"at": 1.5, "spots": [1, 2]}), "open_doors.at", "less than 1"),
        (put(GOOD, "open_doors", {"at": 0.5, "spots": [1, 99]}), "open_doors.spots", "<= 8 (ranks)"),
        (put(GOOD, "open_doors", {"at": 0.5}), "open_doors.spots", "required"),
        (put(GOOD, "open_door", None), "open_door", "did you mean 'open_doors'"),
        (["partners"], "", "mapping"),
    ],
)
def test_a_faulty_spec_is_refused_by_key_and_told_what_would_be_right(data: Any, key: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(GameSpec, data, "game")
    assert any(fault.startswith(key) and hint in fault for fault in caught.value.faults), str(caught.value)


def test_all_faults_come_in_one_message() -> None:
    data = {
        "rounds": 0,
        "rnks": 8,
        "drift": "x",
        "partners": [
            {"mean_rank": 99},
            {"mean_rank": 3, "acceptance": 0.5, "spots": [1, 2]},
            {"mean_rank": 3, "acceptance": 0.5, "count": 0, "colour": "red"},
        ],
        "open_doors": {"at": 0.5, "spots": [5, 3]},
    }
    with pytest.raises(InvalidInputError) as caught:
        parse(GameSpec, data, "game")
    found = [fault.partition(":")[0] for fault in caught.value.faults]
    expected = {"rounds", "rnks", "drift", "partners.0.mean_rank", "partners.0.acceptance", "partners.1.spots"}
    assert set(found) == expected | {"open_doors.spots", "partners.2.count", "partners.2.colour"}
    assert str(caught.value).startswith("game: 9 faults")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@given(game_specs())
def test_a_game_makes_a_round_trip_through_json(game: GameSpec) -> None:
    again = GameSpec.model_validate_json(game.model_dump_json())
    assert again == game
    assert hash(again) == hash(game)


def test_a_game_through_gym_make() -> None:
    changed = gym.make("accept_reject/Orthogonal-v0", game={"rounds": 7}).unwrapped.game  # type: ignore[attr-defined]
    assert changed == scenario("orthogonal").game.model_copy(update={"rounds": 7})
    whole = GameSpec.model_validate(GOOD)
    assert gym.make("accept_reject/Drift-v0", game=whole).unwrapped.game is whole  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError, match=r"rounds.*\n.*offered"):
        gym.make("accept_reject/Orthogonal-v0", game={"rounds": -1, "offered": 0})
    with pytest.raises(InvalidInputError, match="GameSpec or a mapping"):
        resolve_game("orthogonal", 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="did you mean 'crowd'"):
        resolve_game("crowdy")
    with pytest.raises(InvalidInputError, match=r"reward: unknown 'rank'.*\n.*render_mode: unknown 'human'"):
        AcceptRejectEnv(reward="rank", render_mode="human")  # type: ignore[arg-type]


def test_games_stay_equal_and_true_when_they_are_used() -> None:
    game = scenario("newcomers").game
    twin = GameSpec.model_validate(game.model_dump())
    assert game.arrivals == twin.arrivals
    assert game == twin
    doors = scenario("open-doors").game
    assert doors.opening_round == 72
    assert [doors.model_copy(update={"rounds": n}).opening_round for n in (1, 2, 10)] == [1, 1, 5]
    assert (
        parse(
            GameSpec, {**doors.model_dump(), "open_doors": {"at": 0.96, "spots": [4, 6]}, "rounds": 10}, "game"
        ).opening_round
        == 9
    )


def test_reveal_and_scenario_are_checked() -> None:
    with pytest.raises(InvalidInputError, match="reveal: should be True or False, but is 'no'"):
        AcceptRejectEnv(reveal="no")  # type: ignore[arg-type]
    for wrong in (3, ["crowd"], "crowdy"):
        with pytest.raises(InvalidInputError, match="unknown scenario"):
            AcceptRejectEnv(wrong, game=scenario("crowd").game)  # type: ignore[arg-type]


def test_the_study_has_two_by_two_by_two_partners() -> None:
    kinds = scenario("orthogonal").game.partners
    assert {(kind.mean_rank, kind.acceptance, kind.rank_shown) for kind in kinds} == {
        (mean_rank, acceptance, shown)
        for mean_rank in (3.0, 6.0)
        for acceptance in (0.8, 0.2)
        for shown in (True, False)
    }
    assert len(SCENARIOS) == 9
