"""The memory of a slot while one task runs: lent to gathers, and filled with copies."""

from __future__ import annotations

import mmap
import weakref
from collections import deque
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from headrace.arena.memory import LEAST_BYTES, Memory, address_of

# Any, in this file: arrays of every dtype.
Bytes1d = npt.NDArray[np.uint8]

# What vector instructions and XLA ask for.
ALIGNMENT = 64
# Sizes are rounded up to 8 steps a doubling: memory that was given up fits again, also where
# gathers differ in size, and at most an eighth of it is lost.
STEP_BITS = 4


class TooLarge(Exception):
    """An array needs so many bytes, which is more than a slot may have."""


class Room:
    """Gives out memory of a slot, and takes it again when the arrays over it are dropped."""

    def __init__(self, memory: Memory, most_bytes: int) -> None:
        memory.refresh()
        self._memory = memory
        self._most_bytes = most_bytes
        self._top = memory.first
        # With their mappings: an address that is free again may soon be somebody else's.
        self._spans: list[tuple[int, int, mmap.mmap]] = []
        self._live: dict[int, Lent] = {}
        self._left: list[Lent] = []
        self._dead: deque[weakref.ref[Bytes1d]] = deque()
        self._free: dict[int, list[int]] = {}
        self._copies: list[tuple[int, int]] = []
        self._is_sealed = False
        self.used_bytes = 0
        self._see()

    @property
    def size_bytes(self) -> int:
        """The size of the slot."""
        return 0 if self._memory.mapping is None else len(self._memory.mapping)

    @property
    def is_kept(self) -> bool:
        """Whether anybody still has an array over memory that was lent."""
        return any(lent() is not None for lent in [*self._live.values(), *self._left])

    def lent(self, size_bytes: int) -> Bytes1d | None:
        """Memory for an array that may go into the result; None where there is no more."""
        size_bytes = _rounded(size_bytes)
        offset = self._found(size_bytes)
        if offset is None:
            return None
        memory = np.ndarray(size_bytes, np.uint8, self._memory.mapping, offset)
        lent = Lent(memory, self._dead.append)
        lent.offset, lent.size_bytes = offset, size_bytes
        self._live[offset] = lent
        return memory

    def seal(self) -> None:
        """Says that what was lent has its final contents."""
        self._is_sealed = True

    def offset_of(self, address: int) -> int | None:
        """Where in the slot an address lies; None outside."""
        for start, size_bytes, _ in self._spans:
            if start <= address < start + size_bytes:
                return address - start
        return None

    def stored(self, array: npt.NDArray[Any]) -> int | None:
        """Where in the slot a contiguous copy of an array lies now, in the array's order.

        None where there is no more room beside what is there.

        Raises:
            TooLarge: there never is.
        """
        size_bytes = _rounded(array.nbytes)
        if self._memory.first + size_bytes > self._most_bytes:
            raise TooLarge(array.nbytes)
        offset = self._found(size_bytes)
        if offset is None:
            return None
        self._copies.append((offset, size_bytes))
        flags = array.flags
        order: Literal["C", "F"] = "C" if flags.c_contiguous or not flags.f_contiguous else "F"
        mapping = self._memory.mapping
        np.copyto(np.ndarray(array.shape, array.dtype, mapping, offset, order=order), array)
        return offset

    def forget_copies(self) -> None:
        """Takes the memory of all that was stored."""
        for offset, size_bytes in self._copies:
            self._free.setdefault(size_bytes, []).append(offset)
        self._copies = []

    def _found(self, size_bytes: int) -> int | None:
        self._reclaim()
        if offsets := self._free.get(size_bytes):
            return offsets.pop()
        if self._top + size_bytes > self.size_bytes and not self._grow(self._top + size_bytes):
            return None
        offset = self._top
        self._top += size_bytes
        self.used_bytes = max(self.used_bytes, self._top)
        return offset

    def _reclaim(self) -> None:
        while self._dead:
            lent = self._dead.popleft()
            assert isinstance(lent, Lent)
            del self._live[lent.offset]
            if lent.offset + lent.size_bytes == self._top:
                self._top = lent.offset
            else:
                self._free.setdefault(lent.size_bytes, []).append(lent.offset)

    def _grow(self, needed_bytes: int) -> bool:
        if needed_bytes > self._most_bytes:
            return False
        size_bytes = max(LEAST_BYTES, 1 << (needed_bytes - 1).bit_length())
        before = self._memory.mapping
        try:
            is_same = self._memory.grow(size_bytes)
        except OSError:
            # This process may have no more memory, or no more descriptors.
            return False
        if before is not None and not is_same:
            self._move(before)
        self._see()
        return True

    def _move(self, before: mmap.mmap) -> None:
        if self._is_sealed:
            assert self._memory.mapping is not None
            self._memory.mapping[: self._top] = before[: self._top]
            return
        # The arrays may still be written to. They are copied later, like all that lies elsewhere.
        self._left += self._live.values()
        self._live, self._dead, self._free, self._spans = {}, deque(), {}, []
        self._top = self._memory.first

    def _see(self) -> None:
        # Arrays over an older, smaller mapping of the same memory lie in the slot too.
        mapping = self._memory.mapping
        if mapping is not None:
            self._spans.append((address_of(mapping), len(mapping), mapping))


class Lent(weakref.ref[Bytes1d]):
    """Knows which part of a slot an array has."""

    __slots__ = ("offset", "size_bytes")
    offset: int
    size_bytes: int


def _rounded(size_bytes: int) -> int:
    step = max(ALIGNMENT, 1 << max(0, (size_bytes - 1).bit_length() - STEP_BITS))
    return -(-size_bytes // step) * step
