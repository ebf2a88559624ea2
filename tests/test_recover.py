"""`accept-reject recover`: what is recovered, by independent arithmetic, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.config import load_config
from accept_reject.experiments.recover import tables
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.results import DECIDED, RecoverResults, run
from accept_reject.experiments.recover.run_folder import run_recover, write_run
from accept_reject.experiments.style import KINDS

TEMPERATURE = {"inverse_temperature": {"distribution": "lognorm", "s": 0.5, "scale": 4}}
PLAN: dict[str, Any] = {
    "models": [
        {"agent": "bayes-hybrid", "label": "hybrid", "population": TEMPERATURE},
        {"agent": "bayes-rank", "population": TEMPERATURE},
        {"agent": "bayes-outcome", "population": TEMPERATURE},
    ],
    "rounds": [20, 60],
    "participants": [4, 10],
    "studies": 6,
    "starts": 1,
}


@pytest.fixture(scope="module")
def results() -> RecoverResults:
    return run(RecoverConfig.model_validate(PLAN))


def test_parameters_by_independent_arithmetic(results: RecoverResults) -> None:
    found = results.parameters_frame()
    assert len(found) == 2 * 2 * 4
    estimates = results.estimates
    assert len(estimates) == 2 * 60 * 4
    w = estimates[(estimates.rounds == 60) & (estimates.parameter == "w")]
    row = found[(found.rounds == 60) & (found.participants == 10) & (found.parameter == "w")].iloc[0]
    assert row.r == pytest.approx(stats.pearsonr(w.truth, w.estimate)[0])
    assert row.rho == pytest.approx(stats.spearmanr(w.truth, w.estimate)[0])
    assert row.bias == pytest.approx((w.estimate - w.truth).mean())
    assert row.rmse == pytest.approx(((w.estimate - w.truth) ** 2).mean() ** 0.5)
    assert row.coverage == pytest.approx(((w.low < w.truth) & (w.truth < w.high)).mean())
    by_study = [stats.pearsonr(*w.iloc[i * 10 : i * 10 + 10][["truth", "estimate"]].T.to_numpy())[0] for i in range(6)]
    assert (row.r_low, row.r_high) == pytest.approx(tuple(np.quantile(by_study, [0.025, 0.975])))
    assert 0 < w.truth.min() < w.truth.max() < 1  # drawn from its prior, as no population names it


def test_confusion_by_independent_arithmetic(results: RecoverResults) -> None:
    confusion, studies = results.confusion_frame(), results.studies
    assert len(confusion) == 2 * 2 * 3 * 3
    assert len(studies) == 2 * 2 * 3 * 3 * 6
    assert studies.groupby(["rounds", "participants", "generating", "study"]).wins.sum().eq(1).all()
    some = studies[(studies.rounds == 60) & (studies.participants == 10) & (studies.generating == "bayes-rank")]
    some = some[some.fitted == "bayes-rank"]
    row = confusion[
        (confusion.rounds == 60)
        & (confusion.participants == 10)
        & (confusion.generating == "bayes-rank")
        & (confusion.fitted == "bayes-rank")
    ].iloc[0]
    assert row.wins == pytest.approx(some.wins.mean())
    assert row.decided == pytest.approx((some.protected > DECIDED).mean())
    assert row.wins > 0.5  # ten people with clear preferences tell ranks from outcomes


def test_the_table_of_designs(results: RecoverResults) -> None:
    table = tables.design(results)
    assert [row[:2] for row in table.rows] == [("20", "4"), ("20", "10"), ("60", "4"), ("60", "10")]
    shown = dict(zip(table.header, table.rows[3], strict=True))
    some = results.studies.query("rounds == 60 and participants == 10 and generating == fitted == 'bayes-rank'")
    low, high = stats.binomtest(int((some.protected > DECIDED).sum()), 6).proportion_ci(method="wilson")
    told = f"{100 * (some.protected > DECIDED).mean():.0f} [{100 * low:.0f}, {100 * high:.0f}]"
    assert shown["bayes-rank: right (%)"] == told
    found = results.parameters_frame().query("rounds == 60 and participants == 10 and parameter == 'w'").iloc[0]
    assert shown["hybrid: r of w"] == f"{found.r:.2f} [{found.r_low:.2f}, {found.r_high:.2f}]"


def test_more_rounds_tell_more(results: RecoverResults) -> None:
    found = results.parameters_frame().groupby("rounds").rmse.mean()
    assert found[60] < found[20]


def test_the_folder_holds_what_is_promised_and_the_same_each_time(tmp_path: Path, results: RecoverResults) -> None:
    write_run(results, tmp_path / "run")
    pictures = {f"{name}.{kind}" for name in ("recovery", "confusion", "design") for kind in KINDS}
    written = {f"{name}.csv" for name in ("estimates", "parameters", "studies", "confusion")}
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*pictures, *written, "config.yaml", "report.html"}
    html = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "All participants are simulated." in html
    assert "Parameters of simulated participants" in html
    assert html.index("<h2>Methods</h2>") < html.index("<h2>To repeat this</h2>")
    assert all(
        "<!-- simulated participants -->" in path.read_text(encoding="utf-8")
        for path in (tmp_path / "run").glob("*.svg")
    )
    again = run_recover(results.config, tmp_path)
    for path in again.iterdir():
        assert path.read_bytes() == (tmp_path / "run" / path.name).read_bytes(), path.name


def test_one_model_alone_and_its_own_game(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = {"models": ["delta-outcome"], "participants": [3], "studies": 2, "starts": 1}
    plan["game"] = {"scenario": "hidden-ranks", "game": {"rounds": 15}}
    config = RecoverConfig.model_validate(plan)
    assert config.lengths == (15,)
    folder = run_recover(config, tmp_path)
    assert {path.name for path in folder.glob("*.csv")} == {"estimates.csv", "parameters.csv"}
    assert "rate_outcome" in pd.read_csv(folder / "estimates.csv").parameter.unique()
    assert "Parameters" in capsys.readouterr().out


def test_quadrature_and_fixed_values() -> None:
    model = {"agent": "bayes-hybrid", "fit": ["w"], "fixed": {"inverse_temperature": 5.0}}
    plan = {**PLAN, "models": [model, "bayes-outcome"], "rounds": [20], "participants": [4], "evidence": "quadrature"}
    found = run(RecoverConfig.model_validate(plan))
    assert set(found.estimates[found.estimates.model == "bayes-hybrid"].parameter) == {"w"}
    assert np.isfinite(found.studies.protected).all()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"models": []}, "models: should hold at least one"),
        ({"models": [{"agent": "bayes-rank", "population": {"w": 0.5}}]}, r"models.0.population.w: unknown parameter"),
        (
            {"models": [{"agent": "bayes-rank", "population": {"inverse_temperature": {"distribution": "norm"}}}]},
            r"models.0.population.inverse_temperature: should stay from 0 to inf",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "fixed": {"rank_prior": 0.5}, "population": {"rank_prior": 0.4}}]},
            r"models.0.population.rank_prior: is fixed",
        ),
        ({"rounds": [144, 144]}, "rounds: should hold each number once"),
        ({"participants": [1]}, r"participants.0: should be greater than or equal to 2"),
        ({"participants": []}, r"participants: "),
        ({"models": ["delta-hybrid"], "evidence": "quadrature"}, "at most 3 parameters, but delta-hybrid has 4"),
        ({"game": "newcomers", "rounds": [3]}, r"rounds.0: game.present: should leave fewer newcomers"),
    ],
)
def test_faulty_configs_are_refused_by_key(changes: dict[str, Any], fault: str, tmp_path: Path) -> None:
    path = tmp_path / "recover.yaml"
    path.write_text(yaml.safe_dump({"models": ["bayes-rank"], **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=fault):
        load_config(RecoverConfig, str(path))


def test_shipped_configs_load() -> None:
    assert load_config(RecoverConfig, "recover_design").lengths == (72, 144, 288, 576)
