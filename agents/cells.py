"""Recurrent cells, and the numbers in which they are told of a partner's answer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accept_reject.envs.choices import UNKNOWN_SPOTS

SIGNALS = 4
"""Numbers in which a network is told of an answer; see `signals`."""


class Cell(nn.Module):
    """A GRU, LSTM or plain tanh cell, whose whole memory is one tensor, `(..., width)`.

    Args:
        kind: `gru`, `lstm` or `rnn`.
        inputs: Numbers that it is told at each step.
        hidden: Numbers that others can read; an LSTM remembers as many again.
    """

    def __init__(self, kind: str, inputs: int, hidden: int) -> None:
        super().__init__()
        cells: dict[str, type[nn.RNNCellBase]] = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "rnn": nn.RNNCell}
        self.cell = cells[kind](inputs, hidden)  # type: ignore[call-arg]
        self.hidden = hidden
        self.width = 2 * hidden if kind == "lstm" else hidden

    def step(self, told: Tensor, memory: Tensor) -> Tensor:
        """The memory after a step, `(m, width)`, from what is told, `(m, inputs)`, and the memory before."""
        if self.width == self.hidden:
            return self.cell(told, memory)
        both = (memory[..., : self.hidden], memory[..., self.hidden :])
        return torch.cat(self.cell(told, both), dim=-1)

    def readable(self, memory: Tensor) -> Tensor:
        """The part of the memory that others read, `(..., hidden)`."""
        return memory[..., : self.hidden]


def signals(
    rank: NDArray[np.uint8], spots: NDArray[np.uint8], accepted: NDArray[np.bool_], ranks: int
) -> NDArray[np.float32]:
    """What an answer tells, `(..., SIGNALS)`: rank value, whether a rank was shown, spots, outcome; all within -1..1.

    Args:
        rank: The rank shown, from 1; 0 where it is hidden.
        spots: The spots shown; what stands where the rank is hidden, or `UNKNOWN_SPOTS`, tells nothing.
        accepted: Whether the partner accepted.
        ranks: Length of the ladder.
    """
    shown = rank > 0
    rank_value = np.where(shown, 1 - 2 * (rank.astype(np.float32) - 1) / (ranks - 1), 0)
    spots_value = np.where(shown & (spots != UNKNOWN_SPOTS), 2 * spots.astype(np.float32) / ranks - 1, 0)
    outcome = np.where(accepted, 1, -1)
    return np.stack([rank_value, shown, spots_value, outcome], axis=-1).astype(np.float32)
