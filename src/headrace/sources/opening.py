"""Any source of records, opened: with random access where it has it, else drawn from."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from headrace.contracts.errors import ArgumentError
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.sources.arrays import ArrayRecords
from headrace.sources.files import from_path
from headrace.sources.frameworks import (
    huggingface_source,
    keras_source,
    tensorflow_source,
    tensorpack_source,
    torch_source,
)
from headrace.sources.iterable import FunctionSource, IterableSource
from headrace.sources.sequence import SequenceRecords
from headrace.sources.tables import table_source

# Any, in this file: a source is whatever the user has.

Opened: TypeAlias = "Records[Any] | Drawn"


def opened(source: Any) -> Opened:
    """The records of `source`. Nothing is drawn, and no function called.

    Raises:
        ArgumentError: an unknown kind of source, arrays that do not fit together, or a path that
            holds no known files.
        MissingExtra: the package that reads it is not installed.

    Example:
        >>> opened({"x": np.arange(3)})
        ArrayRecords(arrays={'x': array([0, 1, 2])})
    """
    for recognise in KINDS:
        found = recognise(source)
        if found is not None:
            return found
    return IterableSource(source)


def _ready(source: Any) -> Opened | None:
    # A class has the methods of its instances; it is a function that makes one.
    if isinstance(source, type):
        return None
    if isinstance(source, Records | Drawn):
        return source
    return source.as_source() if hasattr(source, "as_source") else None


def _path(source: Any) -> Opened | None:
    return opened(from_path(Path(source))) if isinstance(source, os.PathLike) else None


def _arrays(source: Any) -> Opened | None:
    if isinstance(source, dict | np.ndarray):
        return ArrayRecords(source)
    if not isinstance(source, tuple) or not _are_columns(source):
        return None
    if hasattr(source, "_fields"):
        return ArrayRecords(source)
    raise ArgumentError(
        f"a tuple of {len(source)} equally long arrays is {len(source)} records or the columns "
        'of many. Pass {"x": ..., "y": ...} for columns, or a list for records.'
    )


def _sequence(source: Any) -> Opened | None:
    kind = type(source)
    if isinstance(source, type | str | bytes | bytearray | deque):
        # A deque finds its members by counting.
        return None
    # Without __iter__ Python would go on until an IndexError that may never come.
    is_map_style = (
        hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not hasattr(kind, "__iter__")
    )
    return SequenceRecords(source) if is_map_style or isinstance(source, Sequence) else None


def _function(source: Any) -> Opened | None:
    is_function = callable(source) and not hasattr(type(source), "__iter__")
    return FunctionSource(source, opened) if is_function else None


def _are_columns(values: tuple[Any, ...]) -> bool:
    arrays = [value for value in values if isinstance(value, np.ndarray) and value.ndim > 0]
    return len(arrays) == len(values) > 1 and len({len(array) for array in arrays}) == 1


# Asked in this order: what a framework's own class is comes before what it looks like.
KINDS: tuple[Callable[[Any], Opened | None], ...] = (
    # Before torch: a streamed dataset becomes a torch dataset, too, where torch is there.
    huggingface_source,
    torch_source,
    tensorflow_source,
    keras_source,
    table_source,
    tensorpack_source,
    _ready,
    _path,
    _arrays,
    _sequence,
    _function,
)
