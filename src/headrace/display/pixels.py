"""Pictures as pixels: which arrays look like one, and any picture as small uint8 pixels."""

from __future__ import annotations

import io
import sys
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import MissingExtra
from headrace.display.arrays import Array, as_array, as_numbers, is_float, shares
from headrace.display.encoded import Payload, encoded_kind
from headrace.extras import imported

# Shape (height, width) or (height, width, 3 or 4).
Pixels: TypeAlias = "npt.NDArray[np.uint8]"

# Anything smaller or longer is rather a table than a picture; tables of floats are common.
LEAST_SIDE = 8
MOST_ASPECT = 8
MOST_FLOAT_ASPECT = 2.5
CHANNELS = (1, 3, 4)


def looks_like_picture(array: Array) -> bool:
    """Whether an array has the shape and dtype of a picture, channels last or first."""
    is_level = array.dtype.kind in "bu" and array.dtype.itemsize <= 2
    sides = _sides(array.shape)
    if sides is None or not (is_level or is_float(array)):
        return False
    aspect = MOST_ASPECT if is_level else MOST_FLOAT_ASPECT
    return min(sides) >= LEAST_SIDE and max(sides) <= aspect * min(sides)


def is_picture(value: Any) -> bool:  # Any: the user's value
    """Whether a value is a picture: pixels, an encoded file, or one of Pillow's."""
    if isinstance(value, bytes | bytearray | memoryview):
        kind = encoded_kind(value)
        return kind is not None and bool(kind.mime)
    array = as_array(value)
    return looks_like_picture(array) if array is not None else is_pil(value)


def is_pil(value: Any) -> bool:
    """Whether a value is a picture of Pillow's."""
    # Who has one has imported it.
    pil = sys.modules.get("PIL.Image")
    return pil is not None and bool(isinstance(value, pil.Image))


def pixels_of(value: Any, *, most_side: int) -> Pixels | None:  # Any: the user's value
    """The picture that a value is, no side longer than `most_side`.

    None where it is none, where its file cannot be read, or where that takes Pillow and it is
    not installed.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(value, most_side)
    array = as_array(value)
    if array is None:
        return _of_pil(value, most_side) if is_pil(value) else None
    return array_pixels(array, most_side=most_side) if looks_like_picture(array) else None


def array_pixels(array: Array, *, most_side: int) -> Pixels:
    """An array that looks like a picture as pixels; floats are stretched to 0..255."""
    if array.ndim == 3 and array.shape[2] not in CHANNELS:
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    # The range is that of the whole picture, and shrinking first is less work.
    return _stretched(shrunk(array, most_side), array)


def shrunk(array: Array, most_side: int) -> Array:
    """The array with the mean of each block of pixels, where a side is longer than `most_side`."""
    step = -(-max(array.shape[:2]) // most_side)
    if step <= 1:
        return array
    height, width = (max(1, extent // step) for extent in array.shape[:2])
    down, across = min(step, array.shape[0]), min(step, array.shape[1])
    cut = _numbers(array[: height * down, : width * across])
    blocks = cut.reshape(height, down, width, across, *array.shape[2:])
    with np.errstate(invalid="ignore", over="ignore"):  # among what is not finite
        mean: Array = blocks.mean(axis=(1, 3), dtype=np.float64)
    return mean.round().astype(array.dtype) if array.dtype.kind == "u" else mean


def _stretched(small: Array, whole: Array) -> Pixels:
    if small.dtype == np.uint8:
        return np.ascontiguousarray(small)
    least, most = _range(_numbers(whole))
    if whole.dtype.kind == "b" or (whole.dtype.kind != "u" and least >= 0 and most <= 1):
        least, most = 0.0, 1.0
    return (shares(_numbers(small), least, most) * 255).round().astype(np.uint8)


def _range(numbers: Array) -> tuple[float, float]:
    finite = numbers[np.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _numbers(array: Array) -> Array:
    numbers = as_numbers(array)
    assert numbers is not None, "pictures are made of numbers"
    return numbers


def _sides(shape: tuple[int, ...]) -> tuple[int, int] | None:
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) == 3 and shape[2] in CHANNELS:
        return shape[0], shape[1]
    return (shape[1], shape[2]) if len(shape) == 3 and shape[0] in CHANNELS else None


def _decoded(payload: Payload, most_side: int) -> Pixels | None:
    try:
        pillow = imported("PIL.Image", extra="image")
    except MissingExtra:
        return None
    try:
        with pillow.open(io.BytesIO(payload)) as picture:
            # Of a JPEG only as much is decoded as a picture of that size takes.
            picture.draft("RGB", (most_side, most_side))
            return _of_pil(picture, most_side)
    except Exception:  # Pillow raises a dozen types for files that are damaged.
        return None


def _of_pil(picture: Any, most_side: int) -> Pixels:
    copy = picture.convert("L" if picture.mode in ("1", "L") else "RGB")
    copy.thumbnail((most_side, most_side))
    pixels: Pixels = np.asarray(copy)
    return pixels
