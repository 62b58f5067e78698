"""Epochs kept in the memory of this process, for as long as their stream lives."""

from __future__ import annotations

import logging
from bisect import bisect_right
from typing import Any

import numpy as np

from headrace.contracts import Block, Columns, Node, join_blocks
from headrace.kept.contract import Kept, Place, same_chain
from headrace.kept.copies import FEW_ROWS, copied

# Any, in this file: records are the user's values, of every type.

logger = logging.getLogger("headrace")


class MemoryStore:
    """The newest whole epoch of each seed and rank; it is not pickled with its stream."""

    def __init__(self) -> None:
        # Loaders in several threads may share it: an entry is set at once, and never changed.
        self._entries: dict[tuple[int | None, int, int], tuple[Place, MemoryRecords]] = {}

    def __reduce__(self) -> tuple[type[MemoryStore], tuple[()]]:
        return MemoryStore, ()

    def check(self, before: Node[Any], key: str | None) -> None:
        """Nothing needs to be found by another process."""

    def find(self, place: Place) -> Kept | None:
        """What was published for a place."""
        found = self._entries.get(_slot(place))
        if found is None or found[0].run.epoch != place.run.epoch:
            return None
        return found[1] if same_chain(found[0].before, place.before) else None

    def discard(self, place: Place, reason: object) -> None:
        """Forgets an epoch."""
        logger.warning("a cache in memory is damaged and is made again: %s", reason)
        self._entries.pop(_slot(place), None)

    def make(self, place: Place) -> MemoryMaking:
        """Begins to keep an epoch."""
        return MemoryMaking(self, place)

    def put(self, place: Place, records: MemoryRecords) -> None:
        """Takes in a whole epoch, in the place of the one before it."""
        self._entries[_slot(place)] = place, records


class MemoryRecords:
    """Blocks one after the other."""

    def __init__(self) -> None:
        self._blocks: list[Block[Any]] = []
        self._starts: list[int] = []
        self._length = 0
        # Columns of few rows, up to FEW_ROWS of them: read one by one they cost ten times as much.
        self._short: list[Columns[Any]] = []
        self._waiting = 0

    def add(self, block: Block[Any]) -> None:
        """Takes in a copy of a block."""
        if not len(block):
            return
        mine = copied(block)
        if isinstance(mine, Columns) and len(mine) < FEW_ROWS:
            self._short.append(mine)
            self._waiting += len(mine)
            if self._waiting >= FEW_ROWS:
                self.settle()
        else:
            self.settle()
            self._append(mine)

    def settle(self) -> None:
        """Joins the columns that wait, before anything is read."""
        short, self._short, length, self._waiting = self._short, [], self._waiting, 0
        if short:
            ends = np.cumsum([len(block) for block in short]).tolist()
            parts = [(np.arange(end - len(b), end), b) for b, end in zip(short, ends, strict=True)]
            self._append(join_blocks(parts, length))

    def _append(self, block: Block[Any]) -> None:
        last = self._blocks[-1] if self._blocks else None
        if isinstance(last, list) and isinstance(block, list):
            last += block
        else:
            self._blocks.append(block)
            self._starts.append(self._length)
        self._length += len(block)

    def read(self, start: int, n: int) -> Block[Any]:
        """Copies of at most `n` records."""
        if start >= self._length:
            return []
        number = bisect_right(self._starts, start) - 1
        begin = start - self._starts[number]
        return copied(self._blocks[number][begin : begin + n])


class MemoryMaking:
    """An epoch on its way into the store."""

    def __init__(self, store: MemoryStore, place: Place) -> None:
        self._store = store
        self._place = place
        self._records = MemoryRecords()

    def add(self, block: Block[Any]) -> None:
        """Takes in copies of the next records."""
        self._records.add(block)

    def publish(self) -> None:
        """Puts the epoch into the store."""
        self._records.settle()
        self._store.put(self._place, self._records)

    def close(self) -> None:
        """Forgets the epoch, where it is not in the store."""
        self._records = MemoryRecords()


def _slot(place: Place) -> tuple[int | None, int, int]:
    return place.run.seed, place.run.rank, place.run.world_size
