"""One leaf of the shard that is being written: values go in, Arrow buffers come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.columns.as_bytes import TYPES, Values, encoded
from headrace.formats.columns.growing import Growing
from headrace.formats.schema.infer import PLAIN_ARRAYS
from headrace.formats.schema.lists import numbers
from headrace.formats.schema.schema import NO_MEMBERS, Leaf
from headrace.formats.schema.unfit import Unfit, require

# Any, in this file: values are the user's, of every type.
Flags = npt.NDArray[np.bool_]

BYTE = np.dtype(np.uint8)
INT64 = np.dtype(np.int64)


class Column:
    """The rows of one leaf: `put` fills the room behind the end, `commit` takes it in.

    `data` holds the bytes of the values. Rows of any length have an end each, counted in values;
    arrays of more than one axis have their shape; rows that may be None have a flag.
    """

    def __init__(self, leaf: Leaf) -> None:
        self.rows = 0
        self.data = Growing(BYTE)
        self.ends = Growing(INT64)
        self.shapes = Growing(INT64)
        self.flags = Growing(np.dtype(np.bool_))
        self._pending = 0
        self._use(leaf)

    @property
    def size_bytes(self) -> int:
        """About how many bytes the rows take in the shard."""
        # Nothing is stored of rows that are None, but a shard must end some time.
        if self.leaf.form == "null":
            return INT64.itemsize * self.rows
        return self.data.length + INT64.itemsize * (self.ends.length + self.shapes.length)

    def sizes(self, start: int) -> npt.NDArray[np.int64]:
        """The same after each row from `start` on."""
        rows = np.arange(start + 1, self.rows + 1)
        if self.leaf.form == "null":
            return INT64.itemsize * rows
        if self.leaf.form == "fixed":
            return self._row_bytes * rows
        numbers = self.ends.length + self.shapes.length
        return self.ends.filled[start:] * self._dtype.itemsize + (
            INT64.itemsize * numbers // self.rows * rows
        )

    def cut(self, rows: int) -> None:
        """Forgets the rows from `rows` on."""
        if rows == self.rows:
            return
        bytes_kept = self._row_bytes * rows
        for growing in (self.ends, self.shapes, self.flags):
            growing.cut(growing.length // self.rows * rows)
        if self.ends.length:
            bytes_kept = int(self.ends.filled[-1]) * self._dtype.itemsize
        self.data.cut(bytes_kept)
        self.rows = rows

    def put(self, values: Values | npt.NDArray[Any]) -> None:
        """Fills the room behind the end with the values; nothing is kept before `commit`.

        Raises:
            Unfit: they are not what the leaf says, the column is as before.
        """
        self._pending = len(values)
        if isinstance(values, np.ndarray):
            self._put_array(values)
            return
        present: Values = values
        if self.leaf.nullable:
            flags = [value is not None for value in values]
            self.flags.room(len(values))[:] = flags
            present = [value for value in values if value is not None]
            if len(present) < len(values):
                self._put_sparse(present, np.array(flags))
                return
        self._put(present)

    def commit(self) -> None:
        """Takes in what was put."""
        for growing in (self.data, self.ends, self.shapes, self.flags):
            growing.commit()
        self.rows += self._pending
        self._pending = 0

    @property
    def is_lent(self) -> bool:
        """Whether its rows are another's array."""
        return self.data.is_lent

    def own(self) -> None:
        """Copies what was lent."""
        self.data.own()

    def clear(self, keep_bytes: int) -> None:
        """Forgets the rows."""
        for growing in (self.data, self.ends, self.shapes, self.flags):
            growing.clear(keep_bytes)
        self.rows = 0

    def become(self, leaf: Leaf) -> None:
        """Goes on as a wider leaf; the rows so far stay what they are."""
        old, rows = self.leaf, self.rows
        was_none = old.kind == "none"
        if leaf.nullable and not old.nullable:
            _append(self.flags, np.full(rows, not was_none))
        self._use(leaf)
        if old.form == leaf.form or not rows:
            return
        size = 0 if old.form == "null" else old.row_bytes // old.numpy.itemsize
        if leaf.form == "fixed":
            _append(self.data, np.zeros(rows * leaf.row_bytes, np.uint8))
            return
        _append(self.ends, np.arange(1, rows + 1) * size)
        if leaf.ndim > 1 and leaf.form == "ragged":
            shape = (0,) * leaf.ndim if was_none else old.shape
            _append(self.shapes, np.tile(np.array(shape, np.int64), rows))

    def _use(self, leaf: Leaf) -> None:
        self.leaf = leaf
        fills: dict[str, Callable[[Values], None]] = {
            "null": self._put_nothing,
            "fixed": self._put_arrays if leaf.kind == "array" else self._put_scalars,
            "bytes": self._put_bytes,
            "ragged": self._put_numbers if leaf.kind == "list" else self._put_ragged,
        }
        self._put = fills[leaf.form]
        sized = leaf.form in ("fixed", "ragged") or leaf.kind == "array"
        self._dtype = leaf.numpy if sized else BYTE
        self._row_bytes = leaf.row_bytes if leaf.form == "fixed" else 0

    def _put_array(self, values: npt.NDArray[Any]) -> None:
        if self.leaf.form == "null":
            return
        if self.leaf.form != "fixed":
            self.put(list(values))
            return
        require(values.dtype == self._dtype)
        require(self.leaf.kind != "array" or values.shape[1:] == self.leaf.shape)
        if self.leaf.nullable:
            self.flags.room(len(values))[:] = True
        self.data.lend(np.ascontiguousarray(values).reshape(-1).view(np.uint8))

    def _put_sparse(self, present: Values, flags: Flags) -> None:
        """The values beside None: fixed rows get zeros, others length 0."""
        self._put(present)
        if self.leaf.form == "fixed":
            packed = self.data.room(len(present) * self._row_bytes).copy()
            spread = self.data.room(len(flags) * self._row_bytes).reshape(-1, self._row_bytes)
            spread[:] = 0
            spread[flags] = packed.reshape(-1, self._row_bytes)
            return
        _spread(self.ends, flags, 1, cumulative=True)
        if self.leaf.form == "ragged" and self.leaf.ndim > 1:
            _spread(self.shapes, flags, self.leaf.ndim, cumulative=False)

    def _put_nothing(self, values: Values) -> None:
        if self.leaf.kind == "none":
            require(all(value is None for value in values))
            return
        self._check_arrays(values)
        require({value.shape for value in values} <= {self.leaf.shape})

    def _put_scalars(self, values: Values) -> None:
        types = set(map(type, values))
        expected = TYPES.get(self.leaf.kind)
        if expected is not None:
            require(types <= {expected})
        elif types != {self._dtype.type} or self._dtype.kind in "mMV":
            require(all(isinstance(value, np.generic) for value in values))
            require({value.dtype for value in values} <= {self._dtype})
        room = self.data.room(len(values) * self._row_bytes).view(self._dtype)
        if self._dtype.names is not None:
            # Assigned as one list, records with fields are taken for rows.
            for at, value in enumerate(values):
                room[at] = value
            return
        try:
            room[:] = np.array(values, self._dtype)
        except OverflowError:
            raise Unfit from None

    def _put_arrays(self, values: Values) -> None:
        self._check_arrays(values)
        shape = self.leaf.shape or ()
        require({value.shape for value in values} <= {shape})
        room = self.data.room(len(values) * self._row_bytes).view(self._dtype)
        if shape:
            room = room.reshape(len(values) * shape[0], *shape[1:])
        self._join(values if shape else [value.reshape(1) for value in values], room)

    def _put_ragged(self, values: Values) -> None:
        self._check_arrays(values)
        ndim = self.leaf.ndim
        require({value.ndim for value in values} <= {ndim})
        sizes = np.array([value.size for value in values], np.int64)
        room = self.data.room(int(sizes.sum()) * self._dtype.itemsize).view(self._dtype)
        self._join([value.reshape(-1) for value in values], room)
        self._put_lengths(sizes)
        if ndim > 1:
            shapes = self.shapes.room(len(values) * ndim)
            shapes[:] = np.array([value.shape for value in values], np.int64).reshape(-1)

    def _put_numbers(self, values: Values) -> None:
        members, lengths = numbers(values, self._dtype.str)
        self.data.room(members.nbytes).view(self._dtype)[:] = members
        self._put_lengths(lengths)

    def _put_bytes(self, values: Values) -> None:
        if self.leaf.shape == NO_MEMBERS:
            require(all(type(value) is list and not value for value in values))
        raw, lengths = encoded(self.leaf.kind, values)
        total = int(lengths.sum())
        room = self.data.room(total)
        if isinstance(raw, bytes):
            room[:] = np.frombuffer(raw, np.uint8)
        else:
            view, start = room.data, 0
            for value in raw:
                view[start : start + len(value)] = value
                start += len(value)
        self._put_lengths(lengths)

    def _put_lengths(self, lengths: npt.NDArray[np.int64]) -> None:
        last = int(self.ends.filled[-1]) if self.ends.length else 0
        room = self.ends.room(len(lengths))
        np.cumsum(lengths, out=room)
        room += last

    def _check_arrays(self, values: Values) -> None:
        require(set(map(type, values)) <= set(PLAIN_ARRAYS))
        if self.leaf.form == "null" or not values:
            require({value.dtype for value in values} <= {self._dtype})

    def _join(self, values: Values, room: npt.NDArray[Any]) -> None:
        """Copies arrays side by side; one of another dtype is no fit."""
        if not values:
            return
        try:
            np.concatenate(values, out=room, casting="no")
        except TypeError:
            raise Unfit from None


def _append(growing: Growing, rows: npt.NDArray[Any]) -> None:
    growing.room(len(rows))[:] = rows
    growing.commit()


def _spread(growing: Growing, flags: Flags, width: int, *, cumulative: bool) -> None:
    """Moves what was put for the rows that are there to their places among all rows."""
    present = int(flags.sum())
    packed = growing.room(present * width).copy().reshape(-1, width)
    last = int(growing.filled[-1]) if growing.length else 0
    room = growing.room(len(flags) * width).reshape(-1, width)
    if not cumulative:
        room[:] = 0
        room[flags] = packed
        return
    ends = np.concatenate(([last], packed[:, 0]))
    room[:, 0] = ends[np.cumsum(flags)]
