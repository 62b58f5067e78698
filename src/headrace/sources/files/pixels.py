"""Encoded images: whether all of one is there, and its pixels."""

from __future__ import annotations

import io
import struct
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import MissingExtra
from headrace.extras import imported

# Any, in this file: image packages are optional.
# Shape (height, width, 3).
Pixels: TypeAlias = "npt.NDArray[np.uint8]"

JPEG = b"\xff\xd8\xff"
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
GIF = (b"GIF87a", b"GIF89a")
# The end of the last block of blocks, and the mark.
GIF_END = b"\0;"
BMP = b"BM"
TIFF = {b"II*\0": "<I", b"MM\0*": ">I"}
RIFF_BYTES = 8  # the part of a RIFF file that its size leaves out


def fault(encoded: bytes) -> str | None:
    """What is wrong with an encoded image, None where its beginning and its end are right.

    It is known by its first bytes, not by its name. Pixels are not looked at, and a TIFF says
    nothing of its end.

    **Cost**: some microseconds.

    Example:
        >>> fault(b"GIF89a...")
        'it ends before its end mark, so it is cut off'
    """
    if not encoded:
        return "it is empty"
    if encoded.startswith((JPEG, PNG, *GIF)):
        return None if _has_end(encoded) else "it ends before its end mark, so it is cut off"
    if encoded.startswith(BMP) or (encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP"):
        return _shorter(encoded)
    if encoded[:4] in TIFF:
        (directory,) = struct.unpack_from(TIFF[encoded[:4]], encoded.ljust(8, b"\xff"), 4)
        return None if directory < len(encoded) else "it is cut off before its directory"
    return f"it begins with {encoded[:8]!r}, which is no image of a known format"


def pixels(encoded: bytes) -> Pixels:
    """The pixels of an image, RGB, by simplejpeg for a JPEG where it is installed, else Pillow.

    **Shape**: `(height, width, 3)`.

    Raises:
        MissingExtra: Pillow is not installed.
        Exception: whatever the package raises for what it cannot read.
    """
    image = imported("PIL.Image", extra="image")
    if encoded.startswith(JPEG):
        try:
            simplejpeg = imported("simplejpeg", extra="image")
            decoded: Pixels = simplejpeg.decode_jpeg(encoded, "RGB")
            return decoded
        except (MissingExtra, ValueError):
            # Pillow reads more kinds of JPEG: CMYK, and those with flaws that do no harm.
            pass
    with image.open(io.BytesIO(encoded)) as opened:
        return np.array(opened.convert("RGB"))


def _has_end(encoded: bytes) -> bool:
    if encoded.startswith(JPEG):
        # Cameras write more behind the end; a thumbnail before the scan has an end of its own.
        end = encoded.rfind(JPEG_END)
        return end == len(encoded) - len(JPEG_END) or (
            end > 0 and encoded.find(JPEG_SCAN, end) == -1
        )
    if encoded.startswith(PNG):
        return encoded.rfind(PNG_END) > 0
    return encoded.rstrip(b"\0").endswith(GIF_END)


def _shorter(encoded: bytes) -> str | None:
    """What is wrong with an image that says its size in its header."""
    is_bmp = encoded.startswith(BMP)
    at, besides = (2, 0) if is_bmp else (4, RIFF_BYTES)
    (said,) = struct.unpack_from("<I", encoded.ljust(at + 4, b"\0"), at)
    if len(encoded) >= said + besides and len(encoded) > at + 4:
        return None
    return f"it has {len(encoded)} of {said + besides} bytes, so it is cut off"
