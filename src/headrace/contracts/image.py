"""An image in its encoded form, as sources hand it on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """The bytes of an image file, stored as they are: a JPEG stays the same JPEG.

    Where it was stored, a `PIL.Image.Image` is read.

    Example:
        >>> from headrace.contracts import EncodedImage
        >>> EncodedImage(b"GIF89a").encoded[:3]
        b'GIF'
    """

    # A picture in an error message would be no help.
    encoded: bytes = field(repr=False)
