"""Configs and overrides: read as meant, or refused with every fault at once and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.config import dump_config, load_config

GOOD = "scenarios: [orthogonal]\nagents: [random]\nseeds: 2\nepisodes: 1\n"


def load(tmp_path: Path, text: str | bytes, *overrides: str) -> BenchmarkConfig:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(BenchmarkConfig, str(path), overrides)


@pytest.mark.parametrize(
    ("text", "overrides", "fault"),
    [
        ("", (), "scenarios: is required"),
        ("", (), "agents: is required"),
        ("- a\n- b\n", (), "should be a mapping"),
        ("just text", (), "should be a mapping"),
        (GOOD + "sedes: 3\n", (), "sedes: unknown key; did you mean 'seeds'?"),
        (GOOD + "seeds: 3\n", (), "line 5, column 1: the key 'seeds' is given twice"),
        ("seeds: [1, 2\nagents: x", (), "line 2, column 7"),
        ("seeds: *what\n", (), "undefined alias"),
        ("a: !!python/object/apply:os.system ['true']\n", (), "could not determine a constructor"),
        (b"name: \xff\xfe", (), "is not UTF-8"),
        (GOOD, ("seeds=0",), "seeds: should be greater than or equal to 1, but is 0"),
        (GOOD, ("seeds=two",), "seeds: should be a valid integer, but is 'two'"),
        (GOOD, ("seeds=true",), "seeds: should be a valid integer, but is True"),
        (GOOD, ("episodes=1.5",), "episodes: should be a valid integer"),
        (GOOD, ("first_seed=-3",), "first_seed: should be greater than or equal to 0"),
        (GOOD, ("name=../up",), "name: String should match pattern"),
        (GOOD, ("scenarios=[]",), "scenarios: should hold at least one"),
        (GOOD, ("scenarios=orthogonal",), "scenarios: should be a list"),
        (
            GOOD,
            ("scenarios.0=ortogonal",),
            "scenarios.0.scenario: unknown scenario 'ortogonal'; did you mean",
        ),
        (GOOD, ("scenarios.1=crowd",), "scenarios.1=crowd: '1' should be the number of a list item, from 0 to 0"),
        (GOOD, ("scenarios=[orthogonal, orthogonal]",), "scenarios: each should have a name of its own"),
        (GOOD, ("scenarios.0={scenario: crowd, game: {rounds: 0}}",), "scenarios.0.game.rounds: should be greater"),
        (GOOD, ("scenarios.0={scenario: crowd, game: {rnds: 3}}",), "scenarios.0.game.rnds: unknown key"),
        (GOOD, ("scenarios.0={scenario: crowd, game: 3}",), "scenarios.0.game: should be a valid dictionary"),
        (GOOD, ("scenarios.0={scenario: crowd, gmae: {}}",), "scenarios.0.gmae: unknown key; did you mean 'game'?"),
        (GOOD, ("agents=[]",), "agents: should hold at least one"),
        (GOOD, ("agents=[rondom]",), "agents.0: unknown agent 'rondom'; did you mean 'random'?"),
        (GOOD, ("agents=[random, random]",), "agents: each should have a name of its own"),
        (GOOD, ("agents=[no_such_module:Agent]",), "agents.0: agent 'no_such_module:Agent': the module"),
        (
            GOOD,
            ("agents.0={agent: thompson-rank, params: {noise: 1}}",),
            "agents.0: agent 'thompson-rank' can't be made",
        ),
        (
            GOOD,
            ("agents.0={agent: thompson-rank, params: {noise_sd: -1}}",),
            "agents.0: prior_sd and noise_sd should",
        ),
        (GOOD, ("agents.0={agent: random, label: 3}",), "agents.0.label: should be a valid string"),
        (GOOD, ("agents.0={agent: random, label: ../up}",), "agents.0.label: String should match pattern"),
        (GOOD, ("agents.0={agent: random, label: '$a^$'}",), "agents.0.label: String should match pattern"),
        (GOOD, ("agents.0={agent: random, label: '[red]'}",), "agents.0.label: String should match pattern"),
        (GOOD, ("scenarios.0={scenario: crowd, label: all scenarios}",), "is the name of the mean over scenarios"),
        (GOOD, ("scenarios.0.game.rounds=10",), "write it out as a mapping"),
        (GOOD, ("seeds={[1]: 2}",), "keys should be plain words"),
        ("? [1]\n: 2\n", (), "keys should be plain words"),
        ("[" * 5000, (), "is nested too deeply"),
        (GOOD, ("seeds",), "seeds: should be key.path=value"),
        (GOOD, ("=3",), "=3: should be key.path=value"),
        (GOOD, ("seeds=[1",), "seeds=[1: the value is not YAML"),
        (GOOD, ("seeds.first=3",), "'first' can't be set within 2"),
        (GOOD, ("sseeds=3",), "sseeds: unknown key; did you mean 'seeds'?"),
    ],
)
def test_a_faulty_config_is_refused(tmp_path: Path, text: str | bytes, overrides: tuple[str, ...], fault: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path, text, *overrides)
    assert any(fault in line for line in caught.value.faults), str(caught.value)


def test_all_faults_of_file_and_overrides_come_together(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path, GOOD + "colour: red\n", "seeds=0", "episodes", "agents.0=nobody", "scenarios=1")
    assert len(caught.value.faults) == 5
    assert str(caught.value).startswith(str(tmp_path / "config.yaml") + ": 5 faults")


def test_overrides_and_numbers(tmp_path: Path) -> None:
    params = "agents.0={agent: thompson-rank, params: {noise_sd: 1e-1}}"
    config = load(tmp_path, GOOD, "seeds=7", params, "agents.0.params.prior_sd=3e0", "agents.0.label=mine")
    assert config.seeds == 7
    assert config.agents[0].params == {"noise_sd": 0.1, "prior_sd": 3.0}
    assert [agent.name for agent in config.agents] == ["mine"]


def test_a_dumped_config_is_the_same_config(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD, "scenarios.0={scenario: crowd, label: small, game: {rounds: 9}}")
    again = load(tmp_path, dump_config(config))
    assert again == config
    assert again.folder == config.folder
    assert config.folder != load(tmp_path, GOOD).folder
    assert yaml.safe_load(dump_config(config))["first_seed"] == config.first_seed
    odd = load(
        tmp_path, GOOD, "name='1e-3'", "agents.0={agent: thompson-rank, params: {prior_sd: .inf, noise_sd: 1e-2}}"
    )
    assert load(tmp_path, dump_config(odd)) == odd


def test_shipped_configs_by_name() -> None:
    config = load_config(BenchmarkConfig, "benchmark")
    assert len(config.scenarios) == 9
    with pytest.raises(InvalidInputError, match="known: benchmark"):
        load_config(BenchmarkConfig, "bench")
    with pytest.raises(InvalidInputError, match="the config comes before it"):
        load_config(BenchmarkConfig, "seeds=2")
    with pytest.raises(InvalidInputError, match="can't be read: No such file"):
        load_config(BenchmarkConfig, "nowhere/config.yaml")


@pytest.mark.parametrize("arguments", [["benchmark", "none.yaml"], ["benchmark", "benchmark", "seeds=0"], ["dance"]])
def test_bad_input_ends_with_code_2_and_no_traceback(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "accept_reject.experiments.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told_before_play(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for command in (["benchmark", "benchmark"], ["simulate", "population_w1"]):
        out = "file" if command[0] == "benchmark" else "file/data"
        arguments = [sys.executable, "-m", "accept_reject.experiments.cli", *command, "--out", out]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2
        assert "no folder can be made or written to here" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"
