"""Loading choices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from accept_reject.envs.choices import Choices
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.config import is_shipped, load_config
from accept_reject.experiments.data.bids import read_dataset
from accept_reject.experiments.data.config import DataConfig
from accept_reject.experiments.data.flat import read_flat
from accept_reject.experiments.data.liking import as_ratings
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.ratings import rate
from accept_reject.experiments.simulation.simulate import simulate


class Data(NamedTuple):
    """Loaded choices.

    Attributes:
        choices: The choices.
        simulated: Whether they are marked as simulated.
        game_known: Whether `choices.game` is the game that was played, rather than one of the same size.
        population: The population, if it was simulated while loading.
        notes: What was not read, such as unknown columns.
        participants: What is known about the participants, as text: the columns of `participants.tsv` or of another
            table, with a row for each row of `choices`. None if there is no such table.
        rounds: What else is known about each recorded round, in the order of participants and rounds: `participant`,
            `round` and, where the data have them, `session`, `block`, `condition`, `onset` and `feedback_onset` (in
            seconds). None for simulated participants.
        ratings: Ratings of partners: `player` (row of `choices`), `partner` (its number), its `name`, `rating`, and,
            where the data have them, `session`, `block`, `time`, and the levels `rank` and `outcome` of the partner.
            None if there are none.
    """

    choices: Choices
    simulated: bool
    game_known: bool
    population: PopulationConfig | None = None
    notes: tuple[str, ...] = ()
    participants: pd.DataFrame | None = None
    rounds: pd.DataFrame | None = None
    ratings: pd.DataFrame | None = None

    @property
    def fingerprint(self) -> str:
        """Identifies the choices and what is known about them."""
        known = f"{self.choices.fingerprint} {self.game_known} {self.simulated}"
        if self.rounds is None or len(self.rounds.columns) == 2:
            return known
        labels = pd.util.hash_pandas_object(self.rounds, index=False).to_numpy().tobytes()
        times = self.choices.response_time
        labels += b"" if times is None else times.tobytes()
        return f"{known} {hashlib.sha256(labels).hexdigest()}"


def load(path: str, overrides: Sequence[str] = ()) -> Data:
    r"""Load choices from a file or folder, or simulate them.

    Args:
        path: The folder of a BIDS data set, or a config: one that maps the columns of a table (`kind: data`), or one of
            a population to simulate (`kind: population`). A config is a YAML file or the name of a shipped one.
        overrides: Changes to the config, as for `load_config`.

    Returns:
        The choices and what is known about them.

    Raises:
        InvalidInputError: With all problems of the config or of the data.

    Examples:
        >>> import accept_reject as ar
        >>> data = ar.load("population_babur2024")
        >>> data.choices.choice.shape, data.simulated
        ((42, 144), True)

        A table is read through a config with the names of its columns:

        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "study.csv").write_text("id,trial,left,right,asked,won\nann,1,A,B,A,1\nann,2,B,C,C,0\n")
        >>> _ = (folder / "study.yaml").write_text('''
        ... kind: data
        ... file: study.csv
        ... columns: {participant: id, round: trial, offered: [left, right], choice: asked, accepted: won}
        ... ''')
        >>> ar.load(str(folder / "study.yaml")).choices.accepted.tolist()
        [[True, False]]

    References:
        The format of data sets is that of the [Brain Imaging Data Structure](https://bids-specification.readthedocs.io)
        for behavioral experiments.
    """
    place = Path(path)
    if place.is_dir():
        if overrides:
            raise InvalidInputError(path, [f"is a data set and can't be combined with overrides, got {overrides[0]!r}"])
        dataset = read_dataset(place)
        known = dataset.simulated, dataset.game_known
        others = dataset.participants, dataset.rounds, dataset.ratings
        return Data(dataset.choices, *known, None, tuple(dataset.notes), *others)
    if place.suffix.lower() not in (".yaml", ".yml") and not is_shipped(path):
        got = "a file of another format" if place.exists() else "a path that does not exist"
        problem = "must be the folder of a BIDS data set or a config (`kind: data` for tables, `kind: population`)"
        raise InvalidInputError(path, [f"{problem}, got {got}"])
    config = load_config((DataConfig, PopulationConfig), path, overrides)
    if isinstance(config, PopulationConfig):
        choices, parameters = simulate(config)
        ratings = None if config.ratings is None else as_ratings(rate(config, choices, parameters))
        return Data(choices, simulated=True, game_known=True, population=config, ratings=ratings)
    assert isinstance(config, DataConfig)
    table = read_flat(config)
    return Data(
        table.choices,
        False,
        config.game is not None,
        None,
        table.notes,
        table.participants,
        table.rounds,
        table.ratings,
    )
