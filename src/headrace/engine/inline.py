"""A segment run where it is read: nothing happens before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from headrace.contracts import Block, State, rows
from headrace.contracts.timing import CPU_EVERY, SOURCE, Timing
from headrace.engine.feed import TASK_POSITIONS, Feed, LazyBlock
from headrace.engine.fuse import clocked
from headrace.engine.ledger import Ledger
from headrace.engine.notes import Origin
from headrace.engine.passes import Pass
from headrace.engine.position import Position
from headrace.engine.randomness import Keys
from headrace.engine.segment import Segment
from headrace.watching import size_of

# Any, in this file: records pass through untyped.


class InlineCursor:
    """Reads a segment unit by unit, gathering stored records ahead within one block."""

    def __init__(
        self,
        feed: Feed,
        segment: Segment,
        keys: Keys,
        *,
        origin: Origin,
        at: Position,
        timing: Timing | None = None,
    ) -> None:
        self._feed = feed
        self._timing = timing
        self._read = feed.read
        if timing is not None:
            self._read = clocked(feed.read, timing.account(SOURCE), gives_many=True)
        self._segment = segment
        self._keys = keys
        self._origin = origin
        # The gathered block covers positions [first, first + len(block)).
        self._block: Block[Any] = []
        self._first = at.unit * segment.unit
        self._pass: Pass | None = None
        self._passes = 0
        # The unit at which the current pass, or the next one, begins.
        self._unit = at.unit
        # The last output's unit and ordinal, where a unit may give several.
        self._at = at
        self._skip = at.delivered
        # Whether a unit may give several outputs, so that they are counted one by one.
        self._tells_outputs = segment.is_many or segment.is_unit_by_unit
        guards = segment.guards
        self._ledger = Ledger(guards, list(at.failed), origin=origin, feed=feed) if guards else None
        # Whether the source has said that it has no more.
        self._is_over = False
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        if not self._segment.levels:
            return self._read_plain(n)
        found: list[Any] = []
        try:
            while len(found) < n and (self._pass is not None or self._begin(n - len(found))):
                self._draw(found, n)
        except BaseException as error:
            # Also when a user stops a run by Ctrl-C, the state points at the undelivered record.
            self._fail(error)
            if not found:
                raise
        return found

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        if self._failure is not None:
            raise self._failure
        if not self._segment.levels:
            while block := rows(self._read_plain(max(1, self._feed.read_ahead))):
                self._unit -= len(block)
                for record in block:
                    self._unit += 1
                    yield record
            return
        try:
            while self._pass is not None or self._begin(1):
                assert self._pass is not None
                if self._tells_outputs:
                    for output in self._pass.outputs:
                        self._count(1)
                        yield output
                else:
                    yield from self._pass.outputs
                self._end()
        except GeneratorExit:
            raise
        except BaseException as error:
            self._fail(error)
            raise

    def state(self) -> State:
        return self.mark().state()

    def close(self) -> None:
        # Closed, since a chain beside this one failed, it still says where it stood.
        self._unit = self.mark().unit
        self._pass = None
        self._block = []

    def _draw(self, found: list[Any], n: int) -> None:
        assert self._pass is not None
        wanted = n - len(found)
        if self._segment.is_many and not self._segment.is_unit_by_unit:
            for output in islice(self._pass.outputs, wanted):
                self._count(1)
                found.append(output)
        else:
            before = len(found)
            try:
                found.extend(islice(self._pass.outputs, wanted))
            finally:
                # Also those before an error, which are given.
                self._count(len(found) - before)
        if len(found) < n:
            self._end()

    def mark(self) -> Position:
        if self._tells_outputs:
            at = self._at
        elif self._pass is None:
            at = Position(self._unit)
        else:
            at = Position(self._unit + self._pass.units_used())
        return at if self._ledger is None else at._replace(failed=self._ledger.counts(at.unit))

    def _count(self, outputs: int) -> None:
        """Notes outputs of one unit as delivered, where a unit may give several."""
        if outputs and self._tells_outputs:
            assert self._pass is not None
            unit = self._unit
            if not self._segment.is_unit_by_unit:
                unit += self._pass.units_used() - 1
            before = self._at.delivered if self._at.unit == unit else 0
            self._at = Position(unit, before + outputs)

    def _begin(self, wanted: int) -> bool:
        """Begins the next pass; False at the end of the epoch."""
        block = self._next_block(wanted)
        if block is None:
            self._at = Position(self._unit)
            return False
        first = self._unit * self._segment.unit
        report = None if self._ledger is None else self._ledger.report
        places = self._feed.places
        if self._timing is not None:
            self._timing.counts_cpu = not self._passes % CPU_EVERY
            self._passes += 1
        self._pass = Pass(
            self._segment,
            block,
            first,
            keys=self._keys,
            places=places,
            report=report,
            timing=self._timing,
        )
        # What was delivered of this unit before the state was taken.
        skip, self._skip = self._skip, 0
        for _ in islice(self._pass.outputs, skip):
            pass
        return True

    def _next_block(self, wanted: int) -> Block[Any] | LazyBlock | None:
        segment = self._segment
        first = self._unit * segment.unit
        # Where nobody knows how many records the outputs need, each is read when it is wanted.
        is_known = segment.is_exact and wanted * segment.per > 1
        if self._feed.read_ahead == 0 and not is_known and not segment.is_unit_by_unit:
            size = max(segment.unit, TASK_POSITIONS - TASK_POSITIONS % segment.unit)
            block = self._feed.lazy(first, size)
            if self._timing is not None:
                block.account = self._timing.account(SOURCE)
            return None if self._is_over or not block.size else block
        if first >= self._first + len(self._block) and not self._gather(first, wanted):
            return None
        start = first - self._first
        stop = start + segment.unit if segment.is_unit_by_unit else len(self._block)
        return self._block[start:stop] if start or stop < len(self._block) else self._block

    def _end(self) -> None:
        assert self._pass is not None
        used = 1 if self._segment.is_unit_by_unit else self._pass.units
        self._is_over = self._pass.is_last
        if self._timing is not None:
            self._timing.weigh(size_of)
        self._unit += used
        self._pass = None

    def _gather(self, first: int, wanted: int) -> bool:
        """Reads the next block: what is surely needed, or more where the source allows it."""
        segment = self._segment
        needed = segment.unit if segment.is_unit_by_unit else wanted * segment.per
        size = max(needed, self._feed.read_ahead)
        size = max(segment.unit, size - size % segment.unit)
        self._block = self._read(first, first + size, segment.unit)
        self._first = first
        return len(self._block) > 0

    def _read_plain(self, n: int) -> Block[Any]:
        """No function is applied: blocks of columns pass as they are."""
        if self._unit >= self._first + len(self._block):
            try:
                self._block = self._read(self._unit, self._unit + max(n, self._feed.read_ahead))
            except Exception as error:
                self._fail(error)
                raise
            self._first = self._unit
        start = self._unit - self._first
        block = self._block[start : start + n]
        self._unit += len(block)
        return block

    def _fail(self, error: BaseException) -> None:
        if self._pass is not None and not self._segment.is_unit_by_unit:
            self._unit += self._pass.failed_unit
        if self._at.unit != self._unit:
            self._at = Position(self._unit)
        self._origin.annotate(error, self._feed, self._unit)
        self._pass = None
        self._block = []
        self._failure = error
