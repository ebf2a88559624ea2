"""Graded rewards: read from a table, learned by delta rule and Bayes' rule, and analyzed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from accept_reject.agents import make_agent
from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import Choices
from accept_reject.experiments.analysis.last_choice import histories
from accept_reject.experiments.analysis.stay_switch import repeat_offers
from accept_reject.experiments.analysis.trials import trials
from accept_reject.experiments.data.bids import read_dataset, write_dataset
from accept_reject.experiments.data.import_table import import_table
from accept_reject.experiments.data.load import load
from accept_reject.experiments.fit.config import FitConfig
from accept_reject.experiments.fit.experiment import FitExperiment
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.simulation.replay import replay

COLUMNS = {"participant": "id", "round": "t", "offered": ["left", "right"], "choice": "asked", "reward": "points"}
POINTS = np.random.default_rng(5).integers(-50, 101, (2, 30))
"""Points of two participants, from -50 to 100; each ninth round is missed."""


def read(folder: Path, changes: dict[str, str] | None = None, **settings: Any) -> Choices:
    rows = ["id,t,left,right,asked,points,won"]
    for who in (0, 1):
        for t in range(30):
            a, b = ("x", "y") if t % 2 else ("y", "z")
            missed = t % 9 == 8
            cells = ["", "", ""] if missed else [a if t % 5 else b, str(POINTS[who, t]), str(int(t % 3 == 0))]
            rows.append(",".join([str(who), str(t + 1), a, b, *cells]))
    text = "\n".join([*rows, ""])
    for old, new in (changes or {}).items():
        text = text.replace(old, new)
    (folder / "rounds.csv").write_text(text, encoding="utf-8")
    content = {"kind": "data", "file": "rounds.csv", "columns": COLUMNS, "reward": [-50, 100]} | settings
    (folder / "map.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load(str(folder / "map.yaml")).choices


def rewards(choices: Choices) -> np.ndarray:
    return np.where(choices.missed, np.nan, (POINTS + 50) / 150)


def test_rewards_are_scaled_and_good_ones_are_acceptances(tmp_path: Path) -> None:
    choices = read(tmp_path)
    expected = rewards(choices)
    np.testing.assert_allclose(choices.reward, expected, rtol=1e-15)  # type: ignore[arg-type]
    assert (choices.accepted == (np.nan_to_num(expected) > 0.5)).all()
    both = read(tmp_path, columns=COLUMNS | {"accepted": "won"})
    assert (both.accepted == (~both.missed & (np.arange(30) % 3 == 0))).all(), "the table's own outcome"
    lost = read(tmp_path, reward=[100, -50])
    np.testing.assert_allclose(lost.reward, 1 - expected, rtol=1e-12, atol=1e-15)  # type: ignore[arg-type]
    write_dataset(choices, tmp_path / "bids", "rewards", simulated="a test")
    again = read_dataset(tmp_path / "bids").choices
    np.testing.assert_allclose(again.reward, expected, rtol=1e-12)  # type: ignore[arg-type]
    assert again.fingerprint != both.fingerprint


@pytest.mark.parametrize(
    ("changes", "settings", "problem"),
    [
        ({"0,1,y,z,z,": "0,1,y,z,z,9"}, {}, "row 2, column points: must be a number from -50 to 100, got"),
        ({f"0,2,x,y,x,{POINTS[0, 1]},": "0,2,x,y,x,,"}, {}, "row 3, column points: must be given in a round with"),
        ({}, {"reward": None}, "reward: is required with columns.reward, as [worst, best]"),
        ({}, {"reward": [3, 3]}, "reward: must be two different numbers, got 3 twice"),
        ({}, {"columns": {k: v for k, v in COLUMNS.items() if k != "reward"}, "reward": None},
         "columns.accepted: is required, unless there is columns.reward"),
    ],
)  # fmt: skip
def test_problems(changes: dict[str, str], settings: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as error:
        read(tmp_path, changes, **settings)
    assert problem in str(error.value)


def by_hand(choices: Choices, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and prediction errors of a learner with the inverse temperature 3."""
    log_probability, error = np.zeros((2, 30)), np.full((2, 30), np.nan)
    y = rewards(choices)
    for i in range(2):
        seen: dict[int, list[float]] = {}
        delta: dict[int, float] = {}
        for t in range(30):
            offer = choices.offered[i, t].tolist()

            def value(partner: int, seen: Any = seen, delta: Any = delta) -> float:
                past = seen.get(partner, [])
                if kind == "delta":
                    return float(delta.get(partner, 0.5))
                if kind == "beta":
                    return (1 + sum(past)) / (2 + len(past))
                precision = 0.3**-2 + len(past) * 0.2**-2
                return (0.5 * 0.3**-2 + sum(past) * 0.2**-2) / precision

            if np.isnan(y[i, t]):
                continue
            values = np.array([value(partner) for partner in offer])
            place = int(choices.choice[i, t])
            log_probability[i, t] = 3 * values[place] - np.log(np.exp(3 * values).sum())
            error[i, t] = y[i, t] - values[place]
            delta[offer[place]] = values[place] + 0.4 * error[i, t]
            seen.setdefault(offer[place], []).append(y[i, t])
    return log_probability, error


@pytest.mark.parametrize(
    ("agent", "parameters", "kind"),
    [
        ("delta-outcome", {"rate_outcome": 0.4}, "delta"),
        ("bayes-outcome", {}, "beta"),
        ("bayes-normal-outcome", {"reward_noise_sd": 0.2}, "normal"),
    ],
)
def test_learners_equal_a_loop(agent: str, parameters: dict[str, float], kind: str, tmp_path: Path) -> None:
    choices = read(tmp_path)
    learner: Any = make_agent(agent, {"inverse_temperature": 3.0, **parameters})
    log_probability, error = by_hand(choices, kind)
    np.testing.assert_allclose(replay(learner, choices).numpy(), log_probability, atol=1e-12)
    table = trials(learner, choices)
    np.testing.assert_allclose(table.outcome_prediction_error, error.ravel(), atol=1e-12)


def test_effects_of_the_last_outcome_are_those_of_the_last_reward(tmp_path: Path) -> None:
    choices = read(tmp_path)
    y = rewards(choices)
    past: dict[tuple[int, int], float] = {}
    expected = []
    for i in range(2):
        for t in range(30):
            if choices.missed[i, t]:
                continue
            expected += [past[i, p] for p in choices.offered[i, t].tolist() if (i, p) in past]
            past[i, int(choices.offered[i, t, choices.choice[i, t]])] = y[i, t]
    assert sorted(repeat_offers(choices).outcome) == pytest.approx(sorted(expected))
    found = histories(choices, 1)
    before = y[~choices.missed].reshape(2, -1)[:, :-1].ravel()
    after = found[found.groupby("player").cumcount() > 0]
    np.testing.assert_allclose(after.outcome_1, after.choice_1 * before, atol=1e-15)


def test_gains_and_losses_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the Iowa gambling task; `import` finds both."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    gain, loss = 50 * rng.integers(1, 3, 40), -25 * rng.integers(0, 11, 40)
    rows = [f"{who},{1 + t % 4},{gain[t]},{loss[t]}" for who in (7, 8) for t in range(40)]
    (tmp_path / "decks.csv").write_text("\n".join(["subjID,choice,gain,loss", *rows, ""]), encoding="utf-8")
    imported = import_table("decks.csv", None)
    assert imported.problems == ()
    worst, best = int((gain + loss).min()), int((gain + loss).max())
    assert f"reward: are {worst} and {best} the worst and the best that gain plus loss can be?" in imported.found.unsure
    choices = load("decks.yaml", ["reward=[-250, 150]"]).choices
    np.testing.assert_allclose(choices.reward, np.tile((gain + loss + 250) / 400, (2, 1)))  # type: ignore[arg-type]
    with pytest.raises(
        InvalidInputError, match=r"row \d+, column gain \+ loss: must be a number from 0 to 1, got '\d+ \+"
    ):
        load("decks.yaml", ["reward=[0, 1]"])


def test_methods_of_a_fit_speak_of_rewards(tmp_path: Path) -> None:
    read(tmp_path)
    models = ["bayes-outcome", "bayes-normal-outcome", "delta-outcome"]
    config = {"data": str(tmp_path / "map.yaml"), "models": models, "simulations": 0, "starts": 1}
    results = FitExperiment(FitConfig.model_validate(config)).run(tmp_path, lambda _, __: None)
    text = " ".join(write_methods("fit", results=results).paragraphs)
    for part in (
        "learned its reward, which was scaled from 0 (worst) to 1 (best)",
        "a Beta belief about each partner's mean reward after every outcome (in bayes-normal-outcome, a Normal belief)",
        "a learning rate times the difference between the reward and the current value",
        "is its expected reward",
    ):
        assert part in text, text
