"""`accept-reject sweep`: which runs come of a config, and what becomes of those that ended, were cut short or fail."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from fitting import participants
from sweeping import command, files, finished, table, write_config

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.sweep.config import load_sweep
from accept_reject.experiments.sweep.run import Shard, run_sweep
from accept_reject.experiments.train.checkpoint import BEFORE, LAST
from accept_reject.experiments.train.run import CONFIG, SCALARS, load_train_config, start

GRID = {"network.hidden": [2, 3], "learning_rate": [0.01, 0.02]}

AGENTS = """
import os
from accept_reject.agents.baselines import RandomAgent

class Raises(RandomAgent):
    def policy(self, offered):
        return 1 / 0

class Dies(RandomAgent):
    def policy(self, offered):
        os._exit(9)
"""


def test_a_grid_with_seeds_is_every_combination(tmp_path: Path) -> None:
    path = write_config(tmp_path, sweep=GRID, seeds=[5, 7])
    sweep = load_sweep(str(path), ["updates=3"])
    assert [run.changes for run in sweep.runs] == [
        {"network.hidden": hidden, "learning_rate": rate, "seed": seed}
        for hidden in (2, 3)
        for rate in (0.01, 0.02)
        for seed in (5, 7)
    ]
    plain = write_config(tmp_path / "plain")
    expected = load_train_config(str(plain), ["updates=3", "network.hidden=3", "learning_rate=0.01", "seed=7"])
    assert sweep.runs[5].config == expected
    assert sweep.runs[5].config.folder == expected.folder  # where `train` would leave it
    assert len({run.config.folder for run in sweep.runs}) == 8


def test_a_list_is_itself_and_any_config_can_be_swept_over_from_the_command_line(tmp_path: Path) -> None:
    path = write_config(tmp_path, sweep=[{"updates": 3}, {"network.hidden": 5, "updates": 4}])
    assert [run.changes for run in load_sweep(str(path)).runs] == [{"updates": 3}, {"network.hidden": 5, "updates": 4}]
    assert len(load_sweep("sweep_size").runs) == 12
    runs = load_sweep("meta_orthogonal", ["seeds=3"]).runs
    assert [run.config.seed for run in runs] == [0, 1, 2]
    runs = load_sweep("recover_design", ["sweep={evidence: [laplace, quadrature]}", "models=[bayes-rank]"]).runs
    assert [(run.kind, run.config.evidence) for run in runs] == [("recover", "laplace"), ("recover", "quadrature")]


def test_seeds_of_a_benchmark_are_its_own() -> None:
    runs = load_sweep("benchmark", ["seeds=3", "sweep={episodes: [1, 2]}"]).runs
    assert [(run.config.seeds, run.config.episodes) for run in runs] == [(3, 1), (3, 2)]
    assert runs[0].config == load_config(BenchmarkConfig, "benchmark", ["seeds=3", "episodes=1"])


@pytest.mark.parametrize(
    ("keys", "faults"),
    [
        ({}, ["give sweep, a grid or a list of changes, or seeds"]),
        ({"kind": "population", "seeds": 2}, ["kind: 'population' can't be swept over (known: benchmark, fit,"]),
        ({"sweep": {"updates": 3, "seed": []}}, ["sweep.updates: should be a list of values", "sweep.seed: should be"]),
        ({"sweep": 3}, ["sweep: should be a list, but is 3"]),
        ({"sweep": [3]}, ["sweep.0: should be a valid dictionary"]),
        ({"sweep": {"seed": [1]}, "seeds": 2}, ["seeds: has no place with a sweep over seed"]),
        ({"seeds": [-1, True]}, ["seeds.0: should be greater", "seeds.1: should be a valid integer"]),
        ({"seeds": 2, "engine": "dsk", "jobs": 0}, ["engine: should be 'local' or 'dask'", "jobs: should be greater"]),
        ({"seeds": 2, "engine": "dask"}, ["engine: dask takes either a scheduler or slurm"]),
        ({"seeds": 2, "scheduler": "tcp://a:1"}, ["engine: should be dask for a scheduler or slurm"]),
        ({"seeds": 2, "engine": "dask", "scheduler": "tcp://a:1", "jobs": 2}, ["jobs: has no place with a scheduler"]),
        (
            {"seeds": 2, "engine": "dask", "slurm": {"processes": 2}},
            ["jobs: is required with slurm", "slurm.processes: has no place"],
        ),
        ({"seeds": [1, 1]}, ["seed=1: is the same as seed=1"]),
        ({"sweep": {"updtes": [3, 4]}}, ["updtes: unknown key; did you mean 'updates'?"]),
        (
            {"sweep": {"updates": [3, 0], "name.first": ["a"]}, "colour": "red"},
            ["'first' can't be set within 'tiny'"],
        ),
        (
            {"sweep": {"updates": [3, 0]}, "seeds": 2, "colour": "red"},
            ["colour: unknown key", "updates=0 seed=0: updates: should be greater than or equal to 1, but is 0"],
        ),
    ],
)
def test_faulty_sweeps_are_refused(keys: dict[str, Any], faults: list[str], tmp_path: Path) -> None:
    path = write_config(tmp_path, **keys)
    with pytest.raises(InvalidInputError) as caught:
        load_sweep(str(path), ["updates"])
    assert len(caught.value.faults) == len(faults) + 1, str(caught.value)
    for fault in ("updates: should be key.path=value", *faults):
        assert any(line.startswith(fault) for line in caught.value.faults), str(caught.value)


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "-1/2"])
def test_shards_that_are_none(shard: str) -> None:
    with pytest.raises(InvalidInputError, match="should be i/n, from 1/n to n/n"):
        Shard.parse(shard)


def test_each_run_is_what_train_leaves_and_is_not_done_again(tmp_path: Path) -> None:
    sweep = load_sweep(str(write_config(tmp_path, sweep=GRID, jobs=1)))
    out = tmp_path / "runs"
    assert run_sweep(sweep, out)
    assert len(finished(out)) == 4
    alone = start(sweep.runs[2].config, tmp_path / "alone")
    assert files(out / alone.name) == files(alone)
    found = table(out)
    assert list(found) == ["run", "network.hidden", "learning_rate", "status", "score", "value", "reason"]
    assert list(found.run) == [run.config.folder for run in sweep.runs]
    assert list(found["network.hidden"]) == [2, 2, 3, 3]
    assert set(found.status) == {"done"}
    assert set(found.score) == {"regret"}
    before = finished(out)
    assert run_sweep(load_sweep(str(tmp_path / "config.yaml"), ["sweep.updates=[6, 4]"]), out)  # four more
    assert before.items() <= finished(out).items()
    (grown,) = set(out.glob("*-sweep-*")) - {out / sweep.folder}
    assert (grown / "sweep.csv").read_text(encoding="utf-8").count("skipped") == 4
    assert len(finished(out)) == 8


def test_processes_resume_what_was_cut_short_and_tell_of_what_failed(tmp_path: Path) -> None:
    path, out = write_config(tmp_path, sweep=GRID, jobs=2), tmp_path / "runs"
    runs = load_sweep(str(path)).runs
    whole = start(runs[0].config, tmp_path / "whole")
    cut = out / whole.name
    cut.mkdir(parents=True)
    for name in (CONFIG, BEFORE):
        (cut / name).write_bytes((whole / name).read_bytes())
    unsound = out / runs[1].config.folder
    unsound.mkdir()
    (unsound / LAST).write_bytes(b"no checkpoint")
    (unsound / CONFIG).write_bytes((whole / CONFIG).read_bytes())
    done = subprocess.run(command(path, "--out", out), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "rounds/s" not in done.stdout  # no bars but the sweep's
    found = table(out)
    assert list(found.status) == ["resumed", "failed", "done", "done"]
    assert "is no sound checkpoint" in found.reason[1]
    assert f"Failed: {unsound.name} (network.hidden=2 learning_rate=0.02): {LAST}: is no sound" in done.stdout
    assert "is no sound checkpoint" in (out / load_sweep(str(path)).folder / "failures.txt").read_text("utf-8")
    assert files(cut) == files(whole)
    (unsound / LAST).unlink()
    assert run_sweep(load_sweep(str(path), ["jobs=1"]), out)
    assert list(table(out).status) == ["skipped", "done", "skipped", "skipped"]
    assert not list(out.glob("*/failures*"))


def test_a_run_that_breaks_or_kills_its_process_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(AGENTS, encoding="utf-8")
    agents = [["odd:Dies"], ["random"], ["odd:Raises"], ["thompson-rank"], ["win-stay-lose-shift"]]
    keys = {"scenarios": ["few-spots"], "seeds": 2, "episodes": 1, "agents": [], "sweep": {"agents": agents}, "jobs": 2}
    path, out = tmp_path / "config.yaml", tmp_path / "runs"
    path.write_text(str(keys), encoding="utf-8")
    done = subprocess.run(command(path, "--out", out), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    found = table(out)
    assert [status.replace("skipped", "done") for status in found.status] == [
        "failed",
        "done",
        "failed",
        "done",
        "done",
    ]
    assert found.reason[0] == "its process was killed or ran out of memory"
    assert found.reason[2] == "ZeroDivisionError: division by zero"
    assert "in policy" in next(out.glob("*/failures.txt")).read_text(encoding="utf-8")
    assert len(list(out.glob("benchmark-*/report.html"))) == 3


def test_shards_are_the_whole_between_them(tmp_path: Path) -> None:
    path, out = write_config(tmp_path, sweep=GRID, updates=1, seeds=2, jobs=1), tmp_path / "runs"
    sweep = load_sweep(str(path))
    left = []
    for shard in ("1/3", "2/3", "3/3"):
        before = len(finished(out))
        assert run_sweep(sweep, out, Shard.parse(shard))
        left.append(len(finished(out)) - before)
    assert left == [3, 3, 2]
    assert {path.name for path in finished(out)} == {run.config.folder for run in sweep.runs}
    names = {path.name for path in (out / sweep.folder).iterdir()}
    assert names == {"sweep.yaml", "sweep-1-of-3.csv", "sweep-2-of-3.csv", "sweep-3-of-3.csv"}
    assert run_sweep(sweep, out)
    assert set(table(out).status) == {"skipped"}


def test_fits_recoveries_and_imitations_can_be_swept_over(tmp_path: Path) -> None:
    """Each kind is found to have ended by the file that it writes last; data are seen from the config's folder."""
    write_dataset(participants(6, rounds=30), tmp_path / "people", "people", "the agent bayes-hybrid")
    of_kind: dict[str, dict[str, Any]] = {
        "fit": {"data": "people", "models": ["bayes-rank"], "starts": 1, "sweep": {"simulations": [0, 1]}},
        "recover": {
            "models": ["bayes-rank"],
            "rounds": [20],
            "participants": [4],
            "studies": 2,
            "starts": 1,
            "seeds": 2,
        },
        "imitation": {
            **{"name": "tiny", "population": "population_babur2024", "participants": 4, "validation": 2, "test": 2},
            **{"network": {"hidden": 2}, "models": [], "updates": 2, "evaluate_every": 1, "seeds": 1},
        },
    }
    for kind, keys in of_kind.items():
        path = tmp_path / f"{kind}.yaml"
        path.write_text(str({"kind": kind, "jobs": 1, **keys}), encoding="utf-8")
        for status in ("done", "skipped"):
            assert run_sweep(load_sweep(str(path)), tmp_path / kind)
            found = table(tmp_path / kind)
            assert set(found.status) == {status}
            assert set(found.score) == ({"held-out loss"} if kind == "imitation" else {""})
            last = SCALARS if kind == "imitation" else "report.html"
            assert all((tmp_path / kind / name / last).is_file() for name in found.run)


def test_bad_input_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    for arguments in (["none.yaml"], ["meta_orthogonal"], ["meta_orthogonal", "seeds=2", "--shard", "3/2"]):
        done = subprocess.run(command(*arguments), capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr
        assert not list(tmp_path.iterdir())
