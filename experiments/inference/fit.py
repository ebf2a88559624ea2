"""Fit a learner to choices: parameters and evidence of every participant, by one of three methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accept_reject.envs.choices import Choices
from accept_reject.experiments.inference.bayes import Bayes, evaluations, fit_bayes
from accept_reject.experiments.inference.design import Design
from accept_reject.experiments.inference.hierarchical import NEAR, Group, fit_hierarchically
from accept_reject.experiments.inference.identifiability import unidentified
from accept_reject.experiments.inference.individual import Fit, fit_individually
from accept_reject.experiments.inference.leave_one_out import MAX_PARETO_K
from accept_reject.experiments.inference.model import Model
from accept_reject.experiments.inference.quadrature import MAX_ERROR, MAX_PARAMETERS, Posterior, integrate
from accept_reject.experiments.inference.reliability import Reliability, split_half
from accept_reject.experiments.reporting.progress import OnProgress, silent, steps

Floats = NDArray[np.float64]

LAPLACE, QUADRATURE = "Laplace", "quadrature"
"""Names of the evidence of each participant given its prior."""

LEAVE_ONE_OUT = "leave-one-out"
"""Name of the evidence of full posteriors."""

IN_RANGE = "Laplace in range"
"""Name of the evidence by the Laplace approximation in the parameters' own ranges."""

Method = Literal["map", "mfit", "hierarchical", "bayes", "maximum-likelihood"]
"""`map` finds each participant's most probable parameters under the priors; `hierarchical` also estimates the priors
from the group; `bayes` draws the group and all participants from their posterior; `maximum-likelihood` uses no priors,
so that models have no evidence to compare. `mfit` is `map` in the parameters' own ranges, as in the MATLAB toolbox of
that name, which computes the evidence by the Laplace approximation there."""


@dataclass(frozen=True, eq=False)
class ModelFit:
    """A fitted model.

    Attributes:
        fit: Estimates of each participant.
        group: The group, if the method is `hierarchical`.
        bayes: Draws from the posterior, if the method is `bayes`.
        posterior: Evidence and posterior means of each participant by quadrature, for `map` and `hierarchical`, if the
            model has few enough parameters.
        unidentified: For each participant, names of the parameters about which the choices contain no information,
            alone or in combination; see `identifiability.unidentified`.
        reliability: Split-half reliability of each parameter, if there is a prior.
    """

    fit: Fit
    group: Group | None = None
    bayes: Bayes | None = None
    posterior: Posterior | None = None
    unidentified: Sequence[tuple[str, ...]] = ()
    reliability: Sequence[Reliability] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the estimated parameters."""
        return self.fit.model.parameters

    @property
    def estimates(self) -> Floats:
        """Estimates of the parameters, `(participants, parameters)`; for `bayes`, they are posterior means."""
        return self.fit.estimates if self.bayes is None else self.bayes.posteriors.mean

    @property
    def hierarchical(self) -> Group | Bayes | None:
        """The group, if it was estimated."""
        return self.group or self.bayes

    @property
    def posterior_mean(self) -> Floats:
        """Posterior means of the parameters, `(participants, parameters)`.

        In a hierarchical fit, they are averaged over the uncertainty about the group; otherwise they are computed by
        quadrature, or by the Laplace approximation for models with too many parameters.
        """
        if self.hierarchical is not None:
            return self.hierarchical.posteriors.mean
        return self.fit.laplace_mean if self.posterior is None else self.posterior.mean

    def interval(self) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of 95% intervals, `(participants, parameters)` each, computed like the means.

        Intervals of maximum-likelihood estimates are Normal on the unbounded scale.
        """
        source = self.posterior if self.hierarchical is None else self.hierarchical.posteriors
        return self.fit.interval() if source is None else (source.low, source.high)

    @property
    def unbounded_sd(self) -> Floats:
        """Standard deviations on the unbounded scale, `(participants, parameters)`, computed like the means."""
        if self.bayes is not None:
            return self.bayes.unbounded.std(axis=(0, 1))
        return self.fit.unbounded_sd if self.posterior is None else self.posterior.unbounded_sd

    @property
    def contraction(self) -> Floats:
        """Posterior contraction, `(participants, parameters)`; see `Fit.contraction_of`."""
        return self.fit.contraction_of(self.unbounded_sd)

    @property
    def evidence(self) -> dict[str, Floats]:
        """Log-evidence of each participant, `(participants,)`, by method of computing it.

        For `bayes`, it is the log-probability of the participant's choices given those of all others.
        """
        if self.bayes is not None:
            return {LEAVE_ONE_OUT: self.bayes.log_predictive}
        laplace = IN_RANGE if self.fit.model.in_range else LAPLACE
        evidence = {laplace: self.fit.log_evidence} if self.fit.bayesian else {}
        return evidence if self.posterior is None else {**evidence, QUADRATURE: self.posterior.log_evidence}

    @property
    def log_evidence(self) -> Floats:
        """The most accurate log-evidence of each participant, `(participants,)`.

        Raises:
            ValueError: If the fit is by maximum likelihood, which has no evidence.
        """
        if not self.evidence:
            raise ValueError("a maximum-likelihood fit has no evidence; use another method")
        return list(self.evidence.values())[-1]

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Draw the participants' parameters on the unbounded scale from their posteriors, `(participants, parameters)`.

        They are drawn jointly for `bayes`, and otherwise from Laplace approximations; maximum-likelihood estimates are
        returned as they are.
        """
        if self.bayes is None:
            return self.fit.draw(rng)
        draws = self.bayes.unbounded.reshape(-1, *self.bayes.unbounded.shape[2:])
        return torch.from_numpy(draws[rng.integers(len(draws))])

    @property
    def flags(self) -> list[str]:
        """Problems of each participant's fit or evidence, or `ok`."""
        n = len(self.estimates)
        off = np.zeros(n, bool) if self.posterior is None else self.posterior.error > MAX_ERROR
        influential = np.zeros(n, bool) if self.bayes is None else self.bayes.pareto_k > MAX_PARETO_K
        flags = []
        found = self.fit.flags_of(self.contraction)
        unidentified = self.unidentified or [()] * n
        for flag, names, is_off, is_influential in zip(found, unidentified, off, influential, strict=True):
            problems = [f"not identified: {', '.join(names)}"] if names else []
            problems += [] if flag == "ok" else [flag]
            problems += ["quadrature not converged"] if is_off else []
            problems += ["leave-one-out inaccurate"] if is_influential else []
            flags.append("; ".join(problems) or "ok")
        return flags


def fit(
    model: Model | str,
    choices: Choices,
    method: Method = "map",
    starts: int = 10,
    seed: int = 0,
    on_progress: OnProgress = silent,
    design: Design | None = None,
) -> ModelFit:
    r"""Fit a model to the choices of every participant.

    With the log-likelihood $\ell_i(x)$ of participant $i$ and the prior $p$ of the parameters $x$ on their unbounded
    scale, the estimates of `map` and their log-evidence by the Laplace approximation are

    $$\hat x_i = \arg\max_x \; \ell_i(x) + \log p(x), \qquad
    L_i = \ell_i(\hat x_i) + \log p(\hat x_i) + \tfrac{d}{2} \log 2 \pi - \tfrac{1}{2} \log \det H_i,$$

    with the number of parameters $d$ and the negative Hessian $H_i$ at the estimate. `hierarchical` estimates the mean
    and the standard deviation of $p$ by maximizing the marginal likelihood of all participants, `bayes` draws them and
    their correlations from their posterior, and `maximum-likelihood` leaves $p$ out. For models with up to three
    parameters, participants' parameters are integrated by quadrature.

    Args:
        model: A model, or the name of a learner, whose default parameters are then estimated under its default priors.
        choices: The choices.
        method: How to fit; see `Method`.
        starts: Number of starting points of the search for the optimum.
        seed: Seed of the starting points.
        on_progress: Called with the stage and the share of it that is done.
        design: How the group depends on properties of the participants, for hierarchical methods.

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
    group = draws = posterior = None
    model = replace(model, in_range=method == "mfit")
    design = design or Design.common(len(choices))
    if method in ("hierarchical", "bayes"):
        stage = f"{model.name}: group"

        def on_iteration(_: int, change: float) -> None:
            on_progress(stage, float(np.clip(np.log(max(change, NEAR)) / np.log(NEAR), 0, 1)))

        if method == "bayes":
            step = steps(on_progress, f"{model.name}: posterior", evaluations(model))

            def on_drawn(n: int) -> None:
                on_progress(stage, 1)
                step(n)

            draws = fit_bayes(model, choices, design, starts, seed, on_iteration, on_drawn)
            fitted = draws.fit
            on_progress(f"{model.name}: posterior", 1)
        else:
            group = fit_hierarchically(model, choices, starts, seed, on_iteration, design)
            fitted = group.fit
            on_progress(stage, 1)
    else:
        step = steps(on_progress, f"{model.name}: fit", len(choices))
        fitted = fit_individually(model, choices, method in ("map", "mfit"), starts, seed, step)
    if fitted.bayesian and draws is None and len(model.parameters) <= MAX_PARAMETERS:
        posterior = integrate(fitted, choices, steps(on_progress, f"{model.name}: evidence", len(choices)))
    reliability = split_half(fitted, choices) if fitted.bayesian else ()
    return ModelFit(fitted, group, draws, posterior, unidentified(model, choices), reliability)
