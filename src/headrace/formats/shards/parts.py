"""The buffers of one leaf in one shard, as the leaf of the whole dataset wants them.

A leaf may be wider in the manifest than in an early shard: None before its first number, of
one shape before its first other. What the shard lacks is made up here, but for lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.deferred import pyarrow as pa
from headrace.formats.manifest.placement import has_shapes
from headrace.formats.schema.schema import Branch, Leaf, Schema, leaves_of
from headrace.formats.shards.shard_file import Buffers, Damaged, unsigned

OFFSET_BYTES = 8
BITS = 8
# What is made up of a shard that knows only None or arrays without values: none of it is in the
# file, so that its number of records alone would say how much memory to take. Zeros take none.
MOST_MADE_UP_BYTES = 2**32


@dataclass(frozen=True)
class Part:
    """What one shard has of one leaf: its schema there, the number of rows, the buffers.

    The schema is a leaf too, but for lists that the shard has as a column for each position.
    """

    schema: Schema
    rows: int
    columns: list[Buffers]

    @property
    def leaf(self) -> Leaf:
        """The leaf as the shard knows it."""
        assert isinstance(self.schema, Leaf)
        return self.schema

    @property
    def buffers(self) -> Buffers:
        """The buffers of the leaf."""
        return self.columns[0]

    def members(self) -> list[Part]:
        """A part for each leaf of the schema."""
        pairs = zip(leaves_of(self.schema), self.columns, strict=True)
        return [Part(leaf, self.rows, [buffers]) for leaf, buffers in pairs]

    def fixed(self, row_bytes: int) -> npt.NDArray[np.uint8]:
        """Shape `(rows, row_bytes)`; zeros where the shard knows only None."""
        if self.leaf.form == "null":
            return self._zeros(row_bytes)
        return _exact(self.buffers[-1], self.rows * row_bytes).reshape(self.rows, row_bytes)

    def values(self) -> npt.NDArray[np.uint8]:
        """The bytes of all values of rows of any length."""
        if self.leaf.form == "null":
            return np.empty(0, np.uint8)
        has_more = has_shapes(self.leaf) or self.leaf.is_compressed
        return unsigned(self.buffers[-2 if has_more else -1])

    def note(self) -> bytes:
        """What tells how the values of a compressed leaf are read."""
        return unsigned(self.buffers[-1]).tobytes()

    def offsets(self) -> npt.NDArray[np.uint8]:
        """Shape `(rows + 1, 8)`: where each row begins, counted in values."""
        leaf, count = self.leaf, self.rows + 1
        if leaf.form in ("bytes", "ragged"):
            return _exact(self.buffers[1], count * OFFSET_BYTES).reshape(count, OFFSET_BYTES)
        if leaf.form == "null":
            return self._zeros(OFFSET_BYTES, count)
        size = leaf.row_bytes // leaf.numpy.itemsize
        return (np.arange(count) * size).view(np.uint8).reshape(count, OFFSET_BYTES)

    def shapes(self, ndim: int) -> npt.NDArray[np.uint8]:
        """Shape `(rows, 8 * ndim)`: the extents of each array."""
        row_bytes = OFFSET_BYTES * ndim
        if has_shapes(self.leaf):
            return _exact(self.buffers[-1], self.rows * row_bytes).reshape(-1, row_bytes)
        if self.leaf.kind == "none":
            return self._zeros(row_bytes)
        shape = np.array(self.leaf.shape, np.int64)
        self._check_made_up(self.rows * row_bytes)
        return np.tile(shape, (self.rows, 1)).view(np.uint8).reshape(-1, row_bytes)

    def validity(self) -> npt.NDArray[np.uint8]:
        """Shape `(rows / 8, 1)`: a bit for each row that is not None, lowest first."""
        count = -(-self.rows // BITS)
        if self.leaf.kind == "none":
            return self._zeros(1, count)
        first = self.buffers[0] if self.leaf.form != "null" else None
        if first is None:
            self._check_made_up(count)
            return np.full((count, 1), np.iinfo(np.uint8).max, np.uint8)
        return _exact(first, count).reshape(count, 1)

    def _zeros(self, row_bytes: int, rows: int | None = None) -> npt.NDArray[np.uint8]:
        count = self.rows if rows is None else rows
        self._check_made_up(count * row_bytes)
        return np.zeros((count, row_bytes), np.uint8)

    def _check_made_up(self, size_bytes: int) -> None:
        if size_bytes > MOST_MADE_UP_BYTES:
            raise Damaged(f"{self.rows:,} records without a value are more than one shard has")


def parts_of(known: Schema, whole: Part) -> list[Part]:
    """What a shard has of each leaf of `known`, the schema of the version, which is no narrower."""
    if isinstance(known, Leaf):
        _check_kinds(known, whole.schema)
        return [whole]
    assert isinstance(whole.schema, Branch)
    found = []
    start = 0
    for child, schema in zip(known.children, whole.schema.children, strict=True):
        stop = start + len(leaves_of(schema))
        found += parts_of(child, Part(schema, whole.rows, whole.columns[start:stop]))
        start = stop
    return found


def _check_kinds(known: Leaf, schema: Schema) -> None:
    """Makes sure that nothing is unpickled but what was pickled, whatever pickles might hold."""
    kinds = {leaf.kind for leaf in leaves_of(schema)} - {"none"}
    if kinds - {known.kind} and "pickle" in (*kinds, known.kind):
        raise Damaged(f"the column {known.column!r} is {schema} here, and {known} in its version")


def _exact(buffer: pa.Buffer | None, size_bytes: int) -> npt.NDArray[np.uint8]:
    found = unsigned(buffer)
    if len(found) < size_bytes:
        raise Damaged(f"a column has {len(found)} of {size_bytes} bytes")
    return found[:size_bytes]
