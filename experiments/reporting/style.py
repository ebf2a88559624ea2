"""The style of figures, with colors and dashes that color-blind readers can distinguish."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from accept_reject.experiments.files import write

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

KINDS = {"svg": ("Date",), "png": ("Software",), "pdf": ("CreationDate",)}
"""File formats of figures, for screens, slides and papers, with the metadata that is left out of each."""

STYLE: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "pdf.fonttype": 42,  # TrueType: journals don't accept Type 3
    "svg.hashsalt": "accept-reject",  # the same figure gives the same bytes
}


def colors(n: int) -> list[str]:
    """Return n colors; they repeat if there are not enough."""
    return [COLORS[i % len(COLORS)] for i in range(n)]


def to_bytes(figure: Figure, suffix: str) -> bytes:
    """Return the content of a figure's file, without a date, so that the same figure gives the same bytes.

    Args:
        figure: The figure.
        suffix: File format, a key of `KINDS`.
    """
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=suffix, dpi=160, metadata=dict.fromkeys(KINDS[suffix]))
    return buffer.getvalue()


def mark_simulated(figure: Figure) -> None:
    """Add the note "simulated participants" in the lower right corner, for figures used outside their report."""
    label, strip = figure.get_supxlabel(), 0.17
    figure.set_figheight(figure.get_figheight() + strip)  # room for the note, so that nothing is covered
    figure.supxlabel(f"{label}\n" if label else " ", fontsize=9)  # an empty line below everything else
    width, height = figure.get_size_inches()
    place = (1 - 0.05 / width, 0.04 / height)
    figure.text(*place, "simulated participants", ha="right", va="bottom", color="0.45", fontsize=7)


def write_figures(figures: Mapping[str, Figure], folder: Path, simulated: bool = False) -> dict[str, bytes]:
    """Write figures in all file formats of `KINDS`.

    Args:
        figures: The figures by file name.
        folder: The folder.
        simulated: Whether to note that participants are simulated.

    Returns:
        The SVG files by name, for use in a report.
    """
    for figure in figures.values() if simulated else ():
        mark_simulated(figure)
    files = {name: {kind: to_bytes(figure, kind) for kind in KINDS} for name, figure in figures.items()}
    for name, kinds in files.items():
        for kind, content in kinds.items():
            write(folder / f"{name}.{kind}", content)
    return {name: kinds["svg"] for name, kinds in files.items()}
