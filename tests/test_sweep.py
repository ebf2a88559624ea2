"""`accept-reject sweep`: the runs of a config, and what happens to finished, interrupted, damaged and failing ones."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import accept_reject
from fitting import participants
from sweeping import command, files, finished, table, write_config

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.manifest import MANIFEST, is_finished
from accept_reject.experiments.reporting.progress import silent
from accept_reject.experiments.sweep.config import Sweep, load_sweep
from accept_reject.experiments.sweep.kinds import EXPERIMENTS, make_experiment
from accept_reject.experiments.sweep.run import Shard, run_sweep
from accept_reject.experiments.train.checkpoint import BEFORE, LAST
from accept_reject.experiments.train.experiment import load_training, make_training, start
from accept_reject.experiments.train.run import CONFIG

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


def folders(sweep: Sweep) -> list[str]:
    """The names of the runs' folders."""
    return [make_experiment(run.config).folder_name for run in sweep.runs]


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
    expected = load_training(str(plain), ["updates=3", "network.hidden=3", "learning_rate=0.01", "seed=7"])
    assert sweep.runs[5].config == expected
    assert folders(sweep)[5] == make_training(expected).folder_name  # where `train` would put it
    assert len(set(folders(sweep))) == 8


def test_lists_of_changes_and_sweeps_from_the_command_line(tmp_path: Path) -> None:
    path = write_config(tmp_path, sweep=[{"updates": 3}, {"network.hidden": 5, "updates": 4}])
    assert [run.changes for run in load_sweep(str(path)).runs] == [{"updates": 3}, {"network.hidden": 5, "updates": 4}]
    assert len(load_sweep("sweep_size").runs) == 12
    runs = load_sweep("meta_orthogonal", ["seeds=3"]).runs
    assert [run.config.seed for run in runs] == [0, 1, 2]
    runs = load_sweep("recover_design", ["sweep={evidence: [laplace, quadrature]}", "models=[bayes-rank]"]).runs
    assert [(run.config.kind, run.config.evidence) for run in runs] == [
        ("recover", "laplace"),
        ("recover", "quadrature"),
    ]


def test_seeds_of_a_benchmark_are_its_own() -> None:
    runs = load_sweep("benchmark", ["seeds=3", "sweep={episodes: [1, 2]}"]).runs
    assert [(run.config.seeds, run.config.episodes) for run in runs] == [(3, 1), (3, 2)]
    assert runs[0].config == load_config(BenchmarkConfig, "benchmark", ["seeds=3", "episodes=1"])


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ({}, ["must set `sweep` or `seeds`"]),
        (
            {"kind": "population", "seeds": 2},
            ["kind: must be 'benchmark' or 'compare' or 'fit'"],
        ),
        ({"kind": None, "seeds": 2}, ["kind: is required"]),
        ({"sweep": {"updates": 3, "seed": []}}, ["sweep.updates: must be a list of values, got 3", "sweep.seed: must"]),
        ({"sweep": 3}, ["sweep: must be a list, got 3"]),
        ({"sweep": [3]}, ["sweep.0: must be a mapping, got 3"]),
        ({"sweep": {"seed": [1]}, "seeds": 2}, ["seeds: can't be combined with a sweep over seed"]),
        ({"seeds": [-1, True]}, ["seeds.0: must be an integer >= 0, got -1", "seeds.1: must be an integer, got True"]),
        ({"seeds": 2, "engine": "dsk", "jobs": 0}, ["engine: must be one of 'local', 'dask'", "jobs: must be an"]),
        ({"seeds": 2, "engine": "dask"}, ["engine: dask requires exactly one of scheduler and slurm"]),
        ({"seeds": 2, "scheduler": "tcp://a:1"}, ["engine: must be dask with a scheduler or slurm, got local"]),
        (
            {"seeds": 2, "engine": "dask", "scheduler": "tcp://a:1", "jobs": 2},
            ["jobs: can't be combined with a scheduler"],
        ),
        (
            {"seeds": 2, "engine": "dask", "slurm": {"processes": 2}},
            ["jobs: is required with slurm", "slurm.processes: can't be set"],
        ),
        ({"seeds": [1, 1]}, ["seed=1: must be unique, got the same config as seed=1"]),
        ({"sweep": {"updtes": [3, 4]}}, ["unknown key 'updtes'; did you mean 'updates'?"]),
        (
            {"sweep": {"updates": [3, 0], "name.first": ["a"]}, "color": "red"},
            ["can't set 'first'"],
        ),
        (
            {"sweep": {"updates": [3, 0]}, "seeds": 2, "color": "red"},
            ["unknown key 'color'", "updates=0 seed=0: updates: must be an integer >= 1, got 0"],
        ),
    ],
)
def test_invalid_sweeps(keys: dict[str, Any], problems: list[str], tmp_path: Path) -> None:
    path = write_config(tmp_path, **keys)
    with pytest.raises(InvalidInputError) as caught:
        load_sweep(str(path), ["updates"])
    assert len(caught.value.problems) == len(problems) + 1, str(caught.value)
    for problem in ("updates: must be key.path=value", *problems):
        assert any(line.startswith(problem) for line in caught.value.problems), str(caught.value)


def test_a_config_must_be_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("[3]", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="must be a mapping"):
        load_sweep(str(tmp_path / "config.yaml"))


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "-1/2"])
def test_invalid_shards(shard: str) -> None:
    with pytest.raises(InvalidInputError, match="must be i/n, from 1/n to n/n"):
        Shard.parse(shard)


@pytest.mark.slow
def test_each_run_is_what_train_leaves_and_is_not_repeated(tmp_path: Path) -> None:
    sweep = load_sweep(str(write_config(tmp_path, sweep=GRID, jobs=1)))
    out = tmp_path / "runs"
    assert run_sweep(sweep, out)
    assert len(finished(out)) == 4
    alone = start(sweep.runs[2].config, tmp_path / "alone")
    assert files(out / alone.name) == files(alone)
    found = table(out)
    assert list(found) == ["run", "network.hidden", "learning_rate", "status", "score", "value", "reason"]
    assert list(found.run) == folders(sweep)
    assert list(found["network.hidden"]) == [2, 2, 3, 3]
    assert set(found.status) == {"done"}
    assert set(found.score) == {"regret"}
    before = finished(out)
    assert run_sweep(load_sweep(str(tmp_path / "config.yaml"), ["sweep.updates=[6, 4]"]), out)  # four more
    assert before.items() <= finished(out).items()
    (grown,) = set(out.glob("*-sweep-*")) - {out / sweep.folder}
    assert (grown / "sweep.csv").read_text(encoding="utf-8").count("skipped") == 4
    assert len(finished(out)) == 8


@pytest.mark.usefixtures("all_kinds")
@pytest.mark.slow
def test_processes_resume_interrupted_runs_and_report_failures(tmp_path: Path) -> None:
    path, out = write_config(tmp_path, sweep=GRID, jobs=2), tmp_path / "runs"
    runs = load_sweep(str(path)).runs
    whole = start(runs[0].config, tmp_path / "whole")
    interrupted, cut = tmp_path / "interrupted", out / whole.name
    make_training(runs[0].config).run(interrupted, silent)
    cut.mkdir(parents=True)
    for name in (CONFIG, BEFORE):
        (cut / name).write_bytes((interrupted / name).read_bytes())
    invalid = out / folders(load_sweep(str(path)))[1]
    invalid.mkdir()
    (invalid / LAST).write_bytes(b"no checkpoint")
    (invalid / CONFIG).write_bytes((interrupted / CONFIG).read_bytes())
    done = subprocess.run(command(path, "--out", out), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "rounds/s" not in done.stdout  # only the sweep's own progress bar
    found = table(out)
    assert list(found.status) == ["resumed", "failed", "done", "done"]
    assert "is not a valid checkpoint" in found.reason[1]
    assert f"Failed: {invalid.name} (network.hidden=2 learning_rate=0.02): {LAST}: is not a valid" in done.stdout
    assert "is not a valid checkpoint" in (out / load_sweep(str(path)).folder / "failures.txt").read_text("utf-8")
    assert files(cut) == files(whole)
    (invalid / LAST).unlink()
    assert run_sweep(load_sweep(str(path), ["jobs=1"]), out)
    assert list(table(out).status) == ["skipped", "done", "skipped", "skipped"]
    assert not list(out.glob("*/failures*"))


@pytest.mark.slow
def test_a_run_that_breaks_or_kills_its_process_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(AGENTS, encoding="utf-8")
    agents = [["odd:Dies"], ["random"], ["odd:Raises"], ["thompson-rank"], ["win-stay-lose-shift"]]
    keys = {"kind": "benchmark", "scenarios": ["few-spots"], "seeds": 2, "episodes": 1, "jobs": 2}
    keys |= {"agents": [], "sweep": {"agents": agents}}
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
    assert "Raises.policy in round 1: ZeroDivisionError: division by zero (odd.py, line" in found.reason[2]
    assert "in policy" in next(out.glob("*/failures.txt")).read_text(encoding="utf-8")
    assert len(list(out.glob("benchmark-*/report.html"))) == 3


@pytest.mark.slow
def test_shards_together_are_the_whole(tmp_path: Path) -> None:
    path, out = write_config(tmp_path, sweep=GRID, updates=1, seeds=2, jobs=1), tmp_path / "runs"
    sweep = load_sweep(str(path))
    left = []
    for shard in ("1/3", "2/3", "3/3"):
        before = len(finished(out))
        assert run_sweep(sweep, out, Shard.parse(shard))
        left.append(len(finished(out)) - before)
    assert left == [3, 3, 2]
    assert {path.name for path in finished(out)} == set(folders(sweep))
    names = {path.name for path in (out / sweep.folder).iterdir()}
    assert names == {"sweep.yaml", "sweep-1-of-3.csv", "sweep-2-of-3.csv", "sweep-3-of-3.csv"}
    assert run_sweep(sweep, out)
    assert set(table(out).status) == {"skipped"}


def test_every_kind_of_experiment_can_be_swept() -> None:
    assert [each.kind for each in EXPERIMENTS] == ["benchmark", "compare", "fit", "imitation", "meta", "recover"]
    sweep = load_sweep("compare_babur2024", ["sweep={folds: [2, 3]}"])
    assert [(run.config.kind, run.config.folds) for run in sweep.runs] == [("compare", 2), ("compare", 3)]


SMALL: dict[str, dict[str, Any]] = {
    "fit": {"data": "people", "models": ["bayes-rank"], "starts": 1, "sweep": {"simulations": [0, 1]}},
    "recover": {
        **{"models": ["bayes-rank"], "rounds": [20], "participants": [4], "studies": 2},
        **{"starts": 1, "seeds": 2},
    },
    "imitation": {
        **{"name": "tiny", "population": "population_babur2024", "participants": 4, "validation": 2, "test": 2},
        **{"network": {"hidden": 2}, "models": [], "updates": 2, "evaluate_every": 1, "seeds": 1},
    },
    "compare": {
        **{"participants": ["people"], "agents": ["random", "win-stay-lose-shift"], "models": []},
        **{"sweep": {"folds": [2, 3]}},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_runs_of_other_kinds_are_done_and_then_skipped(kind: str, tmp_path: Path) -> None:
    """Paths to data are relative to the config's folder."""
    write_dataset(participants(6, rounds=30), tmp_path / "people", "people", "the agent bayes-hybrid")
    path = tmp_path / f"{kind}.yaml"
    path.write_text(str({"kind": kind, "jobs": 1, **SMALL[kind]}), encoding="utf-8")
    for status in ("done", "skipped"):
        assert run_sweep(load_sweep(str(path)), tmp_path / kind)
        found = table(tmp_path / kind)
        assert set(found.status) == {status}
        assert set(found.score) == ({"held-out NLL"} if kind == "imitation" else {""})
        assert all(is_finished(tmp_path / kind / name) for name in found.run)
        assert all((tmp_path / kind / name / "report.html").is_file() for name in found.run)


def test_a_finished_run_that_is_damaged_is_run_again(tmp_path: Path) -> None:
    """So is one of another version of the package."""
    path, out = write_config(tmp_path, updates=1, seeds=2, jobs=1), tmp_path / "runs"
    assert run_sweep(load_sweep(str(path)), out)
    run, other = (out / name for name in table(out).run)
    whole = files(run)
    scalars = run / "scalars.csv"
    scalars.write_bytes(scalars.read_bytes()[:100])
    assert run_sweep(load_sweep(str(path)), out)
    assert list(table(out).status) == ["done", "skipped"]
    assert files(run) == whole
    (run / "report.html").unlink()
    manifest = json.loads((other / MANIFEST).read_text(encoding="utf-8"))
    (other / MANIFEST).write_text(json.dumps({**manifest, "version": "0.0.1"}), encoding="utf-8")
    assert run_sweep(load_sweep(str(path)), out)
    assert list(table(out).status) == ["done", "done"]
    assert files(run) == whole
    assert is_finished(other)


@pytest.mark.slow
def test_bad_input_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    for arguments in (["none.yaml"], ["meta_orthogonal"], ["meta_orthogonal", "seeds=2", "--shard", "3/2"]):
        done = accept_reject("sweep", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr
        assert not list(tmp_path.iterdir())
