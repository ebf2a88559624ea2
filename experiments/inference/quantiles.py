"""Marginal quantiles of weighted points."""

from __future__ import annotations

import torch
from torch import Tensor

INTERVAL = (0.025, 0.975)
"""The quantiles at the ends of a central 95% interval."""

_BISECTIONS = 18
"""Number of bisections in the search for a quantile, which is then exact to 1e-4 posterior standard deviations."""


def quantiles(points: Tensor, weights: Tensor, cell: Tensor, shares: tuple[float, ...]) -> Tensor:
    """Compute marginal quantiles of weighted points by bisection.

    Each point's mass is spread Normally over its cell: between neighboring points of a grid, the distribution would
    otherwise be flat. Points are moved towards the mean so that the variance stays the same (West 1993, Journal of the
    Royal Statistical Society B 55, 409-422).

    Args:
        points: `(m, points, d)`.
        weights: `(m, points)`, with a sum of 1.
        cell: Standard deviation of the cells along each parameter, `(m, d)`.
        shares: Which quantiles, 0..1.

    Returns:
        `(quantiles, m, d)`.
    """
    mean = (weights[..., None] * points).sum(dim=1)
    variance = (weights[..., None] * (points - mean[:, None]) ** 2).sum(dim=1)
    cell = torch.minimum(cell, variance.sqrt() / 2)
    points = mean[:, None] + (points - mean[:, None]) * (1 - cell**2 / variance).sqrt()[:, None]
    found = []
    for share in shares:
        reach = variance.sqrt() * max(share / (1 - share), (1 - share) / share) ** 0.5  # by Cantelli's inequality
        below, above = mean - reach, mean + reach
        for _ in range(_BISECTIONS):
            middle = (below + above) / 2
            z = (middle[:, None] - points) / cell[:, None]
            under = (weights[..., None] * torch.special.ndtr(z)).sum(dim=1) < share
            below, above = torch.where(under, middle, below), torch.where(under, above, middle)
        found.append((below + above) / 2)
    return torch.stack(found)
