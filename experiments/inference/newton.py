"""Newton's method for many small problems in parallel, with damping (Levenberg 1944) and a maximum step length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Objective = Callable[[Tensor], Tensor]
"""An objective to maximize, from points `(m, d)`, one for each problem, to values `(m,)`; twice differentiable."""

MAX_STEP = 3.0
"""Maximum length of a step."""

SADDLE_STEP = 0.1
"""Length of a step away from a saddle point, along the axis of positive curvature."""

MAX_ITERATIONS = 200
"""Maximum number of iterations."""

TOLERANCE = 1e-12
"""A problem has converged when the expected gain of a step is less than this."""


@dataclass(frozen=True, eq=False)
class Maxima:
    """Maxima of m problems.

    Attributes:
        x: The points, `(m, d)`.
        value: The objective at the points, `(m,)`.
        hessian: The Hessian of the objective at the points, `(m, d, d)`.
        converged: Whether the expected gain is less than `TOLERANCE` and the point is not a saddle point, `(m,)`.
    """

    x: Tensor
    value: Tensor
    hessian: Tensor
    converged: NDArray[np.bool_]


def maximize(objective_of: Callable[[NDArray[np.int64]], Objective], starts: Tensor) -> Maxima:
    """Climb from each start to a local maximum.

    Steps solve the Newton equations with absolute values of the curvatures, so that they lead uphill everywhere. The
    damping grows when a step makes things worse, and shrinks when its gain is as high as expected. Problems that have
    converged are left out of further evaluations.

    Args:
        objective_of: Returns the objective of some problems, by their indices.
        starts: A start for each problem, `(m, d)`.

    Raises:
        FloatingPointError: If the objective or its derivatives are not finite at a start.
    """
    x, rows = starts.clone(), np.arange(len(starts))
    objective = objective_of(rows)
    value, gradient, hessian = evaluate(objective, x)
    if not (value.isfinite().all() and gradient.isfinite().all() and hessian.isfinite().all()):
        raise FloatingPointError("the objective or its derivatives are not finite at a start")
    damping = torch.full_like(value, 1e-3)
    converged = np.zeros(len(x), bool)
    for _ in range(MAX_ITERATIONS):
        at = torch.from_numpy(rows)
        curvature, axes = torch.linalg.eigh(-hessian[at])
        slope = (axes.mT @ gradient[at][..., None])[..., 0]
        gain = (slope**2 / curvature.abs().clamp(min=1e-12)).sum(dim=1) / 2
        flat = gain < TOLERANCE
        done = (flat & (curvature[:, 0] > -1e-9)).numpy()
        converged[rows[done]] = True
        if done.all():
            break
        if done.any():
            rows = rows[~done]
            objective = objective_of(rows)
            left = torch.from_numpy(~done)
            at, curvature, axes, slope, flat = (part[left] for part in (at, curvature, axes, slope, flat))
        along = slope / (curvature.abs() + damping[at][:, None]).clamp(min=1e-12)
        along[flat, 0] = SADDLE_STEP
        along = along * (MAX_STEP / along.norm(dim=1, keepdim=True).clamp(min=MAX_STEP))
        expected = (slope * along - curvature * along**2 / 2).sum(dim=1)
        candidate = x[at] + (axes @ along[..., None])[..., 0]
        result = evaluate(objective, candidate)
        gained = result[0] - value[at]
        noise = 1e-11 * (1 + value[at].abs())
        finite = result[0].isfinite() & result[1].isfinite().all(dim=1) & result[2].isfinite().all(dim=2).all(dim=1)
        better = finite & (gained >= -noise)
        as_expected = better & (gained >= expected / 2 - noise)
        less, more = damping[at] / 10, 10 * damping[at] + 0.1
        damping[at] = torch.where(as_expected, less, torch.where(better, damping[at], more))
        x[at[better]] = candidate[better]
        for kept, new in zip((value, gradient, hessian), result, strict=True):
            kept[at[better]] = new[better]
    return Maxima(x, value, hessian, converged)


def evaluate(objective: Objective, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute an objective, its gradient and its Hessian by autograd: `(m,)`, `(m, d)`, `(m, d, d)`."""
    x = x.detach().requires_grad_()
    value = objective(x)
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    columns = [
        torch.autograd.grad(gradient[:, j].sum(), x, retain_graph=True, materialize_grads=True)[0]
        for j in range(x.shape[1])
    ]
    return value.detach(), gradient.detach(), torch.stack(columns, dim=-1)
