"""What the report of a comparison says: the numbers of the curves, and how they came about."""

import re
from dataclasses import replace
from html import unescape
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml
from comparing import ALIKE, TRUE, config

from accept_reject.experiments.compare import tables
from accept_reject.experiments.compare.results import Beside, frames, run
from accept_reject.experiments.compare.run_folder import write_run
from accept_reject.experiments.curves import AXES, CURVES
from accept_reject.experiments.data.load import Data


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "alike.yaml"
    path.write_text(yaml.safe_dump(ALIKE), encoding="utf-8")
    return path


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
        assert [row[0] for row in shown.rows] == ["people", *(player.name for player in beside.players)]
        for player, row in zip((beside.people, *beside.players), shown.rows, strict=True):
            curve = player.curves[by][name]
            rows = table[(table.player == player.name) & (table.curve == name) & (table.by == by)]
            assert rows.x.tolist() == beside.points[by].middle.tolist()
            assert rows.games.tolist() == (~np.isnan(curve.values)).sum(axis=0).tolist()
            for found, (mean, low, high) in zip(row[1:], rows[["mean", "low", "high"]].to_numpy(), strict=True):
                assert found == f"{mean:.0f} [{low:.0f}, {high:.0f}]"
            assert rows["mean"].tolist() == pytest.approx(np.nanmean(curve.values, axis=0))


def test_every_curve_has_a_figure_and_its_numbers(people: Path, beside: Beside, tmp_path: Path) -> None:
    write_run(config(people, agents=[TRUE, "random"]), [beside], tmp_path)
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    headings = re.findall("<h3>How often the (.*?)</h3>", report)
    asked, accepted = "more valuing partner was asked", "player was accepted"
    assert headings == [f"{what}, by {by}" for what in (asked, accepted) for by in ("round", "meeting")]
    assert report.count("<summary>The numbers</summary>") == 4
    assert report.count("whether they ask them or not") == 2


def methods(report: str) -> str:
    """The methods in a report, as one line of plain text."""
    found = re.search(r"<h2>Methods</h2>(.*?)<h2>", report, re.DOTALL)
    assert found
    return " ".join(unescape(re.sub("<[^>]+>", "", found.group(1))).split())


def test_methods_say_what_was_done_and_no_more(people: Path, beside: Beside, tmp_path: Path) -> None:
    full = config(people, agents=[TRUE, "random"], models=["bayes-hybrid"], folds=3, seed=0)
    write_run(full, [beside], tmp_path)
    told = methods((tmp_path / "report.html").read_text(encoding="utf-8"))
    for part in (
        "9 simulated participants (alike) played accept or reject (Babür et al., 2024).",
        "offered 2 of 8 partners",
        "from 1 to 8",
        "Ranks and acceptance were drawn independently of each other.",
        "The number of rounds was 60 each, 540 in all.",
        "played the participants' own episodes, with the same offers and the same luck.",
        "divided at random into 3 folds (seed 0)",
        "2 agents were taken as they come (true, random), but for lapses",
        "1 model was fitted (bayes-hybrid): the means and standard deviations of its parameters",
        "(Huys et al., 2011) from 3 starts",
        "mixture of 1,000 draws",
        "models drew parameters from the distribution fitted to all participants",
        "by Student's t for means and scores, by percentile bootstrap with 500 resamples for distances",
        "Neural responses to social rejection",
        "Disentangling the roles",
        "How much of reinforcement learning",
    ):
        assert part in told, part
    for part in ("missed", "not known", "other episodes", "can't foretell", "drifted", "newcomers", "From round"):
        assert part not in told, part

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
    write_run(config(people, agents=["random"], folds=5, seed=3), [poorer], tmp_path)
    told = methods((tmp_path / "report.html").read_text(encoding="utf-8"))
    for part in (
        "9 participants (alike) played",
        "Mean ranks drifted by a standard deviation of 0.5 a round.",
        "6 (1.1%) of them were missed and count for nothing.",
        "How much each partner valued them is not known",
        "all other players played 200 other episodes of the same game (seed 10003)",
        "divided at random into 5 folds (seed 3)",
        "1 agent was taken as it comes (random)",
        "random can't foretell these choices.",
    ):
        assert part in told, part
    for part in ("simulated", "same luck", "fitted (", "Huys", "draws from", "To play"):
        assert part not in told, part

    unplayed = replace(
        poorer, data=Data(choices, simulated=False, game_known=False), own_episodes=None, players=poorer.players[:1]
    )
    write_run(config(people, agents=[], models=["bayes-hybrid"]), [unplayed], tmp_path / "unplayed")
    told = methods((tmp_path / "unplayed" / "report.html").read_text(encoding="utf-8"))
    assert "the other players did not play, and were only asked how probable they find" in told
    assert "1 model was fitted (bayes-hybrid)" in told
    for part in ("Ranks and acceptance", "drifted", "taken as", "To play", "Scores are", "Collins", "Wald"):
        assert part not in told, part
