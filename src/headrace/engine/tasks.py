"""A segment run in tasks on a backend's workers, delivered in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.contracts import Block, Run, State, Task, rows
from headrace.contracts.timing import CPU_EVERY, Timing
from headrace.engine.feed import DrawnFeed, Feed
from headrace.engine.job import TIMED, TIMED_TWICE, UNTIMED, Result, SegmentJob
from headrace.engine.ledger import Ledger
from headrace.engine.notes import Origin
from headrace.engine.position import Position
from headrace.schedule import Schedule

# Any, in this file: records pass through untyped.
# Tasks grow until one takes this long: handing a task over costs some 0.05 ms.
TASK_SECONDS = 0.005


class TaskCursor:
    """Reads a segment from tasks in flight; at most `run.look_ahead` are undelivered."""

    def __init__(
        self,
        feed: Feed,
        job: SegmentJob,
        *,
        origin: Origin,
        run: Run,
        at: Position,
        timing: Timing | None = None,
    ) -> None:
        assert run.workers is not None
        self._feed = feed
        self._job = job
        self._segment = segment = job.segment
        self._origin = origin
        self._timing = timing
        # What was delivered of the first unit before the state was taken is taken at once.
        self._skip = at.delivered
        self._units = 1
        self._result = Result(at.unit, [at] * at.delivered, [at.unit] * at.delivered, at.unit)
        self._taken = at.delivered
        guards = segment.guards
        self._ledger = Ledger(guards, list(at.failed), origin=origin, feed=feed) if guards else None
        self._failure: BaseException | None = None
        self._is_over = False
        self._schedule = Schedule(
            run.workers,
            self._tasks(at.unit),
            look_ahead=run.look_ahead,
            is_pumped=isinstance(feed, DrawnFeed),
        )
        run.shared.watch(self._schedule)

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        while len(found) < n and self._has_more(found):
            outputs = self._result.outputs
            block = outputs[self._taken : self._taken + n - len(found)]
            self._taken += len(block)
            if not found and not isinstance(block, list):
                return block
            found = found + rows(block) if found else rows(block)
        return found

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        if self._failure is not None:
            raise self._failure
        while self._has_more([]):
            for output in rows(self._result.outputs[self._taken :]):
                self._taken += 1
                yield output

    def state(self) -> State:
        return self.mark().state()

    def close(self) -> None:
        self._schedule.close()

    def mark(self) -> Position:
        at = self._at()
        return at if self._ledger is None else at._replace(failed=self._ledger.counts(at.unit))

    def _at(self) -> Position:
        result, taken = self._result, self._taken
        has_ended = self._is_over or self._failure is not None
        tells_outputs = self._segment.is_unit_by_unit or self._segment.is_many
        if taken == 0 or not tells_outputs:
            last = result.first if taken == 0 else result.owner(taken - 1) + 1
            return Position(result.stop if has_ended else last)
        # After an error: the failing unit, of which some outputs may have been delivered.
        unit = result.stop if has_ended else result.owner(taken - 1)
        delivered = 0
        while delivered < taken and result.owner(taken - 1 - delivered) == unit:
            delivered += 1
        return Position(unit, delivered)

    def _has_more(self, found: list[Any]) -> bool:
        """Whether an output is ready; at an error, what came before it is given first."""
        while self._taken >= len(self._result.outputs):
            if self._result.error is not None:
                self._failure = self._result.error
                if not found:
                    raise self._failure
                return False
            if not self._next():
                return False
        return True

    def _next(self) -> bool:
        """Takes the next result; False at the end of the epoch."""
        before = self._result
        try:
            result = self._schedule.next()
        except BaseException as error:
            # Drawing the input failed, or waiting was interrupted, after what came before.
            self._origin.annotate(error, self._feed, before.stop)
            before.error = error
            return True
        if result is None:
            self._is_over = True
            return False
        self._report(result)
        if self._timing is not None and result.timing is not None:
            self._timing.merge(result.timing)
        if not len(result.outputs) and result.error is None:
            # Nothing came of these units: the position stays after the last output.
            before.stop = result.stop
        else:
            self._result = result
            self._taken, self._skip = min(self._skip, len(result.outputs)), 0
        self._grow(result)
        return True

    def _report(self, result: Result) -> None:
        """Counts what guards have covered; where a budget is used up, the result ends there."""
        for outputs, failure in result.failures:
            assert self._ledger is not None
            try:
                self._ledger.report(failure)
            except Exception as error:
                result.cut(outputs, failure.unit, error)
                return

    def _grow(self, result: Result) -> None:
        most = -(-self._feed.task_positions // self._segment.unit)
        if result.seconds < TASK_SECONDS:
            # By its own size: those behind it may have been made larger already.
            self._units = max(self._units, min(2 * (result.stop - result.first), most))

    def _tasks(self, unit: int) -> Iterator[Task[Result]]:
        size = self._segment.unit
        count = self._feed.count
        number = 0
        while count is None or unit * size < count:
            units = (unit, unit + self._units)
            block = None
            if isinstance(self._feed, DrawnFeed):
                block = self._feed.read(units[0] * size, units[1] * size, size)
                if not block:
                    return
            clocks = UNTIMED
            if self._timing is not None:
                clocks = TIMED if number % CPU_EVERY else TIMED_TWICE
            number += 1
            yield Task(self._job, (units, block, clocks))
            unit = units[1]
