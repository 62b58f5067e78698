"""How many bytes a record has, without serialising it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from headrace.contracts import EncodedImage

# Any, in this file: records are whatever the user's loader gives.
# Python's numbers count what they take in an array, so that rows and columns weigh the same.
NUMBER_BYTES: dict[type[Any], int] = {bool: 1, int: 8, float: 8, complex: 16, type(None): 0}


def size_of(value: Any) -> int:
    """The bytes of a record: of its arrays, tensors, bytes and text, and of nothing around them.

    Dicts, lists and tuples are walked. Text counts its characters, a number what it takes in an
    array, and an object of an unknown kind what Python says of it alone.

    Example:
        >>> import numpy as np
        >>> size_of({"image": np.zeros((2, 3), np.float32), "name": "cat", "label": 4})
        35
    """
    kind = type(value)
    if kind is np.ndarray and not value.dtype.hasobject:
        return int(value.nbytes)
    number = NUMBER_BYTES.get(kind)
    if number is not None:
        return number
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    return _other_size(value)


def _other_size(value: Any) -> int:
    if isinstance(value, EncodedImage):
        return len(value.encoded)
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return sum(map(size_of, value.ravel().tolist()))
    try:
        found = _framework_size(value)
    except Exception:
        # Some kinds refuse to say, such as sparse tensors of torch: no reason to stop a stream.
        found = None
    # What is not known yet, as in a lazy array, comes as NaN or None.
    return found if isinstance(found, int) else sys.getsizeof(value)


def _framework_size(value: Any) -> object:
    """Bytes of arrays and tensors of torch, JAX, Arrow, pandas, TensorFlow, and of images."""
    size_bytes = getattr(value, "nbytes", None)
    if size_bytes is not None:
        return int(size_bytes)
    count = getattr(getattr(value, "shape", None), "num_elements", None)
    if count is not None:
        # TensorFlow gives text no size, and what it gives NumPy has the bytes themselves.
        is_text = value.dtype == "string"
        return size_of(value.numpy()) if is_text else count() * value.dtype.size
    if hasattr(value, "getbands"):
        width, height = value.size
        return int(width * height * len(value.getbands()))
    return None
