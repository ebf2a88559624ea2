"""What the report of a comparison says: the numbers of the curves."""

import re
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
