"""Properties of participants and labels of rounds, from the table of rounds or from another one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.data.describe import describe
from accept_reject.experiments.data.load import Data, load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.participants import design_of

HEADER = "id,trial,left,right,asked,won,group,age,stress,t0,t1"
ROUNDS = [HEADER] + [
    f"{who},{t},x,y,{'xy'[t % 2]},{t // 2 % 2},{'ctl' if who % 2 else 'pat'},{20 + who},{'low' if t < 3 else 'high'},"
    f"{4000 * t},{4000 * t + 1500}"
    for who in (3, 1, 2, 4)
    for t in range(1, 5)
]
COLUMNS = {"participant": "id", "round": "trial", "offered": ["left", "right"], "choice": "asked", "accepted": "won"}


def read(folder: Path, columns: dict[str, Any], other: list[str] | None = None, **settings: Any) -> Data:
    (folder / "rounds.csv").write_text("\n".join([*ROUNDS, ""]), encoding="utf-8")
    content: dict[str, Any] = {"kind": "data", "file": "rounds.csv", "columns": COLUMNS | columns} | settings
    if other is not None:
        (folder / "people.csv").write_text("\n".join([*other, ""]), encoding="cp1252")
        content["participants"] = {"file": "people.csv", "participant": "Nr", "encoding": "cp1252", "decimal": ","}
    (folder / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load(str(folder / "study.yaml"))


OTHER = ["Nr;Ängstlichkeit;Gruppe", "1.0;2,5;a", "2.0;-1,25;b", "4.0;3,0;a", "9.0;1,5;b", "3.0;0,5;b"]


def test_properties_are_in_the_rounds_or_in_another_table(tmp_path: Path) -> None:
    data = read(tmp_path, {"properties": ["group", "age"]}, OTHER)
    table = data.participants
    assert table is not None
    assert table.index.tolist() == ["3", "1", "2", "4"] == list(data.choices.names())
    assert table.columns.tolist() == ["group", "age", "Ängstlichkeit", "Gruppe"]
    assert table.loc["3"].tolist() == ["ctl", "23", "0.5", "b"]
    assert "only in the table of participants: 9" in " ".join(data.notes)
    assert dict(describe(data))["properties"] == "group, age, Ängstlichkeit, Gruppe"
    models = {"models": ("bayes-hybrid",), "method": "hierarchical"}
    config = FitConfig.model_validate({"data": "x", "groups": "Gruppe", "covariates": ["age"], **models})
    assert design_of(config, data).groups == ("a", "b")


def test_who_is_missing_in_the_other_table_has_no_properties(tmp_path: Path) -> None:
    data = read(tmp_path, {}, OTHER[:3])
    assert data.participants is not None
    assert data.participants.Gruppe.tolist() == [None, "a", "b", None]
    assert "not in the table of participants: 3, 4" in " ".join(data.notes)
    models = {"models": ("bayes-hybrid",), "method": "hierarchical"}
    config = FitConfig.model_validate({"data": "x", "groups": "Gruppe", **models})
    with pytest.raises(InvalidInputError, match="groups: 'Gruppe' has no value for 3, 4; leave them out"):
        design_of(config, data)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (["Nr;a", "1;2", "1;3"], "people.csv, row 3, column Nr: must be unique, got '1' again"),
        (["Nr;a", ";2", "2;3"], "people.csv, row 2, column Nr: is required"),
        (["Nummer;a", "1;2"], "people.csv, row 1, column Nr: is required in the header, got Nummer, a"),
        (["Nr;group", "1;2"], "people.csv: must not be in columns.properties, too: group"),
    ],
)
def test_problems_of_the_other_table(other: list[str], problem: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as error:
        read(tmp_path, {"properties": ["group"]}, other)
    assert problem in str(error.value)


def test_a_property_is_the_same_in_all_rounds(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="column stress: must be the same in all rows of '3', got 'high' after"):
        read(tmp_path, {"properties": ["stress"]})


def test_conditions_and_onsets_of_rounds(tmp_path: Path) -> None:
    data = read(tmp_path, {"condition": "stress", "onset": "t0", "feedback_onset": "t1"}, unit="ms")
    assert data.rounds is not None
    assert data.rounds.iloc[:4].to_numpy().tolist() == [
        ["3", 1, "low", 4.0, 5.5],
        ["3", 2, "low", 8.0, 9.5],
        ["3", 3, "high", 12.0, 13.5],
        ["3", 4, "high", 16.0, 17.5],
    ]
    shown = dict(describe(data))
    assert shown["conditions"] == "low (8 rounds), high (8 rounds)" and shown["onsets"] == "4.0 to 16.0 s"


def test_excluded_participants(tmp_path: Path) -> None:
    data = read(tmp_path, {}, OTHER[:3], exclude=[3, "4"])
    assert data.choices.names() == ("1", "2")
    assert data.participants is not None and data.participants.Gruppe.tolist() == ["a", "b"]
    assert "left out by `exclude`: 3, 4" in data.notes
    with pytest.raises(InvalidInputError, match=r"exclude: must be participants \(3, 1, 2, 4, \.\.\.\), got 7"):
        read(tmp_path, {}, exclude=7)
    with pytest.raises(InvalidInputError, match="exclude: must not name all participants"):
        read(tmp_path, {}, exclude=[1, 2, 3, 4])


def test_another_table_is_written_like_that_of_the_rounds(tmp_path: Path) -> None:
    """Its decimal separator and missing cells, unless it has its own."""
    rounds = [row.replace(",", ";") for row in ROUNDS]
    (tmp_path / "rounds.csv").write_text("\n".join([*rounds, ""]), encoding="utf-8")
    (tmp_path / "people.csv").write_text(
        "\n".join(["Nr;score", "1;1,5", "2;-9", "3;2,0", "4;0,5", ""]), encoding="utf-8"
    )
    content = {"kind": "data", "file": "rounds.csv", "columns": COLUMNS, "decimal": ",", "missing": ["", -9]}
    for own, expected in (({}, ["2.0", "1.5", None, "0.5"]), ({"missing": ""}, ["2.0", "1.5", "-9", "0.5"])):
        content["participants"] = {"file": "people.csv", "participant": "Nr"} | own
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        table = load(str(tmp_path / "study.yaml")).participants
        assert table is not None and table.score.tolist() == expected
