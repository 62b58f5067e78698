"""Blocks of records to shards, however the records come in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from headrace.contracts.block import Block, Columns
from headrace.contracts.tree import Record
from headrace.formats.manifest.manifest import Shard
from headrace.formats.schema.schema import Schema
from headrace.formats.schema.tensors import without_tensors
from headrace.formats.writing.behind import Behind
from headrace.formats.writing.filling import Filling
from headrace.formats.writing.stretches import Stretch, StretchOver
from headrace.formats.writing.target import Target


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
    target: Target,
    *,
    advance: Callable[[int], None],
    allow_pickle: bool = False,
    schema: Schema | None = None,
) -> Written:
    """Writes records as shards; a shard ends with the record that fills it.

    It is full with `target.shard_bytes` before compression, or up to a quarter more where the first
    shard had smaller records. Equal records give equal shards, whatever blocks they come in.
    `schema` is that of records before them, which are stored already.

    `advance` is called with the number of records each time some were taken in. Memory is
    bounded by two shards, the open one and the one that is being written; arrays of `Columns`
    that fill shards are written without a copy.

    Raises:
        RecordError: a record cannot be stored, or differs in structure from those before it.
    """
    stretch = Stretch(schema=schema, is_alone=False)
    writer = ShardWriter(target, advance=advance, allow_pickle=allow_pickle, stretch=stretch)
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
        target: Target,
        *,
        advance: Callable[[int], None] = lambda _: None,
        allow_pickle: bool = False,
        stretch: Stretch | None = None,
    ) -> None:
        # Whether the one stretch that is wanted has all its records, so that more are dropped.
        self.is_over = False
        self._end = ExitStack()
        self._behind = self._end.enter_context(Behind())
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
        return Written(writer.coded_schema, shards, writer.stretch_rows, writer.stretch_bytes)

    def close(self) -> None:
        """Ends the writing; what was written stays."""
        self._end.close()
