"""Records by position: the source of a chain, bound to an epoch and a rank."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from headrace.contracts import Block, Drawn, Failed, Indices, Order, Run, Visit, read_ahead_of, rows
from headrace.contracts.records import ahead_positions_of, read_exactly, task_positions_of
from headrace.contracts.rest import Progressions
from headrace.contracts.timing import Account
from headrace.engine.fuse import timed
from headrace.engine.telling import Teller
from headrace.engine.visited import bound_order, drawn_count, drawn_row
from headrace.orders import (
    Chosen,
    Every,
    OrderCursor,
    Part,
    Slice,
    lowest_first,
    rising,
)

# Any, in this file: records pass through untyped.
# Records of sources that say nothing are small: so many make a task of about a millisecond.
TASK_POSITIONS = 1024


class LazyBlock:
    """Records that are read one by one, when they are wanted; it counts them."""

    def __init__(self, records: Iterator[Any], size: int) -> None:
        self._records = records
        # At most so many will be drawn; fewer say that the source is over.
        self.size = size
        self.drawn = 0
        self.has_failed = False
        # Where the time of each read is written, if anywhere.
        self.account: Account | None = None

    def used(self) -> int:
        """How many positions have been drawn."""
        return self.drawn

    def __iter__(self) -> Iterator[Any]:
        try:
            drawn = islice(self._records, self.size)
            for record in drawn if self.account is None else timed(self.account, lambda: drawn):
                self.drawn += 1
                yield record
        except Exception:
            self.has_failed = True
            raise


class AddressedFeed:
    """Random access by position; threads may share it."""

    def __init__(
        self, visit: Visit, run: Run, order: Order | None = None, *, is_soft: bool = False
    ) -> None:
        self._records = visit.records
        # Whether a record that cannot be read comes as a Failed.
        self._is_soft = is_soft
        order = bound_order(visit, run) if order is None else order
        self.count = order.count(run.epoch)
        self.read_ahead = read_ahead_of(visit.records)
        self._cursor = OrderCursor(order, run.epoch)
        self._order = order
        is_told = ahead_positions_of(visit.records) > 0
        self._teller = Teller(visit.records, order, run.epoch) if is_told else None
        self._lock = threading.Lock()

    @property
    def task_positions(self) -> int:
        """How many positions a task holds at most."""
        # Twice what is read ahead inline: fewer tasks, fewer times in which threads wait for the
        # interpreter's lock (W1 on two threads: 0.78 of numpy.take with once, 0.91 with twice).
        return task_positions_of(self._records) or 2 * self.read_ahead or TASK_POSITIONS

    def indices(self, start: int, stop: int) -> Indices:
        """The index at each position of [start, stop)."""
        with self._lock:
            if self._teller is not None:
                self._teller.before(start, stop)
            return self._cursor.take(min(start, self.count), min(stop, self.count))

    def read(self, start: int, stop: int, unit: int = 1) -> Block[Any]:
        """The records at positions [start, stop), fewer at the end.

        Where one cannot be read, the whole units before it are given; the next read raises.
        """
        block, error = self.attempt(start, stop, unit)
        if error is not None and not len(block):
            raise error
        return block

    def attempt(self, start: int, stop: int, unit: int) -> tuple[Block[Any], Exception | None]:
        """The records at positions [start, stop), and the error that stands after them."""
        indices = self.indices(start, stop)
        size = indices.shape[-1]
        if size == 0:
            return [], None
        try:
            return self._read(indices), None
        except Exception as error:
            if size <= unit and not self._is_soft:
                return [], error
        # Which record it was, only single reads can tell.
        if self._is_soft:
            return [self._softly(indices[..., i : i + 1]) for i in range(size)], None
        found: list[Any] = []
        for begin in range(0, size, unit):
            try:
                found += rows(self._read(indices[..., begin : begin + unit]))
            except Exception as error:
                return found, error
        return found, None

    def lazy(self, start: int, size: int) -> LazyBlock:
        """At most `size` records from `start` on, each read when it is wanted."""
        indices = self.indices(start, start + size)
        size = indices.shape[-1]
        read = self._softly if self._is_soft else self._singly
        return LazyBlock((read(indices[..., i : i + 1]) for i in range(size)), size)

    def _singly(self, indices: Indices) -> Any:
        return rows(self._read(indices))[0]

    def _softly(self, indices: Indices) -> Any:
        try:
            return self._singly(indices)
        except Exception as error:
            return Failed(error, "the source")

    def _read(self, indices: Indices) -> Block[Any]:
        return read_exactly(self._records, indices)

    def places(self, start: int, stop: int) -> list[int]:
        """The global position, before the shard, of each position of [start, stop)."""
        positions = np.arange(start, min(stop, self.count), dtype=np.int64)
        order = self._order
        if isinstance(order, Every):
            positions, order = order.places(positions), order.order
        if isinstance(order, Slice):
            positions, order = positions * order.step + order.start, order.order
        if isinstance(order, Part):
            positions = order.global_positions(positions)
        elif isinstance(order, Chosen):
            positions = order.places(positions)
        found: list[int] = positions.tolist()
        return found


@dataclass(frozen=True)
class DrawnPlaces:
    """Where this rank's positions of a drawn source lie among all: each `stride`-th from `rank`.

    After a merge of ranks, those in `row`, the lowest first. All that tasks in other processes
    need of such a source.
    """

    rank: int
    begin: int
    stride: int
    row: Progressions | None = None

    @staticmethod
    def of(run: Run, begin: int) -> DrawnPlaces:
        """The positions of a run, of which each rank leaves out the first ones."""
        row = None if run.rest is None else drawn_row(run)
        return DrawnPlaces(run.rank, begin, run.world_size, row)

    def places(self, start: int, stop: int) -> list[int]:
        """The global position of each position of [start, stop)."""
        if self.row is not None:
            return rising(self.row, start, stop)
        return [self.rank + (self.begin + p) * self.stride for p in range(start, stop)]


class DrawnFeed:
    """Positions in the order in which an iterator gives its records; read forward only."""

    read_ahead = 0
    task_positions = TASK_POSITIONS

    def __init__(self, source: Drawn, run: Run, cut: tuple[int, int | None]) -> None:
        self._places = DrawnPlaces.of(run, cut[0])
        self._at = 0
        self._lazy: LazyBlock | None = None
        self._failure: Exception | None = None
        self.count = drawn_count(source, run, cut)
        self._records: Iterator[Any]
        if self._places.row is not None:
            self._records = _picked(source.draw(run.epoch), lowest_first(self._places.row))
            return
        start = run.rank + cut[0] * run.world_size
        stop = None if cut[1] is None else run.rank + cut[1] * run.world_size
        # Of an empty cut, `islice` would still draw what lies before it.
        drawn = source.draw(run.epoch) if stop is None or start < stop else iter(())
        self._records = islice(drawn, start, stop, run.world_size)

    def read(self, start: int, stop: int, unit: int = 1) -> Block[Any]:
        """The records at positions [start, stop); what lies before `start` is drawn and dropped.

        Where drawing fails, the whole units before are given; the next read raises.
        """
        self._settle()
        assert start >= self._at, "an iterator cannot go back"
        if self._failure is not None:
            raise self._failure
        block: list[Any] = []
        try:
            block.extend(islice(self._records, start - self._at, stop - self._at))
        except Exception as error:
            # What came before the error is given first; the next read raises. A unit that is
            # not whole must not look like the last one of the epoch.
            self._failure = error
            del block[len(block) - len(block) % unit :]
            if not block:
                raise
        self._at = start + len(block)
        return block

    def lazy(self, start: int, size: int) -> LazyBlock:
        """At most `size` records from `start` on, each drawn when it is wanted."""
        self._settle()
        skipped, self._at = start - self._at, start
        records = islice(self._records, skipped, None) if skipped else self._records
        self._lazy = LazyBlock(records, size)
        return self._lazy

    def _settle(self) -> None:
        """Counts what the last lazy block has drawn."""
        if self._lazy is not None:
            self._at += self._lazy.drawn
            self._lazy = None

    def places(self, start: int, stop: int) -> list[int]:
        """The global position of each position of [start, stop)."""
        return self._places.places(start, stop)


def _picked(drawn: Iterator[Any], positions: Iterator[int]) -> Iterator[Any]:
    """The records at rising positions."""
    at = 0
    for position in positions:
        found = list(islice(drawn, position - at, position - at + 1))
        if not found:
            return
        at = position + 1
        yield found[0]


Feed = AddressedFeed | DrawnFeed
