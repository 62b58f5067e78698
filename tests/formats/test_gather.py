"""Rows are gathered into the memory that is given, wherever that lies."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from headrace.buffers import lending
from headrace.formats.shards.gather import LEAST_SINGLE_BYTES, Rows, address_of

COUNT = 8


@dataclass(frozen=True)
class Between:
    """Lends one piece of memory."""

    memory: npt.NDArray[np.uint8]

    def lent(self, size_bytes: int) -> npt.NDArray[np.uint8]:
        return self.memory[:size_bytes]


@pytest.mark.parametrize("row_bytes", [1 << 16, LEAST_SINGLE_BYTES, LEAST_SINGLE_BYTES + 12])
def test_memory_between_the_shards_is_filled_too(row_bytes: int) -> None:
    size_bytes = -(-COUNT * row_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
    maps = [np.frombuffer(mmap.mmap(-1, size_bytes), np.uint8) for _ in range(3)]
    first, between, last = sorted(maps, key=address_of)
    rows = Rows(row_bytes, 2)
    for shard, memory in enumerate((first, last)):
        memory[:] = np.random.default_rng(shard).integers(0, 255, size_bytes, np.uint8)
        rows.add(shard, memory[: COUNT * row_bytes].reshape(COUNT, row_bytes))
    shards, asked = np.array([1, 0, 0, 1]), np.array([7, 3, 0, 7])

    with lending(Between(between)):
        taken = rows.take(shards, asked)
        none = rows.take(shards[:0], asked[:0])

    expected = [rows.of_shard(shard)[row] for shard, row in zip(shards, asked, strict=True)]
    assert (taken == np.stack(expected)).all()
    assert address_of(taken) == address_of(between)
    assert none.shape == (0, row_bytes)
