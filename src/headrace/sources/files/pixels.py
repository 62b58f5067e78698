"""Encoded images: whether all of one is there, and its pixels."""

from __future__ import annotations

import io
import struct
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import MissingExtra
from headrace.extras import imported

# Any, in this file: image packages are optional.
# Shape (height, width, 3), or (height, width) of mode L.
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
# The modes that can be asked for, as simplejpeg calls them.
MODES = {"RGB": "RGB", "L": "GRAY"}


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


def pixels(encoded: bytes, size: tuple[int, int] | None = None, mode: str = "RGB") -> Pixels:
    """The pixels of an image, by simplejpeg for a JPEG where it is installed, else Pillow.

    With `size`, (height, width), a JPEG is decoded at the smallest scale of its own that is no
    smaller, and Pillow does the rest, bilinear over all pixels that a new one covers.

    **Shape**: `(height, width, 3)`, or `(height, width)` of mode "L".

    Raises:
        MissingExtra: Pillow is not installed.
        Exception: whatever the package raises for what it cannot read.
    """
    image = imported("PIL.Image", extra="image")
    if encoded.startswith(JPEG):
        try:
            decoded = _from_jpeg(encoded, size, mode)
            fits = size in (None, decoded.shape[:2])
            return decoded if fits else resized(image.fromarray(decoded), size)
        except (MissingExtra, ValueError):
            # Pillow reads more kinds of JPEG: CMYK, and those with flaws that do no harm.
            pass
    with image.open(io.BytesIO(encoded)) as opened:
        if size is not None:
            height, width = size
            opened.draft(mode, (width, height))
        return resized(converted(opened, mode), size)


def converted(image: Any, mode: str) -> Any:
    """An image of Pillow with 8 bits a channel, the upper half of 16.

    Raises:
        ValueError: its numbers have no range that is known.
    """
    # Pillow would cut what is above 255, and leave white.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        upper = (np.asarray(image) >> 8).astype(np.uint8)
        return imported("PIL.Image", extra="image").fromarray(upper).convert(mode)
    if image.mode in ("I", "F"):
        raise ValueError(
            f"its pixels are of Pillow's mode {image.mode!r}, whose range is not known; scale "
            "them to 8 bits in a function of your own"
        )
    return image.convert(mode)


def resized(image: Any, size: tuple[int, int] | None) -> Pixels:
    """The pixels of an image of Pillow, of that height and width."""
    height, width = size or (image.height, image.width)
    if (image.height, image.width) != (height, width):
        bilinear = imported("PIL.Image", extra="image").Resampling.BILINEAR
        image = image.resize((width, height), bilinear)
    return np.array(image)


def _from_jpeg(encoded: bytes, size: tuple[int, int] | None, mode: str) -> Pixels:
    simplejpeg = imported("simplejpeg", extra="image")
    height, width = size or (0, 0)
    decoded: Pixels = simplejpeg.decode_jpeg(
        encoded, MODES[mode], min_height=height, min_width=width
    )
    return decoded.reshape(decoded.shape[:2]) if mode == "L" else decoded


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
