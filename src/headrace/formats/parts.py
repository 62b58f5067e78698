"""The buffers of one leaf in one shard, as the leaf of the whole dataset wants them.

A leaf may be wider in the manifest than in an early shard: None before its first number, of
one shape before its first other. What the shard lacks is made up here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.formats.schema import Leaf
from headrace.formats.shard_file import Damaged, has_shapes, unsigned

OFFSET_BYTES = 8
BITS = 8


@dataclass(frozen=True)
class Part:
    """One leaf of one shard: the leaf as the shard knows it, the number of rows, the buffers."""

    leaf: Leaf
    rows: int
    buffers: list[pa.Buffer | None]

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


def _exact(buffer: pa.Buffer | None, size_bytes: int) -> npt.NDArray[np.uint8]:
    found = unsigned(buffer)
    if len(found) < size_bytes:
        raise Damaged(f"a column has {len(found)} of {size_bytes} bytes")
    return found[:size_bytes]
