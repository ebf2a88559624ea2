"""Parameters that choices can't determine are found, and named in reports."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import accept_reject

import accept_reject as ar
from accept_reject.experiments.inference.entries import ModelEntry
from accept_reject.experiments.inference.identifiability import unidentified
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.model import Model


def choices_in(scenario: str, n: int = 4, rounds: int = 60) -> Any:
    game = ar.scenario(scenario).game.model_copy(update={"rounds": rounds})
    return ar.play(ar.make_agent("bayes-hybrid", {"inverse_temperature": 3}), ar.draw(game, 0, n))


def model(agent: str) -> Model:
    return ModelEntry(agent=agent).resolve()


@pytest.mark.parametrize(
    ("agent", "without_ranks"),
    [
        ("bayes-hybrid", ("w", "inverse_temperature")),
        ("bayes-rank", ("inverse_temperature",)),
        ("bayes-outcome", ()),
        ("delta-hybrid", ("w", "inverse_temperature", "rate_rank")),
        ("delta-rank", ("inverse_temperature", "rate_rank")),
        ("delta-outcome", ()),
    ],
)
def test_ranks_identify_the_parameters_of_ranks(agent: str, without_ranks: tuple[str, ...]) -> None:
    assert unidentified(model(agent), choices_in("hidden-ranks")) == [without_ranks] * 4
    assert unidentified(model(agent), choices_in("orthogonal")) == [()] * 4


@pytest.mark.parametrize("scenario", ["hidden-ranks", "orthogonal"])
def test_what_is_not_identified_changes_no_prediction(scenario: str) -> None:
    """Along a curve of equal (1 - w) * inverse_temperature, by hand."""
    hybrid, choices = model("bayes-hybrid"), choices_in(scenario)
    by_round = Likelihood(hybrid, choices).by_round(np.arange(4))
    curve = [(w, 2 / (1 - w)) for w in (0.1, 0.4, 0.7)]
    points = [torch.tensor([[math.log(w / (1 - w)), math.log(beta)]] * 4, dtype=torch.float64) for w, beta in curve]
    first, *others = [by_round(point) for point in points]
    same = all(torch.allclose(first, other, atol=1e-12) for other in others)
    assert same == (scenario == "hidden-ranks") == bool(unidentified(hybrid, choices)[0])


def test_each_participant_is_judged_by_its_own_choices() -> None:
    shown, hidden = choices_in("orthogonal", 2), choices_in("hidden-ranks", 2)
    rank = np.stack([shown.rank[0], np.zeros_like(shown.rank[1])])
    mixed = shown.take(slice(0, 2))
    object.__setattr__(mixed, "rank", rank)
    assert unidentified(model("bayes-hybrid"), mixed) == [(), ("w", "inverse_temperature")]
    object.__setattr__(hidden, "choice", np.full_like(hidden.choice, -1))
    assert unidentified(model("bayes-hybrid"), hidden) == [(), ()], "no choices are another problem"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["map", "hierarchical", "maximum-likelihood"])
def test_reports_say_it_first(method: str, tmp_path: Path) -> None:
    population = "kind: population\nname: bandit\nagent: bayes-outcome\nparticipants: 4\n"
    game = "game: {scenario: hidden-ranks, game: {rounds: 60}}\nparameters: {inverse_temperature: 3}\n"
    (tmp_path / "bandit.yaml").write_text(population + game, encoding="utf-8")
    settings = ["data=bandit.yaml", f"method={method}", "starts=2", "simulations=0"]
    done = accept_reject("fit", "fit_babur2024", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    warning = (
        "No rank was shown, so these choices do not determine w and inverse temperature of hybrid, or inverse "
        "temperature of rank only: other values predict exactly the same choices."
    )
    assert warning in shown
    assert "Median estimates of hybrid" not in shown
    (report,) = tmp_path.glob("runs/*/report.html")
    assert "do not determine w and inverse temperature" in report.read_text(encoding="utf-8")
    (fits,) = tmp_path.glob("runs/*/fits.csv")
    assert fits.read_text(encoding="utf-8").count("not identified: w, inverse_temperature") == 4
