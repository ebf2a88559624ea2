"""What generated sentences are made of, and the works that they cite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from accept_reject.envs.game import GameSpec
from accept_reject.experiments.html import versions

REFERENCES = {
    "Agarwal et al., 2021": (
        "Agarwal, R., Schwarzer, M., Castro, P. S., Courville, A., & Bellemare, M. G. (2021). Deep reinforcement "
        "learning at the edge of the statistical precipice. Advances in Neural Information Processing Systems, "
        "34, 29304-29320. https://arxiv.org/abs/2108.13264"
    ),
    "Babür et al., 2024": (
        "Babür, B. G., Leong, Y. C., Pan, C. X., & Hackel, L. M. (2024). Neural responses to social rejection reflect "
        "dissociable learning about relational value and reward. PNAS, 121(49), e2400022121. "
        "https://doi.org/10.1073/pnas.2400022121"
    ),
    "Collins & Frank, 2012": (
        "Collins, A. G. E., & Frank, M. J. (2012). How much of reinforcement learning is working memory, not "
        "reinforcement learning? A behavioral, computational, and neurogenetic analysis. European Journal of "
        "Neuroscience, 35(7), 1024-1035. https://doi.org/10.1111/j.1460-9568.2011.07980.x"
    ),
    "Hesterberg, 2015": (
        "Hesterberg, T. C. (2015). What teachers should know about the bootstrap: Resampling in the undergraduate "
        "statistics curriculum. The American Statistician, 69(4), 371-386. "
        "https://doi.org/10.1080/00031305.2015.1089789"
    ),
    "Huys et al., 2011": (
        "Huys, Q. J. M., Cools, R., Gölzer, M., Friedel, E., Heinz, A., Dolan, R. J., & Dayan, P. (2011). "
        "Disentangling the roles of approach, activation and valence in instrumental and Pavlovian responding. "
        "PLoS Computational Biology, 7(4), e1002028. https://doi.org/10.1371/journal.pcbi.1002028"
    ),
    "Rescorla & Wagner, 1972": (
        "Rescorla, R. A., & Wagner, A. R. (1972). A theory of Pavlovian conditioning: Variations in the "
        "effectiveness of reinforcement and nonreinforcement. In A. H. Black & W. F. Prokasy (Eds.), Classical "
        "conditioning II: Current research and theory (pp. 64-99). Appleton-Century-Crofts."
    ),
    "Rigoux et al., 2014": (
        "Rigoux, L., Stephan, K. E., Friston, K. J., & Daunizeau, J. (2014). Bayesian model selection for group "
        "studies: Revisited. NeuroImage, 84, 971-985. https://doi.org/10.1016/j.neuroimage.2013.08.065"
    ),
    "Stephan et al., 2009": (
        "Stephan, K. E., Penny, W. D., Daunizeau, J., Moran, R. J., & Friston, K. J. (2009). Bayesian model selection "
        "for group studies. NeuroImage, 46(4), 1004-1017. https://doi.org/10.1016/j.neuroimage.2009.03.025"
    ),
    "Trefethen & Weideman, 2014": (
        "Trefethen, L. N., & Weideman, J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review, "
        "56(3), 385-458. https://doi.org/10.1137/130932132"
    ),
    "Wilson, 1927": (
        "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the "
        "American Statistical Association, 22(158), 209-212. https://doi.org/10.1080/01621459.1927.10502953"
    ),
}
"""Works in full, by how sentences cite them."""


UNBOUNDED = "on an unbounded scale"
"""Where parameters may be any number: free space."""


class Methods(NamedTuple):
    """What was done, in words.

    Attributes:
        paragraphs: The paragraphs.
        references: The works that they cite.
    """

    paragraphs: tuple[str, ...]
    references: tuple[str, ...]


def methods(*paragraphs: Iterable[str]) -> Methods:
    """Paragraphs from their sentences; empty ones of both are left out."""
    texts = tuple(filter(None, (" ".join(filter(None, sentences)) for sentences in paragraphs)))
    return Methods(texts, tuple(work for key, work in REFERENCES.items() if any(key in text for text in texts)))


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as `1 round` or `1,440 rounds`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(things: Iterable[object], last: str = "and") -> str:
    """Such as `a, b and c`."""
    *others, final = map(str, things)
    return f"{', '.join(others)} {last} {final}" if others else final


def spaced(name: str) -> str:
    """A parameter's name in a sentence."""
    return name.replace("_", " ")


def software() -> str:
    """What everything was computed with."""
    return f"Everything was computed with {listed(versions())}."


def game(spec: GameSpec, lengths: Sequence[int]) -> list[str]:
    """The game, in sentences.

    Args:
        spec: The game.
        lengths: How many rounds it has.
    """
    shown = sum(kind.count for kind in spec.partners if kind.rank_shown)
    place = f"how it was ranked among candidates, from 1 (best) to {spec.ranks}, and the number of spots"
    told = ["whether that partner accepted or rejected"]
    if shown:
        told.append(
            place if shown == spec.n_partners else f"from {shown} of the {spec.n_partners} partners also {place}"
        )
    means = listed(dict.fromkeys(f"{kind.mean_rank:g}" for kind in spec.partners), "or")
    ranks = f"ranks were drawn around the partner's mean rank, {means}, with a standard deviation of {spec.rank_sd:g}"
    if spec.rule == "orthogonal":
        chances = listed(dict.fromkeys(f"{kind.acceptance:g}" for kind in spec.partners), "or")
        rule = f"{ranks}, and acceptance independently of them, with a probability of {chances}"
    else:
        spots = listed(dict.fromkeys(_span(*kind.spots) for kind in spec.partners if kind.spots), "or")
        rule = f"{ranks}; partners had {spots} spots and accepted whenever the rank made that cutoff"
    rounds = "a single round" if list(lengths) == [1] else f"each of {listed(lengths, 'or')} rounds"
    sentences = [
        f"The task was a game of accept or reject (after Babür et al., 2024): in {rounds} a player asked one of the "
        f"{spec.offered} partners offered, of {spec.n_partners} in all, and learned {', and '.join(told)}.",
        f"{rule[0].upper()}{rule[1:]}.",
    ]
    if spec.n_present < spec.n_partners:
        others = counted(spec.n_partners - spec.n_present, "newcomer")
        sentences.append(f"{spec.n_present} partners were present at a time, and {others} took the places of others.")
    if spec.drift:
        sentences.append(
            f"Mean ranks made a random walk with a standard deviation of {spec.drift:g} a round, "
            f"between 1 and {spec.ranks}."
        )
    return sentences + ([f"{_doors(spec, lengths)}, and acceptance followed from the rank."] if spec.open_doors else [])


def _doors(spec: GameSpec, lengths: Sequence[int]) -> str:
    assert spec.open_doors is not None  # asked of such games only
    first = [spec.model_copy(update={"rounds": rounds}).opening_round + 1 for rounds in lengths]
    several = " (by the length of the game)" if len(first) > 1 else ""
    return f"From round {listed(first, 'or')}{several} on every partner had {_span(*spec.open_doors.spots)} spots"


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"
