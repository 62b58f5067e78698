"""The buffers of one leaf in one shard, as the leaf of the whole dataset wants them.

A leaf may be wider in the manifest than in an early shard: None before its first number, of
one shape before its first other. What the shard lacks is made up here, but for lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.deferred import pyarrow as pa
from headrace.formats.schema import Branch, Leaf, Schema, leaves_of
from headrace.formats.shard_file import Buffers, Damaged, has_shapes, unsigned

OFFSET_BYTES = 8
BITS = 8


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
            return np.zeros((self.rows, row_bytes), np.uint8)
        return _exact(self.buffers[-1], self.rows * row_bytes).reshape(self.rows, row_bytes)

    def values(self) -> npt.NDArray[np.uint8]:
        """The bytes of all values of rows of any length."""
        if self.leaf.form == "null":
            return np.empty(0, np.uint8)
        return unsigned(self.buffers[-2 if has_shapes(self.leaf) else -1])

    def offsets(self) -> npt.NDArray[np.uint8]:
        """Shape `(rows + 1, 8)`: where each row begins, counted in values."""
        leaf, count = self.leaf, self.rows + 1
        if leaf.form in ("bytes", "ragged"):
            return _exact(self.buffers[1], count * OFFSET_BYTES).reshape(count, OFFSET_BYTES)
        size = 0 if leaf.form == "null" else leaf.row_bytes // leaf.numpy.itemsize
        return (np.arange(count) * size).view(np.uint8).reshape(count, OFFSET_BYTES)

    def shapes(self, ndim: int) -> npt.NDArray[np.uint8]:
        """Shape `(rows, 8 * ndim)`: the extents of each array."""
        row_bytes = OFFSET_BYTES * ndim
        if has_shapes(self.leaf):
            return _exact(self.buffers[-1], self.rows * row_bytes).reshape(-1, row_bytes)
        shape = np.array(self.leaf.shape or (0,) * ndim, np.int64)
        return np.tile(shape, (self.rows, 1)).view(np.uint8).reshape(-1, row_bytes)

    def validity(self) -> npt.NDArray[np.uint8]:
        """Shape `(rows / 8, 1)`: a bit for each row that is not None, lowest first."""
        count = -(-self.rows // BITS)
        if self.leaf.kind == "none":
            return np.zeros((count, 1), np.uint8)
        first = self.buffers[0] if self.leaf.form != "null" else None
        if first is None:
            return np.full((count, 1), np.iinfo(np.uint8).max, np.uint8)
        return _exact(first, count).reshape(count, 1)


def parts_of(known: Schema, whole: Part) -> list[Part]:
    """What a shard has of each leaf of `known`, the schema of the version, which is no narrower."""
    if isinstance(known, Leaf):
        return [whole]
    assert isinstance(whole.schema, Branch)
    found = []
    start = 0
    for child, schema in zip(known.children, whole.schema.children, strict=True):
        stop = start + len(leaves_of(schema))
        found += parts_of(child, Part(schema, whole.rows, whole.columns[start:stop]))
        start = stop
    return found


def _exact(buffer: pa.Buffer | None, size_bytes: int) -> npt.NDArray[np.uint8]:
    found = unsigned(buffer)
    if len(found) < size_bytes:
        raise Damaged(f"a column has {len(found)} of {size_bytes} bytes")
    return found[:size_bytes]
