"""How a fit was made, in words, from its config and its data: what a paper would say of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from accept_reject.agents.learner import Parameter
from accept_reject.experiments.data.words import participants, silent, the_game
from accept_reject.experiments.fit.config import FitConfig, ModelEntry, SelectionPrior
from accept_reject.experiments.fit.equations import equations
from accept_reject.experiments.fit.hierarchical import MOST_ITERATIONS
from accept_reject.experiments.fit.quadrature import MOST_PARAMETERS
from accept_reject.experiments.fit.results import FitResults
from accept_reject.experiments.words import UNBOUNDED, Methods, counted, listed, methods, software, spaced

GROUP = (
    "Participants' parameters are Normal on these unbounded scales; this group was learned, beginning with the means "
    "and standard deviations given."
)
PRIORS = "Priors are Normal on these unbounded scales, with the means and standard deviations given."


def of_fit(results: FitResults) -> Methods:
    """The paragraphs of a fit: the data, the models, and what was done with them."""
    config, data = results.config, results.data
    prior = {
        "map": PRIORS,
        "hierarchical": GROUP,
        "maximum-likelihood": "There are no priors: these are where the search begins, on unbounded scales.",
    }[config.method]
    bayesian = config.method != "maximum-likelihood"
    return methods(
        [*participants(config.data, data, "only the prior tells of them"), *the_game(data)],
        models(config.models, prior, bayesian, config.starts),
        [
            *_estimation(results),
            intervals(bayesian),
            *_evidence(results),
            "AIC, BIC and McFadden's pseudo-R squared were taken at the estimates.",
            selection(config.selection_prior) if results.selections else "",
            "Participants who made no choice were left out of it." if results.selections and silent(data) else "",
            *_check(results),
            _seed(config),
            software(),
        ],
    )


def models(
    entries: Sequence[ModelEntry],
    prior: str,
    bayesian: bool = True,
    starts: int = 1,
    done: str = "Fitted to these choices",
) -> list[str]:
    """The models, how they learn, which parameters are estimated and which are not.

    Args:
        entries: The models.
        prior: What is to be said of their priors.
        bayesian: Whether these count.
        starts: How many starts there are; without priors, the spread of a single one means nothing.
        done: What was done with them.
    """
    resolved = [entry.resolve() for entry in entries]
    names = [entry.name for entry in entries]
    estimated: dict[str, list[str]] = {}
    held: dict[str, list[str]] = {}
    for model in resolved:
        for name, parameter in model.learner.free_parameters().items():
            about = parameter.about.partition(";")[0]
            if name in model.priors:
                mean, sd = model.priors[name]
                spread = f"mean {mean:g} and SD {sd:g}" if bayesian or starts > 1 else f"{mean:g}"
                text = f"{spaced(name)} ({about}; {_range(parameter)}; {_scale(parameter)} {spread})"
                estimated.setdefault(text, []).append(model.name)
            else:
                text = f"{about} ({model.fixed.get(name, parameter.default):g})"
                held.setdefault(text, []).append(model.name)
    called = [e.name if e.name == e.agent else f"{e.name} ({e.agent})" for e in entries]
    return [
        f"{done} {'was' if len(entries) == 1 else 'were'} {counted(len(entries), 'model')}: {listed(called)}.",
        *equations(resolved),
        *_by_model("estimated", estimated, names),
        prior,
        *_by_model("held constant", held, names),
    ]


def intervals(bayesian: bool) -> str:
    """What the intervals of estimates are."""
    whole = "" if bayesian else ", or the parameter's whole range where the likelihood does not bend"
    return f"95% intervals of the estimates are Normal on the unbounded scale, by Laplace's approximation{whole}."


def climb(starts: int, bayesian: bool = True) -> str:
    """How an optimum is looked for."""
    first = "mean" if bayesian or starts > 1 else "point"
    others = f" and {counted(starts - 1, 'draw')} from that Normal distribution, the same for everyone"
    return f"by Newton's method with the exact Hessian from the {first} given above{others if starts > 1 else ''}"


def by_itself(starts: int) -> str:
    """How each participant's most probable parameters are found."""
    return f"For each participant by itself the mode of the posterior {UNBOUNDED} was looked for {climb(starts)}."


def learning_of_groups(starts: int, tolerance: float) -> str:
    """How groups are learned."""
    again = "all starts were" if starts > 1 else "the start was"
    return (
        "Groups were learned by expectation-maximisation with Laplace's approximation (Huys et al., 2011): the "
        f"participants' modes were looked for {climb(starts)}; the group was matched to their posteriors, and their "
        f"modes were found anew, until no mean of the group moved by more than {tolerance:g} of its standard deviation "
        f"and no standard deviation by more than that share of itself; then {again} tried once more under the group "
        "that was found."
    )


def selection(prior: SelectionPrior) -> str:
    """How models are compared."""
    count = "1" if prior == 1 else "1 over the number of models"
    return (
        "Models were compared by random-effects Bayesian model selection (Stephan et al., 2009) with a prior count of "
        f"{count} for each of them; exceedance probabilities were integrated exactly, and protected by the Bayesian "
        "omnibus risk that all models are equally frequent (Rigoux et al., 2014)."
    )


QUADRATURE = "quadrature (the trapezoidal rule over a box that holds the posterior; Trefethen & Weideman, 2014)"


def _estimation(results: FitResults) -> list[str]:
    config = results.config
    if config.method == "map":
        return [by_itself(config.starts)]
    if config.method == "maximum-likelihood":
        how = climb(config.starts, bayesian=False)
        return [f"For each participant by itself the maximum of the likelihood was looked for {how}."]
    lost = [name for name, each in results.models.items() if each.group is not None and not each.group.converged]
    return [
        learning_of_groups(config.starts, config.tolerance),
        f"After {MOST_ITERATIONS:,} iterations it was given up for {listed(lost)}." if lost else "",
    ]


def _evidence(results: FitResults) -> list[str]:
    if results.config.method == "maximum-likelihood":
        return []
    given = " under the group" if results.config.method == "hierarchical" else ""
    both = [name for name, each in results.models.items() if each.posterior is not None]
    found = f"Each model's log-evidence{given} was computed by Laplace's approximation"
    if len(both) == len(results.models):
        compared = "model selection was done with each, and all else" if results.selections else "what is shown"
        sentences = [f"{found} and by {QUADRATURE}; {compared} rests on the latter, posterior means too."]
    elif both:
        sentences = [
            f"{found}, which is shown and compared, and for {listed(both)} also by {QUADRATURE}, which gave their "
            f"posterior means: it was not done for more than {MOST_PARAMETERS} parameters."
        ]
    else:
        sentences = [f"{found}, and so were posterior means."]
    if results.config.method == "hierarchical":
        sentences.append("The integrated BIC counts a mean and a standard deviation for each parameter of the group.")
    return sentences


def _check(results: FitResults) -> list[str]:
    if results.check is None:
        return []
    config = results.config
    likely = config.method == "maximum-likelihood"
    whose = "the estimates as parameters" if likely else "parameters drawn from the participants' posteriors"
    each = "each" if len(results.models) > 1 else "the"
    if results.check.free_running:
        missed = ", without the rounds that its participant missed" if results.data.choices.missed.any() else ""
        how = f"each played the game anew, free-running and on fresh luck{missed}"
    else:
        how = "each answered, one step ahead, to what had happened to its participant, as the game is not known"
    return [
        f"To check predictions {counted(config.simulations, 'study', 'studies')} of as many players as there are "
        f"participants {'was' if config.simulations == 1 else 'were'} simulated from {each} model, with {whose}; {how}."
    ]


def _seed(config: FitConfig) -> str:
    of = [*(["starts"] if config.starts > 1 else []), *(["simulations"] if config.simulations else [])]
    return f"The seed of {listed(of)} was {config.seed}." if of else ""


def _by_model(done: str, parameters: dict[str, list[str]], names: Sequence[str]) -> list[str]:
    """What was done with parameters, a sentence for all models of which the same holds."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for text, having in parameters.items():
        groups.setdefault(tuple(having), []).append(text)
    sentences = []
    for of, texts in groups.items():
        these = "this parameter was" if len(texts) == 1 else "these parameters were"
        every = "In every model" if len(names) > 1 else ""
        where = every if len(of) == len(names) else f"In {listed(of)}"
        start = f"{where} {these}" if where else these.capitalize()
        sentences.append(f"{start} {done}: {'; '.join(texts)}.")
    return sentences


def _range(parameter: Parameter) -> str:
    low, high = parameter.low, parameter.high
    if isinf(low) and isinf(high):
        return "any number"
    return f"below {high:g}" if isinf(low) else f"above {low:g}" if isinf(high) else f"from {low:g} to {high:g}"


def _scale(parameter: Parameter) -> str:
    """The unbounded scale of a parameter."""
    low, high = parameter.low, parameter.high
    if isinf(low) and isinf(high):
        return "as it is:"
    if isinf(low):
        return f"logarithm of its distance from {high:g}:"
    if isinf(high):
        return f"logarithm{f' of its distance from {low:g}' if low else ''}:"
    return "logit:" if (low, high) == (0, 1) else "logit of its place in that range:"
