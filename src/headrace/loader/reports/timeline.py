"""Lanes of a timeline as inline SVG; colours come from the style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from headrace.engine import duration
from headrace.loader.reports.lanes import HOLD, WAIT, Lane, Strip

# The drawing's own units; the page stretches it.
WIDTH, HEIGHT = 1000, 24
# As many colours as are told apart; a longer chain begins anew.
COLOURS = 8
# Thinner strips would not be seen.
LEAST = 0.4
TICKS = 5


def timeline(lanes: Iterable[Lane], begin_s: float, end_s: float) -> str:
    """Rows of names and drawings over one axis of time."""
    rows = [_row(lane.between(begin_s, end_s), begin_s, end_s) for lane in lanes]
    return f'<div class="lanes">{"".join(rows)}{_axis(end_s - begin_s)}</div>'


def colour(key: int | str) -> str:
    """The class of what is drawn."""
    return str(key) if key in (WAIT, HOLD) else f"s{(int(key) + 1) % COLOURS}"


def _row(lane: Lane, begin_s: float, end_s: float) -> str:
    scale = WIDTH / (end_s - begin_s)
    shapes = "".join(_shape(strip, begin_s, scale) for strip in lane.strips)
    return (
        f'<div class="lane"><b title="{escape(lane.name)}">{escape(lane.name)}</b>'
        f"<i>{escape(lane.note)}</i></div>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(lane.name)} over time">{shapes}</svg>'
    )


def _shape(strip: Strip, begin_s: float, scale: float) -> str:
    x = max(0.0, (strip.begin_s - begin_s) * scale)
    width = max(LEAST, min(WIDTH - x, (strip.end_s - strip.begin_s) * scale))
    top = float(HEIGHT)
    rects = []
    for key, share in strip.shares:
        tall = min(top, share * HEIGHT)
        top -= tall
        # Lower ones cannot be seen.
        if tall >= LEAST:
            rects.append(
                f'<rect class="{colour(key)}" x="{x:.2f}" y="{top:.2f}" width="{width:.2f}" '
                f'height="{tall:.2f}"/>'
            )
    took = f"{duration(strip.end_s - strip.begin_s)} · " if strip.told else ""
    title = f"<title>{escape(took + strip.told)}</title>" if strip.told else ""
    return f"<g>{title}{''.join(rects)}</g>" if rects else ""


def _axis(passed_s: float) -> str:
    marks = "".join(
        f'<span style="left:{100 * at / passed_s:.2f}%">{duration(at) if at else "0"}</span>'
        for at in ticks(passed_s)
    )
    return f'<div class="lane"></div><div class="axis">{marks}</div>'


def ticks(passed_s: float) -> list[float]:
    """Round times from 0 on, at most `TICKS` after it."""
    ten = 10.0 ** math.floor(math.log10(passed_s / TICKS))
    step = next(ten * by for by in (1, 2, 5, 10) if ten * by * TICKS >= passed_s)
    return [round(number * step, 12) for number in range(int(passed_s / step) + 1)]
