"""A cursor beside the consumer whose reads are timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from headrace.contracts import Block, Cursor, State, iterate, marker
from headrace.contracts.timing import Timing
from headrace.watching import size_of

# Any, in this file: records pass through untyped.
_END = object()
# Records are weighed each so many reads.
WEIGHED = 64


@runtime_checkable
class WorksApart(Protocol):
    """A cursor that runs its function on workers of its own."""

    def worked(self) -> tuple[float, int]:
        """The seconds that the function took on all workers, and how many workers there are."""
        ...


class TimedCursor:
    """Notes how long a stage is read: its own work and that of all before it.

    Where its records are counted by the stage itself, `counts` is False.
    """

    def __init__(self, cursor: Cursor[Any], timing: Timing, number: int, *, counts: bool) -> None:
        self._cursor = cursor
        # Found out once: to look at a protocol takes microseconds.
        self._apart = cursor if isinstance(cursor, WorksApart) else None
        self._timing = timing
        self._number = number
        self._account = timing.account(number) if counts else None
        self._reads = 0
        self.mark = marker(cursor)

    def read(self, n: int) -> Block[Any]:
        began = time.perf_counter()
        block = self._cursor.read(n)
        self._note(time.perf_counter() - began, len(block), block[-1] if len(block) else None)
        return block

    def __iter__(self) -> Iterator[Any]:
        records = iterate(self._cursor)
        while True:
            began = time.perf_counter()
            record = next(records, _END)
            given = record is not _END
            self._note(time.perf_counter() - began, int(given), record)
            if not given:
                return
            yield record

    def state(self) -> State:
        return self._cursor.state()

    def close(self) -> None:
        self._cursor.close()

    def _note(self, seconds: float, count: int, last: Any) -> None:
        timing, number = self._timing, self._number
        timing.waits[number] = timing.waits.get(number, 0.0) + seconds
        if self._apart is not None:
            timing.apart[number] = self._apart.worked()
        if self._account is None or not count:
            return
        self._account.given += count
        self._account.last = last
        self._reads += 1
        if self._reads % WEIGHED == 1:
            timing.weigh(size_of)
