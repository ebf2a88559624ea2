"""The command line in the places where people run it: odd folders, terminals with few characters, full disks."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest
from command_line import accept_reject

from accept_reject.experiments import cli, files

TINY = ("benchmark", "benchmark", "scenarios=[orthogonal]", "agents=[random, thompson-rank]", "seeds=1", "episodes=1")
STUDY = ("simulate", "population_babur2024", "participants=2", "game={scenario: orthogonal, game: {rounds: 5}}")


def test_a_linked_folder_with_brackets_in_a_terminal_without_dashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets are markup for Rich, a link stays a link, and the missing insight of `random` is a dash elsewhere."""
    (tmp_path / "target").mkdir()
    (tmp_path / "link[").mkdir()
    (tmp_path / "link[/b]").symlink_to(tmp_path / "target")
    shown = io.TextIOWrapper(io.BytesIO(), encoding="cp437")
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setattr("sys.argv", ["accept-reject", *TINY, "--out", "link[/b]"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    shown.flush()
    lines = shown.buffer.getvalue().decode("cp437").splitlines()  # type: ignore[attr-defined]
    assert ["random", "?"] in [[cell.strip() for cell in line.split("|")[1:-1]][::3] for line in lines]
    report = lines[-1].removeprefix("Report: ")
    assert report.startswith("link[/b]/benchmark-")
    assert (tmp_path / report).is_file()
    assert (tmp_path / "link[/b]").is_symlink()


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp932"])
def test_lists_in_terminals_without_some_characters(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setattr("sys.argv", ["accept-reject", "agents"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((*TINY, "--out", "x" * 300), "File name too long"),
        ((*TINY, f"name={'x' * 300}"), "name: must be at most 100 letters, digits and characters of _.-"),
        (("check", "x" * 5000), "File name too long"),
        (("check", "a\0b"), "must be the folder of a BIDS data set"),
        (("fit", "fit_babur2024", f"data={'x' * 300}/y.yaml"), "File name too long"),
    ],
)
def test_names_that_the_file_system_refuses(arguments: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    done = accept_reject(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_leaves_the_old_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert accept_reject(*STUDY, cwd=tmp_path).returncode == 0
    before = contents(tmp_path)
    calls = iter(range(10**6))
    write: Any = files.write

    def full(path: Path, content: str | bytes) -> None:
        if next(calls) >= 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content)

    for module in ("files", "manifest", "data.bids"):
        monkeypatch.setattr(f"accept_reject.experiments.{module}.write", full)
    done = accept_reject(*STUDY, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith(": No space left on device\n")
    assert str(tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
