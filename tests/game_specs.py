"""A hypothesis strategy for valid games of all kinds."""

from typing import Any

from hypothesis import strategies as st

from accept_reject.envs import GameSpec


@st.composite
def game_specs(draw: st.DrawFn) -> GameSpec:
    rule = draw(st.sampled_from(["orthogonal", "causal"]))
    ranks = draw(st.integers(2, 12))
    spots = st.tuples(st.integers(0, ranks), st.integers(0, ranks)).map(lambda pair: tuple(sorted(pair)))

    def kind() -> dict[str, Any]:
        acceptance = {"acceptance": draw(st.floats(0, 1))} if rule == "orthogonal" else {"spots": draw(spots)}
        return {
            "mean_rank": draw(st.floats(1, ranks)),
            "rank_shown": draw(st.booleans()),
            "count": draw(st.integers(1, 4)),
            **acceptance,
        }

    kinds = [kind() for _ in range(draw(st.integers(1, 4)))]
    partners = sum(kind["count"] for kind in kinds)
    if partners < 2:
        kinds[0]["count"] += 1
        partners += 1
    offered = draw(st.integers(2, min(4, partners)))
    rounds = draw(st.integers(1, 25))
    fewest_present = max(offered, partners - rounds + 1)
    return GameSpec.model_validate(
        {
            "rule": rule,
            "ranks": ranks,
            "rounds": rounds,
            "offered": offered,
            "rank_sd": draw(st.floats(0.1, 5)),
            "partners": kinds,
            "present": draw(st.none() | st.integers(fewest_present, partners)),
            "drift": draw(st.sampled_from([0.0, 0.5])),
            "open_doors": draw(st.none() | st.fixed_dictionaries({"at": st.floats(0.1, 0.9), "spots": spots})),
        }
    )
