"""One leaf of many records, joined along a new first axis."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError, RecordError

# Any, in this file: leaves are the user's values, of every type.
NUMBERS = (bool, int, float, complex)
# Kinds of dtypes with fractions; NumPy calls the small floats of other packages V.
FRACTIONS = "fcV"


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
        _check_shapes(values, name)
        return np.stack(values)
    if isinstance(first, np.generic) or type(first) in NUMBERS:
        if all(type(value) is type(first) for value in values):
            # Texts and times carry their width and unit in the dtype: NumPy finds one for all.
            dtypes = {getattr(value, "dtype", None) for value in values}
            return np.array(values, dtype=dtypes.pop() if len(dtypes) == 1 else None)
        return list(values)
    if _is_tensor(first):
        _check_shapes(values, name)
        return sys.modules["torch"].stack(list(values))
    return list(values)


@dataclass(frozen=True)
class Padding:
    """How arrays are filled up: with `value`, along their first axis to `length`.

    `length` None is the longest array, rounded up to a multiple of `multiple_of`.
    """

    value: float = 0
    length: int | None = None
    multiple_of: int | None = None

    def length_for(self, longest: int, name: str) -> int:
        """The length to which arrays are filled up of which the longest is this long.

        Raises:
            RecordError: it is longer than the length asked for.
        """
        if self.length is None:
            multiple = self.multiple_of or 1
            return -(-longest // multiple) * multiple
        if longest > self.length:
            raise RecordError(
                f"cannot pad the arrays of {name or 'the record'!r} to a length of {self.length}: "
                f"one has {longest}. Cut it with .map, or ask for a length of at least {longest}."
            )
        return self.length


def pad_values(values: Sequence[Any], padding: Padding, name: str) -> Any:
    """Like `stack_values`, with arrays, or tensors, of different shapes filled up at their ends.

    **Shape**: `(records, *largest extent of each axis)`; `padding` may ask for a longer first one.

    Raises:
        RecordError: arrays differ in their number of axes, are too long, or cannot hold the
            value; the message names the leaf.
        ArgumentError: arrays have masks.
    """
    if not _have_axes(values, name, "pad"):
        return stack_values(values, name)
    shapes = np.array([value.shape for value in values])
    extents = [int(extent) for extent in shapes.max(axis=0)]
    extents[0] = padding.length_for(extents[0], name)
    padded = _full((len(values), *extents), padding.value, values, name)
    for row, value in zip(padded, values, strict=True):
        row[tuple(slice(extent) for extent in value.shape)] = value
    return padded


def ragged_values(values: Sequence[Any], name: str) -> Any:
    """Like `stack_values`, with arrays, or tensors, one after the other: {"values", "offsets"}.

    **Shape**: values `(sum of lengths, *further extents)`, offsets `(records + 1,)` int64: array
    i is `values[offsets[i] : offsets[i + 1]]`. Numbers, and arrays without axes, are stacked.

    Raises:
        RecordError: arrays differ in more than their length; the message names the leaf.
        ArgumentError: arrays have masks.
    """
    if not _have_axes(values, name, "join"):
        return stack_values(values, name)
    extents = {tuple(value.shape[1:]) for value in values}
    if len(extents) > 1:
        raise RecordError(
            f"cannot join the arrays of {name or 'the record'!r}: beside their lengths their "
            f"extents differ ({', '.join(sorted(map(str, extents))[:4])}). "
            'Pass collate="pad" to fill them up, or collate="list" to keep the records single.'
        )
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    if _is_tensor(values[0]):
        torch = sys.modules["torch"]
        return {"values": torch.cat(list(values)), "offsets": torch.from_numpy(offsets)}
    return {"values": np.concatenate(values), "offsets": offsets}


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


def _is_tensor(value: object) -> bool:
    # Only who imported torch can have one.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _check_shapes(values: Sequence[Any], name: str) -> None:
    shapes = {tuple(value.shape) if hasattr(value, "shape") else None for value in values}
    if len(shapes) > 1:
        some = ", ".join(sorted(str(shape) for shape in shapes)[:4])
        raise RecordError(
            f"cannot stack the arrays of {name or 'the record'!r}: their shapes differ ({some}). "
            'Pass collate="pad" to fill them up, or collate="list" to keep the records single.'
        )


def _have_axes(values: Sequence[Any], name: str, verb: str) -> bool:
    """Whether these are arrays or tensors with axes, all as many."""
    if not values or not (isinstance(values[0], np.ndarray) or _is_tensor(values[0])):
        return False
    refuse_mask(values[0])
    axes = {getattr(value, "ndim", None) for value in values}
    if len(axes) > 1:
        raise RecordError(
            f"cannot {verb} the arrays of {name or 'the record'!r}: their numbers of axes differ "
            f"({', '.join(sorted(map(str, axes)))}). "
            'Give each the same axes with .map, or pass collate="list".'
        )
    return axes != {0}


def _full(shape: tuple[int, ...], value: float, values: Sequence[Any], name: str) -> Any:
    """An array, or a tensor, of this shape that holds `value`, of the dtype of all `values`.

    Raises:
        RecordError: the dtype cannot hold the value.
    """
    if not _is_tensor(values[0]):
        dtype = np.result_type(*(one.dtype for one in values))
        # Zero is what every dtype can hold, those of texts and times too.
        if not value:
            return np.zeros(shape, dtype=dtype)
        limits = np.iinfo(dtype) if dtype.kind in "iu" else None
        _check_fits(value, dtype, limits, name, is_fraction=dtype.kind in FRACTIONS)
        return np.full(shape, value).astype(dtype)
    torch = sys.modules["torch"]
    kind = reduce(torch.promote_types, (one.dtype for one in values))
    is_fraction = kind.is_floating_point or kind.is_complex
    limits = None if is_fraction or kind == torch.bool else torch.iinfo(kind)
    if value:
        _check_fits(value, kind, limits, name, is_fraction=is_fraction)
    return torch.full(shape, value, dtype=kind, device=values[0].device)


def _check_fits(value: float, dtype: object, limits: Any, name: str, *, is_fraction: bool) -> None:
    least, most = (0, 0) if limits is None else (limits.min, limits.max)
    if not is_fraction and not (float(value).is_integer() and least <= value <= most):
        raise RecordError(
            f"cannot pad the arrays of {name or 'the record'!r} with {value!r}: their dtype "
            f"{dtype} cannot hold it. Convert them with .map, or give another value."
        )
