"""Images as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.contracts.errors import ArgumentError, HeadraceError, RecordError, whole
from headrace.decode.given import bytes_of, checked_field, place_of, reason_of, value_of
from headrace.extras import is_instance
from headrace.sources.files.pixels import MODES, Pixels, converted, pixels, resized

# Any, in this file: records are the user's values, of every type.
VERB = "hr.decode.image"


@dataclass(frozen=True)
class ImageDecoder:
    """What `image` gives: a function of one record, which may be sent to a worker."""

    size: tuple[int, int] | None = None
    mode: Literal["RGB", "L"] = "RGB"
    field: str | None = None

    def __call__(self, record: Any) -> Any:
        """The image as an array, or the record with the array in its field."""
        value = value_of(record, self.field, verb=VERB)
        try:
            array = self._array(value)
        except HeadraceError:
            raise
        except Exception as error:  # Pillow's plugins raise anything
            raise RecordError(
                f"the image {place_of(value)} cannot be decoded: {reason_of(error)}. "
                "Replace it, or leave such records out."
            ) from error
        return array if self.field is None else {**record, self.field: array}

    def _array(self, value: Any) -> Pixels:
        if is_instance(value, "PIL", "Image.Image"):
            return resized(converted(value, self.mode), self.size)
        return pixels(bytes_of(value, verb=VERB), self.size, self.mode)


def image(
    size: Sequence[int] | None = None,
    *,
    mode: Literal["RGB", "L"] = "RGB",
    field: str | None = None,
) -> ImageDecoder:
    """A function for `map` that decodes an image: of bytes, an open file, a path, or of Pillow.

    `size` is (height, width); proportions are not kept. A JPEG is decoded at the smallest of its
    own scales that is no smaller (about twice as fast for half the size), and Pillow does the
    rest: bilinear, over all pixels that a new one covers. `field` names the field of a dict that
    holds the image; the array takes its place. Images are not turned by EXIF. Of 16 bits a
    channel the upper 8 are kept, of an animation the first image, and no alpha.

    **Shape**: `(height, width, 3)` uint8, or `(height, width)` with `mode="L"`.

    Raises:
        ArgumentError: a size that is no pair, an unknown mode.
        MissingExtra: by the first record, Pillow is not installed. simplejpeg is used for JPEG
            where it is there, and releases the interpreter's lock: threads decode side by side.
        RecordError: by a record, an image that cannot be decoded; it names which.

    Example:
        >>> import headrace as hr
        >>> hr.decode.image((224, 224), field="image")  # stream.map(...)
        ImageDecoder(size=(224, 224), mode='RGB', field='image')
    """
    checked_field(field)
    if mode not in MODES:
        raise ArgumentError(f'mode must be "RGB" or "L", got {mode!r}. "L" is grey.')
    return ImageDecoder(_pair(size), mode, field)


def _pair(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    if not isinstance(size, Sequence) or len(size) != 2:
        raise ArgumentError(
            f"size must be (height, width), got {size!r}. Pass two whole numbers, or leave it out "
            "to keep images as large as they are."
        )
    remedy = "Sizes are counted in pixels."
    height = whole("the height in size", size[0], least=1, remedy=remedy)
    return height, whole("the width in size", size[1], least=1, remedy=remedy)
