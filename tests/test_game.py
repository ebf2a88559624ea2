"""GameSpec: valid games survive a round trip through JSON; invalid ones raise an error with every problem."""

import copy
import pickle
from typing import Annotated, Any, Literal

import gymnasium as gym
import pytest
from game_specs import game_specs
from hypothesis import given
from pydantic import Field, model_validator

from accept_reject.envs import SCENARIOS, AcceptRejectEnv, GameSpec, InvalidInputError, PartnerKind, scenario
from accept_reject.envs.scenarios import resolve_game
from accept_reject.errors import Integer, Number, Spec, parse

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
        (put(GOOD, "rounds", 0), "rounds", "integer >= 1, got"),
        (put(GOOD, "rounds", 2.5), "rounds", "integer, got 2.5"),
        (put(GOOD, "rounds", "many"), "rounds", "integer, got 'many'"),
        (put(GOOD, "rounds", True), "rounds", "integer, got True"),
        (put(GOOD, "offered", 1), "offered", "integer >= 2, got 1"),
        (put(GOOD, "offered", 5), "partners", "at least 5 partners in total (offered), got 4"),
        (put(GOOD, "ranks", 1), "ranks", "integer >= 2, got 1"),
        (put(GOOD, "ranks", 1000), "ranks", "integer <= 100, got 1000"),
        (put(GOOD, "rank_sd", 0), "rank_sd", "number >= 0.01, got 0"),
        (put(GOOD, "rank_sd", float("nan")), "rank_sd", "finite"),
        (put(GOOD, "rank_sd", "wide"), "rank_sd", "number"),
        (put(GOOD, "rule", "fair"), "rule", "one of 'orthogonal', 'causal', got 'fair'"),
        (put(GOOD, "partners", []), "partners", "at least 2 partners"),
        (put(GOOD, "partners", "eight"), "partners", "a list"),
        ({"rule": "orthogonal"}, "partners", "required"),
        (put(GOOD, "partners.0.mean_rank", 9), "partners.0.mean_rank", "from 1 to 8"),
        (put(GOOD, "partners.1.mean_rank", 0.5), "partners.1.mean_rank", "from 1 to 8"),
        (put(GOOD, "partners.0.acceptance", 1.2), "partners.0.acceptance", "number <= 1, got 1.2"),
        (put(GOOD, "partners.0.acceptance", -0.1), "partners.0.acceptance", "number >= 0, got -0.1"),
        (put(GOOD, "partners.0", {"mean_rank": 3}), "partners.0.acceptance", "required with the orthogonal rule"),
        (put(GOOD, "partners.0.spots", [1, 2]), "partners.0.spots", "only valid for the causal rule"),
        (put(GOOD, "partners.0.count", 0), "partners.0.count", "integer >= 1, got"),
        (put(GOOD, "partners.0.count", 300), "partners", "at most 256"),
        (put(GOOD, "partners.0.mean_rnk", 3), "partners.0", "unknown key 'mean_rnk'; did you mean 'mean_rank'"),
        (put(GOOD, "partners.0.rank_shown", "maybe"), "partners.0.rank_shown", "true or false, got 'maybe'"),
        (put(CAUSAL, "partners.0.spots", [3, 1]), "partners.0.spots", "fewest <= most"),
        (put(CAUSAL, "partners.0.spots", [0, 9]), "partners.0.spots", "<= 8 (ranks)"),
        (put(CAUSAL, "partners.0.spots", [1]), "partners.0.spots", "list of 2 items, got [1]"),
        (put(CAUSAL, "partners.0.spots", None), "partners.0.spots", "required with the causal rule"),
        (put(CAUSAL, "partners.0.acceptance", 0.5), "partners.0.acceptance", "only valid for the orthogonal rule"),
        (put(GOOD, "present", 1), "present", "integer >= 2, got 1"),
        (put(GOOD, "present", 9), "present", "from 2 (offered) to 4 (partners)"),
        (put(put(GOOD, "rounds", 2), "present", 2), "present", "> 2 with 2 rounds and 4 partners"),
        (put(GOOD, "drift", -1), "drift", "number >= 0, got -1"),
        (put(GOOD, "open_doors", {"at": 1.5, "spots": [1, 2]}), "open_doors.at", "number < 1, got 1.5"),
        (put(GOOD, "open_doors", {"at": 0.5, "spots": [1, 99]}), "open_doors.spots", "<= 8 (ranks)"),
        (put(GOOD, "open_doors", {"at": 0.5}), "open_doors.spots", "required"),
        (put(GOOD, "open_door", None), "unknown key 'open_door'", "did you mean 'open_doors'"),
        (["partners"], "", "mapping, got ['partners']"),
    ],
)
def test_errors_contain_key_requirement_and_value(data: Any, key: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(GameSpec, data, "game")
    assert any(problem.startswith(key) and hint in problem for problem in caught.value.problems), str(caught.value)


def test_all_problems_are_in_one_message() -> None:
    data = {
        "rounds": 0,
        "rnks": 8,
        "drift": "x",
        "partners": [
            {"mean_rank": 99},
            {"mean_rank": 3, "acceptance": 0.5, "spots": [1, 2]},
            {"mean_rank": 3, "acceptance": 0.5, "count": 0, "color": "red"},
        ],
        "open_doors": {"at": 0.5, "spots": [5, 3]},
    }
    with pytest.raises(InvalidInputError) as caught:
        parse(GameSpec, data, "game")
    found = [problem.partition(";")[0].partition(":")[0] for problem in caught.value.problems]
    expected = ["rounds", "drift", "partners.0.mean_rank", "partners.0.acceptance", "partners.1.spots"]
    expected += ["open_doors.spots", "partners.2.count", "partners.2", "unknown key 'rnks'"]
    assert sorted(found) == sorted(expected)
    lines = str(caught.value).splitlines()
    assert lines == [f"game: {problem}" for problem in caught.value.problems]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.problems == caught.value.problems


@given(game_specs())
def test_a_game_survives_a_round_trip_through_json(game: GameSpec) -> None:
    again = GameSpec.model_validate_json(game.model_dump_json())
    assert again == game
    assert hash(again) == hash(game)


def test_a_game_through_gym_make() -> None:
    changed = gym.make("accept_reject/Orthogonal-v0", game={"rounds": 7}).unwrapped.game  # type: ignore[attr-defined]
    assert changed == scenario("orthogonal").game.model_copy(update={"rounds": 7})
    own = GameSpec.model_validate(GOOD)
    assert gym.make("accept_reject/Drift-v0", game=own).unwrapped.game is own  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError, match=r"rounds.*\n.*offered"):
        gym.make("accept_reject/Orthogonal-v0", game={"rounds": -1, "offered": 0})
    with pytest.raises(InvalidInputError, match="GameSpec or a mapping"):
        resolve_game("orthogonal", 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="did you mean 'crowd'"):
        resolve_game("crowdy")
    with pytest.raises(
        InvalidInputError, match=r"reward: must be .* got 'rank'.*\n.*render_mode: must be .* got 'human'"
    ):
        AcceptRejectEnv(reward="rank", render_mode="human")  # type: ignore[arg-type]


def test_derived_properties_follow_changes_and_keep_games_equal() -> None:
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


class _Example(Spec):
    """Fields of all types."""

    union: Annotated[Integer, Field(ge=1)] | Literal["auto"] = 1
    scalar: bool | float | str = 1.0
    names: tuple[Annotated[str, Field(min_length=1)], ...] | None = None
    numbers: dict[str, Number] = {}
    some: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    constant: Literal["x"] = "x"
    label: Annotated[str, Field(pattern="^[a-z]*$", json_schema_extra={"must_be": "lower-case letters"})] = ""
    pair: Annotated[tuple[int, ...], Field(min_length=1)] | Number = 1.0
    kind: PartnerKind | Annotated[Number, Field(gt=0)] = 1.0


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"union": 0}, "union: must be an integer >= 1 or 'auto', got 0"),
        ({"union": "a"}, "union: must be an integer or 'auto', got 'a'"),
        ({"scalar": [1]}, "scalar: must be true or false or a number or a string, got [1]"),
        ({"names": ["a", ""]}, "names.1: must be a string of at least 1 character, got ''"),
        ({"names": ["a", 3]}, "names.1: must be a string, got 3"),
        ({"names": 3}, "names: must be a list, got 3"),
        ({"numbers": {"a": "b"}}, "numbers.a: must be a number, got 'b'"),
        ({"numbers": {"a": float("inf")}}, "numbers.a: must be a finite number, got inf"),
        ({"numbers": 3}, "numbers: must be a mapping, got 3"),
        ({"some": []}, "some: must have at least 1 item, got []"),
        ({"some": [1, 2, 3]}, "some: must have at most 2 items, got [1, 2, 3]"),
        ({"constant": "y"}, "constant: must be 'x', got 'y'"),
        ({"label": "A1"}, "label: must be lower-case letters, got 'A1'"),
        ({"label": "A" * 100}, f"label: must be lower-case letters, got '{'A' * 56}..."),
        ({"kind": "a"}, "kind: must be a mapping or a number, got 'a'"),
        ({"kind": -1}, "kind: must be a mapping or a number > 0, got -1"),
        ({"kind": {"mean_rank": "high"}}, "kind.mean_rank: must be a number, got 'high'"),
        ({"kind": {}}, "kind.mean_rank: is required"),
        ({"pair": []}, "pair: must be a number, got []"),
        ({"naems": []}, "unknown key 'naems'; did you mean 'names'? (known: constant, kind, label, names, numbers, p"),
    ],
)
def test_every_type_of_problem_is_one_plain_sentence(data: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(_Example, data, "example")
    (found,) = caught.value.problems
    assert found.startswith(problem)


def test_a_validator_can_report_problems_of_other_keys() -> None:
    class Checked(_Example):
        @model_validator(mode="after")
        def _check(self) -> "Checked":
            raise ValueError(".names: is missing\nsome problem\n.unknown key 'x'")

    class Outer(Spec):
        inner: Checked

    for model, data, prefix in ((Checked, {}, ""), (Outer, {"inner": {}}, "inner")):
        with pytest.raises(InvalidInputError) as caught:
            parse(model, data, "example")
        names, other, without_key = caught.value.problems
        assert names == f"{prefix}.names: is missing".lstrip(".")
        assert other == f"{prefix}: some problem".lstrip(": ")
        assert without_key == f"{prefix}: unknown key 'x'".lstrip(": ")


def test_reveal_and_scenario_are_checked() -> None:
    with pytest.raises(InvalidInputError, match="reveal: must be True or False, got 'no'"):
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
