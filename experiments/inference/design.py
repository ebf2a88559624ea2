"""How the distribution of parameters in a group depends on properties of the participants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

ALL = "all"
"""Name of the only group if participants are not divided into groups."""


@dataclass(frozen=True, eq=False)
class Design:
    r"""The design of a hierarchical model of n participants.

    On the unbounded scale, the parameters of participant $i$ in group $g$ have a Normal distribution with the mean
    $\mu_g + \sum_c b_c z_{ic}$ and the standard deviation $\sigma_g$. The covariates $z_{ic}$ are standardized over the
    participants.

    Attributes:
        groups: Names of the groups.
        covariates: Names of the covariates.
        member: Index of each participant's group, `(n,)`.
        z: The standardized covariates, `(n, covariates)`.
    """

    groups: tuple[str, ...]
    covariates: tuple[str, ...]
    member: NDArray[np.int64]
    z: Floats

    @classmethod
    def common(cls, n: int) -> Design:
        """The design without groups and covariates."""
        return cls((ALL,), (), np.zeros(n, np.int64), np.zeros((n, 0)))

    @classmethod
    def of(cls, groups: Sequence[str] | None, covariates: Mapping[str, Sequence[float]], n: int) -> Design:
        """Make a design of n participants.

        Args:
            groups: The name of each participant's group; None if all belong to one.
            covariates: The values of each participant, by the name of the covariate; they must vary.
            n: Number of participants.
        """
        names, member = np.unique([ALL] * n if groups is None else list(groups), return_inverse=True)
        values = np.array([list(each) for each in covariates.values()], np.float64).reshape(-1, n).T
        z = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
        return cls(tuple(names.tolist()), tuple(covariates), member.astype(np.int64), z)

    @property
    def is_common(self) -> bool:
        """Whether all participants have the same distribution."""
        return len(self.groups) == 1 and not self.covariates

    @property
    def regressors(self) -> Tensor:
        """What the means are linear in, `(n, groups + covariates)`."""
        return torch.from_numpy(np.concatenate([np.eye(len(self.groups))[self.member], self.z], axis=1))

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Design:
        """Return the design of some participants."""
        return Design(self.groups, self.covariates, self.member[rows], self.z[rows])

    def split(self, coordinates: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
        """Split the coordinates of groups with d parameters (see `marginal`).

        Args:
            coordinates: `(..., k)`.
            d: Number of parameters.

        Returns:
            The coefficients of the means, `(..., groups + covariates, d)`, the logarithms of the standard deviations,
            `(..., groups, d)`, and the unconstrained parameters of correlations, `(..., pairs)`.
        """
        means, sds = self.sizes(d)
        shape = coordinates.shape[:-1]
        coefficients, log_sd = coordinates[..., :means], coordinates[..., means : means + sds]
        return coefficients.reshape(*shape, -1, d), log_sd.reshape(*shape, -1, d), coordinates[..., means + sds :]

    def sizes(self, d: int) -> tuple[int, int]:
        """Return the numbers of coefficients and of standard deviations of d parameters."""
        return (len(self.groups) + len(self.covariates)) * d, len(self.groups) * d

    def mean_of(self, regressor: int, parameter: int, d: int) -> Floats:
        """Return the weights of coordinates, `(means + sds,)`, that select a coefficient.

        Args:
            regressor: Index among the groups and then the covariates.
            parameter: Index of the parameter.
            d: Number of parameters.
        """
        return np.eye(sum(self.sizes(d)))[regressor * d + parameter]

    def log_sd_of(self, group: int, parameter: int, d: int) -> Floats:
        """Return the weights of coordinates that select the logarithm of a group's standard deviation."""
        means, sds = self.sizes(d)
        return np.eye(means + sds)[means + group * d + parameter]

    def of_each(self, coordinates: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the distribution of each participant: means and standard deviations, `(..., n, d)` each.

        The third part are the unconstrained parameters of correlations, `(..., pairs)`, which are common to all.
        """
        coefficients, log_sd, pairs = self.split(coordinates, d)
        return self.regressors @ coefficients, log_sd.exp()[..., torch.from_numpy(self.member), :], pairs
