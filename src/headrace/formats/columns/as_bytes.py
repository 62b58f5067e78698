"""Text, bytes, lists, images and objects as bytes, a whole chunk at a time."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.schema.images import BadImage, encode, is_image
from headrace.formats.schema.infer import PYTHON_KINDS
from headrace.formats.schema.lists import packed
from headrace.formats.schema.schema import LeafKind
from headrace.formats.schema.unfit import Unfit, require

# Any, in this file: values are the user's, of every type.
Values = Sequence[Any]

TYPES = {kind: cls for cls, kind in PYTHON_KINDS.items()}
# Joining values first is the faster way up to about this mean length.
JOINED_BYTES = 4096


def encoded(
    kind: LeafKind, values: Values
) -> tuple[bytes | Sequence[bytes], npt.NDArray[np.int64]]:
    """The bytes of the values, joined or one by one, and the length of each.

    Raises:
        Unfit: a value is of another kind.
    """
    if kind in CONVERTERS:
        values = CONVERTERS[kind](values)
    else:
        require(set(map(type, values)) <= {TYPES[kind]})
    if kind in ("str", "numpy str"):
        return _utf8(values)
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    is_long = int(lengths.sum()) > JOINED_BYTES * len(values)
    return values if is_long else b"".join(values), lengths


def _pickled(values: Values) -> Values:
    try:
        return [pickle.dumps(value, protocol=5) for value in values]
    except Exception as error:  # the user's class may raise anything
        raise Unfit from error


def _encoded_images(values: Values) -> Values:
    require(all(map(is_image, values)))
    try:
        return list(map(encode, values))
    except BadImage as error:
        raise Unfit from error


def _utf8(values: Values) -> tuple[bytes, npt.NDArray[np.int64]]:
    text = "".join(values)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Unfit from None
    # As many bytes as characters: all of them ASCII, so that lengths are the same.
    counted = values if len(raw) == len(text) else [value.encode() for value in values]
    return raw, np.fromiter(map(len, counted), np.int64, len(values))


# Of these kinds the values are not bytes or text yet.
CONVERTERS: dict[LeafKind, Callable[[Values], Values]] = {
    "image": _encoded_images,
    "list": packed,
    "pickle": _pickled,
}
