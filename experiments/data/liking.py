"""Ratings of partners in BIDS data sets: `phenotype/liking.tsv`, with a column such as `liking_A` for each partner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.envs.rendering import partner_name
from accept_reject.experiments.data.problems import DataProblems
from accept_reject.experiments.data.ratings_table import RatingColumns, RatingsTable, read_ratings
from accept_reject.experiments.files import indented_json, tsv

LIKING = "phenotype/liking"


def liking_files(
    labels: Sequence[str],
    ratings: NDArray[np.float64],
    question: Callable[[str], str],
    levels: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the table of ratings and its description, as the text of files by path.

    Args:
        labels: Labels of the participants.
        ratings: Ratings, a row for each participant and a column for each partner, NaN where missing.
        question: Returns what was asked about a partner, from its name.
        levels: Meanings of the ratings, if there are only some.
    """
    names = [partner_name(i) for i in range(len(ratings[0]))]
    table = pd.DataFrame(ratings, columns=[f"liking_{name}" for name in names])
    if levels is not None:
        table = table.astype("Int64")
    table.insert(0, "participant_id", list(labels))
    meanings: dict[str, Any] = {
        "MeasurementToolMetadata": {"Description": "Ratings of the partners after the rounds"},
        "participant_id": {"Description": "Label of the participant"},
    }
    for name in names:
        meanings[f"liking_{name}"] = {"Description": question(name)} | ({"Levels": levels} if levels else {})
    return {f"{LIKING}.tsv": tsv(table, digits=10), f"{LIKING}.json": indented_json(meanings)}


def as_ratings(ratings: NDArray[np.float64]) -> pd.DataFrame:
    """Return ratings, `(participants, partners)` and NaN where missing, as in `Data.ratings`."""
    player, partner = np.nonzero(np.isfinite(ratings))
    names = [partner_name(int(number)) for number in partner]
    return pd.DataFrame({"player": player, "partner": partner, "name": names, "rating": ratings[player, partner]})


def read_liking(
    folder: Path, labels: Sequence[str], partners: pd.DataFrame, problems: DataProblems, notes: list[str]
) -> pd.DataFrame | None:
    """Read the ratings of a data set, if there are any.

    Args:
        folder: The folder of the data set.
        labels: Labels of the participants, such as `sub-001`.
        partners: Numbers of partners, see `names_of_partners`.
        problems: Where problems are added.
        notes: Where it is said what was not read.

    Returns:
        The ratings, see `Data.ratings`.
    """
    file = folder / f"{LIKING}.tsv"
    if not file.exists():
        return None
    columns = RatingColumns(participant="participant_id")
    config = RatingsTable(file=str(file), columns=columns, wide="liking_{partner}")
    named = partners.assign(participant="sub-" + partners.participant)
    return read_ratings(config, labels, named, None, problems, notes)
