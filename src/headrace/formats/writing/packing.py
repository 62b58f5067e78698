"""Columns on their way into a shard: those that are compressed become frames and a note."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np

from headrace.formats.columns.column import Column
from headrace.formats.compression.fields import Compression
from headrace.formats.compression.note import Packing, note_of
from headrace.formats.compression.zstd import compressed
from headrace.formats.manifest.manifest import Shard
from headrace.formats.manifest.placement import Placement
from headrace.formats.schema.schema import Leaf, Schema, leaves_of
from headrace.formats.shards import shard_file
from headrace.formats.writing.publish import write_shard
from headrace.formats.writing.target import Target


def shard_of(
    target: Target, schema: Schema, columns: Sequence[Column], *, rows: int
) -> Callable[[], Shard]:
    """What writes a shard of the columns, which are not changed before it has."""
    compression = target.compression
    return partial(
        write_shard,
        target.blobs,
        target.folder,
        fill=partial(write, schema=schema, columns=columns, rows=rows, compression=compression),
        rows=rows,
        raw_bytes=raw_bytes(schema, columns, compression),
        trust=target.trust,
    )


def write(
    sink: BinaryIO,
    schema: Schema,
    columns: Sequence[Column],
    *,
    rows: int,
    compression: Compression,
) -> Placement:
    """Writes a shard of the columns, some of them compressed; says where their buffers lie."""
    coded = compression.applied(schema)
    stored, notes = [], {}
    for column, leaf in zip(columns, leaves_of(coded), strict=True):
        level = compression.level_of(leaf) if leaf.is_compressed else None
        if level is None:
            stored.append(column)
            continue
        frames, packing = packed(column, leaf, level=level)
        stored.append(frames)
        notes[leaf.column] = note_of(packing)
    return shard_file.write(sink, coded, stored, rows=rows, notes=notes)


def packed(column: Column, leaf: Leaf, *, level: int) -> tuple[Column, Packing]:
    """The column with a frame in the place of each value, and what tells how to read it."""
    values = column.data.filled.data
    ends = column.ends.filled.tolist()
    rows = [values[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    frames, dictionary = compressed(rows, level=level)
    made = Column(leaf)
    made.data.lend(np.frombuffer(b"".join(frames), np.uint8))
    made.ends.lend(np.cumsum(np.fromiter(map(len, frames), np.int64, len(frames))))
    made.flags.lend(column.flags.filled)
    made.commit()
    made.rows = column.rows
    return made, Packing(leaf.codec, values.nbytes, dictionary)


def raw_bytes(
    schema: Schema, columns: Sequence[Column], compression: Compression
) -> dict[str, int]:
    """How many bytes each column has that is compressed, before it is."""
    leaves = leaves_of(compression.applied(schema))
    pairs = zip(columns, leaves, strict=True)
    return {leaf.column: column.data.length for column, leaf in pairs if leaf.is_compressed}
