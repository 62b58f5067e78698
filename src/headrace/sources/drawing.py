"""Blocks drawn from records or an iterable, each small enough for memory."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from headrace.contracts.block import Block, Columns
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.contracts.records import Records, read_exactly
from headrace.sources.arrays import ArrayRecords
from headrace.sources.sizes import next_count

# Any, in this file: records are the user's values, of every type.

# A block of a slow source takes about this long at most, so that its progress can be seen.
BLOCK_S = 0.2


def drawn(source: Records[Any] | Iterable[Any], limit: int | None) -> Iterator[Block[Any]]:
    """The blocks of records, or of an iterable."""
    if isinstance(source, ArrayRecords):
        return _views(source, limit)
    if isinstance(source, Records):
        return _reads(source, count_of(source, limit))
    return _draws(source, limit)


def count_of(source: Records[Any], limit: int | None) -> int:
    """How many of the records are stored. Raises ArgumentError where they never end."""
    try:
        length = len(source)
    except StreamError as error:
        # A DataRef that repeats without end has no length.
        if limit is None:
            raise never_ending(source) from error
        return limit
    return length if limit is None else min(limit, length)


def never_ending(source: object) -> ArgumentError:
    """The error of a source without an end."""
    return ArgumentError(
        f"the source {source!r} never ends. Say how many records to store with limit=, "
        "or cut it with itertools.islice."
    )


def cut(blocks: Iterable[Block[Any]], limit: int | None) -> Iterator[Block[Any]]:
    """The blocks of the first `limit` records."""
    if limit == 0:
        return
    left = limit
    for block in blocks:
        if left is not None and len(block) >= left:
            yield block[:left]
            return
        yield block
        left = None if left is None else left - len(block)


def read_on(read: Callable[[int], Block[Any]]) -> Iterator[Block[Any]]:
    """What `read(n)` gives until it gives nothing, in blocks small enough for memory."""
    count = 1
    while True:
        began = time.monotonic()
        block = read(count)
        if not len(block):
            return
        count = _following(block, count, began)
        yield block


def _views(source: ArrayRecords, limit: int | None) -> Iterator[Columns[Any]]:
    """One block of views: whoever writes it cuts it as it needs, and nothing is copied."""
    columns = source.columns if limit is None else source.columns[:limit]
    if len(columns):
        yield columns


def _reads(source: Records[Any], stop: int) -> Iterator[Block[Any]]:
    start, count = 0, 1
    while start < stop:
        indices = np.arange(start, min(stop, start + count))
        began = time.monotonic()
        try:
            block = read_exactly(source, indices)
        except Exception:
            # Which record it was, only single reads can tell.
            yield from (read_exactly(source, one) for one in np.split(indices, len(indices)))
            start, count = start + len(indices), 1
            continue
        start += len(block)
        count = _following(block, len(block), began)
        yield block


def _draws(source: Iterable[Any], limit: int | None) -> Iterator[list[Any]]:
    records = iter(source)
    left = limit
    count = 1
    while True:
        block: list[Any] = []
        began = time.monotonic()
        asked = count if left is None else min(count, left)
        failure = _fill(block, records, asked)
        following = _following(block, asked, began) if block else 0
        if block:
            yield block
        if failure is not None:
            raise failure
        if len(block) < asked or asked == 0:
            return
        count = following
        left = None if left is None else left - asked


def _following(block: Block[Any], count: int, began: float) -> int:
    """How many records the block after this one may have."""
    # Columns are taken as they come: how they are cut may show in the shards.
    if isinstance(block, Columns) or time.monotonic() - began < BLOCK_S:
        return next_count(block)
    return max(1, count // 2)


def _fill(block: list[Any], records: Iterator[Any], count: int) -> Exception | None:
    """Adds records to a block; what the source raises comes after those before it."""
    try:
        # extend leaves what it had added when the iterator raises.
        block.extend(itertools.islice(records, count))
    except Exception as error:
        return error
    return None
