"""The shard that is being filled: records transposed chunk by chunk into its columns."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from headrace.contracts.block import Columns
from headrace.contracts.errors import RecordError
from headrace.contracts.tree import Record, builder
from headrace.formats.columns.column import Column
from headrace.formats.compression.fields import NO_COMPRESSION
from headrace.formats.schema.learn import leaves_with, schema_with
from headrace.formats.schema.lists import DEEPEST
from headrace.formats.schema.schema import Schema, leaves_of, tree_of, with_leaves
from headrace.formats.schema.transpose import (
    Values,
    declared_tree,
    leaf_rows,
    leaf_values,
    transposed,
)
from headrace.formats.schema.unfit import Unfit
from headrace.formats.writing.behind import Behind
from headrace.formats.writing.packing import shard_of
from headrace.formats.writing.stretches import Stretch, Stretches, StretchOver, largest_shard
from headrace.formats.writing.target import Target
from headrace.formats.writing.widen import widened

# A chunk is transposed at once: long enough for tight loops, small enough for the caches.
CHUNK_RECORDS = 1024
CHUNK_BYTES = 4 * 2**20
# Nobody knows the size of a record before the first is written, so chunks grow from 1.
CHUNK_GROWTH = 8


class Filling:
    """The shard that is being filled, the records that wait for it, and what is known of them.

    With a stretch only that one is written, else all of them.
    """

    def __init__(
        self,
        target: Target,
        behind: Behind,
        *,
        allow_pickle: bool,
        advance: Callable[[int], None],
        stretch: Stretch | None = None,
    ) -> None:
        self.schema: Schema | None = None
        only = stretch or Stretch(is_alone=False)
        self._is_alone = only.is_alone
        self._target = target
        self._behind = behind
        self._allow_pickle = allow_pickle
        self._advance = advance
        self._columns: list[Column] = []
        # The columns of the shard before, whose memory is used again once it is written.
        self._spare: list[Column] = []
        self._waiting: list[Record] = []
        self._chunk = self._longest = 1
        self._rows = 0  # of the open shard
        self._taken = only.begin  # of all records
        self._stretches = Stretches(target.shard_bytes)
        # Rows and bytes of the stretch in the shards that were closed.
        self.stretch_rows = self.stretch_bytes = 0
        self._open_stretch(only.length)
        if only.schema is not None:
            # What is compressed here was asked for here.
            self._use(NO_COMPRESSION.applied(only.schema))

    def add_records(self, records: Sequence[Record]) -> None:
        """Takes in a list of records, in chunks of our own length."""
        start = 0
        while start < len(records):
            stop = min(start + max(1, self._chunk - len(self._waiting)), len(records))
            self._waiting += records[start:stop]
            # Now: a slow source may take minutes to fill the chunk.
            self._advance(stop - start)
            start = stop
            if len(self._waiting) >= self._chunk:
                self.flush()

    def flush(self) -> None:
        """Takes in the records that wait."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if self.schema is None:
            self._fit(waiting[0])
        self._add(waiting)

    def add_columns(self, block: Columns[Any]) -> None:  # Any: records are the user's
        """Takes in columns: arrays are lent to the shard until the block ends."""
        while len(block):
            block = self._add_alike(block)
        for column in self._columns:
            column.own()

    def close_shard(self) -> None:
        """Writes the open shard, if it has a row."""
        if not self._rows:
            return
        assert self.schema is not None
        self.stretch_rows += self._rows
        self.stretch_bytes += self._size_bytes
        write = shard_of(self._target, self.schema, self._columns, rows=self._rows)
        if any(column.is_lent for column in self._columns):
            self._behind.write_now(write)
            self._clear(self._columns)
        else:
            self._behind.write(write)
            self._swap()
        self._rows = 0

    @property
    def coded_schema(self) -> Schema | None:
        """The schema with the codecs of what is compressed."""
        schema = self.schema
        return None if schema is None else self._target.compression.applied(schema)

    @property
    def _size_bytes(self) -> int:
        return sum(column.size_bytes for column in self._columns)

    def _open_stretch(self, length: int | None) -> None:
        # Where no shard tells its length yet, the first one ends it.
        self._is_first = length is None
        self._left = sys.maxsize if length is None else length
        self._full_bytes = largest_shard(self._target.shard_bytes, is_first=length is None)

    def _end_stretch(self) -> None:
        """Ends a stretch that has its records, and begins the next one."""
        self.close_shard()
        if self._is_alone:
            raise StretchOver
        self._stretches.note(self.stretch_rows, self.stretch_bytes)
        self.stretch_rows = self.stretch_bytes = 0
        self._open_stretch(self._stretches.length(self._stretches.noted))

    def _swap(self) -> None:
        """Goes on with the columns of the shard before, which is written by now."""
        written, self._spare = self._spare, self._columns
        self._clear(written)
        leaves = [column.leaf for column in self._columns]
        is_alike = [column.leaf for column in written] == leaves
        self._columns = written if is_alike else [Column(leaf) for leaf in leaves]

    def _clear(self, columns: list[Column]) -> None:
        for column in columns:
            column.clear(2 * self._target.shard_bytes)

    def _add(self, records: Sequence[Record]) -> None:
        """Takes in records; one that needs a wider schema gets it when its turn comes."""
        assert self.schema is not None
        try:
            chunk = transposed(self.schema, records)
        except Unfit:
            if len(records) > 1:
                half = len(records) // 2
                self._add(records[:half])
                self._add(records[half:])
                return
            self._fit(records[0])
            chunk = transposed(self.schema, records)
        self._append(chunk, len(records))

    def _append(self, chunk: list[Values], count: int) -> None:
        """Takes in rows, and writes each shard that they fill."""
        while count:
            known = self.schema
            asked = min(count, self._left)
            some = chunk if asked == count else [leaf[:asked] for leaf in chunk]
            over = self._append_some(some, asked)
            chunk = self._rest(known, chunk, asked - over)
            count -= asked - over

    def _rest(self, known: Schema | None, chunk: list[Values], start: int) -> list[Values]:
        """The rows of a chunk of the schema `known` from `start` on, as the schema is by now."""
        rest = [leaf[start:] for leaf in chunk]
        assert known is not None
        assert self.schema is not None
        if known is self.schema or tree_of(self.schema) == tree_of(known):
            return rest
        return transposed(self.schema, _records(known, rest))

    def _append_some(self, chunk: list[Values], count: int) -> int:
        """Takes in rows up to one that fills a shard; gives how many are left."""
        try:
            self._put(chunk)
        except Unfit:
            if count > 1:
                self._append_halves(chunk, count)
                return 0
            self._put_learned(chunk)
        for column in self._columns:
            column.commit()
        self._rows += count
        self._taken += count
        size_bytes = self._size_bytes
        mean = max(1.0, size_bytes / self._rows)
        self._longest = min(CHUNK_RECORDS, max(self._longest, count * CHUNK_GROWTH))
        over = 0
        if size_bytes >= self._full_bytes:
            over = self._end_shard(count)
            size_bytes = 0
        self._left -= count - over
        if not self._left or (self._is_first and not self._rows):
            self._end_stretch()
            size_bytes = 0
        missing = math.ceil((self._full_bytes - size_bytes) / mean)
        self._chunk = max(1, min(self._longest, missing, int(CHUNK_BYTES / mean)))
        return over

    def _append_halves(self, chunk: list[Values], count: int) -> None:
        # The schema of a shard is that of its records: a row of the next one must not widen it.
        known, half = self.schema, count // 2
        self._append([leaf[:half] for leaf in chunk], half)
        self._append(self._rest(known, chunk, half), count - half)

    def _end_shard(self, count: int) -> int:
        """Ends the shard with the row that fills it; gives how many of the last `count` are over.

        So that shards do not depend on how their records came.
        """
        start = self._rows - count
        sizes = sum(column.sizes(start) for column in self._columns)
        over = count - 1 - int(np.searchsorted(sizes, self._full_bytes))
        self._rows -= over
        self._taken -= over
        for column in self._columns:
            column.cut(self._rows)
        self.close_shard()
        return over

    def _add_alike(self, block: Columns[Any]) -> Columns[Any]:  # Any: records are the user's
        """Takes in columns as long as they are those of the schema, and gives the rest."""
        first = block[0]
        schema = schema_with(
            self.schema,
            first,
            number=self._taken,
            allow_pickle=self._allow_pickle,
            tree=declared_tree(block.layout.tree, first),
        )
        self._use(schema)
        values = leaf_values(schema, block)
        if values is None:
            # Containers that go into a leaf of their own are columns here.
            self.add_records(block.rows())
            self.flush()
            return block[:0]
        start = 0
        # A leaf that has become wider may be a list that had a column for each position.
        while start < len(block) and self.schema is schema:
            stop = min(start + self._piece(values), len(block))
            self._append([leaf[start:stop] for leaf in values], stop - start)
            self._advance(stop - start)
            start = stop
        return block[start:]

    def _piece(self, values: list[Values]) -> int:
        """How many rows of columns to take at once: all that the shard has room for."""
        arrays = [leaf for leaf in values if isinstance(leaf, np.ndarray)]
        if len(arrays) < len(values) or not arrays:
            return self._chunk
        row_bytes = max(1.0, sum(leaf.nbytes / len(leaf) for leaf in arrays))
        room = math.ceil((self._full_bytes - self._size_bytes) / row_bytes)
        return min(self._left, room)

    def _put(self, chunk: list[Values]) -> None:
        for column, values in zip(self._columns, chunk, strict=True):
            column.put(values)

    def _put_learned(self, row: list[Values]) -> None:
        """Puts a row that is not what the leaves say, or tells why it cannot be."""
        assert self.schema is not None
        known = [column.leaf for column in self._columns]
        leaves = leaves_with(known, row, allow_pickle=self._allow_pickle)
        if leaves is not None:
            self._use(with_leaves(self.schema, iter(leaves)))
        else:
            records = _records(self.schema, row)
            self._fit(records[0])
            row = transposed(self.schema, records)
        try:
            self._put(row)
        except Unfit as error:
            raise RecordError(
                f"record {self._taken} holds a list that cannot be stored: it has more than "
                f"{DEEPEST} levels, or a key that UTF-8 cannot hold. Store it as text, or as bytes."
            ) from error

    def _fit(self, record: Record) -> None:
        """Widens the schema so that it holds the record, or says why it cannot."""
        self._use(
            schema_with(self.schema, record, number=self._taken, allow_pickle=self._allow_pickle)
        )

    def _use(self, schema: Schema) -> None:
        if self.schema is None:
            self._columns = [Column(leaf) for leaf in leaves_of(schema)]
        elif schema is not self.schema:
            self._columns = widened(self.schema, self._columns, schema, rows=self._rows)
        if schema is not self.schema:
            self._target.compression.applied(schema)  # now: not when the shard is full
        self.schema = schema


def _records(schema: Schema, chunk: list[Values]) -> list[Record]:
    """The records that a chunk was made of."""
    lists = map(leaf_rows, leaves_of(schema), chunk)
    return list(map(builder(tree_of(schema)), zip(*lists, strict=True)))
