"""`accept-reject fit`: what it leaves, from whatever data, the same each time, and what it refuses."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from accept_reject.agents import make_agent
from accept_reject.envs import GameSpec, InvalidInputError, draw
from accept_reject.experiments.config import load_config
from accept_reject.experiments.curves import CURVES
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.model_selection import select_models
from accept_reject.experiments.fit.run_folder import run_fit
from accept_reject.experiments.play import play
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.simulate import simulate
from accept_reject.experiments.style import KINDS

QUICK = {"starts": 2, "simulations": 3}
MODELS = ["bayes-hybrid", {"agent": "bayes-rank", "label": "rank"}, "bayes-outcome"]
SMALL = ["participants=6", "game={scenario: orthogonal, game: {rounds: 30}}"]


def command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "accept_reject.experiments.cli", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, cwd=cwd)


def config(**changes: Any) -> FitConfig:
    return FitConfig.model_validate({"data": "somewhere", "models": MODELS, **QUICK, **changes})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "people"
    choices, parameters = simulate(load_config(PopulationConfig, "population_babur2024", SMALL))
    write_dataset(choices, folder, "people", "a test", parameters)
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_fit(config(data="people"), data.parent, tmp_path_factory.mktemp("runs"))


def test_the_folder_holds_what_is_promised(run: Path) -> None:
    pictures = {f"{name}.{kind}" for name in ("comparison", "estimates", "predictive_check") for kind in KINDS}
    tables = {"estimates", "fits", "selection", "predictive_curves", "predictive_effects"}
    assert {path.name for path in run.iterdir()} == {
        *pictures,
        *(f"{name}.csv" for name in tables),
        "config.yaml",
        "report.html",
    }
    for name in tables:
        assert not pd.read_csv(run / f"{name}.csv").isna().any(axis=None), name
    html = (run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"\bnan\b", html)
    assert not re.search(r"(src|href)=.https?:", html)
    assert html.count("<svg") == 3
    assert "All participants here are simulated." in html
    assert "Parameters over simulated participants" in html
    assert html.index("<h2>Methods</h2>") < html.index("<h2>To repeat this</h2>")
    assert all("<!-- simulated participants -->" in path.read_text(encoding="utf-8") for path in run.glob("*.svg"))


def test_the_report_tells_the_predictive_check_in_numbers(run: Path) -> None:
    html = (run / "report.html").read_text(encoding="utf-8")
    curves, effects = (pd.read_csv(run / f"predictive_{name}.csv") for name in ("curves", "effects"))
    for curve, title in CURVES.items():
        section = html[html.index(f"<h3>{title}</h3>") :]
        row = next(line for line in section.splitlines() if "<td>participants</td>" in line)
        mean = curves[(curves.curve == curve) & (curves.player == "data")]["mean"]
        assert [float(text) for text in re.findall(r"<td>(\d+)", row)] == mean.round().tolist()
    effect = effects[(effects.player == "rank") & (effects.effect == "outcome")].iloc[0]
    said = f"<td>{effect.estimate:.2f}<small>[{effect.low:.2f}, {effect.high:.2f}]</small></td></tr>"
    section = html[html.index("Effects on staying") :]
    assert next(line for line in section.splitlines() if "<td>rank</td>" in line).endswith(said)


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


def test_the_same_config_and_data_give_the_same_bytes(run: Path, data: Path, tmp_path: Path) -> None:
    again = run_fit(config(data=str(data)), Path(), tmp_path)
    for path in run.iterdir():
        if path.name not in ("config.yaml", "report.html"):  # which hold the path of the data
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name
    twice = run_fit(config(data="people"), data.parent, tmp_path / "twice")
    assert twice.name == run.name
    assert (twice / "report.html").read_bytes() == (run / "report.html").read_bytes()


def test_other_data_under_the_same_name_have_another_folder(run: Path, data: Path, tmp_path: Path) -> None:
    choices, _ = simulate(load_config(PopulationConfig, "population_babur2024", [*SMALL, "seed=1"]))
    write_dataset(choices, tmp_path / "people", "people", "a test")
    other = run_fit(config(data="people", simulations=0), tmp_path, tmp_path)
    assert other.name != run.name


def test_hierarchical_and_maximum_likelihood(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    group = run_fit(config(data=str(data), method="hierarchical"), Path(), tmp_path)
    groups = pd.read_csv(group / "groups.csv")
    assert groups.converged.all()
    assert not groups.isna().any(axis=None)
    assert "Groups" in capsys.readouterr().out
    likely = run_fit(config(data=str(data), method="maximum-likelihood"), Path(), tmp_path)
    assert not (likely / "selection.csv").exists()
    assert not (likely / "comparison.svg").exists()
    best, map_ = pd.read_csv(likely / "fits.csv"), pd.read_csv(group / "fits.csv")
    assert "log_evidence" not in best
    assert (best.log_likelihood >= map_.log_likelihood - 1e-6).all()
    assert not pd.read_csv(likely / "estimates.csv").isna().any(axis=None)


def bandit(folder: Path, coding: tuple[int, int], seed: int = 0) -> Path:
    """A plain two-armed bandit as people export it: no ranks, no game, one row in ten missed."""
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


def test_a_bandit_of_ones_own_is_fitted_whatever_its_coding(tmp_path: Path) -> None:
    plan = {"kind": "fit", "data": "bandit.yaml", "method": "maximum-likelihood", **QUICK}
    plan["models"] = [
        "delta-outcome",
        {"agent": "delta-outcome", "label": "sticky", "fit": ["rate_outcome", "stickiness"]},
    ]
    found = []
    for name, coding in (("plus", (1, -1)), ("zero", (1, 0))):
        folder = bandit(tmp_path / name, coding)
        (folder / "plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
        done = command("fit", folder / "plan.yaml", "--out", tmp_path / f"runs-{name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (run,) = (tmp_path / f"runs-{name}").iterdir()
        found.append(pd.read_csv(run / "estimates.csv"))
        html = (run / "report.html").read_text(encoding="utf-8")
        assert "one step ahead" in html
        assert "Parameters over participants" in html
        assert "simulated participants" not in html  # in no figure either, as these might be people
        effects = pd.read_csv(run / "predictive_effects.csv")
        assert set(effects.effect) == {"outcome"}
        assert set(effects.player) == {"data", "delta-outcome", "sticky"}
    pd.testing.assert_frame_equal(*found)


def test_names_with_brackets_and_uneven_rounds(tmp_path: Path) -> None:
    folder = bandit(tmp_path / "mine", (1, 0))
    rows = pd.read_csv(folder / "bandit.csv", keep_default_na=False)
    rows = rows[(rows.who != 2) | (rows.trial <= 3)]
    rows["who"] = rows.who.map({1: "a[/b]", 2: "[red]b", 3: "c", 4: "d"})
    rows.to_csv(folder / "bandit.csv", index=False)
    call = ["fit", "fit_babur2024", "data=mine/bandit.yaml", "models=[delta-outcome]", "starts=1", "simulations=2"]
    done = command(*call, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[red]b" in done.stdout  # of whom three rounds tell nothing
    (run,) = (tmp_path / "runs").iterdir()
    assert set(pd.read_csv(run / "fits.csv").participant) == {"a[/b]", "[red]b", "c", "d"}


def test_evidence_of_one_sort_is_compared(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The delta rule has four parameters: no quadrature for it, and so Laplace's evidence for all."""
    run_fit(config(data=str(data), models=["bayes-hybrid", "delta-hybrid"], simulations=0, starts=1), Path(), tmp_path)
    (folder,) = tmp_path.iterdir()
    fits = pd.read_csv(folder / "fits.csv", na_values=[], keep_default_na=False)
    shown = capsys.readouterr().out
    total = float(fits[fits.model == "bayes-hybrid"].log_evidence.astype(float).sum())
    assert f"{total:,.1f}" in shown
    assert set(pd.read_csv(folder / "selection.csv").evidence) == {"Laplace"}


def test_another_game_behind_the_same_choices_is_another_run(tmp_path: Path) -> None:
    folder = bandit(tmp_path / "mine", (1, 0))
    plan = config(data="bandit.yaml", models=["delta-outcome"], simulations=0)
    first = run_fit(plan, folder, tmp_path / "runs")
    mapping = yaml.safe_load((folder / "bandit.yaml").read_text(encoding="utf-8"))
    (folder / "bandit.yaml").write_text(yaml.safe_dump({**mapping, "ranks": 5}), encoding="utf-8")
    assert run_fit(plan, folder, tmp_path / "runs") != first


def test_data_may_be_named_on_the_command_line(tmp_path: Path) -> None:
    bandit(tmp_path / "mine", (1, 0))
    quick = ["starts=1", "simulations=0", "models=[bayes-outcome]"]
    done = command("fit", "fit_babur2024", "data=mine/bandit.yaml", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Report: runs/fit-" in done.stdout


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"models": []}, "models: should hold at least one"),
        ({"models": ["bayes-hybrid", "bayes-hybrid"]}, "come twice: bayes-hybrid"),
        ({"models": ["random"]}, r"models.0.agent: agent 'random' has no named parameters"),
        ({"models": ["bayes-hybird"]}, r"models.0.agent: unknown agent 'bayes-hybird'; did you mean"),
        ({"models": [{"agent": "bayes-hybrid", "fit": ["v"]}]}, r"models.0.fit.v: unknown parameter"),
        ({"models": [{"agent": "bayes-hybrid", "fit": []}]}, r"models.0.fit: should name a parameter or more"),
        ({"models": [{"agent": "bayes-hybrid", "fit": ["w", "w"]}]}, r"models.0.fit: names w twice"),
        ({"models": [{"agent": "bayes-hybrid", "fit": ["w"], "fixed": {"w": 0.5}}]}, r"models.0.fixed.w: is estimated"),
        ({"models": [{"agent": "bayes-hybrid", "fixed": {"w": 2}}]}, r"models.0.fixed.w: should be from 0 to 1"),
        (
            {"models": [{"agent": "bayes-hybrid", "priors": {"rank_prior": {"mean": 0, "sd": 1}}}]},
            r"models.0.priors.rank_prior: is not estimated",
        ),
        (
            {"models": [{"agent": "bayes-hybrid", "priors": {"w": {"mean": 0, "sd": 0}}}]},
            r"models.0.priors.w.sd: should",
        ),
        ({"models": [{"agent": "bayes-rank", "fit": ["w"]}]}, r"models.0.fit.w: unknown parameter"),
        ({"method": "mcmc"}, r"method: should be 'map', 'hierarchical' or 'maximum-likelihood', but is 'mcmc'"),
        ({"starts": 0}, r"starts: should be greater than or equal to 1"),
        ({"selection_prior": 2}, r"selection_prior: should be 1 or '1/models'"),
        ({"data": ""}, r"data: "),
        ({"modles": ["bayes-rank"]}, r"modles: unknown key; did you mean 'models'"),
        ({"models": [{"agent": "bayes-rank", "label": "data"}]}, r"'data' is what tables call the participants"),
    ],
)
def test_faulty_configs_are_refused_by_key(changes: dict[str, Any], fault: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.yaml"
    path.write_text(yaml.safe_dump({"data": "here", "models": ["bayes-rank"], **changes}), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=fault):
        load_config(FitConfig, str(path))


def test_bad_input_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    done = command("fit", "fit_babur2024", "data=nowhere", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "nowhere: 1 fault\n  - does not exist" in done.stderr
    assert not list((tmp_path / "runs").glob("*"))
    folder = bandit(tmp_path / "mine", (1, 0))
    rows = pd.read_csv(folder / "bandit.csv")
    rows.loc[rows.who == 2, ["pick", "reward"]] = np.nan
    rows.to_csv(folder / "bandit.csv", index=False)
    call = ["fit", "fit_babur2024", "data=mine/bandit.yaml", "models=[delta-outcome]", "method=maximum-likelihood"]
    done = command(*call, cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "mine/bandit.yaml: 1 fault\n  - participant 2 made no choice" in done.stderr
    rows[["pick", "reward"]] = np.nan
    rows.to_csv(folder / "bandit.csv", index=False)
    done = command("fit", "fit_babur2024", "data=mine/bandit.yaml", cwd=tmp_path)
    assert (done.returncode, "nobody made a choice" in done.stderr) == (2, True)
    done = command("fit", "fit_babur2024", "data=fit_babur2024", cwd=tmp_path)
    assert "is a config of kind 'fit'" in done.stderr
