"""Blocks of records to shards: transposed chunk by chunk, one shard in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import numpy as np

from headrace.contracts.blobs import Blobs
from headrace.contracts.block import Block, Columns
from headrace.contracts.errors import RecordError
from headrace.contracts.tree import Record, builder
from headrace.formats import shard_file
from headrace.formats.as_bytes import Unfit
from headrace.formats.column import Column
from headrace.formats.infer import Unstorable, leaf_of, merged, merged_schema, schema_of
from headrace.formats.manifest import Shard
from headrace.formats.publish import write_shard
from headrace.formats.schema import Leaf, Schema, leaves_of, tree_of, with_leaves
from headrace.formats.tensors import without_tensors
from headrace.formats.transpose import Values, leaf_values, transposed

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
    bounded by the shard; arrays of `Columns` that fill shards are written without a copy.

    Raises:
        RecordError: a record cannot be stored, or differs in structure from those before it.
    """
    target = _Target(blobs, folder, shard_bytes)
    writer = _Writer(target, allow_pickle, advance)
    for block in blocks:
        if isinstance(block, Columns):
            writer.flush()
            writer.add_columns(block)
        else:
            writer.add_records(without_tensors(block))
    writer.flush()
    writer.close_shard()
    return Written(writer.schema, tuple(writer.shards))


@dataclass(frozen=True)
class _Target:
    """Where shards go, and how large they are."""

    blobs: Blobs
    folder: str
    shard_bytes: int


class _Writer:
    """The shard that is being filled, the records that wait for it, and what is known of them."""

    def __init__(self, target: _Target, allow_pickle: bool, advance: Callable[[int], None]) -> None:
        self.schema: Schema | None = None
        self.shards: list[Shard] = []
        self._target = target
        self._allow_pickle = allow_pickle
        self._advance = advance
        self._columns: list[Column] = []
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
        schema = self._schema_with(waiting[0])
        try:
            chunk = transposed(schema, waiting)
        except Unfit:
            self._refuse_structure(schema, waiting)
        self._append(chunk, len(waiting))

    def add_columns(self, block: Columns[Any]) -> None:  # Any: records are the user's
        """Takes in columns: arrays are lent to the shard until the block ends."""
        if not len(block):
            return
        schema = self._schema_with(block[0])
        if len(leaves_of(schema)) != len(block.leaves):
            # Containers that go into a pickle are columns here.
            self.add_records(block.rows())
            self.flush()
            return
        values = leaf_values(schema, block)
        start = 0
        while start < len(block):
            stop = min(start + self._piece(values), len(block))
            self._append([leaf[start:stop] for leaf in values], stop - start)
            self._advance(stop - start)
            start = stop
        for column in self._columns:
            column.own()

    def close_shard(self) -> None:
        """Writes the open shard, if it has a row."""
        if not self._rows:
            return
        assert self.schema is not None
        fill = partial(shard_file.write, schema=self.schema, columns=self._columns, rows=self._rows)
        self.shards.append(
            write_shard(self._target.blobs, self._target.folder, fill=fill, rows=self._rows)
        )
        for column in self._columns:
            column.clear(2 * self._target.shard_bytes)
        self._rows = 0

    def _append(self, chunk: list[Values], count: int) -> None:
        try:
            self._put(chunk)
        except Unfit:
            self._learn(chunk)
            self._put(chunk)
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

    def _schema_with(self, record: Record) -> Schema:
        """The schema, made to hold `record`, the next one, too."""
        new = self._described(record, self._taken)
        if self.schema is None:
            self.schema = new
            self._columns = [Column(leaf) for leaf in leaves_of(new)]
            return new
        wider = merged_schema(self.schema, new)
        if wider is None:
            raise self._difference(record, self._taken)
        self._widen(leaves_of(wider))
        return wider

    def _learn(self, chunk: list[Values]) -> None:
        """Widens the leaves so that they hold the chunk, or names the record that none can."""
        wider = []
        misfits = []
        for column, values in zip(self._columns, chunk, strict=True):
            leaf, at = self._widened(column.leaf, values)
            wider.append(leaf)
            misfits += [] if at is None else [at]
        if not misfits:
            self._widen(wider)
            return
        at = min(misfits)
        pairs = zip(self._columns, chunk, strict=True)
        self._widen([self._widened(column.leaf, values[:at])[0] for column, values in pairs])
        assert self.schema is not None
        record = builder(tree_of(self.schema))([values[at] for values in chunk])
        raise self._difference(record, self._taken + at)

    def _widened(self, leaf: Leaf, values: Values) -> tuple[Leaf, int | None]:
        """The leaf that holds all values, and the place of the first that cannot be held."""
        for at, value in enumerate(values[:1] if isinstance(values, np.ndarray) else values):
            try:
                wider = merged(leaf, leaf_of(value, allow_pickle=self._allow_pickle))
            except Unstorable:
                return leaf, at
            if wider is None:
                return leaf, at
            leaf = wider
        return leaf, None

    def _widen(self, leaves: list[Leaf]) -> None:
        assert self.schema is not None
        self.schema = with_leaves(self.schema, iter(leaves))
        for column, leaf in zip(self._columns, leaves, strict=True):
            if column.leaf != leaf:
                column.become(leaf)

    def _refuse_structure(self, schema: Schema, records: Sequence[Record]) -> NoReturn:
        """Names the first record that does not fit, be it for its structure or for a leaf."""
        for record in records:
            try:
                chunk = transposed(schema, [record])
            except Unfit:
                raise self._difference(record, self._taken) from None
            self._append(chunk, 1)
        raise AssertionError(f"{len(records)} records fit one by one, and not together")

    def _described(self, record: Record, number: int) -> Schema:
        try:
            return schema_of(record, allow_pickle=self._allow_pickle)
        except Unstorable as error:
            what, remedy = error.args
            raise RecordError(f"record {number} holds {what}. {remedy}") from error.__cause__

    def _difference(self, record: Record, number: int) -> RecordError:
        return RecordError(
            f"record {number} is {self._described(record, number)}, the records before it are "
            f"{self.schema}. Give all records one structure with .map; store lists of varying "
            "length as np.asarray(...), and numbers as all int or all float."
        )
