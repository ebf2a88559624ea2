"""Compare: the episodes of each player, held-out NLLs, distances, and the folder of a comparison."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from comparing import TRUE, alike, compared, config, run_quietly, write
from scipy import stats

from accept_reject.agents.baselines import RandomAgent
from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.agents.registry import AGENTS, describe
from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import Choices
from accept_reject.envs.episodes import draw
from accept_reject.experiments.analysis.curves import AXES, CURVES
from accept_reject.experiments.analysis.scores import ANCHORED, score
from accept_reject.experiments.analysis.stay_switch import stay_switch
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.compare import run, tables
from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.frames import frames
from accept_reject.experiments.compare.run import CompareResults, Comparison
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.manifest import MANIFEST
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.replay import replay
from accept_reject.experiments.simulation.simulate import simulate


@pytest.fixture(scope="module")
def participants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alike(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def comparison(participants: Path) -> Comparison:
    return compared(config(participants, models=["bayes-hybrid"]))


@pytest.mark.slow
def test_players_play_the_participants_own_episodes_with_common_random_numbers(comparison: Comparison) -> None:
    """The true player makes the very choices that the participants made."""
    assert comparison.own_episodes
    true, random, _, fitted = comparison.players
    assert set(comparison.participants.curves) == {"round", "encounter"}
    for by, curves in comparison.participants.curves.items():
        assert set(curves) == set(CURVES)
        for name, curve in curves.items():
            assert np.array_equal(true.curves[by][name].values, curve.values, equal_nan=True)
    for curve in comparison.participants.curves["round"]:
        assert true.distances[curve] == (0, 0, 0)
        assert 1 > random.distances[curve].mean > fitted.distances[curve].mean >= 0
    assert true.effects is not None
    assert comparison.participants.effects is not None
    pd.testing.assert_frame_equal(true.effects, comparison.participants.effects)


@pytest.mark.slow
def test_scores_are_those_of_the_benchmark(comparison: Comparison) -> None:
    population = load_config(PopulationConfig, comparison.entry.data)
    choices = play(RandomAgent(), draw(population.game.resolve(), population.seed, 9))
    for name in ANCHORED:
        assert comparison.players[1].scores[name].mean == pytest.approx(score(choices, name).value)
        assert comparison.participants.scores[name].mean == pytest.approx(score(comparison.data.choices, name).value)
    assert comparison.players[2].scores["valuing"].mean == pytest.approx(1)
    assert np.isnan(comparison.participants.scores["insight"].mean)
    assert comparison.players[0].scores["insight"].mean > 0.1


@pytest.mark.slow
def test_nlls_are_held_out(comparison: Comparison) -> None:
    """Lapse rates that suit other participants: by brute force for the true player, and chance for the random one."""
    choices = comparison.data.choices
    true, random, oracle, fitted = (player.nll for player in comparison.players)
    assert random == pytest.approx(np.full(9, np.log(2)))
    own = replay(BayesianHybrid(w=0.3, inverse_temperature=4.0), choices).exp().numpy()
    rates = np.linspace(0.01, 1, 100)
    by_rate = np.stack([-np.log((1 - rate) * own + rate / 2).mean(axis=1) for rate in rates])
    assert true is not None
    assert all(any(np.isclose(nll, of_rate) for of_rate in by_rate[:, i]) for i, nll in enumerate(true))
    assert true.mean() < np.log(2)
    assert fitted is not None
    assert fitted.mean() < np.log(2)
    assert oracle is not None
    assert np.isfinite(oracle).all()


def test_no_participant_is_predicted_from_its_own_choices(participants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group of a model and the lapse rate of an agent are fitted to all participants of the other folds."""
    fitted: dict[str, list[tuple[bytes, ...]]] = {"model": [], "agent": []}
    predicted: dict[str, list[tuple[bytes, ...]]] = {"model": [], "agent": []}

    def rows(choices: Choices) -> tuple[bytes, ...]:
        return tuple(row.tobytes() for row in choices.choice)

    def group(model: object, train: Choices, test: Choices) -> np.ndarray:
        fitted["model"].append(rows(train))
        predicted["model"].append(rows(test))
        return np.zeros(test.choice.shape)

    def lapses(probability: np.ndarray, train: Choices) -> float:
        fitted["agent"].append(rows(train))
        return 0.5

    def mixed(probability: np.ndarray, test: Choices, rate: float) -> np.ndarray:
        predicted["agent"].append(rows(test))
        return np.zeros(test.choice.shape)

    monkeypatch.setattr(run, "predict_with_group", group)
    monkeypatch.setattr(run, "lapse_rate", lapses)
    monkeypatch.setattr(run, "with_lapses", mixed)
    monkeypatch.setattr(run, "_fitted_agent", lambda *_: RandomAgent())
    everyone = sorted(rows(compared(config(participants, agents=["random"], models=["bayes-outcome"])).data.choices))
    assert len(set(everyone)) == 9
    for kind in fitted:
        assert len(predicted[kind]) == 3
        assert sorted(sum(predicted[kind], ())) == everyone
        assert all(sorted(a + b) == everyone for a, b in zip(fitted[kind], predicted[kind], strict=True))


def test_an_agent_that_gives_no_answer_predicts_nothing(participants: Path) -> None:
    silent = {"agent": "accept_reject.agents.adapters.text:TextFunction", "params": {"answer": "test_compare:silence"}}
    found = compared(config(participants, agents=[silent]))
    assert found.players[0].nll == pytest.approx(np.full(9, np.log(2)))
    assert np.isnan(found.players[0].scores["valuing"].mean)


def silence(text: str) -> None:
    return None


def test_if_only_the_game_is_known_other_episodes_are_played(participants: Path, tmp_path: Path) -> None:
    choices = simulate(load_config(PopulationConfig, str(participants)))[0]
    gone = np.random.default_rng(0).random(choices.choice.shape) < 0.2
    choices = replace(choices, choice=np.where(gone, -1, choices.choice).astype(np.int8))
    write_dataset(replace(choices, valuation=None, acceptance=None), tmp_path / "data", "some", "nobody")
    some = config(tmp_path / "data")
    found = compared(some)
    assert found.own_episodes is False
    assert len(found.players[1].curves["round"]["accepted"].values) == 200
    assert np.isnan(found.participants.scores["valuing"].mean)
    assert set(found.players[0].distances) == {"accepted"}
    assert found.players[2].nll is None
    assert found.participants.effects is not None
    assert found.participants.effects.estimate.tolist() == stay_switch(choices).estimate.tolist()
    nll = -replay(RandomAgent(), choices).sum(dim=1).numpy() / (~gone).sum(axis=1)
    assert found.players[1].nll == pytest.approx(nll)
    report = write(some, [found], tmp_path / "run")
    assert re.search(r"not\s+fully\s+known", report)
    assert (tmp_path / "run" / "curves_accepted_by_round_1.svg").exists()


def test_if_the_game_is_not_known_it_is_not_played(participants: Path, tmp_path: Path) -> None:
    choices = simulate(load_config(PopulationConfig, str(participants)))[0]
    n, rounds = choices.choice.shape
    table = {"who": np.repeat(np.arange(n), rounds), "round": np.tile(np.arange(1, rounds + 1), n)}
    table |= {"left": choices.offered[..., 0].ravel(), "right": choices.offered[..., 1].ravel()}
    table |= {"choice": choices.choice.ravel(), "yes": choices.accepted.ravel().astype(int)}
    pd.DataFrame(table).to_csv(tmp_path / "table.csv", index=False)
    columns = {"participant": "who", "round": "round", "offered": ["left", "right"], "choice": "choice"}
    described = {"kind": "data", "file": "table.csv", "columns": {**columns, "accepted": "yes"}}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump({**described, "choice": "place from 0"}), encoding="utf-8")
    folder = run_quietly(config(tmp_path / "map.yaml", agents=["random", "win-stay-lose-shift"]), tmp_path)
    nll = pd.read_csv(folder / "nll.csv").groupby("player").nll.mean()
    assert nll["win-stay-lose-shift"] < nll["random"] == pytest.approx(np.log(2))
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"The game is not known[^<]*only predict", report)
    assert "imulated" not in report
    assert {path.stem for path in folder.glob("*.svg")} == {"prediction_1"}
    assert {path.stem for path in folder.glob("*.csv")} == {"curves", "nll", "players", "stay_switch"}
    for name in ("curves", "stay_switch"):  # of the participants only
        assert set(pd.read_csv(folder / f"{name}.csv").player) == {"participants"}


@pytest.mark.slow
def test_the_folder_of_a_comparison(participants: Path, comparison: Comparison, tmp_path: Path) -> None:
    folder, again = (run_quietly(config(participants), tmp_path / name) for name in ("one", "two"))
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name
    curves = {f"curves_{curve}_by_{by}_1" for curve in CURVES for by in AXES}
    names = {*curves, "stay_switch_1", "prediction_1", "prediction_and_score_1"}
    assert {path.stem for path in folder.glob("*.svg")} == names
    assert all("<!-- simulated participants -->" in path.read_text(encoding="utf-8") for path in folder.glob("*.svg"))
    full = config(participants, models=["bayes-hybrid"])
    tables = frames(CompareResults(full, (comparison,)))
    assert {path.stem for path in folder.glob("*.csv")} == set(tables) == {"curves", "nll", "players", "stay_switch"}
    rest = {path.name for path in folder.iterdir() if path.suffix not in (".csv", ".svg", ".png", ".pdf")}
    assert rest == {"config.yaml", "report.html", MANIFEST}
    assert set(tables["nll"].player) == {"true", "random", "oracle-valuing", "bayes-hybrid (fitted)"}
    assert set(tables["players"].player) == {*tables["nll"].player, "participants"}
    for frame in tables.values():
        assert all(re.fullmatch("[a-z_]+", column) for column in frame.columns)
    measures = ("distance_valuing", "distance_accepted", "valuing", "accepted", "insight", "nll", "nll_behind_best")
    columns = {f"{name}{end}" for name in measures for end in ("", "_low", "_high")}
    assert set(tables["players"].columns) == {"participants", "player", *columns}
    for player, rows in tables["nll"].groupby("player"):
        row = tables["players"].set_index("player").loc[player]
        assert row["nll"] == pytest.approx(rows.nll.mean())
        if player == "random":  # the same NLL for all participants: no t interval
            assert rows.nll.tolist() == pytest.approx([np.log(2)] * len(rows))
            continue
        assert (row["nll_low"], row["nll_high"]) == pytest.approx(
            tuple(stats.ttest_1samp(rows.nll, 0).confidence_interval())
        )
    report = unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert "participants are simulated" in report
    assert f"<tr><td>random</td><td>{AGENTS['random'].summary}</td></tr>" in report
    about = describe("bayes-hybrid", TRUE["params"])
    assert all(part in about for part in ("w=0.3", "inverse_temperature=4.0", AGENTS["bayes-hybrid"].summary))
    assert f"<tr><td>true</td><td>{about}</td></tr>" in report
    assert not re.findall(r"""(src|href)\s*=\s*["']?\s*https?:|url\(\s*["']?https?:|@import|<script|<link""", report)


def test_a_rerun_replaces_the_folder_but_keeps_foreign_files(participants: Path, tmp_path: Path) -> None:
    """Also after several reruns; a file of an earlier run that is written no longer is removed."""
    small = config(participants, agents=["random"])
    comparison = replace(compared(small), own_episodes=None)  # a single figure
    folder = tmp_path / "run"
    write(small, [comparison, replace(comparison)], folder)
    assert (folder / "prediction_2.svg").exists()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    for _ in range(2):
        write(small, [comparison], folder)
        assert not list(folder.glob("*_2.*"))
        assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    write(small, [comparison], tmp_path / "fresh")
    left = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "notes.txt"}
    assert left == {path.name: path.read_bytes() for path in (tmp_path / "fresh").iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == {"run", "fresh"}


@pytest.mark.parametrize("at", ["a table", "the manifest", "the second rename"])
def test_an_interrupted_write_leaves_the_old_folder(
    at: str, participants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = config(participants, agents=["random"])
    comparison = replace(compared(small), own_episodes=None)  # a single figure
    folder = tmp_path / "run"
    write(small, [comparison], folder)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename = Path.rename

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def second(path: Path, target: Path) -> Path:
        if path.name == ".run.accept-reject-new":
            raise KeyboardInterrupt
        return rename(path, target)

    if at == "the second rename":
        monkeypatch.setattr(Path, "rename", second)
    else:
        name = "write_csv" if at == "a table" else "write_manifest"
        monkeypatch.setattr(f"accept_reject.experiments.runner.{name}", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(small, [comparison, comparison], folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"participants": []}, "participants: must have at least 1 item, got none"),
        ({"agents": ["random", "random"]}, "agents: names must be unique, got 'random' more than once"),
        ({"agents": []}, "agents: must have at least 1 item, got none"),
        ({"agents": ["rndom"]}, "agents.0: unknown agent 'rndom'; did you mean 'random'"),
        ({"folds": 1}, "folds: must be an integer >= 2, got 1"),
        ({"people": ["x"]}, "unknown key 'people'"),
    ],
)
def test_invalid_configs(changes: dict[str, object], problem: str, participants: Path, tmp_path: Path) -> None:
    path = tmp_path / "invalid.yaml"
    shape = {"kind": "compare", "participants": [str(participants)], "agents": ["random"], **changes}
    path.write_text(yaml.safe_dump(shape), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_config(CompareConfig, str(path))
    assert f"{path}: {problem}" in str(caught.value)


def test_paths_are_relative_to_the_configs_folder(
    participants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless they are given on the command line: these are relative to the current folder."""
    shape = {"kind": "compare", "participants": [participants.name], "agents": ["random"], "folds": 3}
    path = participants.parent / "compare.yaml"
    path.write_text(yaml.safe_dump(shape), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    loaded = load_config(CompareConfig, str(path))
    assert compared(loaded).own_episodes
    assert loaded.participants[0].name == "alike"
    labeled = {**shape, "participants": [{"data": participants.name, "label": "us"}]}
    path.write_text(yaml.safe_dump(labeled), encoding="utf-8")
    (entry,) = load_config(CompareConfig, str(path)).participants
    assert (entry.name, Path(entry.data).resolve()) == ("us", participants.resolve())
    for elsewhere in (
        config(participants.name, agents=["random"]),
        load_config(CompareConfig, str(path), [f"participants=[{participants.name}]"]),
    ):
        with pytest.raises(InvalidInputError, match=r"does not exist|can't be read"):
            compared(elsewhere)


def test_too_few_participants(participants: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"at least as many participants as folds \(10\), got 9"):
        compared(config(participants, folds=10, models=["bayes-outcome"]))
    assert compared(config(participants, folds=10, models=[], agents=["random"])).ranked, "each is a fold"


def test_what_can_not_be_scored_on_an_unknown_game(tmp_path: Path) -> None:
    """No row and no column of dashes; the reason is said."""
    lines = [
        f"{who},{t},{a},{a if t % 3 else b},{int(t % 4 > 1)}" for who in "ab" for t in range(1, 31) for a, b in ["xy"]
    ]
    (tmp_path / "rounds.csv").write_text("\n".join(["id,t,left,asked,won", *lines, ""]), encoding="utf-8")
    columns = {"participant": "id", "round": "t", "choice": "asked", "accepted": "won"}
    described = {"kind": "data", "file": "rounds.csv", "offered": ["x", "y"], "columns": columns}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    found = compared(config(tmp_path / "map.yaml", agents=["ideal-valuing", "random", "oracle-valuing"], models=[]))
    table = tables.players(found)
    assert table.header == ("player", "NLL per choice", "behind the best")
    assert [row[0] for row in table.rows] == ["random"]
    assert tables.unscored(found) == (
        "Not scored on the participants of map: ideal-valuing (requires a known game); "
        "oracle-valuing (needs the hidden state, which is unknown for these choices)."
    )
    assert tables.stay_switch(found).header == ("player", "last outcome")


def test_the_shipped_config() -> None:
    names = [entry.name for entry in load_config(CompareConfig, "compare_babur2024").agents]
    assert len(names) == 15
    assert set(names) < {*AGENTS}
    assert {"meta-mixture", "meta-orthogonal", "imitation"} < set(names)
    assert names == [n for n in (e.name for e in load_config(BenchmarkConfig, "benchmark").agents) if n in names]
