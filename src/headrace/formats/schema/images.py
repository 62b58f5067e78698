"""PIL images as bytes: encoded without loss, and decoded to plain images."""

from __future__ import annotations

import io
import sys
from typing import Any

from headrace.contracts.image import EncodedImage
from headrace.extras import imported

# Any, in this file: images of an optional package.

# What holds a mode, in the order of trial. Pillow 10 reads 16 bits of gray in a PNG as 32.
FORMATS = {
    "1": ("PNG",),
    "L": ("PNG",),
    "LA": ("PNG",),
    "RGB": ("PNG",),
    "RGBA": ("PNG",),
    "P": ("PNG", "TIFF"),
    **dict.fromkeys(("CMYK", "F", "I", "I;16", "I;16B", "LAB", "PA", "YCbCr"), ("TIFF",)),
}
# In these every image comes back; of the others some do not, in some versions of Pillow.
EXACT_MODES = ("1", "L", "LA", "RGB", "RGBA")
# The least effort: 3 times as fast as Pillow's own choice, for 10% more bytes of a photograph.
PNG_EFFORT = 1
# Pillow would give some other formats to programs that it starts, and a shard may be anyone's.
READABLE = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG2000")


class BadImage(Exception):
    """An image that cannot be written or read; its first argument says why."""


def is_image(value: object) -> bool:
    """Whether the value is an image of Pillow or an encoded one."""
    if type(value) is EncodedImage:
        return True
    # Who has an image has imported Pillow.
    module: Any = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def encode(image: Any) -> bytes:
    """The image as bytes that `decode` gives it back from; an encoded one as it is.

    Raises:
        BadImage: its file cannot be read, or no format holds it without loss.
    """
    if type(image) is EncodedImage:
        return image.encoded
    formats = FORMATS.get(image.mode, ())
    try:
        for name in formats:
            encoded = _saved(image, name)
            if image.mode in EXACT_MODES or _is_same(decode(encoded), image):
                return encoded
    except Exception as error:  # Pillow's plugins raise anything
        raise BadImage(str(error)) from error
    raise BadImage(f"neither PNG nor TIFF holds all of mode {image.mode}")


def decode(encoded: bytes) -> Any:
    """The plain image, loaded; the first one where there are several.

    Raises:
        BadImage: the bytes are no image, or a damaged one.
        MissingExtra: Pillow is not installed.
    """
    pillow = imported("PIL.Image", extra="image")
    try:
        with pillow.open(io.BytesIO(encoded), formats=READABLE) as image:
            plain = image.copy()
    except Exception as error:  # Pillow's plugins raise anything
        raise BadImage(_reason(error)) from error
    if image.format == "TIFF":
        # How the file was laid out, which says nothing of the image.
        for name in ("compression", "dpi", "resolution"):
            plain.info.pop(name, None)
    return plain


def _saved(image: Any, name: str) -> bytes:
    sink = io.BytesIO()
    if name == "TIFF":
        image.save(sink, name)
        return sink.getvalue()
    # How a camera was held is needed to turn its picture; Pillow writes it only if it is told.
    kept = {key: image.info[key] for key in ("exif",) if key in image.info}
    image.save(sink, name, compress_level=PNG_EFFORT, **kept)
    return sink.getvalue()


def _is_same(copy: Any, image: Any) -> bool:
    palette = image.getpalette() or []
    # TIFF fills palettes up, which changes no pixel.
    if (copy.getpalette() or [])[: len(palette)] != palette:
        return False
    alike = (copy.mode, copy.size) == (image.mode, image.size)
    return alike and bool(copy.tobytes() == image.tobytes())


def _reason(error: Exception) -> str:
    # Pillow names the memory address of what it read from.
    is_unknown = "cannot identify" in str(error)
    return f"it is none of {', '.join(READABLE)}" if is_unknown else str(error)
