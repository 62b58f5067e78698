"""NumPy dtypes as JSON, and the Arrow types that hold their bytes unchanged."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from headrace.deferred import ml_dtypes
from headrace.deferred import pyarrow as pa

# Any: a nested list of field names, types and shapes, or a single type string.
DtypeText: TypeAlias = "str | list[Any]"
Dtype: TypeAlias = "np.dtype[Any]"  # Any: dtypes of every type

# Arrow knows these units of time; the others are kept as their int64.
ARROW_UNITS = ("s", "ms", "us", "ns")
USER_DTYPE = 2  # what `dtype.isbuiltin` says of a dtype that a package registered
BYTE_ORDERS = ("<", ">", "|")  # how the types that NumPy itself knows begin


def to_text(dtype: Dtype) -> DtypeText:
    """The dtype as JSON: `'<f4'`, `'bfloat16'`, or a list of fields."""
    if dtype.isbuiltin == USER_DTYPE:
        return dtype.name
    if dtype.names is None:
        return dtype.str
    text: DtypeText = _listed(np.lib.format.dtype_to_descr(dtype))
    return text


def from_text(text: DtypeText) -> Dtype:
    """The dtype that `to_text` wrote."""
    if isinstance(text, str):
        registered = None if text.startswith(BYTE_ORDERS) else getattr(ml_dtypes, text, None)
        return np.dtype(text if registered is None else registered)
    fields: Any = _fields(text)  # Any: NumPy types it narrower than what it accepts
    return np.lib.format.descr_to_dtype(fields)


def is_storable(dtype: Dtype) -> bool:
    """Whether arrays of this dtype can be written as bytes and read back equal."""
    if dtype.hasobject or dtype.itemsize == 0:
        return False
    try:
        return from_text(to_text(dtype)) == dtype
    except (TypeError, ValueError):
        return False


def short_name(dtype: Dtype) -> str:
    """The dtype as it is said in messages: `float32`, `>f4`, `[('a', '<i4')]`."""
    return dtype.name if dtype.isnative and dtype.names is None else str(dtype)


def value_type(dtype: Dtype) -> pa.DataType:
    """The Arrow type of one value, whose buffer is the bytes of the NumPy array.

    Dtypes that Arrow does not know are unsigned integers (`bfloat16`) or plain bytes of
    fixed size.
    """
    if dtype.isbuiltin == USER_DTYPE:
        return pa.uint8() if dtype.itemsize == 1 else pa.uint16()
    if not dtype.isnative or dtype.names is not None:
        return pa.binary(dtype.itemsize)
    if dtype.kind == "b":
        # Before Arrow 18 there was no type of whole bytes that are true or false.
        return pa.bool8() if hasattr(pa, "bool8") else pa.int8()
    if dtype.kind in "mM":
        return _time_type(dtype)
    if dtype.kind in "iu" or dtype.str[1:] in ("f2", "f4", "f8"):
        return pa.from_numpy_dtype(dtype)
    if dtype.str[1:] in ("c8", "c16"):
        part = pa.float32() if dtype.itemsize == np.dtype("c8").itemsize else pa.float64()
        return pa.list_(part, 2)
    return pa.binary(dtype.itemsize)


def row_type(dtype: Dtype, shape: tuple[int, ...]) -> pa.DataType:
    """The Arrow type of a fixed-shape array: a tensor where Arrow knows its values."""
    value = value_type(dtype)
    if not shape:
        return value
    if pa.types.is_fixed_size_list(value):
        return pa.fixed_shape_tensor(value.value_type, (*shape, value.list_size))
    if pa.types.is_fixed_size_binary(value):
        return pa.binary(dtype.itemsize * int(np.prod(shape)))
    # Tensors of an extension type are more than most readers understand.
    plain = pa.int8() if dtype.kind == "b" else value
    return pa.fixed_shape_tensor(plain, shape)


def _time_type(dtype: Dtype) -> pa.DataType:
    unit, count = np.datetime_data(dtype)
    if count != 1 or unit not in ARROW_UNITS:
        return pa.int64()
    return pa.timestamp(unit) if dtype.kind == "M" else pa.duration(unit)


def _listed(text: Any) -> Any:  # Any: nested tuples and lists
    """As JSON gives it back, so that equal dtypes have equal texts."""
    return [_listed(part) for part in text] if isinstance(text, list | tuple) else text


def _fields(text: DtypeText) -> DtypeText:
    """JSON has no tuples: gives fields, titles and shapes their tuples again."""
    if isinstance(text, str):
        return text
    fields: list[Any] = []  # Any: (name, type) or (name, type, shape)
    for name, inner, *shape in text:
        titled = tuple(name) if isinstance(name, list) else name
        fields.append((titled, _fields(inner), *(tuple(extents) for extents in shape)))
    return fields
