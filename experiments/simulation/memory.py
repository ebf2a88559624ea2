"""A check of how much memory a simulation needs, before it fills the machine."""

from __future__ import annotations

import psutil

from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError


def require_memory(subject: str, players: int, game: GameSpec) -> None:
    """Refuse a batch of games that this machine can't hold.

    Args:
        subject: What is too large, for the message, such as `seeds x episodes`.
        players: Number of players in one batch.
        game: Their game.

    Raises:
        InvalidInputError: If their choices and beliefs need more than all memory of this machine.
    """
    needed, total = bytes_of(players, game) / 2**30, psutil.virtual_memory().total / 2**30
    if needed > total:
        size = f"{players:,} games of {game.rounds:,} rounds with {game.n_partners:,} partners"
        raise InvalidInputError(
            subject, [f"{size} need about {needed:,.1f} GiB of memory, this machine has {total:,.1f} GiB"]
        )


def bytes_of(players: int, game: GameSpec) -> int:
    """Estimate the memory for drawing and playing a batch of games, in bytes.

    Choices with their hidden state take about 30 bytes a round, and an agent's beliefs 8 bytes for each partner.
    Measured were 98 bytes a round with 8 partners, and 298 with 32.
    """
    return players * game.rounds * (30 + 8 * game.n_partners)
