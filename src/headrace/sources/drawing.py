"""Blocks drawn from records or an iterable, each small enough for memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from headrace.contracts.block import Block, Columns
from headrace.contracts.errors import ArgumentError, RecordError, StreamError
from headrace.contracts.records import Records
from headrace.sources.arrays import ArrayRecords
from headrace.sources.sizes import next_count

# Any, in this file: records are the user's values, of every type.


def drawn(data: Records[Any] | Iterable[Any], limit: int | None) -> Iterator[Block[Any]]:
    """The blocks of records, or of an iterable."""
    if isinstance(data, ArrayRecords):
        return _views(data, limit)
    if isinstance(data, Records):
        return _reads(data, count_of(data, limit))
    return _draws(data, limit)


def count_of(data: Records[Any], limit: int | None) -> int:
    """How many of the records are stored. Raises ArgumentError where they never end."""
    try:
        length = len(data)
    except StreamError as error:
        # A DataRef that repeats without end has no length.
        if limit is None:
            raise never_ending(data) from error
        return limit
    return length if limit is None else min(limit, length)


def never_ending(data: object) -> ArgumentError:
    """The error of a source without an end."""
    return ArgumentError(
        f"the source {data!r} never ends. Say how many records to store with limit=, "
        "or cut it with itertools.islice."
    )


def _views(data: ArrayRecords, limit: int | None) -> Iterator[Columns[Any]]:
    """One block of views: whoever writes it cuts it as it needs, and nothing is copied."""
    columns = data.columns if limit is None else data.columns[:limit]
    if len(columns):
        yield columns


def _reads(data: Records[Any], stop: int) -> Iterator[Block[Any]]:
    start, count = 0, 1
    while start < stop:
        indices = np.arange(start, min(stop, start + count))
        block = data.read(indices)
        if len(block) != len(indices):
            raise RecordError(
                f"{type(data).__name__}.read gave {len(block)} records for {len(indices)} indices. "
                "It must give one for each, in their order."
            )
        start += len(block)
        count = next_count(block)
        yield block


def _draws(data: Iterable[Any], limit: int | None) -> Iterator[list[Any]]:
    records = iter(data)
    left = limit
    count = 1
    while True:
        block: list[Any] = []
        asked = count if left is None else min(count, left)
        failure = _fill(block, records, asked)
        if block:
            yield block
        if failure is not None:
            raise failure
        if len(block) < asked or asked == 0:
            return
        count = next_count(block)
        left = None if left is None else left - asked


def _fill(block: list[Any], records: Iterator[Any], count: int) -> Exception | None:
    """Adds records to a block; what the source raises comes after those before it."""
    try:
        # extend leaves what it had added when the iterator raises.
        block.extend(itertools.islice(records, count))
    except Exception as error:
        return error
    return None
