"""Rendering of a round as text or as an image, as a person would see it.

The upper part shows the last round: the chosen partner, and its ladder of ranks with the player's rank and the cutoff
that is set by the spots. The lower part shows the partners offered now, which differ in color and shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accept_reject.envs.game import GameSpec

# Colors of Okabe & Ito, distinguishable with color blindness, as RGB and as the closest of 256 terminal colors.
COLORS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (180, 165, 0),
    (70, 70, 78),
)
TERMINAL_COLORS = (32, 214, 36, 175, 74, 166, 142, 240)
GLYPHS = "●■▲◆⬟⬢★✚"

QUESTION = "Which partner do you ask?"

INK, FAINT, PAPER, WHITE = (38, 38, 44), (150, 150, 158), (250, 250, 247), (255, 255, 255)
RUNG, OPEN_RUNG, ACCEPTED, REJECTED = (232, 232, 230), (205, 226, 240), (0, 114, 178), (190, 70, 0)

WIDTH, HEIGHT = 960, 540
SUPERSAMPLING = 2  # factor of the drawing's size, which is scaled down for smooth edges


@dataclass(frozen=True)
class LastRound:
    """The last round.

    Attributes:
        offered: The partners that were offered.
        choice: Place in `offered` of the chosen partner.
        rank: Its rank of the player, from 1; 0 if it is hidden.
        spots: Its spots; ignored if the rank is hidden.
        accepted: Whether it accepted.
    """

    offered: Sequence[int]
    choice: int
    rank: int
    spots: int
    accepted: bool


@dataclass(frozen=True)
class Scene:
    """The content of a frame.

    Attributes:
        game: The game.
        played: Number of rounds that are over.
        accepted: Number of those in which the player was accepted.
        last: The last round; None in the first round.
        offered: The partners offered now; None after the end of the game.
    """

    game: GameSpec
    played: int
    accepted: int
    last: LastRound | None
    offered: Sequence[int] | None


def render(scene: Scene, mode: str) -> str | NDArray[np.uint8]:
    """Render a scene as text (`ansi`) or as pixels (`rgb_array`, `(540, 960, 3)`)."""
    return _text(scene) if mode == "ansi" else _picture(scene)


def partner_name(partner: int) -> str:
    """Return the name of a partner: A, ..., Z, AA, AB, ..."""
    first, last = divmod(partner, 26)
    return (ascii_uppercase[first - 1] if first else "") + ascii_uppercase[last]


def ordinal(rank: int) -> str:
    """Return a rank as an ordinal: 1st, 2nd, 3rd, 4th, ..."""
    suffix = "th" if 10 <= rank % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{suffix}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 spot, 2 spots."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _looks(partner: int) -> tuple[int, int]:
    """Return indices of color and shape: both are unique among 8 partners, and their combination among 64."""
    turn, color = divmod(partner, len(COLORS))
    return color, (color + turn) % len(GLYPHS)


def _headline(scene: Scene) -> tuple[str, str]:
    rounds = scene.game.rounds
    progress = f"Round {scene.played + 1} of {rounds}" if scene.offered is not None else f"All {rounds} rounds played"
    return progress, f"accepted {scene.accepted} of {scene.played}"


def _feedback(last: LastRound) -> str:
    if not last.rank:
        return "rank and spots not shown"
    return f"ranked you {ordinal(last.rank)}, had {plural(last.spots, 'spot')}"


def _text(scene: Scene) -> str:
    lines = [" · ".join(_headline(scene)), ""]
    if scene.last is not None:
        last = scene.last
        chosen = _colored(last.offered[last.choice])
        others = [_colored(partner) for i, partner in enumerate(last.offered) if i != last.choice]
        outcome = "accepted" if last.accepted else "rejected"
        lines += [f"You asked {chosen} rather than {', '.join(others)}: {outcome}; {_feedback(last)}.", ""]
        if last.rank:
            for rank in range(0, scene.game.ranks + 1):
                if rank:
                    mark = "◀ you" if rank == last.rank else ""
                    lines.append(f"  {ordinal(rank):>5} {'┃' if rank <= last.spots else '┆'} {mark}".rstrip())
                if rank == last.spots:
                    lines.append(f"        ──────── cutoff ({last.spots})")
            lines.append("")
    if scene.offered is not None:
        offer = "    ".join(f"[{i}] {_colored(partner)}" for i, partner in enumerate(scene.offered))
        lines.append(f"{QUESTION}  {offer}")
    return "\n".join(lines) + "\n"


def _colored(partner: int) -> str:
    color, shape = _looks(partner)
    return f"\x1b[38;5;{TERMINAL_COLORS[color]}m{GLYPHS[shape]} {partner_name(partner)}\x1b[0m"


class _Canvas:
    """Drawing functions of Pillow in coordinates of the final image."""

    def __init__(self) -> None:
        from PIL import Image, ImageDraw  # only needed for rendering

        size = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)
        self.image = Image.new("RGB", size, PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def text(
        self, x: float, y: float, text: str, size: float, color: tuple[int, ...] = INK, anchor: str = "lm"
    ) -> None:
        position = (x * SUPERSAMPLING, y * SUPERSAMPLING)
        self.draw.text(position, text, fill=color, font=_font(round(size * SUPERSAMPLING)), anchor=anchor)

    def box(self, x0: float, y0: float, x1: float, y1: float, color: tuple[int, ...], radius: float = 0) -> None:
        corners = [value * SUPERSAMPLING for value in (x0, y0, x1, y1)]
        self.draw.rounded_rectangle(corners, radius=radius * SUPERSAMPLING, fill=color)

    def polygon(self, points: Sequence[tuple[float, float]], color: tuple[int, ...]) -> None:
        self.draw.polygon([(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in points], fill=color)

    def pixels(self) -> NDArray[np.uint8]:
        return np.asarray(self.image.reduce(SUPERSAMPLING))


@lru_cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _picture(scene: Scene) -> NDArray[np.uint8]:
    canvas = _Canvas()
    progress, accepted = _headline(scene)
    canvas.text(40, 40, progress, 24)
    canvas.text(WIDTH - 40, 40, accepted, 24, anchor="rm")
    canvas.box(40, 64, WIDTH - 40, 70, RUNG, 3)
    if scene.played:
        canvas.box(40, 64, 40 + (WIDTH - 80) * scene.played / scene.game.rounds, 70, FAINT, 3)
    if scene.last is not None:
        _draw_last_round(canvas, scene.last)
    _draw_ladder(canvas, scene.game.ranks, scene.last)
    if scene.offered is not None:
        canvas.text(40, 356, QUESTION, 18, FAINT)
        room = 480 / len(scene.offered)
        for i, partner in enumerate(scene.offered):
            _draw_partner(canvas, 40 + room * (i + 0.5), 430, min(46, room * 0.3), partner)
            canvas.text(40 + room * (i + 0.5), 504, f"[{i}]", 18, FAINT, "mm")
    return canvas.pixels()


def _draw_last_round(canvas: _Canvas, last: LastRound) -> None:
    canvas.text(40, 104, "Last round you asked", 18, FAINT)
    _draw_partner(canvas, 100, 190, 54, last.offered[last.choice])
    others = [partner for i, partner in enumerate(last.offered) if i != last.choice]
    canvas.text(186, 240, "rather than", 18, FAINT)
    for i, partner in enumerate(others[:8]):
        _draw_partner(canvas, 304 + 36 * i, 240, 15, partner)
    outcome, color = ("accepted", ACCEPTED) if last.accepted else ("rejected", REJECTED)
    canvas.box(186, 138, 366, 180, color, 21)
    _draw_mark(canvas, 212, 159, last.accepted)
    canvas.text(234, 159, outcome, 24, WHITE)
    canvas.text(186, 204, _feedback(last), 20)


def _draw_mark(canvas: _Canvas, x: float, y: float, tick: bool) -> None:
    strokes = [[(-9, 0), (-3, 7), (9, -8)]] if tick else [[(-7, -7), (7, 7)], [(-7, 7), (7, -7)]]
    for stroke in strokes:
        points = [((x + dx) * SUPERSAMPLING, (y + dy) * SUPERSAMPLING) for dx, dy in stroke]
        canvas.draw.line(points, fill=WHITE, width=4 * SUPERSAMPLING, joint="curve")


def _draw_ladder(canvas: _Canvas, ranks: int, last: LastRound | None) -> None:
    """Draw the ladder of ranks; the rungs within the spots are tinted, and a line below them is the cutoff."""
    left, right, top, bottom = 620, 830, 130, 510
    canvas.text(left, 104, "Its ranking of the candidates", 18, FAINT)
    height = (bottom - top) / ranks
    gap = min(6, height * 0.2)
    shown = last is not None and last.rank > 0
    every = math.ceil(ranks / 16)  # at most 16 labels
    for rank in range(1, ranks + 1):
        y = top + (rank - 1) * height
        is_open = shown and last is not None and rank <= last.spots
        canvas.box(left, y + gap / 2, right, y + height - gap / 2, OPEN_RUNG if is_open else RUNG, min(6, height / 3))
        if (rank - 1) % every == 0 or rank == ranks:
            canvas.text(left - 12, y + height / 2, ordinal(rank), min(18, height * 0.7), INK if shown else FAINT, "rm")
    if last is None or not last.rank:
        note = "no answer yet" if last is None else "not shown"
        canvas.text((left + right) / 2, (top + bottom) / 2, note, 22, FAINT, "mm")
        return
    y = top + (last.rank - 0.5) * height
    half = max(9, height / 2 - gap)
    color = ACCEPTED if last.accepted else REJECTED
    canvas.box((left + right) / 2 - 44, y - half, (left + right) / 2 + 44, y + half, color, half)
    canvas.text((left + right) / 2, y, "you", min(20, 2 * half - 2), WHITE, "mm")
    cutoff = top + last.spots * height
    canvas.box(left - 6, cutoff - 2, right + 6, cutoff + 2, INK, 2)
    canvas.text(right + 14, cutoff, plural(last.spots, "spot"), 18)


def _draw_partner(canvas: _Canvas, x: float, y: float, radius: float, partner: int) -> None:
    color, shape = _looks(partner)
    canvas.polygon([(x + radius * dx, y + radius * dy) for dx, dy in _SHAPES[shape]], COLORS[color])
    canvas.text(x, y, partner_name(partner), radius * (0.9 if partner < 26 else 0.7), WHITE, "mm")


def _regular(corners: int, turn: float, scale: float = 1.0, inner: float | None = None) -> list[tuple[float, float]]:
    """Return the corners of a regular polygon around 0, or of a star if the radius of inner corners is given."""
    count = corners if inner is None else 2 * corners
    radii = [scale if inner is None or i % 2 == 0 else inner for i in range(count)]
    angles = [math.tau * i / count + math.radians(turn) for i in range(count)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for radius, angle in zip(radii, angles, strict=True)]


_ARM = 0.42
_CROSS_HALF = [(-_ARM, -1.0), (_ARM, -1.0), (_ARM, -_ARM), (1.0, -_ARM), (1.0, _ARM), (_ARM, _ARM)]
_SHAPES = (
    _regular(72, 0),
    _regular(4, 45, 1.2),
    [(x, y + 0.18) for x, y in _regular(3, -90, 1.3)],
    _regular(4, 0, 1.2),
    _regular(5, -90, 1.1),
    _regular(6, 0, 1.05),
    _regular(5, -90, 1.3, 0.75),
    _CROSS_HALF + [(-x, -y) for x, y in _CROSS_HALF],
)
"""Corners of circle, square, triangle, diamond, pentagon, hexagon, star and cross, in the order of `GLYPHS`."""
