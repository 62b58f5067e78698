"""Blocks of records to shards: transposed chunk by chunk, one shard in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from headrace.contracts.blobs import Blobs
from headrace.contracts.block import Block, Columns
from headrace.contracts.errors import RecordError
from headrace.contracts.tree import Record, builder
from headrace.formats import shard_file
from headrace.formats.behind import Behind
from headrace.formats.column import Column
from headrace.formats.learn import leaves_with, schema_with
from headrace.formats.lists import DEEPEST
from headrace.formats.manifest import Shard
from headrace.formats.publish import write_shard
from headrace.formats.schema import Schema, leaves_of, tree_of, with_leaves
from headrace.formats.tensors import without_tensors
from headrace.formats.transpose import (
    Values,
    declared_tree,
    leaf_rows,
    leaf_values,
    transposed,
)
from headrace.formats.unfit import Unfit
from headrace.formats.widen import widened

# Large enough that the cost of a file is nothing, small enough to hold in memory.
SHARD_BYTES = 64 * 2**20
# A chunk is transposed at once: long enough for tight loops, small enough for the caches.
CHUNK_RECORDS = 1024
CHUNK_BYTES = 4 * 2**20
# Nobody knows the size of a record before the first is written, so chunks grow from 1.
CHUNK_GROWTH = 8


@dataclass(frozen=True)
class Written:
    """What was written: the schema that holds all records, and the shards in order."""

    schema: Schema | None
    shards: tuple[Shard, ...]


def write_blocks(
    blocks: Iterable[Block[Any]],  # Any: records are the user's
    *,
    blobs: Blobs,
    folder: str,
    advance: Callable[[int], None],
    shard_bytes: int = SHARD_BYTES,
    allow_pickle: bool = False,
) -> Written:
    """Writes records as shards under `folder`; a shard ends when it has `shard_bytes`.

    `advance` is called with the number of records each time some were taken in. Memory is
    bounded by two shards, the open one and the one that is being written; arrays of `Columns`
    that fill shards are written without a copy.

    Raises:
        RecordError: a record cannot be stored, or differs in structure from those before it.
    """
    writer = ShardWriter(
        blobs=blobs,
        folder=folder,
        advance=advance,
        shard_bytes=shard_bytes,
        allow_pickle=allow_pickle,
    )
    with closing(writer):
        for block in blocks:
            writer.add(block if isinstance(block, Columns) else without_tensors(block))
        return writer.finish()


class ShardWriter:
    """Writes the blocks that it is given as shards; `finish` writes the last one.

    Whoever made it closes it, which waits for the shard that is being written.
    """

    def __init__(
        self,
        *,
        blobs: Blobs,
        folder: str,
        advance: Callable[[int], None] = lambda _: None,
        shard_bytes: int = SHARD_BYTES,
        allow_pickle: bool = False,
    ) -> None:
        self._end = ExitStack()
        self._behind = self._end.enter_context(Behind())
        target = _Target(blobs, folder, shard_bytes)
        self._writer = _Writer(target, self._behind, allow_pickle=allow_pickle, advance=advance)

    def add(self, block: Block[Any] | Sequence[Record]) -> None:  # Any: records are the user's
        """Takes in records; those of a list may be held until some more have come."""
        if isinstance(block, Columns):
            self._writer.flush()
            self._writer.add_columns(block)
        else:
            self._writer.add_records(block)

    def finish(self) -> Written:
        """Writes what is left."""
        self._writer.flush()
        self._writer.close_shard()
        self._behind.settle()
        return Written(self._writer.schema, tuple(self._behind.shards))

    def close(self) -> None:
        """Ends the writing; what was written stays."""
        self._end.close()


@dataclass(frozen=True)
class _Target:
    """Where shards go, and how large they are."""

    blobs: Blobs
    folder: str
    shard_bytes: int


class _Writer:
    """The shard that is being filled, the records that wait for it, and what is known of them."""

    def __init__(
        self,
        target: _Target,
        behind: Behind,
        *,
        allow_pickle: bool,
        advance: Callable[[int], None],
    ) -> None:
        self.schema: Schema | None = None
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
        self._taken = 0  # of all records

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
            self._fit(waiting[:1])
        self._append(self._transposed(waiting), len(waiting))

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
        fill = partial(shard_file.write, schema=self.schema, columns=self._columns, rows=self._rows)
        target = self._target
        write = partial(write_shard, target.blobs, target.folder, fill=fill, rows=self._rows)
        if any(column.is_lent for column in self._columns):
            self._behind.write_now(write)
            self._clear(self._columns)
        else:
            self._behind.write(write)
            self._swap()
        self._rows = 0

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

    def _append(self, chunk: list[Values], count: int) -> None:
        try:
            self._put(chunk)
        except Unfit:
            self._put_learned(chunk, count)
        for column in self._columns:
            column.commit()
        self._rows += count
        self._taken += count
        size_bytes = sum(column.size_bytes for column in self._columns)
        mean = max(1.0, size_bytes / self._rows)
        if size_bytes >= self._target.shard_bytes:
            self.close_shard()
            size_bytes = 0
        self._longest = min(CHUNK_RECORDS, max(self._longest, count * CHUNK_GROWTH))
        missing = math.ceil((self._target.shard_bytes - size_bytes) / mean)
        self._chunk = max(1, min(self._longest, missing, int(CHUNK_BYTES / mean)))

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
        size_bytes = sum(column.size_bytes for column in self._columns)
        row_bytes = max(1.0, sum(leaf.nbytes / len(leaf) for leaf in arrays))
        return math.ceil((self._target.shard_bytes - size_bytes) / row_bytes)

    def _put(self, chunk: list[Values]) -> None:
        for column, values in zip(self._columns, chunk, strict=True):
            column.put(values)

    def _put_learned(self, chunk: list[Values], count: int) -> None:
        """Puts values that are not what the leaves say, or names the record that cannot be."""
        assert self.schema is not None
        known = [column.leaf for column in self._columns]
        leaves = leaves_with(known, chunk, allow_pickle=self._allow_pickle)
        if leaves is not None:
            self._use(with_leaves(self.schema, iter(leaves)))
        else:
            lists = map(leaf_rows, known, chunk)
            records = list(map(builder(tree_of(self.schema)), zip(*lists, strict=True)))
            self._fit(records)
            chunk = transposed(self.schema, records)
        try:
            self._put(chunk)
        except Unfit as error:
            raise RecordError(
                f"one of the {count} records from {self._taken} on holds a list that cannot be "
                f"stored: it has more than {DEEPEST} levels, or a key that UTF-8 cannot hold. "
                "Store it as text, or as bytes."
            ) from error

    def _transposed(self, records: Sequence[Record]) -> list[Values]:
        assert self.schema is not None
        try:
            return transposed(self.schema, records)
        except Unfit:
            self._fit(records)
        return transposed(self.schema, records)

    def _fit(self, records: Sequence[Record]) -> None:
        """Widens the schema so that it holds the records, or names the first that it cannot."""
        schema = self.schema
        for number, record in enumerate(records, self._taken):
            schema = schema_with(schema, record, number=number, allow_pickle=self._allow_pickle)
        assert schema is not None
        self._use(schema)

    def _use(self, schema: Schema) -> None:
        if self.schema is None:
            self._columns = [Column(leaf) for leaf in leaves_of(schema)]
        elif schema is not self.schema:
            self._columns = widened(self.schema, self._columns, schema, rows=self._rows)
        self.schema = schema
