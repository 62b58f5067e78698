"""Stages that run beside the consumer, after the segment: one small value of state each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from headrace.contracts import (
    Block,
    Cursor,
    Failed,
    Kernel,
    State,
    marker,
    read_fully,
    rows,
    with_memo,
)
from headrace.contracts.timing import Timing
from headrace.engine.fuse import Fused
from headrace.engine.ledger import Ledger
from headrace.engine.notes import Origin
from headrace.engine.passes import Failure
from headrace.engine.plan import WindowStage
from headrace.engine.randomness import Keys

# Any, in this file: records pass through untyped.


class FusedCursor:
    """Pointwise stages over a cursor, one record of the parent at a time.

    Its memo is the number of parent's records used; where one may give several, a list of the
    number before the current one and the outputs delivered of it.
    """

    def __init__(
        self,
        parent: Cursor[Any],
        fused: Fused,
        keys: Keys,
        memo: Any,
        *,
        origin: Origin,
        timing: Timing | None = None,
    ) -> None:
        self._parent = parent
        self._fused = fused
        self._ledger: Ledger | None = None
        place, failed = memo, []
        if fused.guards:
            place, failed = memo or (None, [])
            self._ledger = Ledger(fused.guards, failed, origin=origin, feed=origin.feed)
        self._used: int
        self._delivered: int
        self._used, self._delivered = place if isinstance(place, list) else (place or 0, 0)
        self._origin = origin
        self._keys = keys
        self._mark = marker(parent)
        self._before = self._mark()
        self._memo = memo
        self._failure: BaseException | None = None
        self._outputs = self._fused.over(
            self._drawn(),
            key=keys.of,
            place=lambda: self._used - 1,
            ordinal=lambda: self._used - 1,
            decide=self._decide,
            timing=timing,
        )
        self._skip = self._delivered

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        try:
            self._draw(found, n)
        except BaseException as error:
            self._failure = error
            if not found:
                raise
        return found

    def state(self) -> State:
        return with_memo(self._before.state(), self._memo)

    def close(self) -> None:
        self._parent.close()

    def _draw(self, found: list[Any], n: int) -> None:
        if self._skip:
            skip, self._skip = self._skip, 0
            self._delivered = 0
            for _ in islice(self._outputs, skip):
                self._delivered += 1
            self._memo = self._value(ended=False)
        while len(found) < n:
            used = self._used
            output = next(self._outputs, self)
            if output is self:
                self._before, self._memo = self._mark(), self._value(ended=True)
                return
            found.append(output)
            self._delivered = 1 if self._used != used else self._delivered + 1
            if not self._fused.is_many:
                self._before = self._mark()
            self._memo = self._value(ended=False)

    def _value(self, *, ended: bool) -> Any:
        if not self._fused.is_many:
            return self._counted(self._used, self._used)
        used = self._used if ended else self._used - 1
        return self._counted([used, 0 if ended else self._delivered], used)

    def _counted(self, place: Any, used: int) -> Any:
        """The memo: where it stands, and, with guards, the failures before there."""
        return place if self._ledger is None else [place, list(self._ledger.counts(used))]

    def _decide(self, kernel: Kernel, failed: Failed) -> Any:
        assert self._ledger is not None
        newest = self._used - 1
        places = self._places()
        self._ledger.report(Failure(kernel.number, newest, places, failed.stage, failed.error))
        return kernel.fn(failed.error)

    def _places(self) -> tuple[int, int] | None:
        """The positions of which the newest record of the parent came, where that is known."""
        if self._origin.feed is None:
            return None
        begin, end = self._before.state(), self._mark().state()
        unit = self._origin.segment.unit
        return begin["at"] * unit, max(begin["at"] + 1, end["at"] + len(end["part"])) * unit

    def _drawn(self) -> Iterator[Any]:
        while True:
            before = self._mark()
            block = rows(self._parent.read(1))
            if not block:
                return
            # An error in the functions, or an unfinished record, resumes before this record.
            self._before = before
            self._memo = self._value(ended=True)
            self._used += 1
            yield block[0]


class WindowCursor:
    """A regrouping stage over windows of the parent's records: it replays its window on resume.

    Its memo is [windows before the current one, outputs delivered of it].
    """

    def __init__(self, parent: Cursor[Any], late: WindowStage, keys: Keys, memo: Any) -> None:
        self._parent = parent
        self._late = late
        self._stage = late.stage
        self._keys = keys
        self._number: int
        self._delivered: int
        self._number, self._delivered = memo or (0, 0)
        self._begin = parent.state()
        self._window: list[Any] | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        while True:
            if self._window is None and not self._fill():
                return []
            assert self._window is not None
            block = self._window[self._delivered : self._delivered + n]
            self._delivered += len(block)
            if block:
                return block
            self._number, self._delivered, self._window = self._number + 1, 0, None

    def state(self) -> State:
        return with_memo(self._begin, [self._number, self._delivered])

    def close(self) -> None:
        self._parent.close()

    def _fill(self) -> bool:
        # Before the read: where it fails, the state must say this window, not the last one.
        self._begin = self._parent.state()
        try:
            records = read_fully(self._parent, self._stage.window)
            if not records:
                return False
            stage = self._stage
            key = self._keys.at(stage.seed, str(stage), self._late.number, self._number)
            self._window = stage.regroup(records, key)
        except BaseException as error:
            self._failure = error
            raise
        return True
