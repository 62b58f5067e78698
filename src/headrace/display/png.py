"""Pixels as a PNG file, with nothing but zlib."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# By the number of channels: gray, RGB, RGBA.
COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
# What each row says was done to it.
NO_FILTER, PAETH_FILTER = 0, 4
# Beyond this level photographs gain 0.2% and take twice the time.
COMPRESSION = 6


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    r"""A PNG file of the pixels.

    **Shape**: `(height, width)` gray, or `(height, width, channels)` with 1, 3 or 4 channels.
    **Source**: the PNG specification (ISO/IEC 15948), section 11.

    Raises:
        ArgumentError: the pixels are no uint8, have another shape, or there is none.

    Example:
        >>> import numpy as np
        >>> png(np.zeros((2, 3), np.uint8))[:8]
        b'\x89PNG\r\n\x1a\n'
    """
    shaped: Any = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if shaped.dtype != np.uint8 or shaped.ndim != 3 or shaped.shape[2] not in COLOUR_TYPES:
        raise ArgumentError(
            f"a PNG needs uint8 of shape (height, width) or (height, width, 1, 3 or 4), got "
            f"{pixels.dtype} of shape {pixels.shape}. Scale to 0..255 and put channels last."
        )
    if not shaped.size:
        raise ArgumentError(
            f"a PNG needs one pixel at least, got shape {pixels.shape}. Leave empty pictures out."
        )
    height, width, channels = shaped.shape
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    body = _chunk(b"IDAT", _compressed(shaped))
    return SIGNATURE + _chunk(b"IHDR", header) + body + _chunk(b"IEND", b"")


def _compressed(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The smaller of two: drawings and digits are smallest as they are, photographs as Paeth's.

    Photographs of scikit-image at 170 pixels take 0.60 of their bytes, unfiltered 0.78.
    """
    plain = pixels.reshape(len(pixels), -1)
    options = ((NO_FILTER, plain), (PAETH_FILTER, _paeth(pixels).reshape(plain.shape)))
    rows = (np.insert(lines, 0, number, axis=1) for number, lines in options)
    return min((zlib.compress(lines.tobytes(), COMPRESSION) for lines in rows), key=len)


def _paeth(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Each value less that neighbour (left, above, above left) that foretells it best."""
    padded = np.pad(pixels.astype(np.int16), ((1, 0), (1, 0), (0, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    by_left, by_above = np.abs(above - corner), np.abs(left - corner)
    by_corner = np.abs(left + above - 2 * corner)
    foretold = np.where(by_above <= by_corner, above, corner)
    foretold = np.where((by_left <= by_above) & (by_left <= by_corner), left, foretold)
    return (padded[1:, 1:] - foretold).astype(np.uint8)


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checked = kind + payload
    return struct.pack(">I", len(payload)) + checked + struct.pack(">I", zlib.crc32(checked))
