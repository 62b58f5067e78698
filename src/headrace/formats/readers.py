"""One reader a form of leaf: which column the rows at some places give."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from headrace.contracts.block import Column
from headrace.formats.gather import Numbers, Rows, address_space
from headrace.formats.parts import BITS, OFFSET_BYTES, Part
from headrace.formats.schema import Leaf, row_kind
from headrace.formats.shard_file import Damaged

# Any, in this file: values are the user's, of every type.

# Shorter texts are decoded together and cut: 230 ns each instead of 340 at 60 characters.
JOINED_CHARS = 512


class Places(NamedTuple):
    """Rows: the shard of each, or the one of all, and where in it; `run` if they are a slice."""

    shards: Numbers | int
    rows: Numbers
    run: slice | None = None

    def each_shard(self) -> Iterable[int]:
        """The number of the shard of each row."""
        return repeat(self.shards) if isinstance(self.shards, int) else self.shards.tolist()


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
    if leaf.form == "null":
        return _NullReader(leaf)
    if leaf.form == "fixed":
        return _NullableReader(leaf, shards) if leaf.nullable else _FixedReader(leaf, shards)
    if leaf.form == "ragged":
        return _RaggedReader(leaf, shards)
    if as_views and leaf.kind == "bytes":
        return _ViewReader(leaf, shards)
    return _BytesReader(leaf, shards)


class _NullReader:
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


class _FixedReader:
    """Numbers and arrays of one shape: one gather, or a view where the rows are a slice."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._rows = Rows(leaf.row_bytes, shards)
        self._dtype = leaf.numpy
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
        if self._is_listed:
            return [column[at : at + 1].reshape(()) for at in range(len(column))]
        return column


class _Validity:
    """Which rows are not None."""

    def __init__(self, shards: int) -> None:
        self._bits = Rows(1, shards)

    def add(self, shard: int, part: Part) -> None:
        self._bits.add(shard, part.validity())

    def read(self, places: Places) -> list[bool]:
        held = self._bits.take(places.shards, places.rows // BITS)[:, 0]
        flags: list[bool] = (held >> (places.rows % BITS) & 1).astype(bool).tolist()
        return flags


class _NullableReader:
    """Numbers beside None: a list."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._rows = Rows(leaf.row_bytes, shards)
        self._validity = _Validity(shards)
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


class _Spans:
    """Where the values of each row begin and end: rows of any length."""

    def __init__(self, itemsize: int, shards: int) -> None:
        self._offsets = Rows(OFFSET_BYTES, shards)
        self._sizes = np.zeros(shards, np.int64)
        self._itemsize = itemsize

    def add(self, shard: int, part: Part) -> None:
        self._sizes[shard] = len(part.values()) // self._itemsize
        self._offsets.add(shard, part.offsets())

    def read(self, places: Places) -> tuple[Numbers, Numbers]:
        """The first value of each row and the one behind its last.

        Raises:
            Damaged: an offset points out of its shard, which must not be followed.
        """
        starts = self._take(places, 0)
        stops = self._take(places, 1)
        sizes = self._sizes.take(places.shards)
        if (starts < 0).any() or (starts > stops).any() or (stops > sizes).any():
            raise Damaged("an offset points behind the end of its column")
        return starts, stops

    def _take(self, places: Places, step: int) -> Numbers:
        return self._offsets.take(places.shards, places.rows + step).view(np.int64).reshape(-1)


class _BytesReader:
    """Text, bytes and pickles: copied out of the maps one by one."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._spans = _Spans(1, shards)
        self._validity = _Validity(shards) if leaf.nullable else None
        self._addresses = np.zeros(shards, np.int64)
        self._values: list[npt.NDArray[np.uint8] | None] = [None] * shards
        self._memory = address_space().data
        self._read = _DECODERS[leaf.kind]

    def add(self, shard: int, part: Part) -> None:
        values = part.values()
        self._values[shard] = values  # keeps the map, of which only the address is used
        self._addresses[shard] = values.ctypes.data - 1
        self._spans.add(shard, part)
        if self._validity is not None:
            self._validity.add(shard, part)

    def read(self, places: Places) -> Column:
        starts, stops = self._spans.read(places)
        base = self._addresses.take(places.shards)
        memory = self._memory
        pairs = zip((starts + base).tolist(), (stops + base).tolist(), strict=True)
        pieces = [memory[start:stop] for start, stop in pairs]
        if self._validity is None:
            return self._read(pieces)
        flags = self._validity.read(places)
        present = [piece for piece, flag in zip(pieces, flags, strict=True) if flag]
        values = iter(self._read(present))
        return [next(values) if flag else None for flag in flags]


class _ViewReader:
    """Bytes as views of the map, which live as long as they are used."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._spans = _Spans(1, shards)
        self._validity = _Validity(shards) if leaf.nullable else None
        self._views = [memoryview(b"")] * shards

    def add(self, shard: int, part: Part) -> None:
        self._views[shard] = part.values().data
        self._spans.add(shard, part)
        if self._validity is not None:
            self._validity.add(shard, part)

    def read(self, places: Places) -> Column:
        starts, stops = self._spans.read(places)
        spans = zip(places.each_shard(), starts.tolist(), stops.tolist(), strict=False)
        views = self._views
        found = [views[shard][start:stop] for shard, start, stop in spans]
        if self._validity is None:
            return found
        flags = self._validity.read(places)
        return [view if flag else None for view, flag in zip(found, flags, strict=True)]


class _RaggedReader:
    """Arrays of any shape, and arrays beside None: views of the map."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._dtype = leaf.numpy
        self._ndim = leaf.ndim
        self._spans = _Spans(self._dtype.itemsize, shards)
        self._validity = _Validity(shards) if leaf.nullable else None
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
        if self._ndim != 1:
            shapes = self._read_shapes(places, stops - starts)
            found = [array.reshape(shape) for array, shape in zip(found, shapes, strict=True)]
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


def _texts(pieces: list[memoryview]) -> list[str]:
    """The texts of the pieces."""
    if sum(map(len, pieces)) > JOINED_CHARS * len(pieces):
        return [str(piece, "utf-8") for piece in pieces]
    joined = b"".join(pieces)
    if not joined.isascii():
        return [str(piece, "utf-8") for piece in pieces]
    text = joined.decode("ascii")
    stops = np.cumsum([len(piece) for piece in pieces]).tolist()
    return [text[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


_DECODERS: dict[str, Callable[[list[memoryview]], list[Any]]] = {
    "str": _texts,
    "bytes": lambda pieces: [bytes(piece) for piece in pieces],
    "numpy str": lambda pieces: [np.str_(text) for text in _texts(pieces)],
    "numpy bytes": lambda pieces: [np.bytes_(bytes(piece)) for piece in pieces],
    "pickle": lambda pieces: [pickle.loads(piece) for piece in pieces],
}
