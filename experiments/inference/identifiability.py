"""Identifiability: combinations of parameters about which a participant's choices contain no information at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.likelihood import Likelihood
from accept_reject.experiments.inference.model import Model

_STEP = 1e-4
"""Step of central differences, in standard deviations of the prior."""

_POINTS = ((0.0,), (0.7, -0.4), (-0.5, 0.9))
"""Points at which the information is computed, in standard deviations of the prior, repeated for all parameters."""

_NEGLIGIBLE, _INVOLVED = 1e-9, 0.05
"""Share of the largest eigenvalue that is 0 but for rounding, and the smallest component of an involved parameter."""


def unidentified(model: Model, choices: Choices) -> list[tuple[str, ...]]:
    r"""Find the parameters that each participant's choices can't determine, however many rounds of this kind there are.

    With the log-probability $\ell_t(x)$ of the choice in round $t$ and the standard deviations $S$ of the prior, the
    information about the parameters $x$ is

    $$I(x) = S \Big(\sum_t \nabla \ell_t(x) \, \nabla \ell_t(x)^\top\Big) S.$$

    If it has an eigenvalue of 0 at every point, parameters can be changed along that direction without changing any
    prediction, and their estimates are those of the prior. A marginal posterior does not show this: in a game without
    ranks only $(1 - w) \beta$ is identified, but the prior of $\beta$ makes the posterior of $w$ narrow.

    Args:
        model: The model.
        choices: The choices of n participants.

    Returns:
        For each participant the names of these parameters; empty if all are identified, or if there are no choices.

    References:
        Rothenberg, T. J. (1971). Identification in parametric models. *Econometrica*, 39(3), 577-591.
    """
    n, d = len(choices), len(model.parameters)
    by_round = Likelihood(model, choices).by_round(np.arange(n))
    never = np.ones((n, d), bool)  # whether a parameter is in a direction without information at every point
    for point in _POINTS:
        z = torch.tensor([point[k % len(point)] for k in range(d)], dtype=torch.float64)
        values, vectors = np.linalg.eigh(_information(model, by_round, z, n))
        empty = values <= _NEGLIGIBLE * np.maximum(values[:, -1:], _NEGLIGIBLE)
        never &= ((np.abs(vectors) > _INVOLVED) & empty[:, None, :]).any(axis=2)
    played = np.asarray((~choices.missed).any(axis=1))
    return [
        tuple(name for name, off in zip(model.parameters, row, strict=True) if off) if plays else ()
        for row, plays in zip(never.tolist(), played.tolist(), strict=True)
    ]


def _information(
    model: Model, by_round: Callable[[torch.Tensor], torch.Tensor], z: torch.Tensor, n: int
) -> NDArray[np.float64]:
    """Compute the information of each participant at a point, `(n, d, d)`."""
    scores = []
    with torch.no_grad():
        for k in range(len(z)):
            step = torch.zeros_like(z)
            step[k] = _STEP
            ends = [(model.prior_mean + model.prior_sd * (z + side * step)).expand(n, -1) for side in (1, -1)]
            scores.append((by_round(ends[0]) - by_round(ends[1])) / (2 * _STEP))
    gradient = torch.stack(scores, dim=-1).numpy()  # (n, rounds, d)
    information: NDArray[np.float64] = gradient.transpose(0, 2, 1) @ gradient
    return information
