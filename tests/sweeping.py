"""Shared code of the tests of sweeps."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from accept_reject.experiments.manifest import MANIFEST

TINY: dict[str, Any] = {
    "kind": "meta",
    "name": "tiny",
    "scenarios": [{"scenario": "orthogonal", "game": {"rounds": 24}}],
    "reward": {"acceptance": 1},
    "network": {"hidden": 2},
    "updates": 6,
    "episodes": 4,
    "evaluate_every": 2,
    "evaluation_episodes": 4,
}


def write_config(folder: Path, **keys: Any) -> Path:
    """Write a config with the keys of a sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**TINY, **keys}, sort_keys=False), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "accept_reject.experiments.cli", "sweep", *map(str, arguments)]


def table(out: Path) -> pd.DataFrame:
    """The table of a sweep."""
    (path,) = out.glob("*-sweep-*/sweep.csv")
    return pd.read_csv(path, keep_default_na=False)


def files(out: Path) -> dict[str, bytes]:
    """The results of runs, without TensorBoard's files, which hold the time, checkpoints and temporary files."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
        and "tensorboard" not in path.parts
        and not any(re.match(r"\.|checkpoint", part) for part in path.relative_to(out).parts)
    }


def finished(out: Path) -> dict[Path, int]:
    """The finished runs, each with the time at which it finished."""
    return {path.parent: path.stat().st_mtime_ns for path in out.glob(f"[!.]*/{MANIFEST}")}


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
