"""Events of scanner runs with parametric modulators, for analyses of brain data with nilearn, SPM or FSL.

    events/participants.tsv                         the participants' names in the data
    events/MODEL/task-acceptreject_events.json
    events/MODEL/sub-001/[ses-1/]func/sub-001_[ses-1_]task-acceptreject_[run-1_]events.tsv

The files are those of BIDS, with one row for each event and regressor, and the column `modulation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.experiments.data.bids import TASK, labels_of
from accept_reject.experiments.files import file_names, indented_json, tsv, write
from accept_reject.experiments.fit.run import FitResults

EVENTS = "events"

REGRESSORS = {
    "choice": "An offer with a choice",
    "chosen_value": "The same, modulated by the value of the chosen partner",
    "missed": "An offer without a choice",
    "feedback": "Feedback",
    "rank_prediction_error": "Feedback with a rank, modulated by the rank's prediction error",
    "outcome_prediction_error": "Feedback, modulated by the outcome's prediction error",
}
"""Kinds of events and their descriptions."""

_CENTERED = "; the modulation has a mean of 0 in each run"


def write_events(results: FitResults, trials: pd.DataFrame, folder: Path) -> None:
    """Write the events of each model, participant and run, if the data have onsets.

    Runs are those of the data, or else begin with a session and where the onset is not after the one before.

    Args:
        results: The results of the fit.
        trials: The table of `trials.tsv`, with the column `model`.
        folder: The folder of the fit.
    """
    if "onset" not in trials:
        return
    choices = results.data.choices
    labels = dict(zip(choices.names(), labels_of(choices), strict=True))
    times = choices.response_time
    duration = np.zeros(choices.choice.shape) if times is None else np.nan_to_num(times)
    row_of = {name: i for i, name in enumerate(choices.names())}
    folders = file_names(results.models)
    sessions = {} if "session" not in trials else _labels(trials.session.unique())
    for (model, participant), part in trials.groupby(["model", "participant"], sort=False):
        rounds = part["round"].to_numpy() - 1
        table = part.assign(
            duration=duration[row_of[participant], rounds],
            chosen_value=_of_chosen(part, choices.choice[row_of[participant], rounds]),
            session=part.session if "session" in part else "",
        )
        for session, of_session in table.groupby("session", sort=False):
            runs = of_session.run if "run" in of_session else (of_session.onset.ffill().diff() <= 0).cumsum() + 1
            entities = [labels[participant], *([f"ses-{sessions[session]}"] if sessions else [])]
            place = folder / EVENTS / folders[model] / "/".join(entities) / "func"
            for number, (run, of_run) in enumerate(of_session.groupby(runs, sort=False), 1):
                found = events(of_run)
                if not len(found):
                    continue
                label = str(run) if str(run).isdecimal() else str(number)
                numbered = [f"run-{label}"] if "run" in of_session or runs.nunique() > 1 else []
                name = "_".join([*entities, f"task-{TASK}", *numbered, "events.tsv"])
                write(place / name, tsv(found, digits=10))
    about = {
        "onset": {"Description": "Since the start of the run", "Units": "s"},
        "duration": {"Description": "Response time, 0 where it is not known; 0 for feedback", "Units": "s"},
        "trial_type": {
            "Levels": {name: text + (_CENTERED if "modulated" in text else "") for name, text in REGRESSORS.items()}
        },
        "modulation": {"Description": "Height of the regressor; 1 where it is not modulated"},
    }
    names = pd.DataFrame({"participant_id": list(labels.values()), "participant": list(labels)})
    write(folder / EVENTS / "participants.tsv", tsv(names))
    for name in folders.values():
        write(folder / EVENTS / name / f"task-{TASK}_events.json", indented_json(about))


def events(rounds: pd.DataFrame) -> pd.DataFrame:
    """List the events of a run.

    Args:
        rounds: The rounds of the run: `onset`, `duration`, `chosen_value` (NaN if the round was missed), both
            prediction errors, and optionally `feedback_onset`.

    Returns:
        Columns `onset` and `duration` in seconds, `trial_type` (see `REGRESSORS`) and `modulation`, by onset. Events
        without an onset, and without a modulation where there is one, are left out.
    """
    made = rounds.probability.notna()
    parts = [
        _regressor("choice", rounds.onset, rounds.duration, made),
        _regressor("chosen_value", rounds.onset, rounds.duration, made, rounds.chosen_value),
        _regressor("missed", rounds.onset, rounds.duration, ~made),
    ]
    if "feedback_onset" in rounds:
        at, instant = rounds.feedback_onset, 0 * rounds.duration
        parts.append(_regressor("feedback", at, instant, made))
        for name in ("rank_prediction_error", "outcome_prediction_error"):
            parts.append(_regressor(name, at, instant, made, rounds[name]))
    return pd.concat(parts).sort_values("onset", kind="stable", ignore_index=True)


def _regressor(
    name: str, onset: pd.Series, duration: pd.Series, there: pd.Series, modulation: pd.Series | None = None
) -> pd.DataFrame:
    kept = there & onset.notna() & (True if modulation is None else modulation.notna())
    height = 1.0 if modulation is None else modulation[kept] - modulation[kept].mean()
    columns = {"onset": onset[kept], "duration": duration[kept], "trial_type": name, "modulation": height}
    return pd.DataFrame(columns)


def _of_chosen(part: pd.DataFrame, place: NDArray[np.int8]) -> NDArray[np.float64]:
    values = part.filter(regex=r"^value_\d+$").to_numpy()
    chosen = values[np.arange(len(values)), np.maximum(place, 0)]
    return np.where(place < 0, np.nan, chosen)


def _labels(sessions: Iterable[str]) -> dict[str, str]:
    """Return labels of sessions as BIDS requires: their letters and digits if these are unique, else numbers."""
    names = list(sessions)
    plain = [re.sub(r"[^A-Za-z0-9]", "", name) for name in names]
    usable = all(plain) and len(set(plain)) == len(plain)
    return dict(zip(names, plain if usable else map(str, range(1, len(names) + 1)), strict=True))
