"""What the names of a table's columns suggest: their roles, which rows are rounds, and whether rounds have columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from accept_reject.experiments.data.config import compiled

NAMES = {
    "participant": r"sub|subj|subject|subj_?id|subject_?(id|nr|number|no)|participant|participant_?(id|nr)|ppt?|ppn|vp|"
    r"vp_?(nr|code)|code|pid|id|exp_?id|worker_?id|prolific_?pid|respondent_?id|response_?id|player|"
    r"versuchsperson|proband(in)?|teilnehmer(in)?",
    "session": r"ses|session|session_?(id|nr|number|no)|visit|day|wave|sitzung|messzeitpunkt|tag",
    "block": r"block|block_?(id|nr|number|no)|run|run_?(id|nr|number|no)|game|phase",
    "round": r"round|trial|trial_?(id|nr|num|number|no|index|count)|round_?(nr|number|no)|t|nr|runde|durchgang|"
    r"durchgang_?nr",
    "choice": r"choice|chosen|chose|choose|choice_?(id|made)|chosen_?(option|stimulus|partner|id|card)|"
    r"response|resp|key|key_?press|button|action|selected|selection|decision|pick(ed)?|asked|wahl|gewählt|antwort|taste",
    "accepted": r"accepted|acceptance|outcome|outc|reward|rewarded|feedback|fb|result|win|won|gain|points|payoff|score|"
    r"out|match(ed)?|hit|ergebnis|belohnung|rückmeldung|gewinn|punkte",
    "rank": r"rank|ranking|rang|position",
    "spots": r"spots?|places|capacity|room|vacancies|plätze",
    "condition": r"cond|condition|bedingung|treatment",
    "onset": r"onset|stim_?onset|offer_?onset|choice_?onset|trial_?onset|stimulus_?onset",
    "feedback_onset": r"(feedback|outcome|fb|reward)_?onset",
    "response_time": r"rt|rts|rtime|reaction_?times?|response_?times?|latency|resp_?time|time_?taken|reaktionszeit|"
    r"duration|rz",
}
"""What columns are often called; only letters, digits and underscores are compared."""

UNIT = re.compile(r"_(s|sec|ms|msec)$")
"""The unit of a time at the end of a name."""

LEAST_ROUNDS = 4
"""Least number of rounds of a participant, or in a session or block."""


def named(columns: Iterable[str], role: str) -> list[str]:
    """The columns whose names suggest a role, the most suggestive first."""
    scored = []
    for column in columns:
        plain = UNIT.sub("", re.sub(r"[^\w]+", "_", column).strip("_").lower())
        last = plain.rpartition("_")[2]
        for score, text in enumerate((plain, last)):
            if re.fullmatch(NAMES[role], text):
                scored.append((score, len(plain), column))
                break
    return [column for *_, column in sorted(scored, key=lambda each: each[:2])]


def where_of(table: pd.DataFrame) -> dict[str, str]:
    """Guess which rows are rounds, in a table with other trials: those with a column of choices."""
    for column in table:
        if not re.fullmatch(r"(?i)(trial_?type|type|task|phase|screen|part|event)", str(column)):
            continue
        kinds = table[column].str.strip()
        for kind in kinds[kinds != ""].value_counts().index:
            if not 1 < kinds.nunique() <= 50:
                break
            part = table[kinds == kind]
            given = [each for each in part if (part[each].str.strip() != "").mean() > 0.5]
            if named(given, "choice") and named(given, "accepted"):
                return {str(column): str(kind)}
    return {}


WIDE = ("{name}_{round}", "{name}.{round}", "{name}{round}", "T{round}_{name}", "t{round}_{name}", "{round}_{name}",
        "R{round}_{name}", "trial{round}_{name}", "Trial{round}_{name}")  # fmt: skip
"""Usual names of the columns of single rounds."""


def wide_of(table: pd.DataFrame) -> str | None:
    """Guess whether each round has columns of its own, and how they are called: at least a choice and an outcome."""
    for pattern in WIDE:
        matches = [match for column in table if (match := compiled(pattern).fullmatch(str(column)))]
        rounds = Counter(match["name"] for match in matches)
        names = [name for name, count in rounds.items() if count >= LEAST_ROUNDS]
        if named(names, "choice") and named(names, "accepted"):
            return pattern
    return None
