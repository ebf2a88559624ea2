"""Runs of fit: groups and covariates from participants.tsv, draws in NetCDF files, posterior predictive p-values."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray
from fitting import participants
from rich.console import Console

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.data.load import load
from accept_reject.experiments.fit import predictive_check, tables
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.fit.participants import design_of
from accept_reject.experiments.recover.config import RecoverConfig
from accept_reject.experiments.runner import run_experiment
from accept_reject.experiments.simulation.population import draw_parameters

COLUMNS = {
    "diagnosis": ["patient", "control"] * 5,
    "age": [31, 24, 45, 52, 38, 29, 61, 33, 47, 40],
    "site": [1] * 10,
    "half_age": [15.5, 12, 22.5, 26, 19, 14.5, 30.5, 16.5, 23.5, 20],
    "gaps": [1, 2, "n/a", 4, 5, 6, 7, 8, "n/a", 10],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "data"
    write_dataset(participants(10, seed=7, rounds=60), folder, "study", simulated="a test", participants=COLUMNS)
    return folder


def config(data: Path, **changes: Any) -> FitConfig:
    return FitConfig.model_validate(
        {
            "data": str(data),
            "models": ["bayes-outcome"],
            "starts": 2,
            "simulations": 0,
            "method": "hierarchical",
            **changes,
        }
    )


def run(config: FitConfig, parent: Path) -> tuple[Path, str]:
    output = io.StringIO()
    return run_experiment(FitExperiment(config), parent, Console(file=output, width=200)), output.getvalue()


@pytest.mark.parametrize("method", ["hierarchical", "bayes"])
def test_contrasts_and_slopes(method: str, data: Path, tmp_path: Path) -> None:
    models = ["bayes-outcome", {"agent": "bayes-rank", "label": "rank only"}]
    study = config(data, method=method, models=models, groups="diagnosis", covariates=["age"])
    folder, output = run(study, tmp_path)
    groups = pd.read_csv(folder / "groups.csv")
    assert groups.group.tolist() == ["control", "patient"] * 2
    assert groups.mean_low.lt(groups["mean"]).all() and groups.sd_low.le(groups.sd).all() and groups.converged.all()
    contrast = pd.read_csv(folder / "contrasts.csv").set_index("model").loc["bayes-outcome"]
    means = groups.query("model == 'bayes-outcome'").set_index("group")["mean"]
    assert contrast.difference == pytest.approx(means["control"] - means["patient"])
    slopes = pd.read_csv(folder / "covariates.csv")
    assert slopes.covariate.tolist() == ["age", "age"]
    for frame, name in ((contrast.to_frame().T, "difference"), (slopes, "slope")):
        low, high = (frame[f"{name}_{end}"].astype(float) for end in ("low", "high"))
        assert (low < frame[name]).all() and (frame[name] < high).all()
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "diagnosis: control and patient" in report and "standardized over participants" in report
    assert "Differences between groups" in output and "Effects of covariates" in output
    assert {path.name for path in folder.glob("*.nc")} == (
        {"posterior_bayes-outcome.nc", "posterior_rank_only.nc"} if method == "bayes" else set()
    )
    if method == "bayes":
        tree = xarray.open_datatree(folder / "posterior_bayes-outcome.nc")
        posterior = tree["posterior"]
        assert posterior["group_mean"].dims == ("chain", "draw", "group", "parameter")
        assert posterior["inverse_temperature"].sizes == {"chain": 4, "draw": 1000, "participant": 10}
        mean = posterior["group_mean"].mean(("chain", "draw")).sel(group="patient").item()
        assert mean == pytest.approx(means["patient"])
        assert posterior["slope"].mean().item() == pytest.approx(slopes.slope[0])
        assert tree["log_likelihood"]["choices"].dims == ("chain", "draw", "participant")
        tree.close()
        before = (folder / "posterior_rank_only.nc").read_bytes()
        again, _ = run(
            config(data, method=method, models=models, groups="diagnosis", covariates=["age"]), tmp_path / "2"
        )
        assert (again / "posterior_rank_only.nc").read_bytes() == before


def test_other_columns_are_another_run(data: Path) -> None:
    used: list[dict[str, Any]] = [{}, {"groups": "diagnosis"}, {"covariates": ["age"]}]
    names = {FitExperiment(config(data, **each)).folder_name for each in used}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"groups": "diagnose"}, ["groups: must be a property of participants (simulated, diagnosis, age,"]),
        ({"groups": "diagnose"}, ["did you mean 'diagnosis'"]),
        ({"groups": "site"}, ["groups: 'site' must have from 2 to 20 different values, got 1"]),
        (
            {"covariates": ["diagnosis", "site"]},
            [
                "covariates: 'diagnosis' must be numbers, got 'patient' for sub-001",
                "covariates: 'site' must vary between participants, got 1 for all",
            ],
        ),
        ({"covariates": ["gaps"]}, ["covariates: 'gaps' has no value for sub-003, sub-009; leave them out"]),
        ({"covariates": ["age", "half_age"]}, ["covariates: age, half_age must not determine each other"]),
    ],
)  # fmt: skip
def test_problems_of_columns(changes: dict[str, Any], problems: list[str], data: Path) -> None:
    with pytest.raises(InvalidInputError) as error:
        design_of(config(data, **changes), load(str(data)))
    assert all(problem in str(error.value) for problem in problems)


def test_other_data_have_no_columns() -> None:
    with pytest.raises(InvalidInputError, match=r"are properties of participants: .* got data without them"):
        design_of(config(Path("population_babur2024"), groups="diagnosis"), load("population_babur2024"))


def test_misfits_are_called_out(data: Path, tmp_path: Path) -> None:
    """A model of outcomes can't predict that people follow ranks."""
    big = tmp_path / "big"
    write_dataset(participants(30, seed=1, rounds=100), big, "study", simulated="a test")
    models = ["bayes-hybrid", "bayes-outcome"]
    folder, output = run(config(big, models=models, method="map", simulations=50), tmp_path)
    table = pd.read_csv(folder / "predictive_p_values.csv").set_index(["model", "statistic"])
    name = "effect of rank on staying"
    assert table.p["bayes-outcome", name] == pytest.approx(2 / 51)
    assert table.p["bayes-hybrid", name] > 0.05
    effects = pd.read_csv(folder / "predictive_stay_switch.csv").query("effect == 'rank'").set_index("player")
    assert table.observed["bayes-hybrid", name] == pytest.approx(effects.estimate["data"])
    assert table.predicted["bayes-outcome", name] == pytest.approx(effects.estimate["bayes-outcome"])
    assert "underestimates the effect of rank on staying" in output
    assert "underestimates the effect" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("simulations", "enough"), [(39, False), (40, True)])
def test_too_few_studies_give_no_false_assurance(simulations: int, enough: bool) -> None:
    """With 39 studies no p-value can be below 0.05."""
    curves = predictive_check._compare(9.0, np.zeros(simulations))
    table = pd.DataFrame([{"model": "mine", "statistic": "share of acceptances", **curves}])
    check = predictive_check.Check(True, np.empty(0), {}, pd.DataFrame(), table)
    said = tables.misfits(check, simulations)
    assert ("mine underestimates the share of acceptances" in said) == enough
    assert ("can't show a misfit" in said and "simulations to 40 or more" in said) != enough


def test_p_values_are_shares_of_simulated_studies() -> None:
    simulated = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    found = predictive_check._compare(3.5, simulated)
    assert found["p"] == pytest.approx(2 * (1 + 1) / 5)
    assert found["predicted"] == 2.5
    assert predictive_check._compare(9, simulated)["p"] == pytest.approx(2 / 5)
    assert predictive_check._compare(2.5, simulated)["p"] == 1


def test_a_recovery_study_of_the_same_size(data: Path, tmp_path: Path) -> None:
    folder, _ = run(config(data, models=["bayes-hybrid", {"agent": "bayes-outcome", "label": "only"}]), tmp_path)
    study = load_config(RecoverConfig, str(folder / "recover.yaml"))
    assert study.rounds == (60,)
    assert study.participants == (10,)
    assert study.game.resolve() == load(str(data)).choices.game
    assert [model.name for model in study.models] == ["bayes-hybrid", "only"]
    groups = pd.read_csv(folder / "groups.csv").set_index(["model", "parameter"])
    mean, sd = groups.loc[("only", "inverse_temperature"), ["mean", "sd"]]
    drawn = study.models[1].simulated(10_000, study.game, 0)
    values = draw_parameters(drawn, 10_000, seed=1)["inverse_temperature"]
    assert np.log(values).mean() == pytest.approx(mean, abs=0.05)
    assert np.log(values).std() == pytest.approx(sd, rel=0.05)
    assert "recover.yaml" in (folder / "report.html").read_text(encoding="utf-8")
