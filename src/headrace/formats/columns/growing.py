"""An array that grows at its end, and keeps its memory from shard to shard."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.schema.dtypes import Dtype

# Any, in this file: arrays of whatever dtype a column has.

# Below this, growing step by step costs more than the room it saves.
LEAST_BYTES = 64 * 2**10


class Growing:
    """Rows of one dtype, appended in two steps: fill the `room`, then `commit` it."""

    def __init__(self, dtype: Dtype) -> None:
        self._buffer: npt.NDArray[Any] = np.empty(0, dtype)
        self._borrowed: npt.NDArray[Any] | None = None
        self._pending = 0
        self.length = 0

    @property
    def filled(self) -> npt.NDArray[Any]:
        """The committed rows, not copied."""
        return self._buffer[: self.length] if self._borrowed is None else self._borrowed

    @property
    def is_lent(self) -> bool:
        """Whether the rows are another's array."""
        return self._borrowed is not None

    def room(self, count: int) -> npt.NDArray[Any]:
        """An array of `count` rows behind the end, to be filled before `commit`."""
        self.own()
        stop = self.length + count
        if stop > len(self._buffer):
            self._grow(stop)
        self._pending = count
        return self._buffer[self.length : stop]

    def lend(self, array: npt.NDArray[Any]) -> None:
        """Appends an array: without a copy where it is the first, until `own` or `clear`."""
        if self.length or not array.flags.c_contiguous:
            self.room(len(array))[:] = array
            return
        self._borrowed = array
        self._pending = len(array)

    def commit(self) -> None:
        """Takes in what was last asked for."""
        self.length += self._pending
        self._pending = 0

    def own(self) -> None:
        """Copies what was lent, so that its owner may change it."""
        borrowed, self._borrowed = self._borrowed, None
        if borrowed is None:
            return
        if len(borrowed) > len(self._buffer):
            self._grow(len(borrowed))
        self._buffer[: len(borrowed)] = borrowed

    def cut(self, length: int) -> None:
        """Forgets the rows from `length` on."""
        self.length = length
        if self._borrowed is not None:
            self._borrowed = self._borrowed[:length]

    def clear(self, keep_bytes: int) -> None:
        """Forgets the rows; memory of more than `keep_bytes` is given back."""
        self._borrowed = None
        self.length = self._pending = 0
        if self._buffer.nbytes > keep_bytes:
            self._buffer = np.empty(0, self._buffer.dtype)

    def _grow(self, rows: int) -> None:
        least = LEAST_BYTES // self._buffer.itemsize
        larger = np.empty(max(rows, 2 * len(self._buffer), least), self._buffer.dtype)
        kept = self._buffer[: self.length]
        larger[: len(kept)] = kept
        self._buffer = larger
