"""Records as JSON: everything in them that JSON has no word for gets one."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from headrace.contracts.tree import is_namedtuple
from headrace.formats.schema.dtypes import USER_DTYPE

# Any, in this file: values are the user's, of every type.


def plain(value: Any) -> Any:
    """A value as JSON can hold it: arrays as lists, bytes as base64, what is no number as null.

    Example:
        >>> plain({"image": np.zeros((1, 2)), "label": np.int64(3), "raw": b"ten"})
        {'image': [[0.0, 0.0]], 'label': 3, 'raw': {'base64': 'dGVu'}}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if isinstance(value, bytes | bytearray | memoryview):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, np.ndarray | np.generic):
        return _from_numpy(value)
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if is_namedtuple(value):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return str(value)


def _from_numpy(value: Any) -> Any:
    if value.dtype.kind in "mM":
        # A time has no number of its own; NumPy writes it in ISO 8601.
        value = value.astype(str)
    elif value.dtype.isbuiltin == USER_DTYPE:
        # bfloat16 and its like are read back as numbers only by way of a wider type.
        value = value.astype(np.float64)
    listed = value.tolist()
    return listed if value.dtype.kind in "biuU" else plain(listed)
