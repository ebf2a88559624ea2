"""Recurrent cells, and the encoding of a partner's feedback."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accept_reject.envs.choices import UNKNOWN_SPOTS

SIGNALS = 4
"""Number of inputs that encode the feedback of a partner; see `signals`."""


class Cell(nn.Module):
    """A GRU, LSTM or plain tanh cell with its memory in one tensor, `(..., width)`.

    Args:
        kind: `gru`, `lstm` or `rnn`.
        inputs: Number of inputs.
        hidden: Width of the hidden state. The memory of an LSTM is twice as wide.
    """

    def __init__(self, kind: str, inputs: int, hidden: int) -> None:
        super().__init__()
        cells: dict[str, type[nn.RNNCellBase]] = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "rnn": nn.RNNCell}
        self.cell = cells[kind](inputs, hidden)  # type: ignore[call-arg]
        self.hidden = hidden
        self.width = 2 * hidden if kind == "lstm" else hidden

    def step(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """Compute the next memory, `(m, width)`, from inputs, `(m, inputs)`, and the previous memory."""
        if self.width == self.hidden:
            return self.cell(inputs, memory)
        hidden_and_cell = (memory[..., : self.hidden], memory[..., self.hidden :])
        return torch.cat(self.cell(inputs, hidden_and_cell), dim=-1)

    def hidden_state(self, memory: Tensor) -> Tensor:
        """Return the hidden state, `(..., hidden)`, which is the whole memory except for an LSTM."""
        return memory[..., : self.hidden]


def signals(
    rank: NDArray[np.uint8], spots: NDArray[np.uint8], accepted: NDArray[np.bool_], ranks: int
) -> NDArray[np.float32]:
    """Encode the feedback of partners: rank value, whether a rank was shown, spots, outcome; all within -1..1.

    Args:
        rank: The rank shown, from 1; 0 where it is hidden.
        spots: The spots shown; ignored where the rank is hidden, or where they are `UNKNOWN_SPOTS`.
        accepted: Whether the partner accepted.
        ranks: Number of ranks in the game.

    Returns:
        The encoding, `(..., SIGNALS)`.
    """
    shown = rank > 0
    rank_value = np.where(shown, 1 - 2 * (rank.astype(np.float32) - 1) / (ranks - 1), 0)
    spots_value = np.where(shown & (spots != UNKNOWN_SPOTS), 2 * spots.astype(np.float32) / ranks - 1, 0)
    outcome = np.where(accepted, 1, -1)
    return np.stack([rank_value, shown, spots_value, outcome], axis=-1).astype(np.float32)
