"""Files of figures: valid formats, fonts for journals, and identical bytes at any time."""

import pytest
from matplotlib.figure import Figure

from accept_reject.experiments.reporting.style import KINDS, to_bytes

pytestmark = pytest.mark.usefixtures("all_kinds")

STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


def figure() -> Figure:
    result = Figure()
    result.subplots().set_title("Rounds: β = 1.5")
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_figure_gives_the_same_bytes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for now in ("0", "1000000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", now)  # the time that Matplotlib uses
        files.append(to_bytes(figure(), kind))
    assert files[0].startswith(STARTS[kind])
    assert files[0] == files[1]


def test_pdf_files_have_truetype_fonts() -> None:
    pdf = to_bytes(figure(), "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
