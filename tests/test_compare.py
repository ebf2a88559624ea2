"""Compare: who plays what, held-out losses, distances, and what is left of it."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from comparing import alike, config
from scipy import stats

from accept_reject.agents import AGENTS
from accept_reject.agents.baselines import RandomAgent
from accept_reject.agents.bayesian import BayesianHybrid
from accept_reject.envs import InvalidInputError
from accept_reject.envs.episodes import draw
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.compare.config import CompareConfig
from accept_reject.experiments.compare.results import Beside, frames, run
from accept_reject.experiments.compare.run_folder import run_compare, write_run
from accept_reject.experiments.config import load_config
from accept_reject.experiments.curves import CURVES
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.intervals import curve_distance, ratio_interval
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.replay import replay
from accept_reject.experiments.scores import ANCHORED, anchored
from accept_reject.experiments.signatures import stay_effects
from accept_reject.experiments.simulate import simulate


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alike(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def beside(people: Path) -> Beside:
    (found,) = run(config(people, models=["bayes-hybrid"]))
    return found


def test_players_meet_the_participants_own_luck(beside: Beside) -> None:
    """The true player makes the very choices that the participants made."""
    assert beside.own_episodes
    true, random, _, fitted = beside.players
    assert set(beside.people.curves) == {"round", "meeting"}
    for by, curves in beside.people.curves.items():
        for name, curve in curves.items():
            assert np.array_equal(true.curves[by][name].values, curve.values, equal_nan=True)
    for curve in beside.people.curves["round"]:
        assert true.distances[curve] == (0, 0, 0)
        assert random.distances[curve].mean > fitted.distances[curve].mean > 0
    assert true.effects is not None
    assert beside.people.effects is not None
    pd.testing.assert_frame_equal(true.effects, beside.people.effects)


def test_scores_are_those_of_the_benchmark(beside: Beside) -> None:
    population = load_config(PopulationConfig, beside.entry.data)
    choices = play(RandomAgent(), draw(population.game.resolve(), population.seed, 9))
    for name in ANCHORED:
        assert beside.players[1].scores[name].mean == pytest.approx(anchored(choices, name).score)
        assert beside.people.scores[name].mean == pytest.approx(anchored(beside.data.choices, name).score)
    assert beside.players[2].scores["valuing"].mean == pytest.approx(1)
    assert np.isnan(beside.people.scores["insight"].mean)
    assert beside.players[0].scores["insight"].mean > 0.1


def test_losses_are_held_out(beside: Beside) -> None:
    """Lapses that suit other participants: by brute force for the true player, and chance for the random one."""
    choices = beside.data.choices
    true, random, oracle, fitted = (player.loss for player in beside.players)
    assert random == pytest.approx(np.full(9, np.log(2)))
    own = replay(BayesianHybrid(w=0.3, inverse_temperature=4.0), choices).exp().numpy()
    rates = np.linspace(0.01, 1, 100)
    by_rate = np.stack([-np.log((1 - rate) * own + rate / 2).mean(axis=1) for rate in rates])
    assert true is not None
    assert all(any(np.isclose(loss, of_rate) for of_rate in by_rate[:, i]) for i, loss in enumerate(true))
    assert true.mean() < np.log(2)
    assert fitted is not None
    assert fitted.mean() < np.log(2)
    assert oracle is not None
    assert np.isfinite(oracle).all()


def test_an_agent_that_gives_no_answer_foretells_nothing(people: Path) -> None:
    silent = {"agent": "accept_reject.agents.adapters.text:TextFunction", "params": {"answer": "test_compare:silence"}}
    (found,) = run(config(people, agents=[silent]))
    assert found.players[0].loss == pytest.approx(np.full(9, np.log(2)))
    assert np.isnan(found.players[0].scores["valuing"].mean)


def silence(text: str) -> None:
    return None


def test_a_game_that_is_known_but_not_its_luck_is_played_afresh(people: Path, tmp_path: Path) -> None:
    choices = simulate(load_config(PopulationConfig, str(people)))[0]
    gone = np.random.default_rng(0).random(choices.choice.shape) < 0.2
    choices = replace(choices, choice=np.where(gone, -1, choices.choice).astype(np.int8))
    write_dataset(replace(choices, valuation=None, acceptance=None), tmp_path / "data", "some", "nobody")
    (found,) = run(config(tmp_path / "data"))
    assert found.own_episodes is False
    assert len(found.players[1].curves["round"]["accepted"].values) == 200
    assert np.isnan(found.people.scores["valuing"].mean)
    assert set(found.players[0].distances) == {"accepted"}
    assert found.players[2].loss is None
    assert found.people.effects is not None
    assert found.people.effects.estimate.tolist() == stay_effects(choices).estimate.tolist()
    loss = -replay(RandomAgent(), choices).sum(dim=1).numpy() / (~gone).sum(axis=1)
    assert found.players[1].loss == pytest.approx(loss)
    write_run(config(tmp_path / "data"), [found], tmp_path)
    assert "are not known whole" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_game_that_is_not_known_is_not_played(people: Path, tmp_path: Path) -> None:
    choices = simulate(load_config(PopulationConfig, str(people)))[0]
    n, rounds = choices.choice.shape
    table = {"who": np.repeat(np.arange(n), rounds), "round": np.tile(np.arange(1, rounds + 1), n)}
    table |= {"left": choices.offered[..., 0].ravel(), "right": choices.offered[..., 1].ravel()}
    table |= {"choice": choices.choice.ravel(), "yes": choices.accepted.ravel().astype(int)}
    pd.DataFrame(table).to_csv(tmp_path / "table.csv", index=False)
    columns = {"participant": "who", "round": "round", "offered": ["left", "right"], "choice": "choice"}
    described = {"kind": "data", "file": "table.csv", "columns": {**columns, "accepted": "yes"}}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump({**described, "choice": "place from 0"}), encoding="utf-8")
    folder = run_compare(config(tmp_path / "map.yaml", agents=["random", "win-stay-lose-shift"]), Path(), tmp_path)
    losses = pd.read_csv(folder / "losses.csv").groupby("player").loss.mean()
    assert losses["win-stay-lose-shift"] < losses["random"] == pytest.approx(np.log(2))
    assert "players only foretell the choices" in (folder / "report.html").read_text(encoding="utf-8")
    assert not list(folder.glob("*.svg"))


def test_what_is_left_of_it(people: Path, beside: Beside, tmp_path: Path) -> None:
    folder, again = (run_compare(config(people), Path(), tmp_path / name) for name in ("one", "two"))
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name
    curves = {f"curves_{curve}{by}_1" for curve in CURVES for by in ("", "_by_meeting")}
    names = {*curves, "effects_1", "likeness_1"}
    assert all({path.stem for path in folder.glob(f"*.{kind}")} == names for kind in ("svg", "png", "pdf"))
    assert all("<!-- simulated participants -->" in path.read_text(encoding="utf-8") for path in folder.glob("*.svg"))
    tables = frames([beside])
    assert {path.stem for path in folder.glob("*.csv")} == set(tables)
    assert set(tables["losses"].player) == {"true", "random", "oracle-valuing", "bayes-hybrid, fitted"}
    assert set(tables["players"].player) == {*tables["losses"].player, "people"}
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "These participants are simulated" in report
    assert "<tr><td>random</td><td>asks anyone with equal chances</td></tr>" in report
    told = f"bayes-hybrid, by default: {AGENTS['bayes-hybrid'].summary}; with w=0.3, inverse_temperature=4.0"
    assert f"<tr><td>true</td><td>{told}</td></tr>" in unescape(report)
    assert not re.findall(r"""(src|href)\s*=\s*["']?\s*https?:|url\(\s*["']?https?:|@import|<script|<link""", report)


def test_a_ratio_and_its_interval() -> None:
    rng = np.random.default_rng(0)
    above, below = rng.random(50), rng.random(50) + 1
    found = ratio_interval(above, below)
    assert found.mean == pytest.approx(above.sum() / below.sum())

    def ratio(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return a.sum(axis=axis) / b.sum(axis=axis)

    reference = stats.bootstrap((above, below), ratio, paired=True, vectorized=True, method="percentile", rng=1)
    assert found[1:] == pytest.approx(tuple(reference.confidence_interval), abs=0.01)
    plain = ratio_interval(above, np.ones(50))  # a ratio to constants is a mean
    assert plain == pytest.approx((above.mean(), *stats.ttest_1samp(above, 0).confidence_interval()))
    assert np.isnan(ratio_interval(above, np.zeros(50))).all()
    assert np.isnan(ratio_interval(above[:1], below[:1])[1:]).all()


def test_the_distance_of_curves() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(50, 5, (40, 6))
    apart = curve_distance(one, one + 3, paired=True)
    assert apart == pytest.approx((3, 3, 3))
    other = rng.normal(54, 5, (60, 6))
    found = curve_distance(one, other, paired=False)
    assert found.mean == pytest.approx(np.sqrt(((one.mean(0) - other.mean(0)) ** 2).mean()))
    assert found.low < 4.5
    assert found.high > 3.5


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"people": []}, "people: should hold at least one"),
        ({"agents": ["random", "random"]}, "come twice: random"),
        ({"agents": []}, "agents: should hold at least one"),
        ({"agents": ["rndom"]}, "unknown agent 'rndom'"),
        ({"folds": 1}, "folds: should be greater than or equal to 2"),
    ],
)
def test_faulty_configs_are_refused(changes: dict[str, object], fault: str, people: Path, tmp_path: Path) -> None:
    path = tmp_path / "faulty.yaml"
    shape = {"kind": "compare", "people": [str(people)], "agents": ["random"], **changes}
    path.write_text(yaml.safe_dump(shape), encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_config(CompareConfig, str(path))
    assert fault in str(caught.value)


def test_data_are_seen_from_the_configs_folder(people: Path) -> None:
    (found,) = run(config(people.name, agents=["random"]), seen_from=people.parent)
    assert found.own_episodes
    with pytest.raises(InvalidInputError, match=r"does not exist|can't be read"):
        run(config(people.name, agents=["random"]))


def test_too_few_participants(people: Path) -> None:
    with pytest.raises(InvalidInputError, match="9 participants can't be divided into 10 folds"):
        run(config(people, folds=10))


def test_the_shipped_config() -> None:
    names = [entry.name for entry in load_config(CompareConfig, "compare_babur2024").agents]
    assert len(names) == 15
    assert set(names) < {*AGENTS}
    assert {"meta-mixture", "meta-orthogonal", "imitation"} < set(names)
    assert names == [n for n in (e.name for e in load_config(BenchmarkConfig, "benchmark").agents) if n in names]
