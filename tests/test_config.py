"""Configs and overrides: valid ones are read; invalid ones give an error with every problem and exit code 2."""

from pathlib import Path

import pytest
import yaml
from command_line import accept_reject

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.benchmark.experiment import Benchmark
from accept_reject.experiments.config import dump_config, load_config
from accept_reject.experiments.yaml_text import dump, read_yaml

BOMB = "x0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"x{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 8)}]\n" for i in range(8)
)
GOOD = "scenarios: [orthogonal]\nagents: [random]\nseeds: 2\nepisodes: 1\n"


def load(tmp_path: Path, text: str | bytes, *overrides: str) -> BenchmarkConfig:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(BenchmarkConfig, str(path), overrides)


@pytest.mark.parametrize(
    ("text", "overrides", "problem"),
    [
        ("", (), "agents: is required"),
        ("scenarios: []\n", (), "scenarios: must have at least 1 item"),
        ("agents: [random]\nsuite: '0.1'\n", (), "suite: unknown suite '0.1' (known: 1.0)"),
        ("- a\n- b\n", (), "config.yaml: must be a mapping, got ['a', 'b']"),
        ("just text", (), "config.yaml: must be a mapping, got 'just text'"),
        (GOOD + "sedes: 3\n", (), "config.yaml: unknown key 'sedes'; did you mean 'seeds'?"),
        (GOOD + "seeds: 3\n", (), "line 5, column 1: duplicate key 'seeds'"),
        ("seeds: [1, 2\nagents: x", (), "line 2, column 7"),
        ("seeds: *what\n", (), "undefined alias"),
        (
            "a: !!python/object/apply:os.system ['true']\n",
            (),
            "tags such as tag:yaml.org,2002:python/object/apply:os.system are not supported",
        ),
        (b"name: \xff\xfe", (), "must be UTF-8 text"),
        (GOOD, ("seeds=0",), "seeds: must be an integer >= 1, got 0"),
        (GOOD, ("seeds=two",), "seeds: must be an integer, got 'two'"),
        (GOOD, ("seeds=true",), "seeds: must be an integer, got True"),
        (GOOD, ("episodes=1.5",), "episodes: must be an integer, got 1.5"),
        (GOOD, ("first_seed=-3",), "first_seed: must be an integer >= 0, got -3"),
        (GOOD, ("name=../up",), "name: must be at most 100 letters, digits and"),
        (GOOD, ("scenarios=[]",), "scenarios: must have at least 1 item"),
        (GOOD, ("scenarios=orthogonal",), "scenarios: must be a list, got 'orthogonal'"),
        (
            GOOD,
            ("scenarios.0=ortogonal",),
            "scenarios.0.scenario: unknown scenario 'ortogonal'; did you mean",
        ),
        (GOOD, ("scenarios.1=crowd",), "scenarios.1=crowd: '1' must be the index of a list item, from 0 to 0"),
        (GOOD, ("scenarios=[orthogonal, orthogonal]",), "scenarios: names must be unique, got 'orthogonal'"),
        (
            GOOD,
            ("scenarios.0={scenario: crowd, game: {rounds: 0}}",),
            "scenarios.0.game.rounds: must be an integer >= 1, got 0",
        ),
        (
            GOOD,
            ("scenarios.0={scenario: crowd, game: {rnds: 3}}",),
            "scenarios.0.game: unknown key 'rnds'; did you mean 'rounds'?",
        ),
        (GOOD, ("scenarios.0={scenario: crowd, game: 3}",), "scenarios.0.game: must be a mapping, got 3"),
        (GOOD, ("scenarios.0={scenario: crowd, gmae: {}}",), "scenarios.0: unknown key 'gmae'; did you mean 'game'?"),
        (GOOD, ("agents=[]",), "agents: must have at least 1 item"),
        (GOOD, ("agents=[3]",), "agents.0: must be a name or a mapping, got 3"),
        (GOOD, ("agents=[rondom]",), "agents.0: unknown agent 'rondom'; did you mean 'random'?"),
        (GOOD, ("agents=[random, random]",), "agents: names must be unique, got 'random'"),
        (GOOD, ("agents=[no_such_module:Agent]",), "agents.0: agent 'no_such_module:Agent': can't import module"),
        (
            GOOD,
            ("agents.0={agent: thompson-rank, params: {noise: 1}}",),
            "agents.0: agent 'thompson-rank': can't be made",
        ),
        (
            GOOD,
            ("agents.0={agent: thompson-rank, params: {noise_sd: -1}}",),
            "agents.0: prior_sd and noise_sd must be numbers > 0",
        ),
        (GOOD, ("agents.0={agent: random, label: 3}",), "agents.0.label: must be at most 61 letters, "),
        (GOOD, ("agents.0={agent: random, label: ../up}",), "agents.0.label: must be at most 61 letters, "),
        (GOOD, ("agents.0={agent: random, label: '$a^$'}",), "agents.0.label: must be at most 61 letters, "),
        (GOOD, ("agents.0={agent: random, label: '[red]'}",), "agents.0.label: must be at most 61 letters, "),
        (GOOD, ("scenarios.0={scenario: crowd, label: all scenarios}",), "the name of the mean over scenarios"),
        (GOOD, ("scenarios.0.game.rounds=10",), "write it as a mapping"),
        (GOOD, ("seeds={[1]: 2}",), "keys must be strings or numbers"),
        ("? [1]\n: 2\n", (), "keys must be strings or numbers"),
        ("[" * 5000, (), "line 1, column 52: is nested more than 50 levels deep"),
        (GOOD, ("seeds=" + "[" * 5000,), "the value is not valid YAML: line 1, column 52: is nested more than"),
        (GOOD, (".".join(["a"] * 5000) + "=1",), "a key path must have at most 50 parts"),
        (GOOD, ("seeds=010",), "seeds: must be an integer, got '010'"),
        (GOOD, ("seeds=1:30",), "seeds: must be an integer, got '1:30'"),
        (GOOD, ("seeds=1_000",), "seeds: must be an integer, got '1_000'"),
        (GOOD, ("seeds=0b_",), "seeds: must be an integer, got '0b_'"),
        (GOOD, ("seeds=!!int hello",), "tags such as tag:yaml.org,2002:int are not supported"),
        (GOOD, ("seeds=" + "9" * 5000,), "must be an integer of at most 100 digits, got 5000 digits"),
        (GOOD, ("name=yes no",), "name: must be at most 100 letters, digits and"),
        (GOOD + "x: &a [*a]\n", (), "line 5, column 4: an alias can't be inside its own anchor"),
        (GOOD + BOMB, (), "must have at most 100,000 values, got"),
        (b"#" * 2_000_001, (), "must have at most 2,000,000 bytes"),
        ("name: a\x00b\n", (), "is not YAML: unacceptable character #x0000"),
        (GOOD, ("seeds",), "seeds: must be key.path=value"),
        (GOOD, ("=3",), "=3: must be key.path=value"),
        (GOOD, ("seeds=[1",), "seeds=[1: the value is not valid YAML"),
        (GOOD, ("seeds.first=3",), "can't set 'first', because seeds is 2 and not a mapping or list"),
        (GOOD, ("sseeds=3",), "config.yaml: unknown key 'sseeds'; did you mean 'seeds'?"),
    ],
)
def test_an_invalid_config_is_an_error(
    tmp_path: Path, text: str | bytes, overrides: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path, text, *overrides)
    assert any(problem in line for line in str(caught.value).splitlines()), str(caught.value)


def test_problems_of_file_and_overrides_are_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path, GOOD + "color: red\n", "seeds=0", "episodes", "agents.0=nobody", "scenarios=1")
    assert len(caught.value.problems) == 5
    assert str(caught.value) == "\n".join(f"{tmp_path / 'config.yaml'}: {each}" for each in caught.value.problems)


def test_overrides_and_numbers(tmp_path: Path) -> None:
    params = "agents.0={agent: thompson-rank, params: {noise_sd: 1e-1}}"
    config = load(tmp_path, GOOD, "seeds=7", params, "agents.0.params.prior_sd=3e0", "agents.0.label=mine")
    assert config.seeds == 7
    assert config.agents[0].params == {"noise_sd": 0.1, "prior_sd": 3.0}
    assert [agent.name for agent in config.agents] == ["mine"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, int(text)) for text in ("0", "-7", "+3", "12")],
        *[(text, float(text)) for text in ("1e-3", "1.", ".5", "-2.5E+3", "1e400")],
        *[("true", True), ("False", False), ("~", None), ("null", None), ("-.inf", -float("inf"))],
        *[(text, text) for text in ("yes", "no", "On", "off", "010", "0x1f", "1:30", "1_000", "2024-13-45", "<<", "=")],
        ("'1'", "1"),
        ("&a [1, 2]", [1, 2]),
        ("[&a 1, *a]", [1, 1]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert read_yaml(text) == value
    assert type(read_yaml(text)) is type(value)
    assert read_yaml(dump(value)) == value
    if not isinstance(value, float):
        assert yaml.safe_load(dump(value)) == value, "also for readers of YAML 1.1"


def test_a_dumped_config_is_the_same_config(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD, "scenarios.0={scenario: crowd, label: small, game: {rounds: 9}}")
    again = load(tmp_path, dump_config(config))
    assert again == config
    assert Benchmark(again).folder_name == Benchmark(config).folder_name
    assert Benchmark(config).folder_name != Benchmark(load(tmp_path, GOOD)).folder_name
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
    with pytest.raises(InvalidInputError, match=r"^seeds=2: is an override, which must follow a config"):
        load_config(BenchmarkConfig, "seeds=2")
    with pytest.raises(InvalidInputError, match="can't be read: No such file"):
        load_config(BenchmarkConfig, "nowhere/config.yaml")


@pytest.mark.parametrize("arguments", [["benchmark", "none.yaml"], ["benchmark", "benchmark", "seeds=0"], ["dance"]])
def test_invalid_input_gives_exit_code_2_without_a_traceback(arguments: list[str], tmp_path: Path) -> None:
    done = accept_reject(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_an_error_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for command in (["benchmark", "benchmark"], ["simulate", "population_w1"]):
        out = "file" if command[0] == "benchmark" else "file/data"
        done = accept_reject(*command, "--out", out, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("file")
        assert "folder" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"
