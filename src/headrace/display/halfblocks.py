"""Pictures on a terminal: two pixels a character, in 24-bit colour."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.text import Text

from headrace.display.pixels import Pixels

# The upper half of a character has the colour of its text, the lower its background's.
UPPER_HALF = "▀"
# Wide enough to know a face by, and two of them stand side by side on 80 columns.
MOST_SIDE = 32


def half_blocks(pixels: Pixels) -> Text:
    """The picture, one column a pixel; pictures of at most 16 pixels are drawn twice as large."""
    rgb = _rgb(pixels)
    if 2 * max(rgb.shape[:2]) <= MOST_SIDE:
        rgb = rgb.repeat(2, axis=0).repeat(2, axis=1)
    if len(rgb) % 2:
        rgb = np.concatenate([rgb, rgb[-1:]])
    pairs = np.concatenate([rgb[0::2], rgb[1::2]], axis=2)
    lines = [_line(row) for row in pairs.tolist()]
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def _line(row: list[list[int]]) -> Text:
    line = Text()
    for top_and_bottom in row:
        line.append(UPPER_HALF, _style(top_and_bottom))
    return line


def _style(colours: list[int]) -> Style:
    top, bottom = colours[:3], colours[3:]
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))


def _rgb(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.shape[2] == 4:
        # What is transparent lets black through.
        alpha = pixels[:, :, 3:].astype(np.uint16)
        return (pixels[:, :, :3] * alpha // 255).astype(np.uint8)
    return pixels
