"""The style of figures: for paper and screen, with colours and dashes that colour-blind readers can tell apart."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from accept_reject.experiments.files import write

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

KINDS = {"svg": ("Date",), "png": ("Software",), "pdf": ("CreationDate",)}
"""The files of a figure: for screens, for slides and for papers; with what they shall not tell of their making."""

STYLE: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "pdf.fonttype": 42,  # TrueType: journals refuse Type 3
    "svg.hashsalt": "accept-reject",  # the same figure, the same bytes
}


def colours(n: int) -> list[str]:
    """Colours for n things, beginning anew where they run out."""
    return [COLOURS[i % len(COLOURS)] for i in range(n)]


def to_bytes(figure: Figure, suffix: str) -> bytes:
    """The figure as a file of a kind of `KINDS`; without a date, so that the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=suffix, dpi=160, metadata=dict.fromkeys(KINDS[suffix]))
    return buffer.getvalue()


def mark_simulated(figure: Figure) -> None:
    """Say in the lower right corner that participants are simulated: figures are copied out of their reports."""
    label, strip = figure.get_supxlabel(), 0.17
    figure.set_figheight(figure.get_figheight() + strip)  # inches of its own, so that nothing is squeezed or covered
    figure.supxlabel(f"{label}\n" if label else " ", fontsize=9)  # an empty line below everything else
    width, height = figure.get_size_inches()
    place = (1 - 0.05 / width, 0.04 / height)
    figure.text(*place, "simulated participants", ha="right", va="bottom", color="0.45", fontsize=7)


def write_figures(figures: Mapping[str, Figure], folder: Path, simulated: bool = False) -> dict[str, bytes]:
    """Write figures as files of their names, one of each of `KINDS`, and give the SVGs for use in a report.

    Args:
        figures: The figures by name.
        folder: Where to.
        simulated: Whether they show simulated participants, and should say so.
    """
    for figure in figures.values() if simulated else ():
        mark_simulated(figure)
    files = {name: {kind: to_bytes(figure, kind) for kind in KINDS} for name, figure in figures.items()}
    for name, kinds in files.items():
        for kind, content in kinds.items():
            write(folder / f"{name}.{kind}", content)
    return {name: kinds["svg"] for name, kinds in files.items()}
