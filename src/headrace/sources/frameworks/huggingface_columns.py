"""Tables of Hugging Face datasets as columns, by what the features say of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from headrace.contracts.block import Columns
from headrace.contracts.errors import RecordError
from headrace.contracts.image import EncodedImage
from headrace.deferred import pyarrow as pa
from headrace.extras import imported, is_instance
from headrace.sources.tables.arrow import one_array
from headrace.sources.tables.values import Place, column_of, dict_of, leaf_of

# Any, in this file: the package has no types, and records hold values of every type.

# What becomes of an image, given its file as a dict of bytes and path, and its feature.
ImageOf: TypeAlias = "Callable[[dict[str, Any], Any], Any]"
ARRAYS = ("Array2D", "Array3D", "Array4D", "Array5D")
# The tag of the EXIF standard that says how the camera was held.
ORIENTATION = 0x0112


def columns_of_features(
    table: pa.Table, features: Any, image_of: ImageOf, numbers: Sequence[int]
) -> Columns[Any]:
    """The rows of a table, `numbers` in messages, with images as `image_of` gives them.

    Raises:
        RecordError: an image cannot be read, or a list of whole numbers holds None.
    """
    parts = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        array, feature, place = one_array(column), features[name], Place(name, numbers)
        if is_image(feature):
            parts[name] = _images(array, feature, image_of, place)
        elif is_instance(feature, "datasets", *ARRAYS):
            parts[name] = column_of(_dense(array.storage, feature.shape[1:]), place)
        else:
            parts[name] = column_of(array, place)
    return dict_of(parts, table.num_rows)


def is_image(feature: Any) -> bool:
    """Whether the dataset decodes it to an image of Pillow."""
    return is_instance(feature, "datasets", "Image") and feature.decode


def decoded(file: dict[str, Any], feature: Any) -> Any:
    """The image as the dataset gives it."""
    return feature.decode_example(file)


def encoded(file: dict[str, Any], feature: Any) -> Any:
    """The bytes of the file, but for an image that the dataset turns or converts."""
    if file["bytes"] is None:
        opened = imported("datasets.utils.file_utils", extra="hf").xopen
        with opened(file["path"], "rb") as stream:
            file = {"bytes": stream.read(), "path": None}
    image = imported("PIL.Image", extra="image").open(io.BytesIO(file["bytes"]))
    is_changed = feature.mode not in (None, image.mode) or ORIENTATION in image.getexif()
    return decoded(file, feature) if is_changed else EncodedImage(file["bytes"])


def _images(array: pa.Array, feature: Any, image_of: ImageOf, place: Place) -> Columns[Any]:
    images = []
    for file, row in zip(array.to_pylist(), place.numbers, strict=True):
        try:
            images.append(None if file is None else image_of(file, feature))
        except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all of them
            raise RecordError(
                f"the image in column {place.name!r} of row {row} cannot be read "
                f"({type(error).__name__}). Leave it out with ds.filter, or keep files as they "
                f"are: ds.cast_column({place.name!r}, datasets.Image(decode=False))."
            ) from error
    return leaf_of(images, "object")


def _dense(lists: pa.Array, shape: tuple[int, ...]) -> pa.Array:
    """Lists of lists of numbers, as lists of what has a shape, so that they become one array."""
    values = lists.values
    for _ in shape:
        values = values.flatten()
    for size in reversed(shape):
        values = pa.FixedSizeListArray.from_arrays(values, size)
    if not lists.null_count:
        return pa.ListArray.from_arrays(lists.offsets, values)
    # Beside a mask Arrow takes no offsets that are a slice of others.
    offsets = pa.array(lists.offsets.to_numpy())
    return pa.ListArray.from_arrays(offsets, values, mask=lists.is_null())
