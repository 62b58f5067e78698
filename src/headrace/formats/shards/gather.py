"""Rows of equal size, gathered by one call out of many mapped shards.

All mapped memory is one address space, so one array laid over it reaches the rows of all
shards: `take` copies them where they belong, and nothing is grouped, joined or put in order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.buffers import Buffers

Bytes2d = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

# User addresses end here on x86-64 and arm64 unless a process asks for more.
ADDRESS_END = 1 << 47
# NumPy refuses arrays of more bytes, also those that only pretend.
LARGEST_BYTES = (1 << 63) - 1
# Rows cut into pieces: under 1 KiB the bookkeeping costs more than the copy.
LEAST_PIECE_BYTES = 1024
# From here on rows may be copied one by one: that keeps up with one call that copies them twice, or
# with a stride of 1, and it fills whatever memory is given.
LEAST_SINGLE_BYTES = 1 << 14


def address_space() -> memoryview:
    """The bytes of this process: byte `address` stands at index `address - 1`.

    Only indices that lie inside a mapped shard may be touched.
    """
    return _laid_over(1, ADDRESS_END - 1, 1)[:, 0].data


class Rows:
    """The rows of one column, by shard and row within it.

    Thread-safe: `add` is called under a lock, and the rows of a shard are taken only after.

    **Cost**: one copy. Rows of all shards that lie a multiple of their size apart (powers of
    two, mostly) go through one `take`; others below 16 KiB through a gather with stride 1,
    at 0.65-1.0 of it; larger ones in pieces of a power of two, or one by one.
    """

    def __init__(self, row_bytes: int, shards: int) -> None:
        self.row_bytes = row_bytes
        # Of shards that are not known yet: 0.
        self._addresses = np.zeros(shards, np.int64)
        self._ends = np.zeros(shards, np.int64)
        self._rows: list[Bytes2d | None] = [None] * shards
        self._grid: _Grid | None = None
        self._buffers = Buffers()
        self._strided: Callable[[Numbers], npt.NDArray[np.void]] | None = None

    def add(self, shard: int, rows: Bytes2d) -> None:
        """Makes the rows of a shard known: shape `(rows, row_bytes)`, contiguous."""
        self._rows[shard] = rows
        if not len(rows):
            return
        self._addresses[shard] = rows.ctypes.data
        self._ends[shard] = rows.ctypes.data + rows.nbytes
        known = self._addresses > 0
        lowest, highest = int(self._addresses[known].min()), int(self._ends.max())
        distances = self._addresses - lowest
        unit = math.gcd(self.row_bytes, int(np.gcd.reduce(distances[known])))
        memory = _laid_over(lowest, (highest - lowest) // unit, unit)
        self._grid = _Grid(memory, lowest, highest, distances // unit)

    def of_shard(self, shard: int) -> Bytes2d:
        """The rows of one shard, not copied."""
        rows = self._rows[shard]
        assert rows is not None
        return rows

    def take(self, shards: Numbers | int, rows: Numbers) -> Bytes2d:
        """A fresh array of the rows, shape `(rows, row_bytes)`."""
        grid = self._grid
        assert grid is not None
        pieces = self.row_bytes // grid.unit_bytes
        fits = pieces == 1 or grid.unit_bytes >= LEAST_PIECE_BYTES
        is_small = self.row_bytes < LEAST_SINGLE_BYTES
        if is_small and not fits:
            return self._take_strided(shards, rows)
        taken = self._buffers.empty((len(rows), self.row_bytes), np.dtype(np.uint8))
        # NumPy would first copy all of an output that lies between the shards.
        is_apart = not grid.lowest <= address_of(taken) < grid.highest
        if fits and (is_small or is_apart):
            return grid.take(shards, rows, pieces, taken if is_apart else None)
        self._take_singly(shards, rows, taken)
        return taken

    def _take_singly(self, shards: Numbers | int, rows: Numbers, taken: Bytes2d) -> None:
        places = zip(np.broadcast_to(shards, rows.shape).tolist(), rows.tolist(), strict=True)
        if len(rows):
            single = [self.of_shard(shard)[row] for shard, row in places]
            np.concatenate(single, out=taken.reshape(-1))

    def _take_strided(self, shards: Numbers | int, rows: Numbers) -> Bytes2d:
        if self._strided is None:
            count = min(ADDRESS_END - 1, LARGEST_BYTES // self.row_bytes)
            first = np.frombuffer(address_space(), f"V{self.row_bytes}", count=1)
            strided = np.lib.stride_tricks.as_strided
            # The method, not the array: whoever prints an array, a debugger among them, reads
            # its ends, and there is nothing at address 1.
            self._strided = strided(first, (count,), (1,), writeable=False).__getitem__
            del first
        at = rows * self.row_bytes
        at += self._addresses.take(shards)
        at -= 1
        return self._strided(at).view(np.uint8).reshape(len(rows), self.row_bytes)


@dataclass(frozen=True)
class _Grid:
    """Memory from `lowest` on as rows of one unit, of which each row of a shard is some."""

    memory: Bytes2d
    lowest: int
    highest: int
    starts: Numbers  # the unit at which each shard begins, once it is known

    @property
    def unit_bytes(self) -> int:
        unit: int = self.memory.shape[-1]
        return unit

    def take(
        self, shards: Numbers | int, rows: Numbers, pieces: int, taken: Bytes2d | None
    ) -> Bytes2d:
        firsts = rows * pieces
        firsts += self.starts.take(shards)
        at = firsts if pieces == 1 else (firsts[:, np.newaxis] + np.arange(pieces)).reshape(-1)
        if taken is not None:
            taken = taken.reshape(-1, self.unit_bytes)
        # The other modes check each index again, and copy twice.
        filled: Bytes2d = self.memory.take(at, 0, taken, "clip")
        return filled.reshape(len(rows), pieces * self.unit_bytes)


class _Address:
    def __init__(self, address: int, shape: tuple[int, ...]) -> None:
        self.__array_interface__ = {
            "version": 3,
            "data": (address, True),
            "shape": shape,
            "typestr": "|u1",
        }


def _laid_over(address: int, count: int, unit: int) -> npt.NDArray[np.uint8]:
    """Memory from `address` on as an array of `count` rows of `unit` bytes."""
    return np.asarray(_Address(address, (count, unit)))


def address_of(array: npt.NDArray[Any]) -> int:  # Any: arrays of every dtype
    """Where an array's first byte is."""
    address: int = array.__array_interface__["data"][0]
    return address
