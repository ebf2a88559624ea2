"""Imports: the config that is written for a table, and what is asked."""

from pathlib import Path

import numpy as np
import pytest
from exports import EXPORTS, plainly_read, rounds
from on_disk import equal, problems_of

from accept_reject.errors import InvalidInputError
from accept_reject.experiments.data.import_table import import_table
from accept_reject.experiments.data.load import load

UNGUESSABLE = {
    "bids_events": "which rows are offers is up to the person: all have an offer",
    "other_delimiter": "not a usual delimiter",
}
"""Exports whose configs a person must complete."""


@pytest.mark.parametrize("name", [name for name in EXPORTS if name not in UNGUESSABLE])
def test_an_export_is_imported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config that `import` writes reads it as a config by hand does."""
    expected, changes = plainly_read(tmp_path), EXPORTS[name](tmp_path, rounds())
    monkeypatch.chdir(tmp_path)
    imported = import_table(changes.get("file", "table.csv"), Path("guess.yaml"))
    assert imported.problems == ()
    choices = load("guess.yaml").choices
    assert equal(choices, expected)
    np.testing.assert_allclose(choices.response_time, expected.response_time)


def test_what_import_is_unsure_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A German export with semicolons and decimal commas; what it can't know, it asks."""
    monkeypatch.chdir(tmp_path)
    words = ("rechts", "links"), ("kreuz", "kreis")
    rows = [
        f"VP{who};{day};{trial};{words[0][(trial + who) % 2]};{words[1][trial % 3 > 0]};0,{trial}5"
        for who in (1, 2)
        for day in (1, 2)
        for trial in range(1, 5)
    ]
    (tmp_path / "export.csv").write_text(
        "\n".join(["Versuchsperson;Sitzung;Durchgang;Wahl;Ergebnis;RT_s", *rows, ""]), "cp1252"
    )
    imported = import_table("export.csv", None)
    assert imported.problems == ()
    assert imported.found.unsure == [
        "offered: are links and rechts on offer in each round?",
        "accepted: does kreis mean accepted, and kreuz rejected?",
    ]
    lines = (tmp_path / "export.yaml").read_text().splitlines()
    assert "# Please check: offered: are links and rechts on offer in each round?" in lines
    assert "decimal: ','" in lines
    data = load("export.yaml")
    assert data.choices.choice.shape == (2, 8)
    assert data.choices.game.n_partners == 4
    assert data.choices.response_time is not None
    assert data.choices.response_time[0, 1] == 0.25
    with pytest.raises(InvalidInputError, match="exists; give another name with --out"):
        import_table("export.csv", None)


def test_points_conditions_and_onsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{who},{n},{'xyz'[n % 3]},{'yzx'[n % 3]},{'xyzyzx'[(3 * (n % 2)) + n % 3]},{5 * n - 20},{'ab'[n > 4]},"
        f"{4000 * n},{4000 * n + 2500}"
        for who in (1, 2)
        for n in range(1, 9)
    ]
    header = "subject,trial,left,right,choice,points,condition,stim_onset,feedback_onset"
    (tmp_path / "table.csv").write_text("\n".join([header, *rows, ""]))
    imported = import_table("table.csv", None)
    assert imported.problems == ()
    assert imported.found.unsure == ["reward: are -15 and 20 the worst and the best that points can be?"]
    data = load("table.yaml", ["unit=ms"])
    assert data.choices.reward is not None and data.rounds is not None
    np.testing.assert_allclose(data.choices.reward[1], np.arange(8) / 7)
    assert data.rounds.iloc[4].tolist() == ["1", 5, "b", 20.0, 22.5]


def test_what_import_does_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("city,temperature\nRome,21.5\nOslo,7.25\nRome,22.5\n")
    imported = import_table("other.csv", None)
    assert [each.partition(":")[0] for each in imported.problems] == [
        "participant",
        "choice",
        "offered",
        "accepted",
        "any rounds",
    ]
    assert "# Not found: choice: add `choice: COLUMN` under `columns`" in (tmp_path / "other.yaml").read_text()
    assert any("columns.participant: is required" in line for line in problems_of("other.yaml"))


def test_names_and_outcomes_that_look_like_missing_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{who},{n},x,y,{'xy'[n % 2]},{('none', 'reward')[n // 2 % 2]}" for who in (998, 999) for n in range(1, 9)]
    (tmp_path / "table.csv").write_text("\n".join(["id,trial,left,right,choice,outcome", *rows, ""]))
    assert import_table("table.csv", None).problems == ()
    choices = load("table.yaml").choices
    assert choices.ids == ("998", "999")
    assert choices.accepted[0].tolist() == [False, True, True, False, False, True, True, False]
