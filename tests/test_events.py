"""From onsets in a table to design matrices: events of scanner runs, and beliefs that restart with sessions."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from nilearn.glm.first_level import make_first_level_design_matrix

from accept_reject.envs import InvalidInputError
from accept_reject.experiments.config import load_config
from accept_reject.experiments.data.load import load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.events import REGRESSORS
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.runner import run_experiment

HEADER = "who,day,trial,left,right,chosen,rank,spots,won,rt,onset,fb"
RUN = 12
"""Rounds of a run; each session has two."""

CONFIG = {
    "kind": "data",
    "file": "rounds.csv",
    "columns": {"participant": "who", "session": "day", "round": "trial", "offered": ["left", "right"],
                "choice": "chosen", "rank": "rank", "spots": "spots", "accepted": "won", "response_time": "rt",
                "onset": "onset", "feedback_onset": "fb"},
}  # fmt: skip


def rows() -> pd.DataFrame:
    """Two participants with two sessions; ranks of partner C are hidden, and each ninth round is missed."""
    rng, lines = np.random.default_rng(3), []
    for who in ("p-1", "p-2"):
        for day in ("day 1", "day 2"):
            for t in range(2 * RUN):
                left, right = rng.choice(list("ABC"), 2, replace=False)
                chosen = str(rng.choice([left, right]))
                rank, spots = (int(each) for each in rng.integers(1, 8, 2))
                onset = 6.0 * (t % RUN) + 1.5
                shown = chosen != "C"
                cells = [chosen, rank if shown else "", spots if shown else "", int(rank <= spots), 0.75]
                cells = ["", "", "", "", ""] if t % 9 == 8 else cells
                lines.append([who, day, t + 1, left, right, *cells, onset, onset + 3])
    return pd.DataFrame(lines, columns=HEADER.split(","))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scanner")
    rows().to_csv(folder / "rounds.csv", index=False)
    (folder / "data.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    content = {"data": "data.yaml", "models": ["delta-hybrid", "delta-outcome"], "simulations": 0, "starts": 2}
    (folder / "fit.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    run_experiment(FitExperiment(load_config(FitConfig, str(folder / "fit.yaml"))), folder)
    (found,) = folder.glob("fit-*")
    return found


def test_beliefs_restart_with_sessions(run: Path) -> None:
    """Prediction errors equal those of a loop."""
    table = pd.read_csv(run / "trials.tsv", sep="\t").query("model == 'delta-hybrid'")
    estimates = pd.read_csv(run / "estimates.csv").query("model == 'delta-hybrid'")
    rate = estimates.set_index(["participant", "parameter"]).estimate
    for who, of_who in rows().groupby("who"):
        found = table[table.participant == who].reset_index(drop=True)
        belief: dict[tuple[str, str], list[float]] = {}
        for i, row in enumerate(of_who.itertuples()):
            assert found.session[i] == row.day and found.onset[i] == row.onset
            errors = found.loc[i, ["rank_prediction_error", "outcome_prediction_error"]].tolist()
            if row.chosen == "":
                assert np.isnan(errors).all()
                continue
            each = belief.setdefault((row.day, row.chosen), [0.5, 0.5])
            expected = [(8 - row.rank) / 7 - each[0] if row.rank != "" else np.nan, row.won - each[1]]
            np.testing.assert_allclose(errors, expected, atol=1e-9)
            for j, name in enumerate(("rate_rank", "rate_outcome")):
                each[j] += 0 if np.isnan(expected[j]) else rate[who, name] * expected[j]
    first = table.groupby(["participant", "session"]).head(1)
    np.testing.assert_allclose(first.outcome_prediction_error.abs(), 0.5, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The following conditions contain events with null duration")  # as intended
def test_a_design_matrix_of_nilearn(run: Path) -> None:
    folder = run / "events" / "delta-hybrid"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.tsv")}
    assert names == {
        f"sub-00{i}/ses-day{day}/func/sub-00{i}_ses-day{day}_task-acceptreject_run-{part}_events.tsv"
        for i in (1, 2) for day in (1, 2) for part in (1, 2)
    }  # fmt: skip
    for name in sorted(names):
        events = pd.read_csv(folder / name, sep="\t")
        present = set(events.trial_type)
        assert present == set(REGRESSORS)
        matrix = make_first_level_design_matrix(np.arange(40) * 2.0, events, drift_model=None, hrf_model="spm")
        assert set(matrix.columns) == present | {"constant"} and np.linalg.matrix_rank(matrix) == 7
        for each in ("chosen_value", "rank_prediction_error", "outcome_prediction_error"):
            assert events.modulation[events.trial_type == each].mean() == pytest.approx(0, abs=1e-8)
    table = pd.read_csv(run / "trials.tsv", sep="\t").query("model == 'delta-hybrid' and session == 'day 2'")
    part = table[(table.participant == "p-2") & (table["round"] > 3 * RUN)]
    events = pd.read_csv(folder / "sub-002/ses-day2/func/sub-002_ses-day2_task-acceptreject_run-2_events.tsv", sep="\t")
    error = part.set_index("feedback_onset").outcome_prediction_error.dropna()
    found = events[events.trial_type == "outcome_prediction_error"].set_index("onset")
    np.testing.assert_allclose(found.modulation, error - error.mean(), atol=1e-8)
    assert found.index.tolist() == error.index.tolist() and (found.duration == 0).all()
    chosen = part.value_1.where(part.probability.notna()).notna().sum()
    of_choice = events[events.trial_type == "choice"]
    assert len(of_choice) == chosen and (of_choice.duration == 0.75).all() and (of_choice.modulation == 1).all()
    about = json.loads((folder / "task-acceptreject_events.json").read_text(encoding="utf-8"))
    assert set(about["trial_type"]["Levels"]) == set(REGRESSORS)


def test_a_model_of_outcomes_has_no_prediction_errors_of_ranks(run: Path) -> None:
    for path in (run / "events" / "delta-outcome").rglob("*.tsv"):
        assert set(pd.read_csv(path, sep="\t").trial_type) == set(REGRESSORS) - {"rank_prediction_error"}


def test_feedback_comes_after_the_offer(tmp_path: Path) -> None:
    table = rows()
    table.loc[3, "fb"] = 1.0
    table.to_csv(tmp_path / "rounds.csv", index=False)
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="row 5, column fb: must not be before the onset of the offer"):
        load(str(tmp_path / "data.yaml"))
