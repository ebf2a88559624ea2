"""Newton's method on many small problems at once, kept in bounds by damping (Levenberg 1944) and a longest step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Objective = Callable[[Tensor], Tensor]
"""What is maximised: from points `(m, d)`, one for each of m problems, to values `(m,)`; twice differentiable."""

LONGEST_STEP = 3.0
OFF_A_SADDLE = 0.1
"""Length of a step along the axis that bends upwards, where the slope is zero and the point is no maximum."""
MOST_ITERATIONS = 200
TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Maxima:
    """Where each of m problems has a maximum.

    Attributes:
        x: The points, `(m, d)`.
        value: The objective there, `(m,)`.
        hessian: Its second derivatives there, `(m, d, d)`.
        converged: Whether Newton's method expects to gain less than `TOLERANCE` and the point is no saddle, `(m,)`.
    """

    x: Tensor
    value: Tensor
    hessian: Tensor
    converged: NDArray[np.bool_]


def maximise(objective_of: Callable[[NDArray[np.int64]], Objective], starts: Tensor) -> Maxima:
    """Climb from each start to a maximum of its problem.

    A step solves the Newton equations with the absolute values of the curvatures, so that it leads uphill everywhere;
    damping grows when a step disappoints and fades when it keeps its promise. Problems that have converged are left out
    of further evaluations.

    Args:
        objective_of: Gives the objective of some of the problems, by their numbers.
        starts: A start for each problem, `(m, d)`.

    Raises:
        FloatingPointError: If the objective or its derivatives are no finite numbers at a start.
    """
    x, rows = starts.clone(), np.arange(len(starts))
    objective = objective_of(rows)
    value, gradient, hessian = evaluate(objective, x)
    if not (value.isfinite().all() and gradient.isfinite().all() and hessian.isfinite().all()):
        raise FloatingPointError("the objective or its derivatives are no finite numbers at a start")
    damping = torch.full_like(value, 1e-3)
    converged = np.zeros(len(x), bool)
    for _ in range(MOST_ITERATIONS):
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
        along[flat, 0] = OFF_A_SADDLE
        along = along * (LONGEST_STEP / along.norm(dim=1, keepdim=True).clamp(min=LONGEST_STEP))
        promised = (slope * along - curvature * along**2 / 2).sum(dim=1)
        there = x[at] + (axes @ along[..., None])[..., 0]
        found = evaluate(objective, there)
        gained = found[0] - value[at]
        noise = 1e-11 * (1 + value[at].abs())
        finite = found[0].isfinite() & found[1].isfinite().all(dim=1) & found[2].isfinite().all(dim=2).all(dim=1)
        better = finite & (gained >= -noise)
        as_promised = better & (gained >= promised / 2 - noise)
        calmer, wilder = damping[at] / 10, 10 * damping[at] + 0.1
        damping[at] = torch.where(as_promised, calmer, torch.where(better, damping[at], wilder))
        x[at[better]] = there[better]
        for kept, new in zip((value, gradient, hessian), found, strict=True):
            kept[at[better]] = new[better]
    return Maxima(x, value, hessian, converged)


def evaluate(objective: Objective, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """An objective with its gradient and its Hessian, by autograd: `(m,)`, `(m, d)`, `(m, d, d)`."""
    x = x.detach().requires_grad_()
    value = objective(x)
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    columns = [
        torch.autograd.grad(gradient[:, j].sum(), x, retain_graph=True, materialize_grads=True)[0]
        for j in range(x.shape[1])
    ]
    return value.detach(), gradient.detach(), torch.stack(columns, dim=-1)
