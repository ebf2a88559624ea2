"""`accept-reject recover`: what is recovered, by independent arithmetic, figures, and invalid configs."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console
from scipy import stats

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.config import load_config
from accept_reject.experiments.inference.model_selection import DECIDED
from accept_reject.experiments.manifest import MANIFEST
from accept_reject.experiments.recover import figures, tables
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.recover.experiment import Recover
from accept_reject.experiments.recover.run import RecoverResults, run
from accept_reject.experiments.reporting import style
from accept_reject.experiments.runner import run_experiment, write_artifacts

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
    found = results.parameters
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
    confusion, studies = results.confusion, results.studies
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
    assert row.wins > 0.5  # ten participants with clear preferences suffice


def test_the_table_of_designs(results: RecoverResults) -> None:
    table = tables.design(results)
    assert [row[:2] for row in table.rows] == [("20", "4"), ("20", "10"), ("60", "4"), ("60", "10")]
    shown = dict(zip(table.header, table.rows[3], strict=True))
    some = results.studies.query("rounds == 60 and participants == 10 and generating == fitted == 'bayes-rank'")
    low, high = stats.binomtest(int((some.protected > DECIDED).sum()), 6).proportion_ci(method="wilson")
    shown_as = f"{100 * (some.protected > DECIDED).mean():.0f} [{100 * low:.0f}, {100 * high:.0f}]"
    assert shown["bayes-rank: decisive (%)"] == shown_as
    found = results.parameters.query("rounds == 60 and participants == 10 and parameter == 'w'").iloc[0]
    assert shown["hybrid: r of w"] == f"{found.r:.2f} [{found.r_low:.2f}, {found.r_high:.2f}]"


def test_more_rounds_are_more_informative(results: RecoverResults) -> None:
    found = results.parameters.groupby("rounds").rmse.mean()
    assert found[60] < found[20]


def test_the_figure_of_confusion(results: RecoverResults) -> None:
    """Rows are generating models and columns fitted models, so that a transposed matrix is noticed."""
    frame = results.confusion.copy()
    distinct = np.arange(len(frame)) / len(frame)  # no two cells are alike, as it may happen with few studies
    altered = RecoverResults(results.config, results.estimates, results.studies)
    altered.__dict__["confusion"] = frame.assign(wins=distinct)
    names = ["hybrid", "bayes-rank", "bayes-outcome"]
    drawn = figures.confusion(altered)
    sizes = [(participants, rounds) for participants in (4, 10) for rounds in (20, 60)]
    assert "wins" in drawn.get_supxlabel()
    assert "Generating model" in drawn.get_supylabel()
    for ax, (participants, rounds) in zip(drawn.axes, sizes, strict=True):
        assert f"{participants} " in ax.get_title()
        assert f"{rounds} rounds" in ax.get_title()
        place = ax.get_subplotspec()
        if place.is_last_row():
            assert [label.get_text() for label in ax.get_xticklabels()] == names
        if place.is_first_col():
            assert [label.get_text() for label in ax.get_yticklabels()] == names
        assert len(ax.texts) == 9
        here = altered.confusion.query(f"rounds == {rounds} and participants == {participants}")
        wins = here.set_index(["generating", "fitted"]).wins
        (image,) = ax.images
        for text in ax.texts:
            column, row = (round(at) for at in text.get_position())
            share = 100 * wins[names[row], names[column]]
            assert text.get_text() == f"{share:.0f}"
            assert image.get_array()[row, column] == pytest.approx(share)
        places = ax.transData.transform([text.get_position() for text in ax.texts[::3]])
        assert (np.diff(places[:, 1]) < 0).all()  # the first row on top


def test_figures_of_estimates_and_designs(results: RecoverResults) -> None:
    longest = results.estimates[results.estimates.rounds == 60]
    panels = list(longest.groupby(["model", "parameter"], sort=False))
    for ax, ((model, parameter), rows) in zip(figures.scatter(results).axes, panels, strict=False):
        assert " ".join(ax.get_title(loc="left").split()) == f"{model}: {parameter.replace('_', ' ')}"
        assert ax.lines[0].get_xdata() == pytest.approx(rows.truth.to_numpy())
        assert ax.lines[0].get_ydata() == pytest.approx(rows.estimate.to_numpy())
        assert ax.get_xlabel().startswith("True")
        found = results.parameters.query("rounds == 60 and participants == 10").set_index(["model", "parameter"])
        assert ax.texts[0].get_text() == f"r = {found.r[model, parameter]:.2f}"
    axes = figures.design(results).axes
    right = results.confusion.query("generating == fitted").set_index(["fitted", "participants"])
    for ax, model in zip(axes, ("hybrid", "bayes-rank", "bayes-outcome"), strict=False):
        assert model in ax.get_title(loc="left")
        for size, bars in zip((4, 10), ax.containers, strict=True):
            assert bars.lines[0].get_ydata() == pytest.approx(100 * right.decided[model, size].to_numpy())


def test_the_answer_names_models_parameters_and_numbers(results: RecoverResults) -> None:
    """Those of the longest game and the largest study."""
    first, second = Recover(results.config).answer(results)
    assert "60 rounds" in first
    for row in results.parameters.query("rounds == 60 and participants == 10").itertuples():
        assert f"{row.parameter.replace('_', ' ')} of {row.model} {row.r:.2f}" in first
    assert "10 participants" in second
    for row in results.confusion.query("rounds == 60 and participants == 10 and generating == fitted").itertuples():
        assert f"{row.generating} in {row.wins:.0%} (decisively in {row.decided:.0%})" in second
    assert f"{DECIDED:g}" in second


@pytest.mark.slow
def test_the_folder_of_a_recovery_is_the_same_each_time(tmp_path: Path, results: RecoverResults) -> None:
    experiment = Recover(results.config)
    write_artifacts(experiment, experiment.artifacts(results), tmp_path / "run")
    pictures = {f"{name}.{kind}" for name in ("recovery", "confusion", "design") for kind in style.KINDS}
    written = {f"{name}.csv" for name in ("estimates", "parameters", "studies", "confusion")}
    own = {*pictures, *written, "config.yaml", "report.html", MANIFEST}
    assert {path.name for path in (tmp_path / "run").iterdir()} == own
    html = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert html.count("All participants are simulated.") == 2  # at the top and at the bottom
    assert "Parameter recovery (simulated participants)" in html
    assert html.count("<svg") == 3
    assert html.index("<h2>Methods</h2>") < html.index("<h2>Config</h2>")
    for table in (tables.design(results), tables.confusion(results), tables.parameters(results)):
        cells = [text.replace(" [", "<small>[").replace("]", "]</small>") for row in table.rows for text in row]
        assert all(f"<td>{text}</td>".replace(">", "&gt;") in html.replace(">", "&gt;") for text in cells)
    assert all(
        "<!-- simulated participants -->" in path.read_text(encoding="utf-8")
        for path in (tmp_path / "run").glob("*.svg")
    )
    again = run_experiment(experiment, tmp_path, Console(file=io.StringIO()))
    for path in again.iterdir():
        assert path.read_bytes() == (tmp_path / "run" / path.name).read_bytes(), path.name


def test_one_model_alone_and_its_own_game(tmp_path: Path) -> None:
    plan = {"models": ["delta-outcome"], "participants": [3], "studies": 2, "starts": 1}
    plan["game"] = {"scenario": "hidden-ranks", "game": {"rounds": 15}}
    config = RecoverConfig.model_validate(plan)
    assert config.lengths == (15,)
    output = io.StringIO()
    folder = run_experiment(Recover(config), tmp_path, Console(file=output))
    assert {path.name for path in folder.glob("*.csv")} == {"estimates.csv", "parameters.csv"}
    assert {path.name for path in folder.glob("*.svg")} == {"recovery.svg"}
    assert "rate_outcome" in pd.read_csv(folder / "estimates.csv").parameter.unique()
    assert "Parameter recovery" in output.getvalue()
    assert "wins" not in output.getvalue()


def test_quadrature_and_fixed_values() -> None:
    model = {"agent": "bayes-hybrid", "fit": ["w"], "fixed": {"inverse_temperature": 5.0}}
    plan = {**PLAN, "models": [model, "bayes-outcome"], "rounds": [20], "participants": [4], "evidence": "quadrature"}
    found = run(RecoverConfig.model_validate(plan))
    assert set(found.estimates[found.estimates.model == "bayes-hybrid"].parameter) == {"w"}
    assert np.isfinite(found.studies.protected).all()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"models": []}, "models: must have at least 1 item, got none"),
        ({"models": [{"agent": "bayes-rank", "population": {"w": 0.5}}]}, "models.0.population: unknown parameter 'w'"),
        (
            {"models": [{"agent": "bayes-rank", "population": {"inverse_temperature": {"distribution": "norm"}}}]},
            r"models.0.population.inverse_temperature: must be a number >= 0, got values from -",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "fixed": {"rank_prior": 0.5}, "population": {"rank_prior": 0.4}}]},
            r"models.0.population.rank_prior: can't be combined with fixed",
        ),
        ({"rounds": [144, 144]}, "rounds: must be unique, got 144 more than once"),
        ({"participants": [5, 2, 5]}, "participants: must be unique, got 5 more than once"),
        ({"participants": [1]}, "participants.0: must be an integer >= 2, got 1"),
        ({"participants": []}, "participants: must have at least 1 item, got"),
        (
            {"models": ["delta-hybrid"], "evidence": "quadrature"},
            "evidence: must be 'laplace' for models with more than 3 parameters, got 'quadrature'.*delta-hybrid.* 4",
        ),
        ({"game": "newcomers", "rounds": [3]}, r"rounds.0: game.present: must be > 21 with 3 rounds and 24 partners"),
    ],
)
def test_invalid_configs(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "recover.yaml"
    path.write_text(yaml.safe_dump({"models": ["bayes-rank"], **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=f"recover.yaml: {problem}"):
        load_config(RecoverConfig, str(path))


def test_shipped_configs_load() -> None:
    assert load_config(RecoverConfig, "recover_design").lengths == (72, 144, 288, 576)
