"""A recovery study with the size of the fitted data: can parameters be recovered and models be distinguished?"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch
import yaml

from accept_reject.agents.learner import Parameter
from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference.fit import ModelFit
from accept_reject.experiments.inference.marginal import MIN_SD

FILE = "recover.yaml"
"""Name of the config."""

STUDIES = 20
"""Number of simulated studies."""


def recovery_config(results: FitResults) -> str | None:
    """Return the config of `accept-reject recover` with the game, rounds, participants and estimates of a fit.

    None if the game is not known, so that it can't be simulated, for maximum-likelihood estimates, which may be
    infinite, and for fewer than two participants.
    """
    data, config = results.data, results.config
    if not data.game_known or config.method == "maximum-likelihood" or len(data.choices) < 2:
        return None
    models = []
    for entry in config.models:
        stated = entry.model_dump(exclude_defaults=True)
        models.append({**stated, "agent": entry.agent, "population": _population(results.models[entry.name])})
    game = data.choices.game
    content = {
        "kind": "recover",
        "name": f"{config.name}-recovery"[-100:].lstrip("_.-"),
        "models": models,
        "game": {"scenario": "orthogonal", "game": game.model_dump(mode="json")},
        "rounds": [game.rounds],
        "participants": [len(data.choices)],
        "studies": STUDIES,
        "seed": config.seed,
        "selection_prior": config.selection_prior,
    }
    return yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False)


def _population(each: ModelFit) -> dict[str, Any]:
    """Distributions of parameters like those of the participants, where scipy has one for the parameter's range."""
    model, known = each.fit.model, each.fit.model.learner.free_parameters()
    if each.hierarchical is None:
        means, sds = each.fit.unbounded.mean(dim=0), each.fit.unbounded.std(dim=0)
    else:
        means, sds = model.prior_mean, model.prior_sd
    found = {}
    for name, mean, sd in zip(model.parameters, means.tolist(), sds.clamp(min=MIN_SD).tolist(), strict=True):
        distribution = _distribution(known[name], mean, sd)
        if distribution is not None:
            found[name] = distribution
    return found


def _distribution(parameter: Parameter, mean: float, sd: float) -> dict[str, Any] | None:
    """A distribution of scipy.stats like a Normal one on the unbounded scale; None if there is no such family."""
    low, high = parameter.low, parameter.high
    if math.isinf(low):
        return {"distribution": "norm", "loc": mean, "scale": sd} if math.isinf(high) else None
    if math.isinf(high):
        return {"distribution": "lognorm", "s": sd, "scale": math.exp(mean), "loc": low}
    z, weight = np.polynomial.hermite_e.hermegauss(64)
    share = torch.sigmoid(torch.from_numpy(mean + sd * z)).numpy()
    center = float(weight @ share / weight.sum())
    variance = float(weight @ (share - center) ** 2 / weight.sum())
    size = center * (1 - center) / variance - 1  # the Beta distribution with this mean and variance
    return {"distribution": "beta", "a": center * size, "b": (1 - center) * size, "loc": low, "scale": high - low}
