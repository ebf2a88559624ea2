"""What a learner believes, predicts and learns in each round, given recorded choices: for analyses of brain data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from accept_reject.agents.learner import Learner
from accept_reject.envs.choices import Choices
from accept_reject.experiments.simulation.replay import evidence_over_rounds


def trials(learner: Learner, choices: Choices) -> pd.DataFrame:
    r"""Compute a learner's values and prediction errors in each round.

    The learner receives the feedback that the player received, as in `replay`. Before the feedback of a round, the
    chosen partner has the rank value $R$ and the outcome value $O$. The prediction errors are $v - R$ with the value
    $v = (K - r) / (K - 1)$ of the rank $r$ of $K$, and $y - O$ with the outcome $y$, 1 or 0.

    Args:
        learner: The learner, with parameters for each player or for all.
        choices: The choices of n players.

    Returns:
        A row for each recorded round of each player: `participant`, `round`; for each place in the offer `value_1`,
        ..., `rank_value_1`, ..., `outcome_value_1`, ...; `probability` of the choice; `rank_prediction_error`,
        `outcome_prediction_error`; and the variances of the beliefs about the chosen partner, `rank_variance` and
        `outcome_variance`. NaN where the rank was hidden, the round was missed, or the learner has no such signal.
    """
    with torch.no_grad():
        evidence = evidence_over_rounds(learner, choices)
        beliefs = learner.beliefs(evidence)
        value, probability = learner.value(evidence).numpy(), learner.log_policy(evidence).exp().numpy()
    n, rounds, offered = value.shape
    unknown = np.full(value.shape, np.nan)
    signals = [
        unknown if each is None else np.broadcast_to(each.numpy(), value.shape)
        for each in ((None,) * 4 if beliefs is None else beliefs)
    ]
    rank_value, outcome_value, rank_variance, outcome_variance = signals
    shown = np.where(choices.rank > 0, choices.rank.astype(np.float64), np.nan)
    rank = (choices.game.ranks - shown) / (choices.game.ranks - 1)
    columns = {
        "participant": np.repeat(np.array(choices.names(), dtype=object), rounds),
        "round": np.tile(np.arange(1, rounds + 1), n),
    }
    for name, each in (("value", value), ("rank_value", rank_value), ("outcome_value", outcome_value)):
        columns |= {f"{name}_{j + 1}": each[..., j].ravel() for j in range(offered)}
    of_choice = {
        "probability": choices.of_chosen(probability),
        "rank_prediction_error": rank - choices.of_chosen(rank_value),
        "outcome_prediction_error": choices.outcome - choices.of_chosen(outcome_value),
        "rank_variance": choices.of_chosen(rank_variance),
        "outcome_variance": choices.of_chosen(outcome_variance),
    }
    table = pd.DataFrame(columns | {name: each.ravel() for name, each in of_choice.items()})
    return table[choices.played.ravel()].reset_index(drop=True)
