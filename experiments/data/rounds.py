"""Conversion of tables of rounds to `Choices`: checks of every cell, and of every row against the game's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.envs.game import GameSpec, PartnerKind
from accept_reject.envs.rendering import plural
from accept_reject.experiments.data.cells import as_numbers
from accept_reject.experiments.data.hidden_state import inconsistencies
from accept_reject.experiments.data.partners import MAX_PARTNERS, in_order_of_offers, names_of_partners
from accept_reject.experiments.data.problems import DataProblems

REQUIRED = ("round", "offered_1", "offered_2", "choice", "accepted")
OPTIONAL = ("rank", "spots", "reward", "response_time", "condition", "onset", "feedback_onset")
HIDDEN = ("valuation", "acceptance")
LABELS = ("session", "block", "run", "condition")
ONSETS = ("onset", "feedback_onset")


def is_known(column: str) -> bool:
    """Return whether a column is read."""
    return column in REQUIRED + OPTIONAL or re.fullmatch(r"(offered|valuation|acceptance)_\d+", column) is not None


MAX_ROUND = 999_999_999
"""Largest number of a round."""

REPORTED = "\0reported"
"""A cell whose problem has been reported already."""


HINTS = {"gaps": "a missed round needs a row without a choice", "twice": "", "comma": ""}
"""What to do about problems, without a config."""


class RoundsReader:
    """Checks a table of rounds and converts it to `Choices`.

    Args:
        frame: One row for each round of each participant, with cells as text, or None if they are missing. The columns
            are `file` and `row` (origin of the row), `participant` and those of `REQUIRED`; optionally `offered_3`,
            ..., those of `OPTIONAL`, `valuation_1`, ..., `acceptance_1`, ... by place in the offer, `session`, `block`,
            and `unit`: partners with the same name in different units are different partners.
        ranks: Number of ranks.
        problems: Where problems are added.
        title: Returns the name of a column in messages.
        hints: What to do about `gaps` (rounds without a row), about rounds that occur `twice`, and about numbers with
            a `comma`.

    Attributes:
        rounds: What else is known about each round, see `Data.rounds`; None before `read`.
    """

    rounds: pd.DataFrame | None = None

    def __init__(
        self,
        frame: pd.DataFrame,
        ranks: int,
        problems: DataProblems,
        title: Callable[[str], str] = lambda column: column,
        hints: Mapping[str, str] = HINTS,
    ) -> None:
        self.frame = frame
        self.problems = problems
        self.title = title
        self.hints = hints
        self.ranks = ranks
        self.offered = sorted((c for c in frame if re.fullmatch(r"offered_\d+", str(c))), key=lambda c: int(c[8:]))

    def read(self, game: GameSpec | None, partner_names: list[str] | None = None) -> Choices | None:
        """Convert the table.

        Args:
            game: The game, if it is known.
            partner_names: The names of partners 0, 1, ..., if they are known; otherwise each participant's partners are
                numbered in the order in which they were offered.

        Returns:
            The choices; None if there are problems.
        """
        problems = len(self.problems.lines)
        frame = self.frame
        self._check_places()
        self._check_first_round()
        number = self._number("round", 1, game.rounds if game else MAX_ROUND, whole=True, required=True)
        self._check_sequence(number)
        missed = frame.choice.isna().to_numpy()
        place = self._check_choice(missed)
        accepted = self._number("accepted", 0, 1, whole=True)
        self._problem("accepted", ~missed & frame.accepted.isna(), lambda i: "must be given in a round with a choice")
        rank = self._number("rank", 1, self.ranks, whole=True)
        spots = self._number("spots", 0, self.ranks, whole=True)
        reward = self._number("reward", 0, 1)
        if "reward" in frame:
            self._problem("reward", ~missed & frame.reward.isna(), lambda i: "must be given in a round with a choice")
        for column in ("accepted", "rank", "spots", "reward"):
            if column in frame:
                self._problem(
                    column, missed & frame[column].notna(), lambda i: "must be missing in a round without a choice"
                )
        self._problem(
            "accepted",
            ~np.isnan(accepted + rank + spots) & ((rank <= spots) != (accepted == 1)),
            lambda i: (
                f"must be {'an acceptance' if rank[i] <= spots[i] else 'a rejection'} for rank {rank[i]:.0f} with "
                f"{spots[i]:.0f} spots, got {'an acceptance' if accepted[i] else 'a rejection'}"
            ),
        )
        self._problem("spots", ~np.isnan(spots) & np.isnan(rank), lambda i: "is only valid with a rank")
        time = self._number("response_time", 0, None)
        onsets = {name: self._number(name, 0, None) for name in ONSETS if name in frame}
        if len(onsets) == len(ONSETS):
            before = onsets["feedback_onset"] < onsets["onset"]
            self._problem("feedback_onset", before, lambda i: "must not be before the onset of the offer")
        hidden = {
            name: [self._number(f"{name}_{j + 1}", 0, 1, required=True) for j in range(len(self.offered))]
            for name in HIDDEN
            if f"{name}_1" in frame
        }
        for name in hidden:
            for j in range(len(self.offered)):
                if f"{name}_{j + 1}" not in frame:
                    self.problems.add("is required in the header", self._file, 1, self.title(f"{name}_{j + 1}"))
        partners, count = self._number_partners(number, partner_names)
        if game and count > game.n_partners:
            self.problems.add(
                f"must have at most {game.n_partners} partners for a participant, as in the game, got {count}",
                self._file,
            )
        if game and len(self.offered) != game.offered:
            self.problems.add(
                f"must offer {game.offered} partners in a round, as in the game, got {len(self.offered)}", self._file
            )
        if len(self.problems.lines) == problems and game is not None:
            participant = pd.factorize(frame.participant)[0]
            for name, columns in hidden.items():
                for each in inconsistencies(np.stack(columns, axis=1), participant, partners, game, name):
                    self._problem(f"{name}_{each.place + 1}", each.rows, each.message)
        if len(self.problems.lines) > problems:
            return None
        if game is None:
            game = unknown_game(count, len(self.offered), int(number.max()), self.ranks, bool(np.isfinite(rank).any()))
        self.rounds = self._labels(number, onsets)
        self._numbers = partners
        return self._assemble(game, number, place, accepted, rank, spots, reward, time, hidden, partners)

    def _labels(self, number: NDArray[np.float64], onsets: dict[str, NDArray[np.float64]]) -> pd.DataFrame:
        """What else is known about each round, in the order of participants and rounds."""
        known = {name: self.frame[name] for name in LABELS if name in self.frame}
        columns = {"participant": self.frame.participant.astype(str), "round": number.astype(np.int64)}
        table = pd.DataFrame(columns | known | onsets)
        order = np.lexsort((number, pd.factorize(self.frame.participant)[0]))
        return table.iloc[order].reset_index(drop=True)

    def partners(self) -> pd.DataFrame:
        """Return the number of each partner, see `names_of_partners`."""
        return names_of_partners(self.frame, self.frame[self.offered], self._numbers)

    @property
    def _file(self) -> str:
        return str(self.frame.file.iloc[0])

    def _problem(self, column: str, wrong: NDArray[np.bool_] | pd.Series, message: Callable[[int], str]) -> None:
        at = np.flatnonzero(np.asarray(wrong))
        files, rows = self.frame.file.to_numpy(), self.frame.row.to_numpy()
        if len(at):
            self.problems.add_rows(self.title(column), ((files[i], int(rows[i]), message(int(i))) for i in at))

    def _number(
        self, column: str, low: float, high: float | None, whole: bool = False, required: bool = False
    ) -> NDArray[np.float64]:
        """Convert a column to numbers, with NaN where they are missing or invalid."""
        if column not in self.frame:
            return np.full(len(self.frame), np.nan)
        cells = self.frame[column]
        values = as_numbers(cells)
        given = cells.notna().to_numpy()
        text = cells.to_numpy()
        what = "an integer" if whole else "a number"
        allowed = f"{what} >= {low:g}" if high is None else f"{what} from {low:g} to {high:g}"
        with np.errstate(invalid="ignore"):
            bad = given & ~(np.isfinite(values) & (values >= low) & (high is None or values <= (high or 0)))
            bad |= given & whole & ~bad & (values != np.floor(values))
        comma = self.hints["comma"]
        self._problem(
            column,
            bad & (text != REPORTED),
            lambda i: f"must be {allowed}, got {text[i]!r}{comma if ',' in str(text[i]) else ''}",
        )
        if required:
            self._problem(column, ~given, lambda i: "is required")
        return np.where(bad, np.nan, values)

    def _check_places(self) -> None:
        self._problem("participant", self.frame.participant.isna(), lambda i: "is required")
        for j, column in enumerate(self.offered):
            self._problem(column, self.frame[column].isna(), lambda i: "is required")
            for other in self.offered[:j]:
                same = (self.frame[column] == self.frame[other]) & self.frame[column].notna()
                text = self.frame[column].to_numpy()

                def message(i: int, text: Any = text) -> str:
                    return f"partners of an offer must be unique, got {text[i]!r} more than once"

                self._problem(column, same, message)

    def _check_first_round(self) -> None:
        zero = as_numbers(self.frame["round"]) == 0
        if zero.any():
            files, rows = self.frame.file[zero], self.frame.row[zero]
            message = f"rounds are counted from 1, got 0 in {plural(int(zero.sum()), 'row')}; add 1 to every round"
            self.problems.add(message, files.iloc[0], int(rows.iloc[0]), self.title("round"))
            self.frame.loc[zero, "round"] = REPORTED

    def _check_sequence(self, number: NDArray[np.float64]) -> None:
        """Check that every participant has each round from 1 to its last one exactly once."""
        table = pd.DataFrame({"participant": self.frame.participant, "number": number}).dropna()
        rows, files = self.frame.row.to_numpy(), self.frame.file.to_numpy()
        again = table.duplicated().to_numpy()
        positions = table.index.to_numpy()
        first = (
            {
                tuple(key): int(rows[i])
                for key, i in zip(table[~again].itertuples(index=False), positions[~again], strict=True)
            }
            if again.any()
            else {}
        )
        wrong = np.zeros(len(rows), bool)
        wrong[positions[again]] = True
        self._problem(
            "round",
            wrong,
            lambda i: (
                f"must be unique, got round {number[i]:.0f} of {self.frame.participant[i]!r} as in row "
                f"{first[(self.frame.participant[i], number[i])]}{self.hints['twice']}"
            ),
        )
        if np.isnan(number).any():
            return  # a round with an invalid number is not missing
        of_each = table[~again].groupby("participant", sort=False).number.agg(["max", "size"])
        gapped = table[~again & table.participant.isin(of_each.index[of_each["max"] != of_each["size"]])]
        for participant, group in gapped.groupby("participant", sort=False):
            found = np.sort(group.number.to_numpy())
            if found[-1] != len(found):
                missing = int(found[-1]) - len(found)
                present = set(found.astype(int).tolist())
                gap = [t for t in range(1, min(int(found[-1]), len(found) + 10)) if t not in present][:10]
                shown = ", ".join(map(str, gap)) + (f" and {missing - len(gap):,} more" if missing > len(gap) else "")
                message = f"{participant!r} must have all rounds from 1 to the last one, got none for {shown}; "
                message += self.hints["gaps"]
                self.problems.add(message, files[group.index[0]], None, self.title("round"))

    def _check_choice(self, missed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the place of the choice in the offer, `MISSED` where there is none."""
        place = np.full(len(self.frame), MISSED)
        choice = self.frame.choice.to_numpy()
        for j, column in enumerate(self.offered):
            place[~missed & (choice == self.frame[column].to_numpy())] = j
        offers = self.frame[self.offered].to_numpy()
        self._problem(
            "choice",
            ~missed & (place == MISSED) & (choice != REPORTED),
            lambda i: f"must be one of the offered partners ({', '.join(map(str, offers[i]))}), got {choice[i]!r}",
        )
        return place

    def _number_partners(self, number: NDArray[np.float64], names: list[str] | None) -> tuple[NDArray[np.int64], int]:
        """Return the offered partners as numbers, `(rows, offered)`, and the largest number for one participant."""
        offers = self.frame[self.offered]
        if names is None:
            numbers = in_order_of_offers(self.frame, offers, number)
            most = int(numbers.max()) + 1
            if most > MAX_PARTNERS:
                problem = f"must have at most {MAX_PARTNERS} partners for a participant, got {most}"
                self.problems.add(problem, self._file)
            return numbers, most
        numbers = np.stack([pd.Index(names).get_indexer(offers[column]) for column in self.offered], axis=1)
        allowed = f"must be a partner of the game ({names[0]} to {names[-1]})"
        for j, column in enumerate(self.offered):
            text = offers[column].to_numpy()
            unknown = (numbers[:, j] < 0) & offers[column].notna().to_numpy()
            self._problem(column, unknown, lambda i, text=text: f"{allowed}, got {text[i]!r}")  # type: ignore[misc]
        return numbers, 0

    def _assemble(
        self,
        game: GameSpec,
        number: NDArray[np.float64],
        place: NDArray[np.int64],
        accepted: NDArray[np.float64],
        rank: NDArray[np.float64],
        spots: NDArray[np.float64],
        reward: NDArray[np.float64],
        time: NDArray[np.float64],
        hidden: dict[str, list[NDArray[np.float64]]],
        partners: NDArray[np.int64],
    ) -> Choices:
        """Arrange the rows by participant and round; rounds after a participant's last one are missed."""
        codes, ids = pd.factorize(self.frame.participant)
        at = (codes, number.astype(np.int64) - 1)
        shape = (len(ids), game.rounds)

        def arrange(values: NDArray[Any], empty: float, dtype: type) -> NDArray[Any]:
            whole = np.full((*shape, *values.shape[1:]), empty, dtype)
            whole[at] = values
            return whole

        offered = arrange(partners, 0, np.uint8)
        unplayed = np.ones(shape, bool)
        unplayed[at] = False
        offered[unplayed] = np.arange(game.offered)  # never shown; an offer must have different partners
        known = {name: arrange(np.stack(each, axis=1), 0.0, np.float32) for name, each in hidden.items()}
        return Choices(
            game=game,
            offered=offered,
            choice=arrange(place, MISSED, np.int8),
            rank=arrange(np.nan_to_num(rank), 0, np.uint8),
            spots=arrange(np.where(np.isnan(spots), UNKNOWN_SPOTS, spots), UNKNOWN_SPOTS, np.uint8),
            accepted=arrange(accepted == 1, 0, np.bool_),
            valuation=known.get("valuation"),
            acceptance=known.get("acceptance"),
            reward=arrange(reward, np.nan, np.float64) if "reward" in self.frame else None,
            response_time=arrange(time, np.nan, np.float64) if "response_time" in self.frame else None,
            ids=tuple(map(str, ids)),
            recorded=None if not unplayed.any() else (~unplayed).sum(axis=1),
        )


def unknown_game(partners: int, offered: int, rounds: int, ranks: int, rank_shown: bool) -> GameSpec:
    """Create a game of which only the size is known: all partners are of one average kind."""
    kind = PartnerKind(mean_rank=(ranks + 1) / 2, acceptance=0.5, rank_shown=rank_shown, count=partners)
    return GameSpec(ranks=ranks, rounds=rounds, offered=offered, partners=(kind,))
