"""`accept-reject fit`: its folder, figures and answer, from data of different kinds, and invalid input."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import accept_reject
from matplotlib.colors import to_hex
from rich.console import Console

from accept_reject.agents import make_agent
from accept_reject.envs import GameSpec, InvalidInputError, draw
from accept_reject.experiments.analysis.curves import CURVES
from accept_reject.experiments.analysis.stay_switch import EFFECTS
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.data.load import load
from accept_reject.experiments.fit import figures
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.fit.predictive_check import Check
from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference import hierarchical
from accept_reject.experiments.inference.model_selection import DECIDED, select_models
from accept_reject.experiments.manifest import MANIFEST
from accept_reject.experiments.reporting import style
from accept_reject.experiments.reporting.tables import probability
from accept_reject.experiments.runner import run_experiment, write_artifacts
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate

QUICK = {"starts": 2, "simulations": 3}
MODELS = ["bayes-hybrid", {"agent": "bayes-rank", "label": "rank"}, "bayes-outcome"]
SMALL = ["participants=6", "game={scenario: orthogonal, game: {rounds: 30}}"]


def config(**changes: Any) -> FitConfig:
    return FitConfig.model_validate({"data": "somewhere", "models": MODELS, **QUICK, **changes})


def quiet(config: FitConfig, parent: Path) -> tuple[Path, str]:
    """Run a fit.

    Returns:
        The folder, and the output.
    """
    output = io.StringIO()
    folder = run_experiment(FitExperiment(config), parent, Console(file=output, width=200))
    return folder, output.getvalue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "participants"
    choices, parameters = simulate(load_config(PopulationConfig, "population_babur2024", SMALL))
    write_dataset(choices, folder, "participants", "a test", parameters)
    return folder


@pytest.fixture(scope="module")
def experiment(data: Path) -> FitExperiment:
    return FitExperiment(config(data=str(data)))


@pytest.fixture(scope="module")
def results(experiment: FitExperiment) -> FitResults:
    return experiment.run(Path(), lambda _, __: None)


@pytest.fixture(scope="module")
def run(experiment: FitExperiment, results: FitResults, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / experiment.folder_name
    write_artifacts(experiment, experiment.artifacts(results), folder)
    return folder


def test_probabilities_of_trials_give_the_log_likelihood(run: Path) -> None:
    table = pd.read_csv(run / "trials.tsv", sep="\t", dtype={"participant": str})
    assert len(table) == 6 * 30 * 3
    found = np.log(table.probability).groupby([table.participant, table.model]).sum()
    fits = pd.read_csv(run / "fits.csv", dtype={"participant": str}).set_index(["participant", "model"])
    np.testing.assert_allclose(found.sort_index(), fits.log_likelihood.sort_index(), rtol=1e-6)


def test_the_folder_of_a_fit(run: Path) -> None:
    pictures = {f"{name}.{kind}" for name in ("comparison", "estimates", "predictive_check") for kind in style.KINDS}
    tables = {"estimates", "fits", "reliability", "selection"}
    tables |= {"predictive_curves", "predictive_p_values", "predictive_stay_switch"}
    assert {path.name for path in run.iterdir()} == {
        *pictures,
        *(f"{name}.csv" for name in tables),
        "config.yaml",
        "recover.yaml",
        "report.html",
        "trials.tsv",
        MANIFEST,
    }
    for name in tables:
        assert not pd.read_csv(run / f"{name}.csv").isna().any(axis=None), name
    html = (run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"\bnan\b", html)
    assert not re.search(r"(src|href)=.https?:", html)
    assert html.count("<svg") == 3
    assert html.count("participants are simulated.") >= 2  # at the top and at the bottom
    assert "Parameter estimates of simulated participants" in html
    assert html.index("<h2>Methods</h2>") < html.index("<h2>Config</h2>")
    assert all("<!-- simulated participants -->" in path.read_text(encoding="utf-8") for path in run.glob("*.svg"))


def test_the_report_has_the_numbers_of_the_predictive_check(run: Path) -> None:
    """Shares in the CSV, percent in the report."""
    html = (run / "report.html").read_text(encoding="utf-8")
    curves, effects = (pd.read_csv(run / f"predictive_{name}.csv") for name in ("curves", "stay_switch"))
    assert curves[["mean", "low"]].max(axis=None) <= 1
    for curve, title in CURVES.items():
        section = html[html.index(f"<h3>{title}</h3>") :]
        row = next(line for line in section.splitlines() if "<td>participants</td>" in line)
        mean = curves[(curves.curve == curve) & (curves.player == "data")]["mean"]
        assert len(mean) > 5
        assert [float(text) for text in re.findall(r"<td>(\d+)", row)] == (100 * mean).round().tolist()
    effect = effects[(effects.player == "rank") & (effects.effect == "outcome")].iloc[0]
    shown = f"<td>{effect.estimate:.2f}<small>[{effect.low:.2f}, {effect.high:.2f}]</small></td></tr>"
    section = html[html.index("Effects on staying") :]
    assert next(line for line in section.splitlines() if "<td>rank</td>" in line).endswith(shown)


def test_the_figure_of_the_predictive_check(results: FitResults) -> None:
    """Participants are black dots, models colored lines, one panel for each curve and one of the effects."""
    check = results.check
    assert isinstance(check, Check)
    *panels, last = figures.predictive_check(check).axes
    assert len(panels) == len(CURVES)
    for ax, (curve, label) in zip(panels, CURVES.items(), strict=True):
        assert ax.get_ylabel() == label
        lines = {to_hex(line.get_color()): line for line in ax.lines if line.get_linestyle() == "-"}
        models = {name: check.curves[curve, name] for name in results.models}
        assert len(lines) == len(models) == 3
        for line, found in zip(lines.values(), models.values(), strict=True):
            assert line.get_xdata() == pytest.approx(check.rounds)
            assert line.get_ydata() == pytest.approx(found.mean)
        (dots,) = (line for line in ax.lines if line.get_marker() == "o")
        assert to_hex(dots.get_color()) == "#000000"
        found = check.curves[curve, "data"]
        assert dots.get_ydata() == pytest.approx(found.mean)
        (bars,) = (each for each in ax.collections if hasattr(each, "get_segments"))
        ends = np.array(bars.get_segments())[:, :, 1]
        assert ends == pytest.approx(np.stack([found.low, found.high], axis=1))
        bands = [each for each in ax.collections if not hasattr(each, "get_segments")]
        for band, interval in zip(bands, models.values(), strict=True):
            heights = band.get_paths()[0].vertices[:, 1]
            assert (heights.min(), heights.max()) == pytest.approx((interval.low.min(), interval.high.max()))
    handles, labels = last.get_legend_handles_labels()
    assert labels == ["participants", "bayes-hybrid", "rank", "bayes-outcome"]
    for handle, player in zip(handles, ("data", *results.models), strict=True):
        rows = check.effects[check.effects.player == player].set_index("effect")
        assert handle.lines[0].get_ydata() == pytest.approx(rows.estimate[list(EFFECTS)].to_numpy())


def test_the_figure_of_estimates(results: FitResults) -> None:
    axes = figures.estimates(results).axes
    panels = [(name, j) for name, each in results.models.items() for j in range(each.fit.estimates.shape[1])]
    for ax, (name, j) in zip(axes, panels, strict=False):
        fit = results.models[name].fit
        assert " ".join(ax.get_title(loc="left").split()) == f"{name}: {fit.model.parameters[j].replace('_', ' ')}"
        (dots,) = (line for line in ax.lines if line.get_marker() == "o")
        assert dots.get_ydata() == pytest.approx(np.sort(fit.estimates[:, j]))


def test_the_answer_names_the_model_and_its_numbers(experiment: FitExperiment, results: FitResults) -> None:
    first, second = experiment.answer(results)
    selection = results.selection
    assert selection is not None
    at = int(selection.protected.argmax())
    best = list(results.models)[at]
    decided = selection.protected[at] > DECIDED
    assert first.startswith(f"{best} is the most frequent" if decided else "No model is clearly the most frequent")
    assert "of 3 models among 6 simulated participants" in first
    assert f"{best} (protected exceedance probability {probability(selection.protected[at])}" in first or decided
    assert f"{probability(selection.protected[at])}, expected frequency {selection.frequencies[at]:.0%}" in first
    fit = results.models[best].fit
    for name, median in zip(fit.model.parameters, np.median(fit.estimates, axis=0), strict=True):
        assert f"{name.replace('_', ' ')} {median:.2f}" in second
    assert second.startswith(f"Median estimates of {best}:")


def test_tables_agree_with_one_another(run: Path) -> None:
    fits, estimates = pd.read_csv(run / "fits.csv"), pd.read_csv(run / "estimates.csv")
    assert len(fits) == 6 * 3
    assert len(estimates) == 6 * (2 + 1 + 1)
    selection = pd.read_csv(run / "selection.csv")
    for evidence, column in (("Laplace", "log_evidence"), ("quadrature", "log_evidence_quadrature")):
        table = fits.pivot(index="participant", columns="model", values=column)[
            ["bayes-hybrid", "rank", "bayes-outcome"]
        ]
        expected = select_models(table.to_numpy())
        found = selection[selection.evidence == evidence]
        assert found.protected.to_numpy() == pytest.approx(expected.protected)
        assert found.omnibus_risk.to_numpy() == pytest.approx(expected.omnibus_risk)
    assert fits.groupby("participant").responsibility.sum().to_numpy() == pytest.approx(1)
    assert ((estimates.low <= estimates.estimate) & (estimates.estimate <= estimates.high)).all()


@pytest.mark.slow
def test_the_same_config_and_data_give_the_same_bytes(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command runs, if the config is the same."""
    again, output = quiet(config(data=str(data)), tmp_path)
    assert again.name == run.name
    for path in run.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name
    answer = " ".join(output.split())
    assert "the most frequent of 3 models" in answer
    assert "simulated" in answer
    monkeypatch.chdir(data.parent)
    short = FitExperiment(config(data=data.name))
    assert short.fingerprint == FitExperiment(config(data=str(data))).fingerprint
    assert short.folder_name != run.name  # it holds another path


def test_other_data_under_the_same_name_have_another_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices, _ = simulate(load_config(PopulationConfig, "population_babur2024", [*SMALL, "seed=1"]))
    write_dataset(choices, tmp_path / "participants", "participants", "a test")
    names = []
    for folder in (data.parent, tmp_path):
        monkeypatch.chdir(folder)
        names.append(FitExperiment(config(data="participants", simulations=0)).folder_name)
    assert len(set(names)) == 2


@pytest.mark.slow
def test_hierarchical_and_maximum_likelihood(data: Path, tmp_path: Path) -> None:
    group, output = quiet(config(data=str(data), method="hierarchical"), tmp_path)
    groups = pd.read_csv(group / "groups.csv")
    assert groups.converged.all()
    assert not groups.isna().any(axis=None)
    assert ((groups.sd_low < groups.sd) & (groups.sd < groups.sd_high) | (groups.sd_low == groups.sd_high)).all()
    correlations = pd.read_csv(group / "correlations.csv")
    assert set(correlations.model) == {"bayes-hybrid"}  # the others have a single parameter
    assert (correlations.low < correlations.correlation).all()
    assert "Group distributions" in output
    assert "Correlations between simulated participants" in (group / "report.html").read_text(encoding="utf-8")
    likely, output = quiet(config(data=str(data), method="maximum-likelihood"), tmp_path)
    assert not (likely / "selection.csv").exists()
    assert not (likely / "comparison.svg").exists()
    assert "most frequent" not in output
    assert "not determined" in output
    best, map_ = pd.read_csv(likely / "fits.csv"), pd.read_csv(group / "fits.csv")
    assert "log_evidence" not in best
    assert (best.log_likelihood >= map_.log_likelihood - 1e-6).all()
    assert not pd.read_csv(likely / "estimates.csv").isna().any(axis=None)
    values = (
        pd.read_csv(likely / "estimates.csv").query("model == 'bayes-hybrid'").groupby("parameter").estimate.median()
    )
    answer = " ".join(output.split())
    assert "Median estimates of bayes-hybrid over 6 simulated participants" in answer
    assert all(f"{name.replace('_', ' ')} {value:.2f}" in answer for name, value in values.items())


def test_models_are_not_compared_before_groups_converge(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hierarchical, "MAX_ITERATIONS", 1)
    folder, output = quiet(
        config(data=str(data), models=["bayes-rank", "bayes-outcome"], method="hierarchical", starts=1, simulations=0),
        tmp_path,
    )
    answer = "have not converged for bayes-rank and bayes-outcome, so models are not compared."
    assert answer in " ".join(output.split())
    assert "exceedance" not in output
    assert not (folder / "selection.csv").exists()


def bandit(folder: Path, coding: tuple[int, int], seed: int = 0) -> Path:
    """A plain two-armed bandit as researchers export it: no ranks, no game, one row in ten missed."""
    arms = [{"mean_rank": 4.5, "acceptance": p, "rank_shown": False} for p in (0.75, 0.25)]
    game = GameSpec.model_validate({"rounds": 50, "partners": arms})
    choices = play(make_agent("delta-outcome", {"inverse_temperature": 3.0}), draw(game, seed, 4))
    frame = choices.to_frame()
    gone = np.random.default_rng(seed).random(len(frame)) < 0.1
    table = pd.DataFrame(
        {
            "who": frame.participant,
            "trial": frame["round"],
            "a": frame.offered_1.map({0: "left", 1: "right"}),
            "b": frame.offered_2.map({0: "left", 1: "right"}),
            "pick": frame.choice.map({0: "left", 1: "right"}).mask(gone, "NA"),
            "reward": frame.accepted.map(dict(enumerate(reversed(coding)))).astype(object).mask(gone, "NA"),
        }
    )
    folder.mkdir()
    table.to_csv(folder / "bandit.csv", index=False)
    columns = {"participant": "who", "round": "trial", "offered": ["a", "b"], "choice": "pick", "accepted": "reward"}
    mapping = {"kind": "data", "file": "bandit.csv", "columns": columns, "accepted": list(coding)}
    (folder / "bandit.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_bandit_is_fitted_whatever_its_coding(tmp_path: Path) -> None:
    plan = {"kind": "fit", "data": "bandit.yaml", "method": "maximum-likelihood", **QUICK}
    plan["models"] = [
        "delta-outcome",
        {"agent": "delta-outcome", "label": "sticky", "fit": ["rate_outcome", "stickiness"]},
    ]
    found = []
    for name, coding in (("plus", (1, -1)), ("zero", (1, 0))):
        folder = bandit(tmp_path / name, coding)
        (folder / "plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
        done = accept_reject("fit", folder / "plan.yaml", "--out", tmp_path / f"runs-{name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (run,) = (tmp_path / f"runs-{name}").glob("[!.]*")
        found.append(pd.read_csv(run / "estimates.csv"))
        html = (run / "report.html").read_text(encoding="utf-8")
        assert "one step ahead" in html
        assert "Parameter estimates of participants" in html
        assert "simulated participants" not in html  # in no figure either, as these may be real
        effects = pd.read_csv(run / "predictive_stay_switch.csv")
        assert set(effects.effect) == {"outcome"}
        assert set(effects.player) == {"data", "delta-outcome", "sticky"}
    pd.testing.assert_frame_equal(*found)


@pytest.mark.slow
def test_names_with_brackets_and_uneven_rounds(tmp_path: Path) -> None:
    folder = bandit(tmp_path / "mine", (1, 0))
    rows = pd.read_csv(folder / "bandit.csv", keep_default_na=False)
    rows = rows[(rows.who != 2) | (rows.trial <= 3)]
    rows["who"] = rows.who.map({1: "a[/b]", 2: "[red]b", 3: "c", 4: "d"})
    rows.to_csv(folder / "bandit.csv", index=False)
    call = ["fit", "fit_babur2024", "data=mine/bandit.yaml", "models=[delta-outcome]", "starts=1", "simulations=2"]
    done = accept_reject(*call, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[red]b" in done.stdout  # whose three rounds are hardly informative
    (run,) = (tmp_path / "runs").glob("[!.]*")
    assert set(pd.read_csv(run / "fits.csv").participant) == {"a[/b]", "[red]b", "c", "d"}


@pytest.mark.slow
def test_models_are_compared_by_the_same_kind_of_evidence(data: Path, tmp_path: Path) -> None:
    """The delta rule has four parameters: no quadrature for it, and so the Laplace approximation for all."""
    models = ["bayes-hybrid", "delta-hybrid"]
    folder, shown = quiet(config(data=str(data), models=models, simulations=0, starts=1), tmp_path)
    fits = pd.read_csv(folder / "fits.csv", na_values=[], keep_default_na=False)
    total = float(fits[fits.model == "bayes-hybrid"].log_evidence.astype(float).sum())
    assert f"{total:,.1f}" in shown
    assert set(pd.read_csv(folder / "selection.csv").evidence) == {"Laplace"}


def test_another_game_with_the_same_choices_is_another_run(tmp_path: Path) -> None:
    folder = bandit(tmp_path / "mine", (1, 0))
    plan = config(data=str(folder / "bandit.yaml"), models=["delta-outcome"], simulations=0)
    first = FitExperiment(plan).folder_name
    mapping = yaml.safe_load((folder / "bandit.yaml").read_text(encoding="utf-8"))
    (folder / "bandit.yaml").write_text(yaml.safe_dump({**mapping, "ranks": 5}), encoding="utf-8")
    assert FitExperiment(plan).folder_name != first


def test_paths_are_relative_to_the_config_or_on_the_command_line_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bandit(tmp_path / "mine", (1, 0))
    plan = {"kind": "fit", "data": "bandit.yaml", "models": ["bayes-outcome"]}
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for path in (folder / "plan.yaml", Path("../mine/plan.yaml")):
        named = load_config(FitConfig, str(path))
        assert Path(named.data).resolve() == (folder / "bandit.yaml").resolve()
        assert len(load(named.data).choices) == 4
    assert load_config(FitConfig, str(folder / "plan.yaml"), ["data=bandit.yaml"]).data == "bandit.yaml"


@pytest.mark.slow
def test_data_on_the_command_line(tmp_path: Path) -> None:
    bandit(tmp_path / "mine", (1, 0))
    quick = ["starts=1", "simulations=0", "models=[bayes-outcome]"]
    done = accept_reject("fit", "fit_babur2024", "data=mine/bandit.yaml", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Report: runs/fit-" in done.stdout


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"models": []}, "models: must have at least 1 item, got none"),
        (
            {"models": ["bayes-hybrid", "bayes-hybrid"]},
            "models: names must be unique, got 'bayes-hybrid' more than once",
        ),
        ({"models": ["random"]}, "models.0.agent: must be a learner, an agent with named parameters, got 'random'"),
        ({"models": ["bayes-hybird"]}, r"models.0.agent: unknown agent 'bayes-hybird'; did you mean 'bayes-hybrid'"),
        ({"models": [{"agent": "bayes-hybrid", "fit": ["v"]}]}, "models.0.fit: unknown parameter 'v'"),
        ({"models": [{"agent": "bayes-hybrid", "fit": []}]}, "models.0.fit: must have at least 1 parameter, got none"),
        (
            {"models": [{"agent": "bayes-hybrid", "fit": ["w", "w"]}]},
            "models.0.fit: parameters must be unique, got 'w' more than once",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "fit": ["w"], "fixed": {"w": 0.5}}]},
            "models.0.fixed.w: can't be combined with fit",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "fixed": {"w": 2}}]},
            "models.0.fixed.w: must be a number from 0 to 1, got 2",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "priors": {"rank_prior": {"mean": 0, "sd": 1}}}]},
            "models.0.priors.rank_prior: is only valid for parameters in fit",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "priors": {"w": {"mean": 0, "sd": 0}}}]},
            "models.0.priors.w.sd: must be a number > 0, got 0",
        ),
        ({"models": [{"agent": "bayes-rank", "fit": ["w"]}]}, "models.0.fit: unknown parameter 'w'"),
        (
            {"method": "mcmc"},
            "method: must be one of 'map', 'mfit', 'hierarchical', 'bayes', 'maximum-likelihood', got 'mcmc'",
        ),
        ({"starts": 0}, "starts: must be an integer >= 1, got 0"),
        ({"selection_prior": 2}, "selection_prior: must be one of 1, '1/models', got 2"),
        ({"data": ""}, "data: must .*, got ''"),
        ({"modles": ["bayes-rank"]}, "unknown key 'modles'; did you mean 'models'"),
        ({"models": [{"agent": "bayes-rank", "label": "data"}]}, "models: .*'data'.*label"),
    ],
)
def test_invalid_configs(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.yaml"
    path.write_text(yaml.safe_dump({"data": "here", "models": ["bayes-rank"], **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=f"fit.yaml: {problem}"):
        load_config(FitConfig, str(path))


@pytest.mark.slow
def test_invalid_data_end_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    done = accept_reject("fit", "fit_babur2024", "data=nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"nowhere: must be .*, got a path that does not exist\n", done.stderr)
    assert not list((tmp_path / "runs").glob("fit*"))
    folder = bandit(tmp_path / "mine", (1, 0))
    rows = pd.read_csv(folder / "bandit.csv")
    rows.loc[rows.who == 2, ["pick", "reward"]] = np.nan
    rows.to_csv(folder / "bandit.csv", index=False)
    call = ["fit", "fit_babur2024", "data=mine/bandit.yaml", "models=[delta-outcome]", "method=maximum-likelihood"]
    done = accept_reject(*call, cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(r"^mine/bandit.yaml: participant 2: must have made a choice", done.stderr, re.MULTILINE)
    rows[["pick", "reward"]] = np.nan
    rows.to_csv(folder / "bandit.csv", index=False)
    done = accept_reject("fit", "fit_babur2024", "data=mine/bandit.yaml", cwd=tmp_path)
    assert (done.returncode, "must have at least one choice, got none" in done.stderr) == (2, True)
    done = accept_reject("fit", "fit_babur2024", "data=fit_babur2024", cwd=tmp_path)
    assert done.returncode == 2
    assert "kind: must be 'data' or 'population', got 'fit'" in done.stderr
