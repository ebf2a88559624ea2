"""Ratings of partners: simulated, read from tables, and analyzed."""

import dataclasses
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import accept_reject
from scipy import stats

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError
from accept_reject.experiments.analysis.ratings import anova, correlations, experience, mixed_model, with_levels
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.cells import name_alike
from accept_reject.experiments.data.liking import as_ratings
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.ratings import FILES
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.ratings import rate
from accept_reject.experiments.simulation.replay import evidence_at_end
from accept_reject.experiments.simulation.simulate import simulate


@pytest.fixture(scope="module")
def data() -> Data:
    return load("population_babur2024", ["participants=20"])


def test_ratings_are_beliefs_plus_noise() -> None:
    config = load_config(PopulationConfig, "population_babur2024", ["participants=6", "ratings.noise=0"])
    choices, drawn = simulate(config)
    learner = make_agent("bayes-hybrid", drawn)
    beliefs = learner.beliefs(evidence_at_end(learner, choices))  # type: ignore[attr-defined, arg-type]
    odds = 4 * drawn["w"] / (1 - drawn["w"])
    w = (odds / (1 + odds))[:, None]
    exact = w * beliefs.rank_value.numpy() + (1 - w) * beliefs.outcome_value.numpy()
    assert rate(config, choices, drawn) == pytest.approx(exact)
    noisy = load_config(PopulationConfig, "population_babur2024", ["participants=6", "ratings.noise=0.5"])
    one, other = (rate(noisy, choices, drawn, seed) - exact for seed in (0, 1))
    assert 0.3 < one.std() < 0.7 and np.abs(one - other).min() > 0, "48 Normal numbers with SD 0.5"
    few = load_config(PopulationConfig, "population_babur2024", ["participants=2", "ratings.noise=0.5"])
    assert (rate(few, *simulate(few)) == rate(noisy, choices, drawn)[:2]).all(), "of a participant, not of the number"


def test_other_learners_have_no_weight_of_ranks() -> None:
    with pytest.raises(InvalidInputError, match=r"ratings\.rank_odds: needs a learner with the parameter w"):
        load_config(PopulationConfig, "population_babur2024", ["agent=bayes-rank", "parameters={}"])


@pytest.mark.parametrize(("name", "own", "other"), [("w1", "rank", "outcome"), ("w0", "outcome", "rank")])
def test_halves_of_the_model_show_only_their_own_effect(name: str, own: str, other: str) -> None:
    found = load(f"population_{name}", ["participants=100"])
    assert found.ratings is not None
    table = anova(with_levels(found.ratings, found.choices))
    assert table.p[own] < 1e-6 and table.partial_eta2[own] > 0.3
    assert table.p[other] > 0.05 and table.partial_eta2[other] < 0.05


def test_the_analysis_of_variance_is_that_of_three_contrasts(data: Data) -> None:
    """With two levels each, F is the square of a paired t."""
    assert data.ratings is not None
    levels = with_levels(data.ratings, data.choices)
    valuation, acceptance = np.zeros((20, 8)), np.zeros((20, 8))
    for i in range(20):
        valuation[i, data.choices.offered[i]] = data.choices.valuation[i]  # type: ignore[index]
        acceptance[i, data.choices.offered[i]] = data.choices.acceptance[i]  # type: ignore[index]
    rating = data.ratings.rating.to_numpy().reshape(20, 8)
    signs = {"rank": np.sign(valuation - 0.5), "outcome": np.sign(acceptance - 0.5)}
    signs["rank:outcome"] = signs["rank"] * signs["outcome"]
    table = anova(levels)
    for effect, sign in signs.items():
        found = stats.ttest_1samp((rating * sign).mean(axis=1), 0)
        f = found.statistic**2
        row = table.loc[effect]
        expected = [f, 1, 19, found.pvalue, f / (f + 19)]
        assert row[["F", "df1", "df2", "p", "partial_eta2"]].tolist() == pytest.approx(expected)
    assert table.high["rank"] == pytest.approx(rating[signs["rank"] > 0].mean())
    mixed = mixed_model(levels)
    differences = [2 * (rating * signs[name]).mean() for name in ("rank", "outcome")]
    assert mixed.estimate[["rank", "outcome"]].tolist() == pytest.approx(differences), "the design is balanced"
    assert mixed.z["rank"] ** 2 == pytest.approx(table.F["rank"], rel=0.35)


def test_levels_without_the_hidden_state_are_what_was_experienced(data: Data) -> None:
    assert data.ratings is not None
    plain = dataclasses.replace(data.choices, valuation=None, acceptance=None)
    levels = with_levels(data.ratings, plain)
    assert levels.origin == "the ranks and outcomes that participants saw"
    seen = experience(plain)
    for player in range(20):
        chosen = plain.of_chosen(plain.offered)[player]
        for partner in range(8):
            of_partner = chosen == partner
            ranks = plain.rank[player][of_partner]
            value = (8.0 - ranks[ranks > 0]) / 7
            expected = [value.mean() if len(value) else np.nan, plain.accepted[player][of_partner].mean()]
            assert [seen[name][player, partner] for name in seen] == pytest.approx(expected, nan_ok=True)
    assert len(levels.known) == np.isfinite(seen["rank"]).sum() < 160, "ranks of some partners were never shown"


def test_correlations_are_within_participants(data: Data) -> None:
    assert data.ratings is not None
    belief = np.random.default_rng(0).random((20, 8))
    belief[3] = 0.5  # says nothing
    belief[4, :6] = np.nan
    rating = data.ratings.rating.to_numpy().reshape(20, 8)
    r = [np.corrcoef(rating[i], belief[i])[0, 1] for i in range(20) if i not in (3, 4)]
    row = correlations(data.ratings, {"mine": belief}).loc["mine"]
    interval = stats.t.interval(0.95, 17, np.mean(r), stats.sem(r))
    assert [row.r, row.low, row.high] == pytest.approx([np.mean(r), *interval])
    assert row.p == pytest.approx(stats.ttest_1samp(r, 0).pvalue) and row.participants == 18


def test_what_can_not_be_analyzed(data: Data) -> None:
    assert data.ratings is not None
    constant = with_levels(data.ratings.assign(rating=3.0), data.choices)
    assert anova(constant)[["F", "p"]].isna().all().all()
    one = with_levels(data.ratings[data.ratings.player == 0], data.choices)
    assert anova(one).isna().all().all() and mixed_model(one).isna().all().all()


ROUNDS = ["id,day,trial,left,right,asked,won"] + [
    f"{who},{day},{t},{a},{b},{a if t % 2 else b},{t // 2 % 2}"
    for who in (1, 2)
    for day in ("mo", "tu")
    for t, (a, b) in enumerate(["xy", "yz", "zx", "xy", "zy"], 1)
]


def read(folder: Path, table: list[str], columns: dict[str, Any], session: bool = False, **settings: Any) -> Data:
    rounds = ROUNDS if session else [row for row in ROUNDS if ",tu," not in row]
    (folder / "rounds.csv").write_text("\n".join([*rounds, ""]), encoding="utf-8")
    (folder / "ratings.csv").write_text("\n".join([*table, ""]), encoding="utf-8")
    ours = {"participant": "id", "round": "trial", "offered": ["left", "right"], "choice": "asked", "accepted": "won"}
    ours |= {"session": "day"} if session else {}
    ratings = {"file": "ratings.csv", "columns": columns} | settings
    (folder / "study.yaml").write_text(
        yaml.safe_dump({"kind": "data", "file": "rounds.csv", "columns": ours, "ratings": ratings}), encoding="utf-8"
    )
    return load(str(folder / "study.yaml"))


LONG = {"participant": "id", "partner": "partner", "rating": "liking"}


def test_ratings_have_a_row_or_a_column_for_each_partner(tmp_path: Path) -> None:
    expected = [[0, 0, 3.0], [0, 2, 5.5], [1, 1, 2.0]]
    long = read(tmp_path, ["id,partner,liking", "1,x,3", "1,z,5.5", "2,y,2", "2,x,NA"], LONG)
    wide = read(tmp_path, ["id;like_x;like_y;like_z", "1.0;3;;5,5", "2.0;;2;"], {"participant": "id"},
                wide="like_{partner}", decimal=",")  # fmt: skip
    for found in (long, wide):
        assert found.ratings is not None
        table = found.ratings.sort_values(["player", "partner"])
        assert table[["player", "partner", "rating"]].to_numpy().tolist() == expected


def test_numbers_of_participants_may_be_written_differently(tmp_path: Path) -> None:
    """As 01 in the rounds, and as 1 or 1.0 in the ratings."""
    whole = [re.sub(r"^(\d)", r"0\1", row) for row in ROUNDS]
    with patch("test_ratings.ROUNDS", whole):
        for code in ("1", "1.0", "01"):
            found = read(tmp_path, ["id,partner,liking", f"{code},x,3", "02,z,4"], LONG)
            assert found.ratings is not None
            assert found.ratings[["player", "partner", "rating"]].to_numpy().tolist() == [[0, 0, 3], [1, 2, 4]]


def test_partners_of_other_sessions_are_others(tmp_path: Path) -> None:
    table = ["id,day,partner,liking", "1,tu,x,3", "1,mo,x,4", "2,tu,z,1"]
    found = read(tmp_path, table, LONG | {"session": "day"}, session=True)
    assert found.ratings is not None
    assert found.ratings[["player", "partner", "rating"]].to_numpy().tolist() == [[0, 3, 3], [0, 0, 4], [1, 5, 1]]


def test_times_and_levels_of_the_table(tmp_path: Path) -> None:
    table = ["id,partner,when,r,o,liking"]
    table += [f"{who},{p},{when},{r},{o},{who + i}" for who in (1, 2) for when in ("before", "after")
              for i, (p, r, o) in enumerate([("x", "good", 1), ("y", "bad", 1), ("z", "bad", 0)])]  # fmt: skip
    columns = LONG | {"time": "when", "rank": "r", "outcome": "o"}
    found = read(tmp_path, table, columns, rank=["good", "bad"], outcome=[1, 0])
    assert found.ratings is not None
    assert found.ratings.time.unique().tolist() == ["before", "after"]
    assert found.ratings["rank"].tolist()[:3] == [True, False, False]
    assert found.ratings.outcome.tolist()[:3] == [True, True, False]
    done = accept_reject("ratings", "study.yaml", "--model", "delta-outcome", cwd=tmp_path)
    assert done.returncode == 0
    assert "levels of partners from the table of ratings" in done.stdout
    assert "Ratings, mixed model, before" in done.stdout and "Ratings, mixed model, after" in done.stdout


@pytest.mark.parametrize(
    ("table", "columns", "settings", "problem"),
    [
        (["id,partner,liking", "1,x,often"], LONG, {}, "row 2, column liking: must be a number, got 'often'"),
        (["id,partner,liking", "1,x,1", "1,x,2"], LONG, {}, "row 3, column partner: must be rated once by a "
         "participant; if it was rated several times, add `time` to `columns`, got 'x'"),
        (["id,partner,liking", "1,q,1"], LONG, {}, "column partner: must be a partner on offer (x, y, z), got 'q'"),
        (["id,partner,liking", ",x,1"], LONG, {}, "row 2, column id: is required"),
        (["id,partner,rating", "1,x,1"], LONG, {}, "column liking: is required in the header, got id, partner, rating"),
        (["id,x", "1,1"], {"participant": "id"}, {}, "columns.partner: is required, unless each partner has"),
        (["id,x", "1,1"], {"participant": "id"}, {"wide": "like"}, "must contain {partner}"),
        (["id,x", "1,1"], {"participant": "id"}, {"wide": "like_{partner}"}, "must match `wide` (like_{partner})"),
        (["id,partner,r,liking", "1,x,so-so,1"], LONG | {"rank": "r"}, {}, "must be high or low, see `rank` of"),
    ],
)  # fmt: skip
def test_problems(
    table: list[str], columns: dict[str, Any], settings: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError) as error:
        read(tmp_path, table, columns, **settings)
    assert problem in str(error.value)


def test_a_session_without_rounds_is_unknown(tmp_path: Path) -> None:
    table = ["id,day,partner,liking", "1,fr,x,3"]
    with pytest.raises(InvalidInputError, match=r"column day: must be one of those with rounds \(mo, tu\), got 'fr'"):
        read(tmp_path, table, LONG | {"session": "day"}, session=True)
    with pytest.raises(InvalidInputError, match=r"columns.session: is required, as partners are new in each session"):
        read(tmp_path, table, LONG, session=True)


def test_other_names_are_noted(tmp_path: Path) -> None:
    found = read(tmp_path, ["id,partner,liking,comment", "1,x,3,hm", "1,q,3,", "9,x,1,"], LONG)
    notes = " | ".join(found.notes)
    for part in ("not in the table of ratings: 2", "only in the table of ratings: 9", "comment",
                 "1 rating of partners that were never on offer"):  # fmt: skip
        assert part in notes


def test_from_simulated_participants_to_a_folder(tmp_path: Path) -> None:
    made = accept_reject("simulate", "population_babur2024", "participants=8", "--out", "study", cwd=tmp_path)
    assert made.returncode == 0
    config = load_config(PopulationConfig, "population_babur2024", ["participants=8"])
    found = load(str(tmp_path / "study"))
    assert found.ratings is not None
    pd.testing.assert_frame_equal(
        found.ratings.sort_values(["player", "partner"], ignore_index=True),
        as_ratings(rate(config, *simulate(config))), check_dtype=False, rtol=1e-8,
    )  # fmt: skip
    done = accept_reject("ratings", "study", "--out", "found", cwd=tmp_path)
    assert done.returncode == 0 and "Ratings of 8 participants (simulated)" in done.stdout
    table = pd.read_csv(tmp_path / "found" / "anova.csv").set_index("effect")
    assert f"{table.F['rank']:.2f}  1, 7" in done.stdout
    names = {path.name for path in (tmp_path / "found").iterdir()}
    assert names <= set(FILES) and len(names) >= 5
    svg = (tmp_path / "found" / "ratings.svg").read_bytes()
    (tmp_path / "found" / "mine.txt").write_text("notes", encoding="utf-8")
    refused = accept_reject("ratings", "study", "--out", "found", cwd=tmp_path)
    assert refused.returncode == 2 and "must be a new folder or one of this command, got 'mine.txt'" in refused.stderr
    (tmp_path / "found" / "mine.txt").unlink()
    assert accept_reject("ratings", "study", "--out", "found", cwd=tmp_path).returncode == 0
    assert (tmp_path / "found" / "ratings.svg").read_bytes() == svg


def test_data_without_ratings(tmp_path: Path) -> None:
    done = accept_reject("ratings", "population_scrambled", "participants=2", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("ratings: must have ratings")


def test_rounds_that_were_not_played_have_no_hidden_state(tmp_path: Path) -> None:
    """One participant has fewer rounds; levels are those of its partners, whichever of them were rated."""
    value = {"A": 0.9, "B": 0.8, "C": 0.2, "D": 0.1}
    rows = ["id,t,l,r,c,won,vl,vr,pl,pr"]
    for who, rounds in ((1, 12), (2, 4)):
        for t in range(rounds):
            left, right = ("A", "B") if t % 2 == 0 else ("C", "D")
            rows.append(f"{who},{t + 1},{left},{right},{left},{t % 2}," + f"{value[left]},{value[right]}," * 2)
    (tmp_path / "rounds.csv").write_text("\n".join([row.rstrip(",") for row in rows] + [""]), encoding="utf-8")
    (tmp_path / "ratings.csv").write_text("id,A,B,C,D\n1,1,2,3,4\n2,,2,3,\n", encoding="utf-8")
    columns = {"participant": "id", "round": "t", "offered": ["l", "r"], "choice": "c", "accepted": "won",
               "valuation": ["vl", "vr"], "acceptance": ["pl", "pr"]}  # fmt: skip
    ratings = {"file": "ratings.csv", "columns": {"participant": "id"}, "wide": "{partner}"}
    content = {"kind": "data", "file": "rounds.csv", "columns": columns, "ratings": ratings}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    data = load(str(tmp_path / "study.yaml"))
    assert data.ratings is not None
    found = with_levels(data.ratings, data.choices).known.sort_values(["player", "partner"])
    assert found["rank"].tolist() == found.outcome.tolist() == [True, True, False, False, True, False]


@pytest.mark.parametrize(
    ("rounds", "other", "expected"),
    [
        (["7", "007"], ["7.0", "007", "7"], ["7.0", "007", "7"]),
        (["12", "13"], ["1_2", "013", "12.50"], ["1_2", "13", "12.50"]),
        (["20231015123045001"], ["20231015123045002"], ["20231015123045002"]),
        (["ann", "01"], ["ann", "1.0", "1e0"], ["ann", "01", "1e0"]),
    ],
)
def test_only_the_form_of_numbers_may_differ(rounds: list[str], other: list[str], expected: list[str]) -> None:
    assert name_alike(pd.Series(other, dtype=object), rounds).tolist() == expected
