"""Values and prediction errors of fitted models in each round, as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from accept_reject.experiments.analysis.trials import trials
from accept_reject.experiments.files import tsv, write
from accept_reject.experiments.fit.events import write_events
from accept_reject.experiments.fit.run import FitResults

TRIALS = "trials.tsv"


def write_trials(results: FitResults, folder: Path) -> None:
    """Write what each model predicts and learns with the participants' estimates; `n/a` where there is nothing.

    With the labels of rounds, such as their session and onset; with onsets, also the events of scanner runs.
    """
    parts = []
    for name, each in results.models.items():
        model = each.fit.model
        estimates = dict(zip(model.parameters, each.estimates.T, strict=True))
        table = trials(model.learner(**model.fixed, **estimates), results.data.choices)
        table.insert(1, "model", name)
        parts.append(table)
    whole = pd.concat(parts, ignore_index=True)
    labels = results.data.rounds
    if labels is not None and len(labels.columns) > 2:
        whole = whole.merge(labels, on=["participant", "round"], how="left", validate="many_to_one")
        first = ["participant", "model", "round", *labels.columns[2:]]
        whole = whole[[*first, *whole.columns.difference(first, sort=False)]]
    write(folder / TRIALS, tsv(whole, digits=10))
    write_events(results, whole, folder)
