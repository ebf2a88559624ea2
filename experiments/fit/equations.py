"""The learning equations of the reference learners in words, with their sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accept_reject.agents.bayesian import BayesianHybrid, BayesianOutcome, BayesianRank
from accept_reject.agents.delta_rule import DualSignalLearner, GainLossLearner, OutcomeLearner, RankLearner
from accept_reject.agents.learner import Learner
from accept_reject.experiments.fit.model import Model
from accept_reject.experiments.words import listed

_BAYESIAN = (BayesianHybrid, BayesianRank, BayesianOutcome)
_DELTA = (DualSignalLearner, GainLossLearner, RankLearner, OutcomeLearner)
_RANK, _OUTCOME = (BayesianRank, RankLearner), (BayesianOutcome, OutcomeLearner)


def equations(models: Iterable[Model]) -> list[str]:
    """How models learn and choose, in sentences; learners of somebody else's by the first line of what they say."""
    models = list(models)
    bayesian, delta = ([m for m in models if m.learner in family] for family in (_BAYESIAN, _DELTA))
    known = [model for model in models if model in bayesian or model in delta]
    sentences = [*(_bayesian(bayesian) if bayesian else ()), *(_delta(delta) if delta else ())]
    if known:
        where = "The" if len(known) == len(models) else f"In {_names(known)} the"
        sentences.append(
            f"{where} probability of a choice is a softmax over the offered partners' values times the inverse "
            f"temperature{_plus(known)}."
        )
    for model in models:
        if model not in known:
            said = (model.learner.__doc__ or "").strip().split("\n")[0].rstrip(".")
            sentences.append(
                f"{_subject([model])} is the learner {model.learner.__name__}{f' ({said})' if said else ''}."
            )
    return sentences


def _bayesian(models: Sequence[Model]) -> list[str]:
    beliefs = {
        "rank": "a Normal belief about each partner's mean rank, with every rank that is shown",
        "outcome": "a Beta belief about each partner's probability of acceptance, with every outcome",
    }
    worth = {
        "rank": "the expected rank, scaled from 0 (worst) to 1 (best)",
        "outcome": "the expected probability of acceptance",
    }
    signals, one = _signals(models), len(models) == 1
    return [
        f"{_subject(models)} {'updates' if one else 'update'} by Bayes' rule "
        f"{', and '.join(beliefs[signal] for signal in signals)} (Babür et al., 2024).",
        f"A partner's value is {_weighted(worth, signals)}.",
        *_halves(models, signals),
    ]


def _delta(models: Sequence[Model]) -> list[str]:
    values = {
        "rank": "the rank (scaled from 0, worst, to 1, best; where it is shown)",
        "outcome": "the outcome (1 accepted, 0 rejected)",
    }
    worth = {"rank": "the value learned from ranks", "outcome": "the value learned from outcomes"}
    signals, one = _signals(models), len(models) == 1
    each = " for each signal" if len(signals) > 1 else ""
    fading = [model for model in models if _plays_a_part(model, "forgetting")]
    uneven = [model for model in models if model.learner is GainLossLearner]
    learns = "learns by the delta rule" if one else "learn by the delta rule"
    seen = listed(values[signal] for signal in signals)
    sentences = [
        f"{_subject(models)} {learns} (Rescorla & Wagner, 1972): after every answer the value of the "
        f"partner{each} moves by a learning rate times its distance from {seen}."
    ]
    if uneven:
        sentences.append(f"In {_names(uneven)} what is worse than expected has learning rates of its own.")
    if fading:
        sentences.append(
            f"In {_names(fading)} all other partners' values return at the same time by a share, the forgetting, "
            "towards their initial ones."
        )
    return [
        *sentences,
        f"A partner's value in a choice is {_weighted(worth, signals)}." if len(signals) > 1 else "",
        *_halves(models, signals),
    ]


def _signals(models: Sequence[Model]) -> list[str]:
    """From which signals any of them learns."""
    learners = [model.learner for model in models]
    both = {"rank": _OUTCOME, "outcome": _RANK}
    return [signal for signal, others in both.items() if any(learner not in others for learner in learners)]


def _weighted(worth: dict[str, str], signals: Sequence[str]) -> str:
    if len(signals) == 1:
        return worth[signals[0]]
    return f"w times {worth['rank']}, plus 1 \N{MINUS SIGN} w times {worth['outcome']}"


def _halves(models: Sequence[Model], signals: Sequence[str]) -> list[str]:
    """Which models learn from one signal only, where there are others."""
    if len(signals) == 1:
        return []
    halves: tuple[tuple[tuple[type[Learner], ...], str, int], ...] = ((_RANK, "ranks", 1), (_OUTCOME, "outcomes", 0))
    of = [([m for m in models if m.learner in learners], what, w) for learners, what, w in halves]
    told = [
        f"at {w} in {_names(those)}, which so learn{'s' if len(those) == 1 else ''} from {what} alone"
        for those, what, w in of
        if those
    ]
    return [f"w is fixed {', and '.join(told)}."] if told else []


def _plus(models: Sequence[Model]) -> str:
    sticky = [model for model in models if _plays_a_part(model, "stickiness")]
    where = "" if len(sticky) == len(models) else f" in {_names(sticky)}" if sticky else ""
    return f", plus{where} the stickiness for the partner asked last" if sticky else ""


def _plays_a_part(model: Model, parameter: str) -> bool:
    """Whether a parameter that does nothing at 0 is estimated, or held at another value."""
    known = model.learner.free_parameters()
    if parameter not in known:
        return False
    return parameter in model.priors or model.fixed.get(parameter, known[parameter].default) != 0


def _subject(models: Sequence[Model]) -> str:
    return f"The model{'' if len(models) == 1 else 's'} {_names(models)}"


def _names(models: Iterable[Model]) -> str:
    return listed(model.name for model in models)
