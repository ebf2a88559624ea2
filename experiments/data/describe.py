"""Summaries of choices, for a person who checks whether they were read as intended."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accept_reject.envs.rendering import plural
from accept_reject.experiments.data.load import Data

MAX_NOTES = 5
"""Number of notes that a summary lists."""

SLOW = 30
"""A median response time above it, in seconds, is improbable in this game."""

FEW_ROUNDS = 0.9
"""A participant with fewer rounds than this share of the median is worth a look."""

FEW_IN_PART = 3
"""With fewer rounds in a session or block, hardly anything can be learned in it."""


def describe(data: Data) -> list[tuple[str, str]]:
    """Summarize choices as pairs of a name and a value."""
    choices, parts = data.choices, parts_of(data)
    answered = ~choices.missed
    recorded = choices.lengths
    missed = int(recorded.sum() - answered.sum())
    pairs = np.sort(choices.offered[answered], axis=1)
    shown = (choices.rank > 0) & answered
    times = choices.response_time
    more = f"; {len(data.notes) - MAX_NOTES:,} more notes" if len(data.notes) > MAX_NOTES else ""
    return [
        ("participants", f"{len(choices)}" + (" (simulated)" if data.simulated else "")),
        ("rounds", f"{_span(recorded)} each, {int(recorded.sum()):,} in total"),
        ("missed", f"{missed:,} ({missed / recorded.sum():.1%})"),
        *([] if parts is None else [("sessions and blocks", _in_words(parts))]),
        ("partners", f"{choices.game.n_partners}, {choices.game.offered} in each offer"),
        ("different offers", f"{len(np.unique(pairs, axis=0)):,}"),
        (
            "accepted",
            f"{choices.accepted[answered].mean():.1%} of choices" if answered.any() else "no choices",
        ),
        (
            "ranks",
            f"{choices.game.ranks}, shown after {shown.sum() / answered.sum():.1%} of choices"
            if shown.any()
            else "none shown",
        ),
        ("response times", "none" if times is None or np.isnan(times).all() else f"median {np.nanmedian(times):.2f} s"),
        ("hidden valuations", "known" if choices.valuation is not None else "unknown"),
        *_labels(data),
        *([("notes", "; ".join(data.notes[:MAX_NOTES]) + more)] if data.notes else []),
    ]


def _span(values: NDArray[np.integer]) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"


def parts_of(data: Data) -> pd.DataFrame | None:
    """Numbers of rounds and of missed rounds of each participant in each session and block; None without these."""
    levels = [name for name in ("session", "block") if data.rounds is not None and name in data.rounds]
    if data.rounds is None or not levels:
        return None
    recorded = data.choices.played
    missed = data.rounds.assign(missed=data.choices.missed[recorded])
    groups = missed.groupby(["participant", *levels], sort=False, dropna=False)
    return groups.agg(rounds=("missed", "size"), missed=("missed", "sum")).reset_index()


def _labels(data: Data) -> list[tuple[str, str]]:
    """What is recorded in addition to choices."""
    found = []
    if data.choices.reward is not None:
        made = ~data.choices.missed
        known = data.choices.reward[made]
        middle = (data.choices.accepted[made] == (known > 0.5)).all()
        text = f"mean {known.mean():.2f} on a scale from 0 to 1{'; above 0.5 counts as accepted' if middle else ''}"
        found.append(("rewards", text if len(known) else "none"))
    if data.rounds is not None and "condition" in data.rounds:
        counts = data.rounds.condition.value_counts(dropna=False, sort=False)
        shown = [f"{'none' if pd.isna(name) else name} ({count:,} rounds)" for name, count in counts.items()]
        found.append(("conditions", ", ".join(shown[:MAX_NOTES]) + (", ..." if len(shown) > MAX_NOTES else "")))
    if data.rounds is not None and "onset" in data.rounds:
        onsets = data.rounds.onset.dropna()
        missing = f", missing in {len(data.rounds) - len(onsets):,} rounds" if len(onsets) < len(data.rounds) else ""
        found.append(("onsets", f"{onsets.min():.1f} to {onsets.max():.1f} s{missing}" if len(onsets) else "none"))
    if data.participants is not None and len(data.participants.columns):
        found.append(("properties", ", ".join(map(str, data.participants.columns))))
    if data.ratings is not None:
        low, high = data.ratings.rating.min(), data.ratings.rating.max()
        raters = data.ratings.player.nunique()
        scale = f", from {low:g} to {high:g}" if raters else ""
        found.append(("ratings", f"{len(data.ratings):,} of {raters} participants{scale}"))
    return found


def _in_words(parts: pd.DataFrame) -> str:
    levels = [column for column in parts if column not in ("participant", "rounds", "missed")]
    counts = parts.groupby("participant").size()
    return f"{_span(counts.to_numpy())} for each participant, by {' and '.join(levels)}"


def by_participant(data: Data) -> pd.DataFrame:
    """Summarize the rounds of each participant, in the order of the choices.

    Returns:
        A row for each participant: `rounds`, `missed`, `first_place` (share of choices of the first partner on offer),
        `accepted` (share of choices), and `response_time` (median, in seconds).
    """
    choices = data.choices
    answered = ~choices.missed
    made = answered.sum(axis=1)
    with np.errstate(invalid="ignore"):
        table = pd.DataFrame(
            {
                "participant": choices.names(),
                "rounds": choices.lengths,
                "missed": choices.lengths - made,
                "first_place": (answered & (choices.choice == 0)).sum(axis=1) / made,
                "accepted": (answered & choices.accepted).sum(axis=1) / made,
            }
        )
    if choices.response_time is not None:
        times = pd.DataFrame(choices.response_time)
        table["response_time"] = times.median(axis=1)
    return table


def uneven_parts(parts: pd.DataFrame) -> tuple[int, pd.DataFrame]:
    """Return the usual number of rounds of a session or block, and the rows of those with another one."""
    usual = int(parts.rounds.mode()[0])
    return usual, parts[parts.rounds != usual]


def doubts(data: Data) -> list[str]:
    """List what suggests that the data were not read as intended, with what to do about it."""
    choices, table = data.choices, by_participant(data)
    answered = ~choices.missed
    found = []
    times = choices.response_time
    median = np.nan if times is None or np.isnan(times).all() else float(np.nanmedian(times))
    if median > SLOW:
        found.append(f"response times have a median of {median:,.0f} s; if they are milliseconds, write `unit: ms`")
    if answered.any():
        rates = choices.accepted[answered]
        if rates.all() or not rates.any():
            always = "accepted" if rates.all() else "rejected"
            found.append(f"every choice was {always}; see `accepted`")
        places = np.bincount(choices.choice[answered], minlength=choices.game.offered)
        never = ", ".join(str(j + 1) for j in range(choices.game.offered) if not places[j])
        if never:
            found.append(f"the partner in place {never} was never chosen; see `choice` and `offered`")
    if table.missed.sum() > table.rounds.sum() / 2:
        found.append("most rounds were missed; see `missing`")
    usual = table.rounds.median()
    few = table[table.rounds < FEW_ROUNDS * usual]
    if len(few):
        names = ", ".join(f"{row.participant} ({row.rounds})" for row in few.head(5).itertuples())
        more = " ..." if len(few) > 5 else ""
        found.append(f"{plural(len(few), 'participant')} with fewer than the usual {usual:.0f} rounds: {names}{more}")
    parts = parts_of(data)
    if parts is not None and parts.rounds.median() < FEW_IN_PART:
        found.append("partners are new in each session or block, but these have only a round or two; see `columns`")
    if data.ratings is not None and data.ratings.player.nunique() < len(choices) / 2:
        raters = data.ratings.player.nunique()
        found.append(f"ratings of only {raters} of {len(choices)} participants; see `ratings` and the notes")
    silent = table[table.rounds == table.missed].participant
    if len(silent):
        found.append(f"{plural(len(silent), 'participant')} without a choice: {', '.join(silent[:5])}")
    return found
