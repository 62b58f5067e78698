"""Small charts as inline SVG; colours come from the style sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headrace.display.arrays import Array, as_numbers, shares
from headrace.display.numbers import Histogram
from headrace.display.webpage.figures import figure
from headrace.display.webpage.markup import Markup, join, tag

# The drawing's own units; the page stretches it.
WIDTH, HEIGHT = 320, 64
# What is left free between two bars, and the least that is seen of one.
GAP, LEAST_BAR = 1.5, 1.5
# Each step of a signal is drawn as its lowest and highest value: two points.
STEPS = 320


def histogram_chart(histogram: Histogram) -> Markup:
    """The histogram as bars; pointing at one tells its count."""
    counts = histogram.counts
    width = WIDTH / len(counts)
    tallest = max(counts)
    bars = [
        tag(
            "rect",
            tag("title", f"{figure(count)} in bin {at + 1} of {len(counts)}"),
            x=round(at * width + GAP / 2, 2),
            y=round(HEIGHT - _height(count, tallest), 2),
            width=round(width - GAP, 2),
            height=round(_height(count, tallest), 2),
        )
        for at, count in enumerate(counts)
        if count
    ]
    return _drawing("histogram", f"histogram of {len(counts)} bins", bars)


def signal_chart(signal: Array) -> Markup:
    """A signal over time, as the range of values at each step."""
    numbers = as_numbers(signal)
    assert numbers is not None, "signals are made of numbers"
    # What is not finite is drawn as no deflection.
    wide = np.nan_to_num(numbers.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    edges = np.linspace(0, len(wide), min(STEPS, len(wide)) + 1).astype(np.int64)[:-1]
    ends = np.stack([np.minimum.reduceat(wide, edges), np.maximum.reduceat(wide, edges)])
    # A line has its width at both ends of its range.
    heights = (HEIGHT - 2) * (1 - shares(ends, ends.min(), ends.max())) + 1
    along = np.linspace(0, WIDTH, len(edges))
    points = " ".join(
        f"{x:.1f},{low:.1f} {x:.1f},{high:.1f}"
        for x, low, high in zip(along, heights[0], heights[1], strict=True)
    )
    line = tag("polyline", points=points, vector_effect="non-scaling-stroke")
    return _drawing("signal", f"signal of {len(wide):,} values", [line])


def share_bars(rows: Sequence[tuple[str, int]], total: int) -> Markup:
    """A row for each name: its count, its share, and a bar as long."""
    most = max((count for _, count in rows), default=1)
    return tag("ol", *(_share_bar(name, count, most, total) for name, count in rows), class_="bars")


def _share_bar(name: str, count: int, most: int, total: int) -> Markup:
    share = f"{count / total:.1%}" if total else ""
    bar = tag("span", tag("i", style=f"width:{100 * count / most:.1f}%"), class_="track")
    return tag(
        "li",
        tag("span", name or "(empty)", class_="name", dir="auto", title=name),
        bar,
        tag("span", figure(count), class_="count"),
        tag("span", share, class_="share"),
    )


def _height(count: int, tallest: int) -> float:
    return max(LEAST_BAR, HEIGHT * count / tallest) if count else 0.0


def _drawing(kind: str, said: str, shapes: Sequence[Markup]) -> Markup:
    return tag(
        "svg",
        join(shapes),
        class_=kind,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
    )
