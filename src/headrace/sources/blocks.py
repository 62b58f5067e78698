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


def blocks_of(source: Any, *, limit: int | None = None) -> Blocks:
    """The records of `source` in blocks, at most `limit` of them.

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
    records = records_of(source)
    if records is not None:
        return drawn(records, limit)
    if callable(source) and not hasattr(type(source), "__iter__"):
        return _called(source, limit)
    return drawn(_finite(iterable_of(source), limit), limit)


def length_hint(source: Any, *, limit: int | None = None) -> int | None:
    """How many records `source` has, None where it cannot say."""
    records = records_of(source)
    if records is not None:
        return count_of(records, limit)
    length = _hint(source)
    return length if length is None or limit is None else min(length, limit)


def records_of(source: Any) -> Records[Any] | None:
    """Random access to `source`, None where it can only be iterated.

    Raises:
        ArgumentError: arrays that do not fit together, or a path that is no folder.
    """
    if isinstance(source, os.PathLike):
        return FileRecords(source)
    if isinstance(source, type):
        # A class has the methods of its instances; it is a function that makes one.
        return None
    if isinstance(source, Records):
        return source
    if isinstance(source, dict | np.ndarray):
        return ArrayRecords(source)
    if _is_map_style(source):
        map_style: Any = source
        return SequenceRecords(map_style)
    if isinstance(source, tuple) and _are_columns(source):
        if hasattr(source, "_fields"):
            return ArrayRecords(source)
        raise ArgumentError(
            f"a tuple of {len(source)} equally long arrays is {len(source)} records or the columns "
            'of many. Pass {"x": ..., "y": ...} for columns, or a list for records.'
        )
    return None


def _called(function: Callable[[], Any], limit: int | None) -> Blocks:
    yield from blocks_of(function(), limit=limit)


def iterable_of(source: Any) -> Iterable[Any]:
    """`source` as an iterable of records.

    Raises:
        ArgumentError: it is none, or text.
    """
    if isinstance(source, str):
        raise ArgumentError(
            f"a str is no source of records, got {source!r}. Is it a path? "
            "Pass pathlib.Path for a folder of files."
        )
    kind = type(source)
    if isinstance(source, bytes | bytearray) or not hasattr(kind, "__iter__"):
        raise ArgumentError(f"{kind.__name__} is no known source of records. {ACCEPTED}")
    iterable: Iterable[Any] = source
    return iterable


def _finite(source: Iterable[Any], limit: int | None) -> Iterable[Any]:
    if limit is None and is_infinite(source):
        raise never_ending(source)
    return source


def is_infinite(source: Iterable[Any]) -> bool:
    """Whether `source` is known never to end."""
    if isinstance(source, itertools.count | itertools.cycle):
        return True
    if isinstance(source, itertools.repeat):
        # An endless `repeat` has no length; a counted one does.
        return _hint(source) is None
    return bool(getattr(source, "is_infinite", False))


def _is_map_style(source: Any) -> bool:
    # Without __iter__ Python would go on until an IndexError that may never come.
    kind = type(source)
    return (
        hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not hasattr(kind, "__iter__")
    )


def _are_columns(values: tuple[Any, ...]) -> bool:
    arrays = [value for value in values if isinstance(value, np.ndarray) and value.ndim > 0]
    return len(arrays) == len(values) > 1 and len({len(array) for array in arrays}) == 1


def _hint(source: Any) -> int | None:
    try:
        hint = hint_of(source, -1)
    except TypeError:
        return None
    return hint if hint >= 0 else None
