"""Notes on errors of the stages beside the consumer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.contracts import Block, Cursor, State, iterate
from headrace.engine.feed import Feed
from headrace.engine.fuse import Fused
from headrace.engine.notes import Origin, failed_in
from headrace.engine.plan import Late, WindowStage

# Any, in this file: records pass through untyped.


class NotedCursor:
    """The last of the stages beside the consumer; an error out of them gets its note here.

    `stages` are the running stages and what they run, first to last; `feed` is None where
    they stand over whole chains, whose positions are not one number.
    """

    def __init__(
        self,
        base: Cursor[Any],
        stages: list[tuple[Cursor[Any], Late]],
        origin: Origin,
        feed: Feed | None,
    ) -> None:
        self._base = base
        self._stages = stages
        self._last = stages[-1][0]
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

    def close(self) -> None:
        self._last.close()

    def _annotate(self, error: Exception) -> None:
        if self._feed is None:
            self._origin.note(error, self._name(error))
            return
        # The failing output came of what was read after the position that the state says.
        begin, read = self._last.state()["at"], self._base.state()
        stop = max(begin + 1, read["at"] + len(read["part"]))
        self._origin.note(error, self._name(error), self._feed, (begin, stop))

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
        return f"{failed.stage}#{failed.number}" if isinstance(failed, WindowStage) else str(failed)
