"""One leaf of many records, joined along a new first axis."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError, RecordError

# Any, in this file: leaves are the user's values, of every type.
NUMBERS = (bool, int, float, complex)


def stack_values(values: Sequence[Any], name: str) -> Any:
    """The values as one array with a new first axis, or as the list they are.

    Numbers and equally shaped arrays are stacked, torch tensors into a tensor; strings, bytes,
    None and other objects stay a list.

    Raises:
        RecordError: arrays differ in shape; the message names the leaf.
        ArgumentError: arrays have masks.
    """
    if not values:
        return list(values)
    first = values[0]
    if isinstance(first, np.ndarray):
        refuse_mask(first)
        return _stack_arrays(values, name)
    if isinstance(first, np.generic) or type(first) in NUMBERS:
        if all(type(value) is type(first) for value in values):
            # Texts and times carry their width and unit in the dtype: NumPy finds one for all.
            dtypes = {getattr(value, "dtype", None) for value in values}
            return np.array(values, dtype=dtypes.pop() if len(dtypes) == 1 else None)
        return list(values)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(first, torch.Tensor):
        return torch.stack(list(values))
    return list(values)


def pad_values(values: Sequence[Any], fill: float, name: str) -> Any:
    """Like `stack_values`, with arrays of different shapes filled up at their ends.

    **Shape**: `(records, *largest extent of each axis)`.

    Raises:
        RecordError: arrays differ in their number of axes; the message names the leaf.
        ArgumentError: arrays have masks.
    """
    if not values or not isinstance(values[0], np.ndarray):
        return stack_values(values, name)
    refuse_mask(values[0])
    axes = {getattr(value, "ndim", None) for value in values}
    if len(axes) > 1:
        raise RecordError(
            f"cannot pad the arrays of {name or 'the record'!r}: their numbers of axes differ "
            f"({', '.join(sorted(map(str, axes)))}). "
            'Give each the same axes with .map, or pass collate="list".'
        )
    shapes = np.array([value.shape for value in values])
    dtype = np.result_type(*(value.dtype for value in values))
    padded = np.full((len(values), *shapes.max(axis=0)), fill, dtype=dtype)
    for row, value in zip(padded, values, strict=True):
        row[tuple(slice(extent) for extent in value.shape)] = value
    return padded


def refuse_mask(array: npt.NDArray[Any]) -> None:
    """Makes sure that an array is no masked one, since arrays here have no masks.

    Raises:
        ArgumentError: it is one.
    """
    # Asked of subclasses alone: NumPy imports its masked arrays when they are first named.
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):
        raise ArgumentError(
            f"a plain array was expected, got a masked one of shape {array.shape}, whose mask "
            "would be lost. Pass .filled(value), or the mask as an array of its own."
        )


def _stack_arrays(values: Sequence[Any], name: str) -> npt.NDArray[Any]:
    shapes = {getattr(value, "shape", None) for value in values}
    if len(shapes) > 1:
        some = ", ".join(sorted(str(shape) for shape in shapes)[:4])
        raise RecordError(
            f"cannot stack the arrays of {name or 'the record'!r}: their shapes differ ({some}). "
            'Pass collate="pad" to fill them up, or collate="list" to keep the records single.'
        )
    return np.stack(values)
