"""One reader a form of leaf: which column the rows at some places give."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from headrace.contracts.block import Column, Columns
from headrace.contracts.tree import Record
from headrace.formats.reading.array_readers import (
    FixedReader,
    NullableReader,
    NullReader,
    RaggedReader,
)
from headrace.formats.reading.bytes_readers import BytesReader, ViewReader
from headrace.formats.reading.image_reader import ImageReader
from headrace.formats.schema.schema import Leaf, Schema, layout_of, leaves_of, row_kind
from headrace.formats.shards.parts import Part
from headrace.formats.shards.spans import Places


class Reader(Protocol):
    """The rows of one leaf in all shards that were added."""

    def add(self, shard: int, part: Part) -> None:
        """Makes a shard known. Raises Damaged where its buffers are too short."""
        ...

    def read(self, places: Places) -> Column:
        """The rows at the places, in that order."""
        ...


def empty_column(leaf: Leaf) -> Column:
    """The column of no rows."""
    if row_kind(leaf) == "object":
        return []
    return np.empty((0, *(leaf.shape or ())), leaf.numpy)


def reader_of(leaf: Leaf, shards: int, *, as_views: bool) -> Reader:
    """The reader of a leaf; `as_views` gives bytes as views of the map."""
    if leaf.kind == "list":
        return _ListReader(leaf, shards)
    if leaf.kind == "image":
        return ImageReader(leaf, shards)
    if leaf.form == "null":
        return NullReader(leaf)
    if leaf.form == "fixed":
        return NullableReader(leaf, shards) if leaf.nullable else FixedReader(leaf, shards)
    if leaf.form == "ragged":
        return RaggedReader(leaf, shards)
    if as_views and leaf.kind == "bytes":
        return ViewReader(leaf, shards)
    return BytesReader(leaf, shards)


class TreeReader:
    """Records, or parts of them, out of a column for each leaf of a schema."""

    def __init__(self, schema: Schema, shards: int) -> None:
        self._layout = layout_of(schema)
        self._readers = [reader_of(leaf, shards, as_views=False) for leaf in leaves_of(schema)]

    def add(self, shard: int, part: Part) -> None:
        """Makes a shard known, whose part has that schema."""
        for reader, member in zip(self._readers, part.members(), strict=True):
            reader.add(shard, member)

    def read(self, places: Places) -> list[Record]:
        """The records at the places, in that order."""
        leaves = [reader.read(places) for reader in self._readers]
        return Columns[Record](self._layout, leaves, len(places.rows)).rows()


class _ListReader:
    """Lists in all the ways that shards have them: the version's own, and narrower ones."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        is_packed = leaf.form == "bytes"
        own = BytesReader(leaf, shards) if is_packed else _NumbersReader(leaf, shards)
        self._form = leaf.form
        self._shards = shards
        self._narrower: list[Schema] = []
        self._ways: list[Reader] = [own]
        self._way_of = np.zeros(shards, np.int64)

    def add(self, shard: int, part: Part) -> None:
        way = self._way(part.schema)
        self._ways[way].add(shard, part)
        self._way_of[shard] = way

    def read(self, places: Places) -> Column:
        ways = np.broadcast_to(self._way_of.take(places.shards), places.rows.shape)
        first = int(ways[0])
        if (ways == first).all():
            return self._ways[first].read(places)
        found: list[Record] = [None] * len(ways)
        for way in sorted(set(ways.tolist())):
            where = np.flatnonzero(ways == way)
            shards = np.broadcast_to(places.shards, places.rows.shape)[where]
            values = self._ways[way].read(Places(shards, places.rows[where]))
            for at, value in zip(where.tolist(), values, strict=True):
                found[at] = value
        return found

    def _way(self, schema: Schema) -> int:
        """The number of the reader for shards of that schema."""
        if isinstance(schema, Leaf) and schema.form in (self._form, "null"):
            return 0
        if schema not in self._narrower:
            self._narrower.append(schema)
            self._ways.append(TreeReader(schema, self._shards))
        return 1 + self._narrower.index(schema)


class _NumbersReader:
    """Lists of ints or of floats."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._arrays = RaggedReader(leaf, shards)

    def add(self, shard: int, part: Part) -> None:
        self._arrays.add(shard, part)

    def read(self, places: Places) -> Column:
        arrays = self._arrays.read(places)
        return [None if array is None else array.tolist() for array in arrays]
