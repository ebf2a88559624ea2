"""Every recipe of the cookbook reads the table that stands above it."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from accept_reject.envs.rendering import plural
from accept_reject.experiments.data.load import load

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "cookbook.md"
RECIPES = {part.partition("\n")[0]: part for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]}


def write(folder: Path, name: str, text: str, options: dict[str, str]) -> None:
    """Write a table of the page in its format."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".xlsx", ".dta"):
        header, *rows = csv.reader(io.StringIO(text))
        frame = pd.DataFrame(rows, columns=header).apply(pd.to_numeric, errors="coerce")
        frame = frame.where(frame.notna().all(), pd.DataFrame(rows, columns=header))
        if path.suffix == ".dta":
            frame.to_stata(path, write_index=False)
            return
        with pd.ExcelWriter(path) as book:
            pd.DataFrame({"notes": ["the first sheet"]}).to_excel(book, sheet_name="about", index=False)
            frame.to_excel(book, sheet_name=options["sheet"], index=False)
        return
    path.write_text(text, encoding=options.get("encoding", "utf-8"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_reads_its_table(recipe: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```(\w+)(.*?)\n(.*?)^```$", RECIPES[recipe], re.DOTALL | re.MULTILINE)
    *tables, (kind, _, config) = blocks
    assert kind == "yaml" and tables
    for _, options, text in tables:
        given = dict(re.findall(r'(\w+)="(.*?)"', options))
        write(tmp_path, given.pop("title"), text, given)
    (tmp_path / "map.yaml").write_text(config, encoding="utf-8")
    data = load(str(tmp_path / "map.yaml"))
    choices = data.choices
    recorded = choices.choice.shape[1] if choices.recorded is None else int(choices.recorded.max())
    counted = f"# {plural(len(choices), 'participant')}, {plural(recorded, 'round')}, {choices.missed.sum()} missed"
    assert config.splitlines()[0] == counted
    if "ratings:" in config:
        assert data.ratings is not None and len(data.ratings) == 4
        assert data.participants is not None and data.participants.columns.tolist() == ["group", "loneliness"]


def test_there_are_recipes_for_common_exports() -> None:
    assert len(RECIPES) >= 10
