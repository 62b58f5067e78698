"""Pictures and arrays as data URIs, each within its share of the page's bytes."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.display.arrays import Array, as_array, as_numbers, shares
from headrace.display.encoded import encoded_kind
from headrace.display.pixels import pixels_of
from headrace.display.png import png

# What a tile of the gallery shows on a fine screen, and what one can be known by.
MOST_SIDE, LEAST_SIDE = 256, 48
# Photographs as PNG take at most about this much of their bytes.
PNG_SHARE = 0.8
# Pictures up to this side are drawn with sharp pixels.
SHARP_SIDE = 64
# Wider strips have columns that no screen tells apart.
STRIP_SIDE = 256
# From the lowest value to the highest: deep water to sand, even in lightness.
PALETTE = ((17, 42, 70), (24, 88, 117), (47, 138, 140), (126, 186, 144), (240, 226, 162))


@dataclass(frozen=True)
class Picture:
    """A picture for an `img` element."""

    source: str
    is_sharp: bool = False


def pictures(values: Sequence[Any], budget_bytes: int) -> list[Picture | None]:  # Any: the user's
    """A picture for each value that is one, all of them within the budget.

    Encoded files are embedded as they are where they fit; others are made smaller. None where
    that takes Pillow and it is not installed.
    """
    share = budget_bytes // max(1, len(values))
    files = [value for value in values if isinstance(value, bytes | bytearray | memoryview)]
    fits_all = sum(memoryview(file).nbytes for file in files) <= budget_bytes
    return [_picture(value, share, fits_all=fits_all) for value in values]


def heat_strip(array: Array) -> Picture | None:
    """The numbers of an array as colours: one row, or a row for each entry of its first axis."""
    numbers = as_numbers(array)
    if numbers is None or not numbers.size:
        return None
    table = numbers.reshape(len(numbers), -1) if numbers.ndim > 1 else numbers.reshape(1, -1)
    with np.errstate(invalid="ignore", over="ignore"):  # among what is not finite
        small = _fitted(table)
    finite = small[np.isfinite(small)]
    least, most = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    unit = shares(small, least, most)
    places = np.linspace(0, 1, len(PALETTE))
    channels = [np.interp(unit, places, levels) for levels in zip(*PALETTE, strict=True)]
    return Picture(_uri(png(np.stack(channels, axis=2).astype(np.uint8))), is_sharp=True)


def _fitted(table: Array) -> Array:
    """The table with no side above the limit; each side shrinks by itself."""
    turned = _shrunk_rows(table.astype(np.float64)).T
    return np.ascontiguousarray(_shrunk_rows(turned).T)


def _shrunk_rows(table: Array) -> Array:
    step = -(-len(table) // STRIP_SIDE)
    if step == 1:
        return table
    edges = np.arange(0, len(table), step)
    lengths = np.diff(np.append(edges, len(table)))
    rows: Array = np.add.reduceat(table, edges, axis=0) / lengths[:, None]
    return rows


def _picture(value: Any, share: int, *, fits_all: bool) -> Picture | None:  # Any: the user's
    if isinstance(value, bytes | bytearray | memoryview):
        kind = encoded_kind(value)
        if kind is None or not kind.mime:
            return None
        if fits_all or memoryview(value).nbytes <= share:
            is_sharp = 0 < max(kind.width, kind.height) <= SHARP_SIDE
            return Picture(_uri(bytes(value), kind.mime), is_sharp)
    pixels = pixels_of(value, most_side=_side(value, share))
    if pixels is None or not pixels.size:
        return None
    return Picture(_uri(png(pixels)), max(pixels.shape[:2]) <= SHARP_SIDE and _is_whole(value))


def _side(value: Any, share: int) -> int:  # Any: the user's value
    array = as_array(value)
    channels = 1 if array is not None and array.ndim == 2 else 3
    return max(LEAST_SIDE, min(MOST_SIDE, math.isqrt(int(share / (channels * PNG_SHARE)))))


def _is_whole(value: Any) -> bool:  # Any: the user's value
    """Whether a picture of few pixels is shown with all it has."""
    array = as_array(value)
    return array is not None and max(array.shape) <= SHARP_SIDE


def _uri(payload: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{b64encode(payload).decode('ascii')}"
