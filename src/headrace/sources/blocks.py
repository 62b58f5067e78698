"""What the user hands over, as blocks of records in its own order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from operator import length_hint as hint_of
from typing import Any, TypeAlias

import numpy as np

from headrace.contracts.block import Block
from headrace.contracts.errors import ArgumentError, whole
from headrace.contracts.records import Records
from headrace.sources.arrays import ArrayRecords
from headrace.sources.drawing import count_of, drawn, never_ending
from headrace.sources.files import FileRecords
from headrace.sources.sequence import SequenceRecords

# Any, in this file: records are the user's values, of every type.

Blocks: TypeAlias = "Iterator[Block[Any]]"

ACCEPTED = (
    "Pass an iterable of records, a function that returns one, a list, a dict of equally long "
    "arrays, a DataRef or Stream, or a folder of files as pathlib.Path."
)


def blocks_of(data: Any, *, limit: int | None = None) -> Blocks:
    """The records of `data` in blocks, at most `limit` of them.

    What cannot be a source is refused here, before anything is drawn; a function is called when
    the first block is.

    Raises:
        ArgumentError: an unknown kind of source, or one without an end and no `limit`.

    Example:
        >>> [list(block) for block in blocks_of(range(3))]
        [[0], [1, 2]]
    """
    if limit is not None:
        whole("limit", limit, least=0, remedy="Leave it out to store all records.")
    records = records_of(data)
    if records is not None:
        return drawn(records, limit)
    if callable(data) and not hasattr(type(data), "__iter__"):
        return _called(data, limit)
    return drawn(_finite(iterable_of(data), limit), limit)


def length_hint(data: Any, *, limit: int | None = None) -> int | None:
    """How many records `data` has, None where it cannot say."""
    records = records_of(data)
    if records is not None:
        return count_of(records, limit)
    length = _hint(data)
    return length if length is None or limit is None else min(length, limit)


def records_of(data: Any) -> Records[Any] | None:
    """Random access to `data`, None where it can only be iterated.

    Raises:
        ArgumentError: arrays that do not fit together, or a path that is no folder.
    """
    if isinstance(data, os.PathLike):
        return FileRecords(data)
    if isinstance(data, type):
        # A class has the methods of its instances; it is a function that makes one.
        return None
    if isinstance(data, Records):
        return data
    if isinstance(data, dict | np.ndarray):
        return ArrayRecords(data)
    if _is_map_style(data):
        map_style: Any = data
        return SequenceRecords(map_style)
    if isinstance(data, tuple) and _are_columns(data):
        if hasattr(data, "_fields"):
            return ArrayRecords(data)
        raise ArgumentError(
            f"a tuple of {len(data)} equally long arrays is {len(data)} records or the columns "
            'of many. Pass {"x": ..., "y": ...} for columns, or a list for records.'
        )
    return None


def _called(function: Callable[[], Any], limit: int | None) -> Blocks:
    yield from blocks_of(function(), limit=limit)


def iterable_of(data: Any) -> Iterable[Any]:
    """`data` as an iterable of records.

    Raises:
        ArgumentError: it is none, or text.
    """
    if isinstance(data, str):
        raise ArgumentError(
            f"a str is no source of records, got {data!r}. Is it a path? "
            "Pass pathlib.Path for a folder of files."
        )
    kind = type(data)
    if isinstance(data, bytes | bytearray) or not hasattr(kind, "__iter__"):
        raise ArgumentError(f"{kind.__name__} is no known source of records. {ACCEPTED}")
    iterable: Iterable[Any] = data
    return iterable


def _finite(data: Iterable[Any], limit: int | None) -> Iterable[Any]:
    if limit is None and is_infinite(data):
        raise never_ending(data)
    return data


def is_infinite(data: Iterable[Any]) -> bool:
    """Whether `data` is known never to end."""
    if isinstance(data, itertools.count | itertools.cycle):
        return True
    if isinstance(data, itertools.repeat):
        # An endless `repeat` has no length; a counted one does.
        return _hint(data) is None
    return bool(getattr(data, "is_infinite", False))


def _is_map_style(data: Any) -> bool:
    # Without __iter__ Python would go on until an IndexError that may never come.
    kind = type(data)
    return (
        hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not hasattr(kind, "__iter__")
    )


def _are_columns(values: tuple[Any, ...]) -> bool:
    arrays = [value for value in values if isinstance(value, np.ndarray) and value.ndim > 0]
    return len(arrays) == len(values) > 1 and len({len(array) for array in arrays}) == 1


def _hint(data: Any) -> int | None:
    try:
        hint = hint_of(data, -1)
    except TypeError:
        return None
    return hint if hint >= 0 else None
