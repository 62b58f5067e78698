"""Which rows are asked for, which of them are not None, and where their values begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

import numpy as np

from headrace.formats.shards.gather import Numbers, Rows
from headrace.formats.shards.parts import BITS, OFFSET_BYTES, Part
from headrace.formats.shards.shard_file import Damaged


class Places(NamedTuple):
    """Rows: the shard of each, or the one of all, and where in it; `run` if they are a slice."""

    shards: Numbers | int
    rows: Numbers
    run: slice | None = None

    def each_shard(self) -> Iterable[int]:
        """The number of the shard of each row."""
        return repeat(self.shards) if isinstance(self.shards, int) else self.shards.tolist()


class Validity:
    """Which rows are not None."""

    def __init__(self, shards: int) -> None:
        self._bits = Rows(1, shards)

    def add(self, shard: int, part: Part) -> None:
        self._bits.add(shard, part.validity())

    def read(self, places: Places) -> list[bool]:
        held = self._bits.take(places.shards, places.rows // BITS)[:, 0]
        flags: list[bool] = (held >> (places.rows % BITS) & 1).astype(bool).tolist()
        return flags


class Spans:
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
