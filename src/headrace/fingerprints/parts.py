"""What a value holds that says what it is: the bytes of a plain one, the parts of a class."""

from __future__ import annotations

import functools
import struct
import types
from typing import Any

import numpy as np

# Any, in this file: values are the user's, of every type.

# Whose text says all.
REPRESENTED = (
    type(None),
    bool,
    int,
    complex,
    range,
    types.EllipsisType,
    types.NotImplementedType,
)


def plain(value: Any) -> bytes | None:
    """The bytes of a value that holds no other, None of one that may."""
    kind = type(value)
    if kind in REPRESENTED:
        return repr(value).encode()
    if kind is str:
        encoded: bytes = value.encode("utf-8", "surrogatepass")
        return encoded
    if kind is float:
        return struct.pack("<d", value)
    if kind is types.ModuleType:
        return str(value.__name__).encode()
    return value if isinstance(value, bytes) else None


def content(cell: types.CellType) -> tuple[Any, ...]:
    """What a function closes over in one cell."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        # Named before it is set: a function that is defined further below.
        return ()


def parts_of(name: str, attribute: Any) -> list[Any]:
    """What of an attribute of a class says what the class does: functions, and constants."""
    if isinstance(attribute, staticmethod | classmethod):
        return parts_of(name, attribute.__func__)
    if isinstance(attribute, property):
        parts = (attribute.fget, attribute.fset, attribute.fdel)
        return [code for part in parts for code in parts_of(name, part)]
    if isinstance(attribute, functools.cached_property):
        return parts_of(name, attribute.func)
    if isinstance(attribute, functools.partialmethod):
        return [attribute.func, attribute.args, sorted(attribute.keywords.items())]
    if isinstance(attribute, types.FunctionType):
        # Annotations say nothing of what is done.
        return [] if name.startswith("__annotate") else [attribute]
    if callable(getattr(attribute, "__wrapped__", None)) and not isinstance(attribute, type):
        return [attribute]
    # None is often the place of something that is found later.
    if name.startswith("__") or attribute is None or not is_constant(attribute):
        return []
    return [attribute]


def cached_names(kind: type) -> set[str]:
    """The attributes that a class works out when they are first asked for."""
    owned = [vars(owner).items() for owner in kind.__mro__]
    return {n for items in owned for n, one in items if isinstance(one, functools.cached_property)}


def is_constant(value: Any) -> bool:
    """Whether a value, with all that it holds, is one whose content is all that it is."""
    if type(value) in (list, tuple, set, frozenset):
        return all(map(is_constant, value))
    if type(value) is dict:
        return all(map(is_constant, value)) and all(map(is_constant, value.values()))
    is_array = isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject
    return is_array or plain(value) is not None
