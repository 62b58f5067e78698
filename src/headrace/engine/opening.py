"""The cursors of one run of a chain: its feed, its segment, and the stages beside the consumer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headrace.carried import Portable
from headrace.contracts import Cursor, Node, Run, State, Visit
from headrace.contracts.timing import Timing
from headrace.engine.consumer import FusedCursor, WindowCursor
from headrace.engine.elastic import PiecesCursor, noted_order, pieces_of
from headrace.engine.feed import AddressedFeed, DrawnFeed, Feed
from headrace.engine.fuse import Fused
from headrace.engine.inline import InlineCursor
from headrace.engine.job import SegmentJob
from headrace.engine.noted import NotedCursor
from headrace.engine.notes import Origin
from headrace.engine.plan import Late, Plan, WindowStage, keeps_places
from headrace.engine.position import Position, position_of
from headrace.engine.randomness import Keys
from headrace.engine.tasks import TaskCursor
from headrace.engine.timed import TimedCursor
from headrace.engine.visited import bound_order
from headrace.orders import Every

# Any, in this file: a chain is run without knowing its record types.


@dataclass(frozen=True)
class Opening:
    """One run of a chain, on the rank that `origin` says; `portable` is its job for tasks."""

    plan: Plan
    origin: Origin
    seed: int | None
    portable: Portable
    timing: Timing | None = None

    def cursor(self, state: State | None, memos: list[Any]) -> Cursor[Any]:
        """A cursor that begins at `state`; `memos` has a value for each stage beside it."""
        feed = self._feed(self._run)
        cursor = base = self._base(state, feed)
        numbers = self.plan.late_numbers
        if self.timing is not None:
            before = (numbers[0] if numbers else len(self.plan.wheres)) - 1
            is_base_counted = not isinstance(self.plan.source, Node)
            cursor = TimedCursor(cursor, self.timing, before, counts=not is_base_counted)
        running: list[tuple[Cursor[Any], Late]] = []
        tells = feed
        for late, memo, number in zip(self.plan.late, memos, numbers, strict=True):
            opened = self._late(cursor, late, memo, replace(self.origin, feed=tells))
            tells = tells if keeps_places(late) else None
            running.append((opened, late))
            cursor = opened
            if self.timing is not None:
                is_counted = isinstance(late, Fused)
                cursor = TimedCursor(opened, self.timing, number, counts=not is_counted)
        return NotedCursor(base, cursor, running, self.origin, feed) if running else cursor

    def every(self, first: int, step: int) -> Cursor[Any]:
        """A cursor over each `step`-th output from `first` on, of a chain of which that works."""
        source, unit = self._source, self.plan.segment.unit
        order = Every(bound_order(source, self._run), unit, first, step)
        return self._segment(AddressedFeed(source, self._run, order), self.origin, Position())

    @property
    def _run(self) -> Run:
        return self.origin.run

    @property
    def _source(self) -> Visit:
        assert isinstance(self.plan.source, Visit)
        return self.plan.source

    def _feed(self, run: Run) -> Feed | None:
        source = self.plan.source
        if isinstance(source, Node):
            return None
        if run.rest is not None and run.rest.piece is None:
            # Each piece is fed by itself; this one tells of all of them, in notes.
            return self._noted(run) if isinstance(source, Visit) else None
        if isinstance(source, Visit):
            return AddressedFeed(source, run, is_soft=self.plan.segment.covers_source)
        return DrawnFeed(source, run, self.plan.cut)

    def _noted(self, run: Run) -> AddressedFeed:
        order = noted_order(self._source, run, self.plan.segment.unit)
        return AddressedFeed(self._source, run, order)

    def _base(self, state: State | None, feed: Feed | None) -> Cursor[Any]:
        plan, run = self.plan, self._run
        if isinstance(plan.source, Node):
            return plan.source.open(run, state)
        at = position_of(state, len(plan.segment.guards))
        if run.rest is None:
            assert feed is not None
            return self._segment(feed, self.origin, at)
        pieces = pieces_of(run)

        def opened(number: int, where: Position) -> InlineCursor | TaskCursor:
            feed = self._feed(pieces[number])
            assert feed is not None
            return self._segment(feed, replace(self.origin, run=pieces[number]), where)

        return PiecesCursor(run.rest.leftovers, at, opened)

    def _segment(self, feed: Feed, origin: Origin, at: Position) -> InlineCursor | TaskCursor:
        segment, run, timing = self.plan.segment, origin.run, self.timing
        keys = Keys(self.seed, run.epoch)
        if run.workers is None:
            return InlineCursor(feed, segment, keys, origin=origin, at=at, timing=timing)
        job = SegmentJob(feed, segment, keys, origin, self.portable)
        return TaskCursor(feed, job, origin=origin, run=run, at=at, timing=timing)

    def _late(self, cursor: Cursor[Any], late: Late, memo: Any, origin: Origin) -> Cursor[Any]:
        source = self.plan.source
        part = source.part if isinstance(source, Visit) else None
        rank = self._run.rank if part is None else part[0]
        keys = Keys(self.seed, self._run.epoch, rank + 1)
        if isinstance(late, Fused):
            return FusedCursor(cursor, late, keys, memo, origin=origin, timing=self.timing)
        if isinstance(late, WindowStage):
            return WindowCursor(cursor, late, keys, memo)
        return late.open(cursor, self._run, memo)
