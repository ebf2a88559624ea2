"""Files of figures: each kind is what it says, fit for a journal, and the same whenever it is made."""

import pytest
from matplotlib.figure import Figure

from accept_reject.experiments.style import KINDS, to_bytes

STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


def figure() -> Figure:
    drawn = Figure()
    drawn.subplots().set_title("Rounds: β = 1.5")
    return drawn


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_figure_gives_the_same_bytes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for now in ("0", "1000000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", now)  # Matplotlib's clock
        made.append(to_bytes(figure(), kind))
    assert made[0].startswith(STARTS[kind])
    assert made[0] == made[1]


def test_papers_get_truetype_fonts() -> None:
    pdf = to_bytes(figure(), "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
