"""The runner: what every experiment leaves, when a run counts as finished, and what a rerun replaces."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from accept_reject import __version__
from accept_reject.errors import Spec
from accept_reject.experiments import manifest, runner
from accept_reject.experiments.folders import finish_replacement, replace_folder
from accept_reject.experiments.manifest import MANIFEST, is_finished
from accept_reject.experiments.reporting.progress import OnProgress
from accept_reject.experiments.runner import Artifacts, Experiment, run_experiment

pytestmark = pytest.mark.usefixtures("all_kinds")


class CountConfig(Spec):
    """A config for these tests."""

    name: str = "count"
    kind: str = "count"
    n: int = 3
    extra: bool = False


class Count(Experiment[CountConfig, None, list[int]]):
    """Counts."""

    kind = "count"
    config_type = CountConfig
    data = ""

    @property
    def fingerprint(self) -> str:
        return self.data

    def run(self, folder: Path, on_progress: OnProgress) -> list[int]:
        on_progress("count", 1.0)
        return list(range(self.config.n))

    def artifacts(self, results: list[int]) -> Artifacts:
        frames = {"numbers": pd.DataFrame({"n": results})}
        if self.config.extra:
            frames["more"] = frames["numbers"]
        return Artifacts(
            title="Count",
            answer=("There are 3.",),
            frames=frames,
            figures={"plot": Figure()},
            key_figure="plot",
            context={},
            files={"notes.md": "# Notes\n"},
        )


@pytest.fixture(autouse=True)
def plain_report(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(runner, "render", lambda template, **context: f"{template} {context['answer']}")
    yield


def quiet(experiment: Count, parent: Path, folder: Path | None = None) -> Path:
    return run_experiment(experiment, parent, Console(file=io.StringIO()), folder)


def test_the_folder_is_named_by_config_inputs_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {Count(CountConfig()).folder_name, Count(CountConfig(n=4)).folder_name}
    other = Count(CountConfig())
    other.data = "others"
    names.add(other.folder_name)
    monkeypatch.setattr(runner, "__version__", "99.0")
    names.add(Count(CountConfig()).folder_name)
    assert len(names) == 4
    assert all(name.startswith("count-") for name in names)


def test_everything_is_written_and_listed_in_the_manifest(tmp_path: Path) -> None:
    folder = quiet(Count(CountConfig()), tmp_path)
    names = {path.name for path in folder.iterdir()}
    own = {"config.yaml", "notes.md", "numbers.csv", "plot.pdf", "plot.png", "plot.svg", "report.html"}
    assert names == own | {MANIFEST}
    content = json.loads((folder / MANIFEST).read_text())
    assert set(content["files"]) == own
    assert content["version"] == __version__
    assert is_finished(folder)
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, ".locks"}
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    quiet(Count(CountConfig()), tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.parametrize("damage", ["truncated", "missing", "older", "no manifest", "not JSON"])
def test_a_damaged_or_older_run_is_not_finished(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = quiet(Count(CountConfig()), tmp_path)
    if damage == "truncated":
        (folder / "numbers.csv").write_text("n\n0\n")
    elif damage == "missing":
        (folder / "plot.svg").unlink()
    elif damage == "older":
        monkeypatch.setattr(manifest, "__version__", "99.0")
    elif damage == "no manifest":
        (folder / MANIFEST).unlink()
    else:
        (folder / MANIFEST).write_text("[")
    assert not is_finished(folder)


def test_a_rerun_leaves_no_stale_file_but_keeps_foreign_ones(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    quiet(Count(CountConfig(extra=True)), tmp_path, folder)
    assert (folder / "more.csv").exists()
    (folder / "my").mkdir()
    (folder / "my" / "notes.txt").write_text("mine")
    quiet(Count(CountConfig()), tmp_path, folder)
    assert not (folder / "more.csv").exists()
    assert (folder / "my" / "notes.txt").read_text() == "mine"
    assert is_finished(folder)


def test_a_failed_write_leaves_the_old_folder_as_it_was(tmp_path: Path) -> None:
    folder = quiet(Count(CountConfig()), tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RuntimeError, match="disk"), replace_folder(folder) as new:
        (new / "numbers.csv").write_text("half")
        raise RuntimeError("disk full")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, ".locks"}


def test_what_an_interrupted_write_left_does_not_disturb(tmp_path: Path) -> None:
    folder = quiet(Count(CountConfig()), tmp_path)
    new = tmp_path / f".{folder.name}.accept-reject-new"
    new.mkdir()
    (new / "half.csv").write_text("half")
    assert quiet(Count(CountConfig()), tmp_path) == folder
    assert not (folder / "half.csv").exists()
    assert is_finished(folder)
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, ".locks"}


@pytest.mark.parametrize("survivor", ["new", "old"])
def test_a_replacement_interrupted_between_its_renames_is_finished(tmp_path: Path, survivor: str) -> None:
    """The folder is gone then. What takes its place is the new one, or the old one if the new one is gone too."""
    folder = quiet(Count(CountConfig()), tmp_path)
    old, new = (tmp_path / f".{folder.name}.accept-reject-{suffix}" for suffix in ("old", "new"))
    if survivor == "new":
        shutil.copytree(folder, new)
    (folder / "notes.txt").write_text("only in the old one")
    folder.rename(old)
    finish_replacement(folder)
    assert is_finished(folder)
    assert (folder / "notes.txt").exists() == (survivor == "old")
    assert quiet(Count(CountConfig()), tmp_path) == folder
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, ".locks"}
