"""Arrow arrays as columns: one function a family of types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.block import Column, Columns, Layout, RowKind
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.tree import LEAF, Tree
from headrace.deferred import pyarrow as pa

# Any, in this file: a table holds values of every type.
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Where values are, for messages: the name of their column, and the number of each row."""

    name: str
    numbers: Sequence[int]

    def field(self, name: str) -> Place:
        """The place of one field of what is here."""
        return Place(f"{self.name}.{name}" if self.name else name, self.numbers)


def column_of(array: pa.Array, place: Place) -> Columns[Any]:
    """The values of one array.

    A value depends on its own row and the type alone, never on its neighbours: a row read beside
    others is the same record as read alone.

    Raises:
        RecordError: None inside a list of numbers that have no NaN.
        ArgumentError: a struct has two fields of one name.
    """
    kind = array.type
    if isinstance(kind, pa.FixedShapeTensorType):
        return _tensors(array, place)
    if isinstance(kind, pa.BaseExtensionType):
        return column_of(array.storage, place)
    if pa.types.is_dictionary(kind):
        return column_of(array.dictionary_decode(), place)
    if pa.types.is_struct(kind):
        return _structs(array, place)
    if is_list(kind) and is_plain(_innermost(kind)):
        return _arrays(array, place)
    return leaf_of(*_single(array))


def branch_of(names: list[str], arrays: Sequence[pa.Array], place: Place) -> Columns[Any]:
    """The arrays as the fields of a dict.

    Raises:
        ArgumentError: two have one name.
    """
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise ArgumentError(
            f"{repr(place.name) if place.name else 'the table'} has two columns named "
            f"{doubled[0]!r}, and a record is a dict. Give each column a name of its own."
        )
    parts = [column_of(array, place.field(name)) for name, array in zip(names, arrays, strict=True)]
    return dict_of(dict(zip(names, parts, strict=True)), len(place.numbers))


def dict_of(parts: dict[str, Columns[Any]], length: int) -> Columns[Any]:
    """Columns of dicts, each field the columns of its own."""
    tree = Tree("dict", tuple(parts), tuple(part.layout.tree for part in parts.values()))
    kinds: tuple[RowKind, ...] = tuple(k for part in parts.values() for k in part.layout.kinds)
    leaves = [leaf for part in parts.values() for leaf in part.leaves]
    return Columns(Layout(tree, kinds), leaves, length)


def leaf_of(column: Column, kind: RowKind) -> Columns[Any]:
    """Columns of one leaf."""
    return Columns(Layout(LEAF, (kind,)), [column], len(column))


def is_list(kind: pa.DataType) -> bool:
    """Whether it is a list of any form."""
    types = pa.types
    forms = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    views = (types.is_list_view, types.is_large_list_view)
    return any(is_form(kind) for is_form in forms + views)


def is_plain(kind: pa.DataType) -> bool:
    """Whether NumPy has a dtype for the values: numbers and times."""
    types = pa.types
    if types.is_temporal(kind):
        return not types.is_interval(kind)
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether the values are text or bytes."""
    types = pa.types
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    raws = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(is_form(kind) for is_form in texts + raws)


def _single(array: pa.Array) -> tuple[Column, RowKind]:
    """A column of values that hold no columns of their own."""
    kind, types = array.type, pa.types
    if is_plain(kind):
        values = _plain(array)
        if array.null_count:
            listed = list(values) if types.is_temporal(kind) else values.tolist()
            return _with_none(listed, array), "object"
        return values, "scalar" if types.is_temporal(kind) else "python"
    # A float would not be what was written.
    array = array.cast(pa.string()) if types.is_decimal(kind) else array
    if is_text(array.type):
        # Several times as fast as to_pylist in older versions.
        return array.to_numpy(zero_copy_only=False).tolist(), "object"
    return array.to_pylist(), "object"


def _plain(array: pa.Array) -> Array:
    """Numbers and times, without a copy where NumPy has the same bytes.

    What stands for None is NaN, NaT, 0 or False.
    """
    kind, types = array.type, pa.types
    if types.is_temporal(kind):
        return _times(array)
    if array.null_count and not types.is_floating(kind):
        array = array.fill_null(False if types.is_boolean(kind) else 0)
    values: Array = array.to_numpy(zero_copy_only=False)
    return values


def _times(array: pa.Array) -> Array:
    kind, types = array.type, pa.types
    counts = array.view(pa.int32() if kind.bit_width == 32 else pa.int64()).cast(pa.int64())
    nothing = np.iinfo(np.int64).min  # what NumPy holds for NaT
    filled = counts.fill_null(nothing) if counts.null_count else counts
    if types.is_date(kind):
        dtype = "M8[D]" if types.is_date32(kind) else "M8[ms]"
    else:
        dtype = f"{'M8' if types.is_timestamp(kind) else 'm8'}[{kind.unit}]"
    times: Array = filled.to_numpy().view(dtype)
    return times


def _structs(array: pa.Array, place: Place) -> Columns[Any]:
    names = [array.type.field(at).name for at in range(array.type.num_fields)]
    fields = branch_of(names, array.flatten(), place)
    if not array.null_count:
        return fields
    return leaf_of(_with_none(fields.rows(), array), "object")


def _tensors(array: pa.Array, place: Place) -> Columns[Any]:
    shape = tuple(array.type.shape)
    axes = array.type.permutation or range(len(shape))
    column = column_of(array.storage, place).leaves[0]
    if not isinstance(column, list):
        stacked = column.reshape(len(array), *shape).transpose(0, *(axis + 1 for axis in axes))
        return leaf_of(stacked, "array")
    rows = [None if row is None else row.reshape(shape).transpose(*axes) for row in column]
    return leaf_of(rows, "object")


def _arrays(array: pa.Array, place: Place) -> Columns[Any]:
    """Lists of numbers as arrays: stacked where all are equally long, else views of one."""
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    stops = np.cumsum(lengths, dtype=np.int64)
    flat = array.flatten()
    _refuse_none(flat, stops, place)
    values = _stacked(flat)
    if not array.null_count and len(lengths) and (lengths == lengths[0]).all():
        shape = (len(array), int(lengths[0]), *values.shape[1:])
        return leaf_of(values.reshape(shape), "array")
    spans = zip((stops - lengths).tolist(), stops.tolist(), strict=True)
    rows = [values[start:stop] for start, stop in spans]
    return leaf_of(_with_none(rows, array), "object")


def _stacked(array: pa.Array) -> Array:
    """Numbers, or lists of one length of numbers, as one array."""
    if not pa.types.is_fixed_size_list(array.type):
        return _plain(array)
    values = _stacked(array.flatten())
    return values.reshape(len(array), array.type.list_size, *values.shape[1:])


def _refuse_none(flat: pa.Array, stops: npt.NDArray[np.int64], place: Place) -> None:
    """Makes sure that nothing inside the lists is None, but for floats and times."""
    width, array = 1, flat
    while pa.types.is_fixed_size_list(array.type) and not array.null_count:
        width *= array.type.list_size
        array = array.flatten()
    types = pa.types
    if not array.null_count or types.is_floating(array.type) or types.is_temporal(array.type):
        return
    first = int(array.is_null().to_numpy(zero_copy_only=False).argmax()) // width
    row = place.numbers[int(np.searchsorted(stops, first, side="right"))]
    raise RecordError(
        f"the list in column {place.name!r} of row {row} holds None, and an array of "
        f"{array.type} cannot. Fill it in, or cast the column to a list of floats, where None "
        "becomes NaN."
    )


def _with_none(rows: list[Any], array: pa.Array) -> list[Any]:
    """The rows, None where the array has none."""
    if array.null_count:
        for at in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
            rows[at] = None
    return rows


def _innermost(kind: pa.DataType) -> pa.DataType:
    """What the lists hold, behind lists of one length."""
    value = kind.value_type
    while pa.types.is_fixed_size_list(value):
        value = value.value_type
    return value
