"""Notes on errors of the stages beside the consumer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from headrace.contracts import Block, Cursor, Mark, State, iterate, marker
from headrace.engine.feed import Feed
from headrace.engine.fuse import Fused
from headrace.engine.notes import Origin, failed_in
from headrace.engine.plan import Late, WindowStage

# Any, in this file: records pass through untyped.


@runtime_checkable
class LooksAhead(Protocol):
    """A cursor that reads its parent in a thread of its own."""

    def failed_between(self, error: BaseException) -> tuple[State, State] | None:
        """Where the parent stood before and after the record that gave this error."""
        ...

    def state(self) -> State:
        """Where the oldest undelivered record begins."""
        ...


class NotedCursor:
    """The last of the stages beside the consumer; an error out of them gets its note here.

    `last` is the one to read; `stages` are the running stages and what they run, first to last;
    `feed` is None where they stand over whole chains, whose positions are not one number.
    """

    def __init__(
        self,
        base: Cursor[Any],
        last: Cursor[Any],
        stages: list[tuple[Cursor[Any], Late]],
        origin: Origin,
        feed: Feed | None,
    ) -> None:
        self._base = base
        self._last = last
        self._mark = marker(last)
        self._stages = stages
        self._origin = origin
        self._feed = feed

    def read(self, n: int) -> Block[Any]:
        try:
            return self._last.read(n)
        except Exception as error:
            self._annotate(error)
            raise

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from iterate(self._last)
        except Exception as error:
            self._annotate(error)
            raise

    def state(self) -> State:
        return self._last.state()

    def mark(self) -> Mark:
        return self._mark()

    def close(self) -> None:
        self._last.close()

    def _annotate(self, error: Exception) -> None:
        if self._feed is None:
            self._origin.note(error, self._name(error))
            return
        begin, read = self._between(error)
        stop = max(begin["at"] + 1, read["at"] + len(read["part"]))
        self._origin.note(error, self._name(error), self._feed, (begin["at"], stop))

    def _between(self, error: Exception) -> tuple[State, State]:
        """The failing output came of what was read after the first state, up to the second."""
        ahead = [one for one, _ in self._stages if isinstance(one, LooksAhead)]
        failed = next((found for one in ahead if (found := one.failed_between(error))), None)
        if failed is not None:
            return failed
        begin = self._last.state()
        # What draws ahead uses the base in a thread of its own, and has read on.
        return begin, ahead[-1].state() if ahead else self._base.state()

    def _name(self, error: Exception) -> str:
        failed: Late | None = None
        trace = error.__traceback__
        while trace is not None:
            running = trace.tb_frame.f_locals.get("self")
            failed = next((late for cursor, late in self._stages if cursor is running), failed)
            trace = trace.tb_next
        if isinstance(failed, Fused):
            fused = [late for _, late in self._stages if isinstance(late, Fused)]
            return failed_in(error, fused) or failed.kernels[0].name
        if isinstance(failed, WindowStage):
            return f"{failed.stage}#{failed.number}"
        return str(getattr(failed, "title", failed))
