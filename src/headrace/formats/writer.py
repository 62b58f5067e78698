"""Blocks of records to shards, however the records come in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from headrace.contracts.blobs import Blobs
from headrace.contracts.block import Block, Columns
from headrace.contracts.tree import Record
from headrace.formats.behind import Behind
from headrace.formats.filling import Filling, Target
from headrace.formats.manifest import Shard
from headrace.formats.schema import Schema
from headrace.formats.stretches import Stretch, StretchOver
from headrace.formats.tensors import without_tensors

# Large enough that the cost of a file is nothing, small enough to hold in memory.
SHARD_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Written:
    """What was written: the schema that holds all records, and the shards in order.

    Of a stretch that was written by itself, `rows` and `size_bytes` say how long the next may be.
    """

    schema: Schema | None
    shards: tuple[Shard, ...]
    rows: int = 0
    size_bytes: int = 0


def write_blocks(
    blocks: Iterable[Block[Any]],  # Any: records are the user's
    *,
    blobs: Blobs,
    folder: str,
    advance: Callable[[int], None],
    shard_bytes: int = SHARD_BYTES,
    allow_pickle: bool = False,
) -> Written:
    """Writes records as shards under `folder`; a shard ends with the record that fills it.

    It is full with `shard_bytes`, or up to a quarter more where the first shard had smaller
    records. Equal records give equal shards, whatever blocks they come in.

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
        stretch: Stretch | None = None,
    ) -> None:
        # Whether the one stretch that is wanted has all its records, so that more are dropped.
        self.is_over = False
        self._end = ExitStack()
        self._behind = self._end.enter_context(Behind())
        target = Target(blobs, folder, shard_bytes)
        self._writer = Filling(
            target, self._behind, allow_pickle=allow_pickle, advance=advance, stretch=stretch
        )

    def add(self, block: Block[Any] | Sequence[Record]) -> None:  # Any: records are the user's
        """Takes in records; those of a list may be held until some more have come."""
        if self.is_over:
            return
        try:
            if isinstance(block, Columns):
                self._writer.flush()
                self._writer.add_columns(block)
            else:
                self._writer.add_records(block)
        except StretchOver:
            self.is_over = True

    def finish(self) -> Written:
        """Writes what is left."""
        writer = self._writer
        try:
            writer.flush()
        except StretchOver:
            self.is_over = True
        writer.close_shard()
        self._behind.settle()
        shards = tuple(self._behind.shards)
        return Written(writer.schema, shards, writer.stretch_rows, writer.stretch_bytes)

    def close(self) -> None:
        """Ends the writing; what was written stays."""
        self._end.close()
