"""Memory for gathered arrays: used again once nobody refers to it, or lent by who asks for them."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

# Below this the C library's own allocator is as fast.
SMALLEST_BYTES = 256 * 1024
# Kept per pool: the tasks in flight of a few threads.
MOST_BUFFERS = 16
# And no more memory than this: what one read of half a dataset took must not stay for as long as
# its records are open.
MOST_BYTES = 256 * 2**20
# Lending costs some 2 us; below this that is more than the copy that it saves.
LEAST_LENT_BYTES = 4096


class Lender(Protocol):
    """Who has memory in which the gathered arrays are wanted."""

    def lent(self, size_bytes: int) -> npt.NDArray[np.uint8] | None:
        """Memory of at least this size, aligned to 64 bytes; None where there is none left."""
        ...


class _Here(threading.local):
    # Of this thread alone. A context variable would go into tasks and threads that outlive it.
    lender: Lender | None = None


_HERE = _Here()


@contextmanager
def lending(lender: Lender | None) -> Iterator[None]:
    """Gives arrays that are gathered on this thread memory of `lender`."""
    before, _HERE.lender = _HERE.lender, lender
    try:
        yield
    finally:
        _HERE.lender = before


class Buffers:
    """Gives arrays out of buffers that are free again; threads may share it.

    A fresh allocation of some megabytes costs a page fault for each 4 KiB, which on worker
    threads is dearer than the gather itself (W1 on two threads: 600 against 250 us a block). A
    buffer is free when only this pool refers to it: views, slices and tensors over an array all
    hold a reference to its buffer. Without exact reference counts every array is fresh.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size_bytes = 0
        self._buffers: list[npt.NDArray[np.uint8]] = []
        self._counts_references = getattr(sys, "_is_gil_enabled", lambda: True)()
        # How often a buffer is referred to that only a list holds, as this Python counts.
        self._alone = references([np.empty(1, np.uint8)], 0)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """An array of undefined contents that no living array shares memory with."""
        size_bytes = math.prod(shape) * dtype.itemsize
        lender = _HERE.lender
        if lender is not None and size_bytes >= LEAST_LENT_BYTES and not dtype.hasobject:
            lent = lender.lent(size_bytes)
            if lent is not None:
                return lent[:size_bytes].view(dtype).reshape(shape)
        if not SMALLEST_BYTES <= size_bytes <= MOST_BYTES or not self._counts_references:
            return np.empty(shape, dtype)
        buffer = self._free(size_bytes)
        if buffer is None:
            return np.empty(shape, dtype)
        return buffer.view(dtype).reshape(shape)

    def _free(self, size_bytes: int) -> npt.NDArray[np.uint8] | None:
        """A buffer of exactly this size; None for a size below the usual one."""
        with self._lock:
            if size_bytes > self._size_bytes:
                self._size_bytes, self._buffers = size_bytes, []
            if size_bytes < self._size_bytes:
                return None
            for number in range(len(self._buffers)):
                if references(self._buffers, number) <= self._alone:
                    return self._buffers[number]
            made = np.empty(size_bytes, np.uint8)
            if len(self._buffers) < min(MOST_BUFFERS, MOST_BYTES // size_bytes):
                self._buffers.append(made)
            return made

    def __reduce__(self) -> tuple[type[Buffers], tuple[()]]:
        return Buffers, ()


def references(buffers: list[npt.NDArray[np.uint8]], number: int) -> int:
    """How often a buffer in a list is referred to, this call's own references included."""
    return sys.getrefcount(buffers[number])
