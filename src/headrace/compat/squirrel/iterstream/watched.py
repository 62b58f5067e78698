"""A look at each record beside the consumer, by a function over the whole iterator."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, ClassVar

from headrace.contracts import Cursor, Mark, Run, State, iterate, marker, with_memo
from headrace.contracts.node import Shared
from headrace.stages.marked import Marked
from headrace.stages.naming import name_of

# Any, in this file: records pass through untyped.
REPORTS = "reports of monitors"


@dataclass(frozen=True)
class Watched:
    """Gives the records that `fn(records)` gives, which are those that it is given, one for one.

    Unlike `headrace.stages.Through`, whose function may do anything, it needs no state.
    """

    # Who watches changes no record.
    content: ClassVar[None] = None

    fn: Callable[..., Iterator[Any]]
    # What `fn` calls, as the argument of that name.
    callback: Callable[..., object] | None = None

    def __str__(self) -> str:
        return "watched"

    @property
    def title(self) -> str:
        """The name for errors and drawings."""
        return name_of(self.fn)

    def length(self, before: int | None) -> int | None:
        """As many as come."""
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> WatchedCursor:
        """A cursor over `parent`."""
        if self.callback is None:
            return WatchedCursor(parent, self.fn)
        return WatchedCursor(parent, partial(self.fn, callback=reported(self.callback, run.shared)))


def reported(callback: Callable[..., object], shared: Shared) -> Callable[..., object]:
    """The callback, to be called in the thread that reads, where that looks for reports.

    What stands before an `async_map` is drawn by another thread, in which mlflow would not know
    its run.
    """
    reports = shared.found.get(REPORTS)
    if reports is None:
        return callback
    reader = threading.get_ident()

    def report(*args: Any, **kw: Any) -> None:
        if threading.get_ident() == reader:
            callback(*args, **kw)
        else:
            reports.append(partial(callback, *args, **kw))

    return report


class Reports:
    """Calls of callbacks that other threads have left for the one that reads."""

    def __init__(self, shared: Shared) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        shared.found[REPORTS] = self._calls

    def made(self, records: Iterator[Any]) -> Iterator[Any]:
        """The records, each after the calls that came before it."""
        for record in records:
            self._make()
            yield record
        self._make()

    def _make(self) -> None:
        while self._calls:
            self._calls.popleft()()


class WatchedCursor:
    """Draws one record at a time, so that its parent's state is its own."""

    def __init__(self, parent: Cursor[Any], fn: Callable[[Iterator[Any]], Iterator[Any]]) -> None:
        self._parent = parent
        self._mark = marker(parent)
        # Where the parent stood before the record that is watched now.
        self._before = self._mark()
        self._records = fn(self._drawn())
        self._failure: BaseException | None = None

    def read(self, n: int) -> list[Any]:
        """At most `n` records; what came before an error is given first."""
        found: list[Any] = []
        try:
            found.extend(islice(self, n))
        except BaseException:
            if not found:
                raise
        return found

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        if self._failure is not None:
            raise self._failure
        try:
            # Not `yield from`, which would end the function with this iterator.
            for record in self._records:  # noqa: UP028
                yield record
        except GeneratorExit:
            raise
        except BaseException as error:
            self._failure = error
            raise

    def state(self) -> State:
        """The parent's; before the record that failed, where one did."""
        at = self._mark() if self._failure is None else self._before
        return with_memo(at.state(), None)

    def mark(self) -> Mark:
        """The parent's."""
        return Marked(self._mark() if self._failure is None else self._before)

    def close(self) -> None:
        """Ends the function, and closes the parent."""
        try:
            end = getattr(self._records, "close", None)
            if end is not None:
                end()
        finally:
            self._parent.close()

    def _drawn(self) -> Iterator[Any]:
        for record in iterate(self._parent):
            yield record
            self._before = self._mark()
