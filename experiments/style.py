"""The style of figures: for paper and screen, with colours and dashes that colour-blind readers can tell apart."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

STYLE: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "svg.hashsalt": "accept-reject",  # the same figure, the same bytes
}


def to_bytes(figure: Figure, suffix: str) -> bytes:
    """The figure as a `png` or `svg` file; without a date, so that the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(
            buffer, format=suffix, dpi=160, metadata={"Date": None} if suffix == "svg" else {"Software": None}
        )
    return buffer.getvalue()
