"""The plot of a shuffle as one SVG: a scatter of indices, and the labels of batches as bars."""

from __future__ import annotations

import html
from collections.abc import Sequence

# The drawing's own units: two squares side by side, with room for words around them.
SIDE, LEFT, TOP, BETWEEN = 300, 40, 44, 60
WIDTH, HEIGHT = LEFT + 2 * SIDE + BETWEEN + 20, TOP + SIDE + 16
# More letters would run out of the drawing; the whole stands in its <title>.
TITLE = 100
# From dark to light, so that tenths of a sorted dataset run like a scale.
COLOURS = (
    *("#440154", "#482878", "#3e4a89", "#31688e", "#26828e"),
    *("#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"),
)
INK, GROUND = "#222", "#fff"


def drawn(title: str, points: Sequence[tuple[int, int]], batches: Sequence[Sequence[int]]) -> str:
    """The SVG of some pairs of position and index, and of the labels in some batches."""
    right = LEFT + SIDE + BETWEEN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12" fill="{INK}" role="img">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{GROUND}"/>',
        _text(title if len(title) <= TITLE else f"{title[:TITLE]}…", LEFT, 18),
        _text("index by position", LEFT, TOP - 6),
        _scatter(points),
        _frame(LEFT),
        _text("labels in batches of the epoch, first to last", right, TOP - 6),
        _bars(batches, right),
        _frame(right),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _scatter(points: Sequence[tuple[int, int]]) -> str:
    positions, indices = zip(*points, strict=True)
    across, up = _scaled(positions), _scaled(indices)
    # Lines of no length, drawn with round ends: the shortest way to write points.
    path = "".join(
        f"M{LEFT + x * SIDE:.1f} {TOP + (1 - y) * SIDE:.1f}h0"
        for x, y in zip(across, up, strict=True)
    )
    return f'<path d="{path}" stroke="{COLOURS[3]}" stroke-width="2.4" stroke-linecap="round"/>'


def _scaled(numbers: Sequence[int]) -> list[float]:
    low, high = min(numbers), max(numbers)
    return [(number - low) / max(1, high - low) for number in numbers]


def _bars(batches: Sequence[Sequence[int]], left: int) -> str:
    width = SIDE / len(batches)
    found = []
    for number, counts in enumerate(batches):
        top = float(TOP)
        for count, colour in zip(counts, COLOURS, strict=True):
            height = SIDE * count / sum(counts)
            if count:
                found.append(
                    f'<rect x="{left + number * width + 0.5:.1f}" y="{top:.1f}" '
                    f'width="{width - 1:.1f}" height="{height:.1f}" fill="{colour}"/>'
                )
            top += height
    return "".join(found)


def _frame(left: int) -> str:
    return (
        f'<rect x="{left}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" '
        f'stroke="{INK}" stroke-width="0.5"/>'
    )


def _text(words: str, x: int, y: int) -> str:
    return f'<text x="{x}" y="{y}">{html.escape(words)}</text>'
