"""Readers of numbers and arrays: gathered rows of one size, views of any size, or nothing."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.block import Column
from headrace.formats.schema.schema import Leaf, row_kind
from headrace.formats.shards.gather import Numbers, Rows
from headrace.formats.shards.parts import OFFSET_BYTES, Part
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.shards.spans import Places, Spans, Validity

# Any, in this file: values are the user's, of every type.


# Of these dtypes, some bytes are no value, and NumPy relies on their absence.
UNSOUND_KINDS = "bU"


def check_values(values: npt.NDArray[Any]) -> None:
    """Makes sure that the bytes of an array are bools or characters. Raises Damaged."""
    if not values.size:
        return
    if values.dtype.kind == "b":
        if values.view(np.uint8).max() > 1:
            raise Damaged("a bool is neither true nor false")
        return
    codes = np.dtype(np.uint32).newbyteorder(values.dtype.byteorder)
    if values.reshape(-1).view(codes).max() > sys.maxunicode:
        raise Damaged("a character is none of Unicode")


class NullReader:
    """Leaves of which nothing is stored: None, and arrays without a value."""

    def __init__(self, leaf: Leaf) -> None:
        self._leaf = leaf

    def add(self, shard: int, part: Part) -> None:
        """Nothing is kept of a shard."""

    def read(self, places: Places) -> Column:
        count = len(places.rows)
        if self._leaf.kind == "none":
            return [None] * count
        return np.empty((count, *(self._leaf.shape or ())), self._leaf.numpy)


class FixedReader:
    """Numbers and arrays of one shape: one gather, or a view where the rows are a slice."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._rows = Rows(leaf.row_bytes, shards)
        self._dtype = leaf.numpy
        self._is_checked = self._dtype.kind in UNSOUND_KINDS
        self._shape = leaf.shape or ()
        self._is_listed = row_kind(leaf) == "object"

    def add(self, shard: int, part: Part) -> None:
        self._rows.add(shard, part.fixed(self._rows.row_bytes))

    def read(self, places: Places) -> Column:
        if places.run is not None and isinstance(places.shards, int):
            raw = self._rows.of_shard(places.shards)[places.run]
        else:
            raw = self._rows.take(places.shards, places.rows)
        column = raw.view(self._dtype).reshape(len(raw), *self._shape)
        if self._is_checked:
            check_values(column)
        if self._is_listed:
            return [column[at : at + 1].reshape(()) for at in range(len(column))]
        return column


class NullableReader:
    """Numbers beside None: a list."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._rows = Rows(leaf.row_bytes, shards)
        self._validity = Validity(shards)
        self._dtype = leaf.numpy
        self._is_scalar = leaf.kind == "scalar"

    def add(self, shard: int, part: Part) -> None:
        self._rows.add(shard, part.fixed(self._rows.row_bytes))
        self._validity.add(shard, part)

    def read(self, places: Places) -> Column:
        raw = self._rows.take(places.shards, places.rows)
        column = raw.view(self._dtype).reshape(len(raw))
        values = list(column) if self._is_scalar else column.tolist()
        flags = self._validity.read(places)
        return [value if flag else None for value, flag in zip(values, flags, strict=True)]


class RaggedReader:
    """Arrays of any shape, and arrays beside None: views of the map."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._dtype = leaf.numpy
        self._ndim = leaf.ndim
        self._spans = Spans(self._dtype.itemsize, shards)
        self._validity = Validity(shards) if leaf.nullable else None
        self._shapes = Rows(OFFSET_BYTES * leaf.ndim, shards) if leaf.ndim > 1 else None
        self._values: list[npt.NDArray[Any]] = [np.empty(0, self._dtype)] * shards

    def add(self, shard: int, part: Part) -> None:
        values = part.values()
        whole = len(values) // self._dtype.itemsize * self._dtype.itemsize
        self._values[shard] = values[:whole].view(self._dtype)
        self._spans.add(shard, part)
        if self._shapes is not None:
            self._shapes.add(shard, part.shapes(self._ndim))
        if self._validity is not None:
            self._validity.add(shard, part)

    def read(self, places: Places) -> Column:
        starts, stops = self._spans.read(places)
        spans = zip(places.each_shard(), starts.tolist(), stops.tolist(), strict=False)
        values = self._values
        found: list[Any] = [values[shard][start:stop] for shard, start, stop in spans]
        if self._dtype.kind in UNSOUND_KINDS:
            for array in found:
                check_values(array)
        if self._ndim != 1:
            shapes = self._read_shapes(places, stops - starts)
            try:
                found = [array.reshape(shape) for array, shape in zip(found, shapes, strict=True)]
            except ValueError as error:
                # Extents whose product is too large for 64 bits may look like the right one.
                raise Damaged(f"the shape of an array is none: {error}") from error
        if self._validity is None:
            return found
        flags = self._validity.read(places)
        return [array if flag else None for array, flag in zip(found, flags, strict=True)]

    def _read_shapes(self, places: Places, sizes: Numbers) -> list[Any]:
        if self._shapes is None:
            # A single value, or nothing in the place of None.
            return [() if size else (0,) for size in sizes.tolist()]
        taken = self._shapes.take(places.shards, places.rows)
        shapes = taken.view(np.int64).reshape(-1, self._ndim)
        if (shapes < 0).any() or (shapes.prod(axis=1) != sizes).any():
            raise Damaged("the shape of an array is not that of its values")
        found: list[Any] = shapes.tolist()
        return found
