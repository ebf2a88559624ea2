"""Fit a learner to choices: parameters and evidence of every participant, by one of three methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.hierarchical import NEAR, Group, fit_hierarchically
from accept_reject.experiments.inference.identifiability import unidentified
from accept_reject.experiments.inference.individual import Fit, fit_individually
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.quadrature import MAX_ERROR, MAX_PARAMETERS, Posterior, integrate
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps

Floats = NDArray[np.float64]

Method = Literal["map", "hierarchical", "maximum-likelihood"]
"""`map` finds each participant's most probable parameters under the priors; `hierarchical` also estimates the priors
from the group; `maximum-likelihood` uses no priors, so that models have no evidence to compare."""


@dataclass(frozen=True, eq=False)
class ModelFit:
    """A fitted model.

    Attributes:
        fit: Estimates of each participant.
        group: The group, if the fit is hierarchical.
        posterior: Evidence and posterior means by quadrature, if the model has a prior and few enough parameters.
        unidentified: For each participant, names of the parameters about which the choices contain no information,
            alone or in combination; see `identifiability.unidentified`.
    """

    fit: Fit
    group: Group | None = None
    posterior: Posterior | None = None
    unidentified: Sequence[tuple[str, ...]] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the estimated parameters."""
        return self.fit.model.parameters

    @property
    def estimates(self) -> Floats:
        """Estimates of the parameters, `(participants, parameters)`."""
        return self.fit.estimates

    @property
    def posterior_mean(self) -> Floats:
        """Posterior means of the parameters, `(participants, parameters)`.

        In a hierarchical fit, they are averaged over the uncertainty about the group; otherwise they are computed by
        quadrature, or by the Laplace approximation for models with too many parameters.
        """
        if self.group is not None:
            return self.group.posteriors.mean
        return self.fit.laplace_mean if self.posterior is None else self.posterior.mean

    def interval(self) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of 95% intervals, `(participants, parameters)` each, computed like the means.

        Intervals of maximum-likelihood estimates are Normal on the unbounded scale.
        """
        source = self.posterior if self.group is None else self.group.posteriors
        return self.fit.interval() if source is None else (source.low, source.high)

    @property
    def evidence(self) -> dict[str, Floats]:
        """Log-evidence of each participant, `(participants,)`, by method of computing it."""
        evidence = {"Laplace": self.fit.log_evidence} if self.fit.bayesian else {}
        return evidence if self.posterior is None else {**evidence, "quadrature": self.posterior.log_evidence}

    @property
    def log_evidence(self) -> Floats:
        """The most accurate log-evidence of each participant, `(participants,)`: by quadrature, else by Laplace.

        Raises:
            ValueError: If the fit is by maximum likelihood, which has no evidence.
        """
        if not self.evidence:
            raise ValueError("a maximum-likelihood fit has no evidence; use method='map' or 'hierarchical'")
        return self.evidence.get("quadrature", self.evidence["Laplace"])

    @property
    def flags(self) -> list[str]:
        """Problems of each participant's fit or evidence, or `ok`."""
        error = np.zeros(len(self.fit.flags)) if self.posterior is None else self.posterior.error
        unidentified = self.unidentified or [()] * len(error)
        flags = []
        for flag, names, off in zip(self.fit.flags, unidentified, error > MAX_ERROR, strict=True):
            problems = [f"not identified: {', '.join(names)}"] if names else []
            problems += [] if flag == "ok" else [flag]
            problems += ["quadrature not converged"] if off else []
            flags.append("; ".join(problems) or "ok")
        return flags


def fit(
    model: Model | str,
    choices: Choices,
    method: Method = "map",
    starts: int = 10,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> ModelFit:
    r"""Fit a model to the choices of every participant.

    With the log-likelihood $\ell_i(x)$ of participant $i$ and the prior $p$ of the parameters $x$ on their unbounded
    scale, the estimates of `map` and their log-evidence by the Laplace approximation are

    $$\hat x_i = \arg\max_x \; \ell_i(x) + \log p(x), \qquad
    L_i = \ell_i(\hat x_i) + \log p(\hat x_i) + \tfrac{d}{2} \log 2 \pi - \tfrac{1}{2} \log \det H_i,$$

    with the number of parameters $d$ and the negative Hessian $H_i$ at the estimate. `hierarchical` estimates the mean
    and the standard deviation of $p$ by maximizing the marginal likelihood of all participants, and
    `maximum-likelihood` leaves $p$ out. For models with up to three parameters, evidence, posterior means and intervals
    are computed by quadrature.

    Args:
        model: A model, or the name of a learner, whose default parameters are then estimated under its default priors.
        choices: The choices.
        method: How to fit; see `Method`.
        starts: Number of starting points of the search for the optimum.
        seed: Seed of the starting points.
        on_progress: Called with the stage and the share of it that is done.

    Raises:
        InvalidInputError: If the choices can't be fitted with this method, or the model can't be fitted.

    Examples:
        >>> import accept_reject as ar
        >>> choices, parameters = ar.simulate("population_babur2024")
        >>> ar.fit("bayes-hybrid", choices).estimates.shape
        (42, 2)
    """
    if isinstance(model, str):
        from accept_reject.experiments.inference.entries import ModelEntry

        model = ModelEntry(agent=model).resolve()
    group = posterior = None
    if method == "hierarchical":
        stage = f"{model.name}: group"

        def on_iteration(_: int, change: float) -> None:
            on_progress(stage, float(np.clip(np.log(max(change, NEAR)) / np.log(NEAR), 0, 1)))

        group = fit_hierarchically(model, choices, starts, seed, on_iteration)
        fitted = group.fit
        on_progress(stage, 1)
    else:
        step = steps(on_progress, f"{model.name}: fit", len(choices))
        fitted = fit_individually(model, choices, method == "map", starts, seed, step)
    if fitted.bayesian and len(model.parameters) <= MAX_PARAMETERS:
        posterior = integrate(fitted, choices, steps(on_progress, f"{model.name}: evidence", len(choices)))
    return ModelFit(fitted, group, posterior, unidentified(model, choices))
