"""Draws from the posterior in files that ArviZ and xarray read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import arviz_base
import torch

from accept_reject.experiments.files import file_names
from accept_reject.experiments.fit.run import FitResults
from accept_reject.experiments.inference.bayes import Bayes


def write_draws(results: FitResults, folder: Path) -> None:
    """Write the draws of each model as `posterior_MODEL.nc`, in the NetCDF format of ArviZ; other fits have none."""
    files = file_names(results.models)
    for name, each in results.models.items():
        if each.bayes is not None:
            tree = inference_data(name, each.bayes, results)
            tree.to_netcdf(folder / f"posterior_{files[name]}.nc", engine="h5netcdf")


def inference_data(name: str, draws: Bayes, results: FitResults) -> Any:
    """Return draws as ArviZ's `InferenceData`.

    Group `posterior` contains `group_mean`, `group_sd`, and, where they exist, `slope` and `correlation`, on the
    unbounded scale, and the parameters of the participants by their names, in their ranges. Group `log_likelihood`
    contains the log-likelihood of all choices of each participant given the group, with the participant's own
    parameters integrated out, so that leave-one-out cross-validation leaves out a participant.

    Args:
        name: Name of the model.
        draws: Its draws.
        results: The results of the fit.
    """
    choices, design, parameters = results.data.choices, draws.design, draws.fit.model.parameters
    groups = len(design.groups)
    posterior = {"group_mean": draws.coefficients[:, :, :groups], "group_sd": draws.sd}
    if design.covariates:
        posterior["slope"] = draws.coefficients[:, :, groups:]
    if len(parameters) > 1:
        posterior["correlation"] = draws.correlations
    own = draws.fit.model.constrain(torch.from_numpy(draws.unbounded)).numpy()
    posterior |= {parameter: own[..., j] for j, parameter in enumerate(parameters)}
    content: dict[str, Any] = {
        "posterior": posterior,
        "log_likelihood": {"choices": draws.log_likelihood},
        "observed_data": {"choice": choices.choice},
    }
    tree: Any = arviz_base.from_dict(
        content,
        coords={
            "participant": list(choices.names()),
            "group": list(design.groups),
            "covariate": list(design.covariates),
            "parameter": list(parameters),
            "other_parameter": list(parameters),
            "round": list(range(1, choices.game.rounds + 1)),
        },
        dims={
            "group_mean": ["group", "parameter"],
            "group_sd": ["group", "parameter"],
            "slope": ["covariate", "parameter"],
            "correlation": ["parameter", "other_parameter"],
            **{parameter: ["participant"] for parameter in parameters},
            "choices": ["participant"],
            "choice": ["participant", "round"],
        },
    )
    for group in tree.children.values():  # instead of the time that ArviZ adds, on which bytes would depend
        group.attrs = {"model": name, "sampler": draws.sampler}
    return tree
