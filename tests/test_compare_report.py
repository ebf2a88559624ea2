"""What the report of a comparison says: the numbers of the curves, and how they came about."""

import re
from dataclasses import replace
from html import unescape
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from comparing import TRUE, alike, config
from scipy import stats
from telling import told

from accept_reject.experiments.compare import tables
from accept_reject.experiments.compare.config import CompareConfig, PeopleEntry
from accept_reject.experiments.compare.methods import of_comparison
from accept_reject.experiments.compare.results import BEHIND, Beside, behind_the_best, frames, run
from accept_reject.experiments.compare.run_folder import write_run
from accept_reject.experiments.curves import AXES, CURVES
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.tables import DASH


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alike(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def beside(people: Path) -> Beside:
    (found,) = run(config(people, agents=[TRUE, "random"]))
    return found


def test_curves_in_the_table_in_the_report_and_in_the_csv_are_the_same(beside: Beside) -> None:
    table = frames([beside])["curves"]
    assert len(table) == sum(len(beside.points[by].middle) for by in AXES) * len(CURVES) * (len(beside.players) + 1)
    for by, name in product(AXES, CURVES):
        shown = tables.curve(beside, name, by)
        assert shown.header == (by, *beside.points[by].names)
        assert [row[0] for row in shown.rows] == ["people (simulated)", *(player.name for player in beside.players)]
        for player, row in zip((beside.people, *beside.players), shown.rows, strict=True):
            curve = player.curves[by][name]
            rows = table[(table.player == player.name) & (table.curve == name) & (table.by == by)]
            assert rows.x.tolist() == beside.points[by].middle.tolist()
            assert rows.games.tolist() == (~np.isnan(curve.values)).sum(axis=0).tolist()
            for found, (mean, low, high) in zip(row[1:], rows[["mean", "low", "high"]].to_numpy(), strict=True):
                assert found == f"{mean:.0f} [{low:.0f}, {high:.0f}]"
            assert rows["mean"].tolist() == pytest.approx(np.nanmean(curve.values, axis=0))


def test_how_far_players_are_behind_the_best(beside: Beside) -> None:
    """By plain paired t intervals; who has no loss under either of a pair, and players without losses, are left out."""
    rng = np.random.default_rng(0)
    hard = rng.normal(0.6, 0.1, 9)  # whoever is hard to foretell is so for all
    losses = {
        "near": hard + rng.normal(0.01, 0.005, 9),
        "best": hard.copy(),
        "blind": None,
        "far": hard + rng.normal(0.2, 0.1, 9),
    }
    for name, rows in (("near", [0, 1]), ("best", [0, 2])):
        losses[name][rows] = np.nan
    players = tuple(beside.players[0]._replace(name=name, loss=loss) for name, loss in losses.items())
    found = replace(beside, players=players)
    table = frames([found])["players"].set_index("player")[[f"{BEHIND}{end}" for end in ("", ", low", ", high")]]
    for name, both in (("near", slice(3, 9)), ("far", [1, *range(3, 9)])):
        pair = (losses[name][both], losses["best"][both])
        expected = (np.mean(pair[0] - pair[1]), *stats.ttest_rel(*pair).confidence_interval())
        assert table.loc[name].tolist() == pytest.approx(expected)
    assert table.loc[["people", "best", "blind"]].isna().all(axis=None)
    shown = {row[0]: row[2] for row in tables.players(found).rows}
    assert tables.players(found).header[2] == "behind the best"
    assert list(shown) == ["people (simulated)", "best", "near", "far", "blind"]
    assert [shown[name] for name in ("people (simulated)", "best", "blind")] == [DASH] * 3
    mean, low, high = table.loc["near"]
    assert shown["near"] == f"{mean:.4f} [{low:.4f}, {high:.4f}]"
    assert behind_the_best(replace(beside, players=players[2:3])) == {}


def test_every_curve_has_a_figure_and_its_numbers(people: Path, beside: Beside, tmp_path: Path) -> None:
    write_run(config(people, agents=[TRUE, "random"]), [beside], tmp_path)
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    headings = re.findall("<h3>How often the (.*?)</h3>", report)
    asked, accepted = "more valuing partner was asked", "player was accepted"
    assert headings == [f"{what}, by {by}" for what in (asked, accepted) for by in ("round", "meeting")]
    assert report.count("<summary>The numbers</summary>") == 4
    assert report.count("whether they ask them or not") == 2


def test_a_report_says_whose_choices_nobody_made(people: Path, beside: Beside, tmp_path: Path) -> None:
    real = replace(beside, entry=PeopleEntry(data="real"), data=beside.data._replace(simulated=False))
    texts = []
    for name, besides in (("all", [beside]), ("some", [beside, real]), ("none", [real])):
        write_run(config(people, agents=[TRUE, "random"]), besides, tmp_path / name)
        texts.append(" ".join((tmp_path / name / "report.html").read_text(encoding="utf-8").split()))
    alone, some, none = texts
    for text, said in (
        (alone, "All participants here are simulated."),
        (some, "The participants of alike are simulated."),
    ):
        assert text.count(said) == 2  # on top and at the bottom
        assert f"{said} Seed 0." in text
        for part in (
            "<p><strong>These participants are simulated.</strong></p>",
            "the simulated participants' own score",
            "Black: the simulated participants.",
            "Band: the simulated participants' 95% interval.",
            "Stay/switch effects beside simulated participants of alike",
            "beside simulated participants of alike: means over games",
            "<td>people (simulated)</td>",
        ):
            assert part in text, part
    for text in (some, none):
        for part in (
            "<h1>Humans and machines",
            "Black: the participants.",
            "beside participants of real: means over games",
            "<td>people</td>",
        ):
            assert part in text, part
    assert "<h1>Simulated participants and machines side by side</h1>" in alone
    assert "Black: the participants." not in alone
    assert "<td>people</td>" not in alone
    assert tables.players(beside).title == "Beside simulated participants of alike"
    assert tables.players(real).title == "Beside participants of real"
    assert "imulated" not in none.partition("<h2>Methods</h2>")[0]


def methods(config: CompareConfig, beside: Beside, folder: Path) -> str:
    """The methods in a report, as one line of plain text: those that were written, and the works that they cite."""
    write_run(config, [beside], folder)
    report = (folder / "report.html").read_text(encoding="utf-8")
    found = re.search(r"<h2>Methods</h2>(.*?)<h2>", report, re.DOTALL)
    assert found
    text = " ".join(unescape(re.sub("<[^>]+>", "", found.group(1))).split())
    assert text.startswith(told(of_comparison(config, [beside])))
    return text


def test_methods_say_what_was_done_and_no_more(people: Path, beside: Beside, tmp_path: Path) -> None:
    full = config(people, agents=[TRUE, "random"], models=["bayes-hybrid"], folds=3, seed=0)
    text = methods(full, beside, tmp_path)
    for part in (
        "No person made these choices: the participants are simulated. They are players of the agent bayes-hybrid,",
        "The data (alike) hold 540 choices of 9 simulated participants, from 60 rounds each.",
        "The task was a game of accept or reject (after Babür et al., 2024): in each of 60 rounds",
        "asked one of the 2 partners offered, of 8 in all",
        "from 1 (best) to 8",
        "and acceptance independently of them, with a probability of 0.8 or 0.2.",
        "played the participants' own episodes, with the same offers and the same luck.",
        "divided at random into 3 folds (seed 0)",
        "2 agents were taken as they come (true and random), but for lapses",
        "How far a player is behind the best, the one with the lowest mean loss, is the mean of the differences",
        "Fitted to participants was 1 model: bayes-hybrid. ",
        "this group was learned, beginning with the means and standard deviations given.",
        "(Huys et al., 2011): the participants' modes were looked for",
        "from the mean given above and 2 draws from that Normal distribution, the same for everyone",
        "no mean of the group moved by more than 0.001 of its standard deviation",
        "There were 1,000 iterations at most.",
        "mixture of 1,000 draws",
        "models drew parameters from the distribution fitted to all participants",
        "by Student's t for means and scores, by percentile bootstrap with 500 resamples for distances",
        "resampled in pairs",
        "Neural responses to social rejection",
        "Disentangling the roles",
        "How much of reinforcement learning",
    ):
        assert part in text, part
    for part in (
        *("missed", "not known", "other episodes", "can't foretell", "random walk", "newcomer", "From round"),
        *("no choice", "were fitted", "evidence"),
    ):
        assert part not in text, part

    choices = beside.data.choices
    missed = np.zeros(choices.choice.shape, bool)
    missed[0, :6] = True
    game = choices.game.model_copy(update={"drift": 0.5})
    choices = replace(
        choices, game=game, choice=np.where(missed, -1, choices.choice).astype(np.int8), valuation=None, acceptance=None
    )
    poorer = replace(
        beside,
        data=Data(choices, simulated=False, game_known=True),
        own_episodes=False,
        players=(beside.players[0], beside.players[1]._replace(loss=None)),
    )
    text = methods(config(people, agents=["random"], folds=5, seed=3), poorer, tmp_path)
    for part in (
        "The data (alike) hold 534 choices of 9 participants, from 60 rounds each.",
        "Mean ranks made a random walk with a standard deviation of 0.5 a round, between 1 and 8.",
        "6 rounds (1.1%) were missed and count for nothing.",
        "How much each partner valued them is not known",
        "all other players played 200 other episodes of the same game (seed 10003)",
        "divided at random into 5 folds (seed 3)",
        "1 agent was taken as it comes (random)",
        "random can't foretell these choices.",
    ):
        assert part in text, part
    for part in ("simulated", "same luck", "Fitted", "Huys", "draws from", "To play", "in pairs"):
        assert part not in text, part

    silent = replace(choices, choice=np.where(np.arange(9)[:, None] < 2, -1, choices.choice).astype(np.int8))
    unplayed = replace(
        poorer, data=Data(silent, simulated=False, game_known=False), own_episodes=None, players=poorer.players[:1]
    )
    text = methods(config(people, agents=[], models=["bayes-hybrid"]), unplayed, tmp_path / "unplayed")
    for part in (
        "In each round a participant chose one of the 2 options (partners) offered, of 8 in all",
        "120 rounds (22.2%) were missed and count for nothing.",
        "2 participants made no choice at all, so that their loss is not defined.",
        "the other players did not play, and were only asked how probable they find",
        "Fitted to participants was 1 model: bayes-hybrid.",
        "Intervals are 95% intervals over participants, by Student's t.",
    ):
        assert part in text, part
    for part in (
        "acceptance independently",
        "random walk",
        "taken as",
        "behind",
        "To play",
        "Scores are",
        "Collins",
        "Wald",
    ):
        assert part not in text, part


def test_methods_of_several_data_sets_and_models(people: Path, beside: Beside) -> None:
    both = config(people, agents=[], models=["bayes-hybrid", "delta-rank"])
    text = told(of_comparison(both, [beside, replace(beside, own_episodes=None)]))
    assert text.count("The data (alike) hold 540 choices") == 2
    assert "Fitted to participants were 2 models: bayes-hybrid and delta-rank." in text
    assert "To play, models drew" in text
