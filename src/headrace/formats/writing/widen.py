"""The open shard's columns as a wider schema wants them, the rows so far among them."""

from __future__ import annotations

import numpy as np

from headrace.formats.columns.column import Column
from headrace.formats.reading.readers import TreeReader
from headrace.formats.schema.schema import Branch, Leaf, Schema, leaves_of
from headrace.formats.shards.parts import Part
from headrace.formats.shards.shard_file import buffers_of
from headrace.formats.shards.spans import Places

# Rows that become lists are Python objects meanwhile, of many times their size.
CHUNK_RECORDS = 1024


def widened(old: Schema, columns: list[Column], new: Schema, *, rows: int) -> list[Column]:
    """The columns of `new`, made out of those of `old`, which are not used again."""
    if isinstance(new, Branch):
        assert isinstance(old, Branch)
        found = []
        start = 0
        for before, after in zip(old.children, new.children, strict=True):
            stop = start + len(leaves_of(before))
            found += widened(before, columns[start:stop], after, rows=rows)
            start = stop
        return found
    if isinstance(old, Branch) or (new.kind == "list" and old.form not in (new.form, "null")):
        return [_as_lists(old, columns, new, rows=rows)]
    (column,) = columns
    if column.leaf != new:
        column.become(new)
    return columns


def _as_lists(old: Schema, columns: list[Column], leaf: Leaf, *, rows: int) -> Column:
    made = Column(leaf)
    if not rows:
        return made
    reader = TreeReader(old, 1)
    reader.add(0, Part(old, rows, list(map(buffers_of, columns))))
    for start in range(0, rows, CHUNK_RECORDS):
        run = slice(start, min(start + CHUNK_RECORDS, rows))
        made.put(reader.read(Places(0, np.arange(run.start, run.stop), run)))
        made.commit()
    return made
