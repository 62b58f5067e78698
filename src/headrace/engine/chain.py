"""The node that a Stream wraps: a source and a flat run of stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import xxhash

from headrace.carried import Portable
from headrace.contracts import (
    Cursor,
    Node,
    Pointwise,
    Run,
    Source,
    Stage,
    State,
    Visit,
    first_epoch_of,
    identity_of,
    look_ahead_of,
)
from headrace.contracts.errors import StateError, StreamError
from headrace.contracts.timing import Timing
from headrace.engine.consumer import FusedCursor, WindowCursor
from headrace.engine.feed import (
    AddressedFeed,
    DrawnFeed,
    Feed,
    bound_order,
    drawn_count,
    offset_of,
)
from headrace.engine.fuse import Fused
from headrace.engine.inline import InlineCursor
from headrace.engine.job import SegmentJob, SegmentParts, portable
from headrace.engine.noted import NotedCursor
from headrace.engine.notes import Origin
from headrace.engine.plan import Late, Plan, WindowStage, keeps_places, plan_of
from headrace.engine.position import position_of
from headrace.engine.randomness import Keys
from headrace.engine.tasks import TaskCursor
from headrace.engine.timed import TimedCursor
from headrace.orders import INFINITE, Every, Part, first_seed

# Any, in this file: a chain is run without knowing its record types.
# A state holds the chain and the data as text up to here, and a hash after: the whole stays
# below 1 KiB.
CHAIN_TEXT = 300


@dataclass(frozen=True)
class Chain:
    """A source and the stages after it; frozen, printable, and picklable where its parts are."""

    source: Source
    stages: tuple[Stage, ...] = ()

    def __str__(self) -> str:
        source = self.source
        text = _visit_text(source) if isinstance(source, Visit) else "drawn"
        return " | ".join([text, *(str(stage) for stage in self.stages)])

    def __reduce__(self) -> tuple[type[Chain], tuple[Source, tuple[Stage, ...]]]:
        # What was found out about it is found out again.
        return Chain, (self.source, self.stages)

    def then(self, stage: Stage) -> Chain:
        """This chain with one more stage.

        Raises:
            StreamError: the stage can do nothing after this chain.
        """
        longer = Chain(self.source, (*self.stages, stage))
        # Told apart now, so that an error shows where the user wrote the stage.
        _ = longer.plan
        return longer

    @cached_property
    def plan(self) -> Plan:
        """What of the chain is order, task and consumer."""
        return plan_of(self.source, self.stages, self._prefix)

    def _prefix(self, count: int, plan: Plan) -> Chain:
        """The chain of the first stages, whose plan is known."""
        # To find the plan anew would double the work with each zip or concat in a row.
        chain = Chain(self.source, self.stages[:count])
        chain.__dict__["plan"] = plan
        return chain

    @property
    def source_text(self) -> str:
        """What the chain begins with, for people."""
        source = self.source
        return _visit_text(source) if isinstance(source, Visit) else "drawn"

    @property
    def every_stage(self) -> tuple[Stage, ...]:
        """The stages, and those of the chains that they join to this one."""
        beside = [other for stage in self.stages for other in getattr(stage, "others", ())]
        chains = [other for other in beside if isinstance(other, Chain)]
        return (*self.stages, *(stage for chain in chains for stage in chain.every_stage))

    @property
    def visit(self) -> Visit | None:
        """The visit that this chain is; None where it does more."""
        source = self.plan.source
        is_bare = isinstance(source, Visit) and not self.plan.segment.levels and not self.plan.late
        return source if is_bare and isinstance(source, Visit) else None

    @property
    def identity(self) -> str:
        """The name of the data in saved states."""
        source = self.source
        named = identity_of(source.records) if isinstance(source, Visit) else source.identity
        # Of a zip or a concat, the streams beside this one have records of their own.
        beside = [other for stage in self.stages for other in getattr(stage, "others", ())]
        others = [other.identity for other in beside if isinstance(other, Chain)]
        return _bounded(", ".join([named, *others]))

    @property
    def fingerprint(self) -> str:
        """The chain as bounded text, the same in every run."""
        return _bounded(str(self))

    @property
    def world(self) -> tuple[int, int] | None:
        """(rank, world_size) where the user sharded by hand."""
        source = self.plan.source
        part = source.part if isinstance(source, Visit) else None
        return None if part is None else part[:2]

    @property
    def first_epoch(self) -> int:
        """The epoch in which the start offset lies: the first one to run."""
        source = self.plan.source
        if isinstance(source, Node):
            return first_epoch_of(source)
        if not isinstance(source, Visit) or not source.offset:
            return 0
        part = Part(source.order, *source.part) if source.part else source.order
        return offset_of(source, part)[0]

    @property
    def is_infinite(self) -> bool:
        """Whether an epoch never ends."""
        return self._is_endless

    # Kept: to look whether a source is a Node asks for it, at each level of chains over chains.
    @cached_property
    def _is_endless(self) -> bool:
        source = self.plan.source
        if isinstance(source, Visit):
            cut = source.stop is not None
            endless = source.order.count(0) >= INFINITE and not cut
        elif isinstance(source, Node):
            endless = source.is_infinite
        else:
            endless = source.is_endless and self.plan.cut[1] is None
        for stage in self._late_stages():
            # A stage that gives the same number for two huge ones ends an endless stream.
            length = stage.length(INFINITE)
            endless = endless and (length is None or length != stage.length(INFINITE // 2))
        return endless

    def length(self, run: Run) -> int | None:
        """How many records one epoch gives; None where unknown or without end."""
        return self._length(run)[0]

    def known_length(self, run: Run) -> int:
        """How many records one epoch gives.

        Raises:
            StreamError: it is not known; the message names the stage that made it so.
        """
        length, stage = self._length(run)
        if length is None:
            why = (
                f"{stage} gives a number that depends on the records"
                if stage
                else (
                    "it has no end" if self.is_infinite else "its source does not know its length"
                )
            )
            raise StreamError(
                f"the length of this stream is not known: {why}. "
                "Count what comes out, or put .take(n) behind it."
            )
        return length

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        """A cursor that begins exactly at `state`, or at the start of the epoch.

        Raises:
            StateError: the state has another shape than this chain's.
        """
        memos = [None] * len(self.plan.late) if state is None else self._memos(state)
        self._check_globals(run)
        feed = self._feed(run)
        origin = Origin(self.identity, self.plan.segment, run, self._shared(run))
        timing = self._timing(run)
        base = cursor = self._open_base(run, state, feed, origin)
        numbers = self.plan.late_numbers
        if timing is not None:
            before = (numbers[0] if numbers else len(self.stages)) - 1
            is_base_counted = not isinstance(self.plan.source, Node)
            cursor = TimedCursor(cursor, timing, before, counts=not is_base_counted)
        rank = self.world[0] if self.world else run.rank
        keys = Keys(self._seed(run), run.epoch, rank + 1)
        running: list[tuple[Cursor[Any], Late]] = []
        tells = feed
        for late, memo, number in zip(self.plan.late, memos, numbers, strict=True):
            opened = _open_late(
                cursor,
                late,
                run,
                keys=keys,
                memo=memo,
                origin=replace(origin, feed=tells),
                timing=timing,
            )
            tells = tells if keeps_places(late) else None
            running.append((opened, late))
            cursor = opened
            if timing is not None:
                is_counted = isinstance(late, Fused)
                cursor = TimedCursor(opened, timing, number, counts=not is_counted)
        return NotedCursor(base, cursor, running, origin, feed) if running else cursor

    def _timing(self, run: Run) -> Timing | None:
        """Where to write down times: where this is the chain that is timed, or its beginning."""
        timing = run.timing
        timed = None if timing is None else timing.chain
        if not isinstance(timed, Chain) or timed.source is not self.source:
            return None
        return timing if timed.stages[: len(self.stages)] == self.stages else None

    @property
    def gives_one_a_unit(self) -> bool:
        """Whether each unit of positions gives one output: the n-th is that of unit n."""
        plan = self.plan
        # The number of failures so far is not known from the number of outputs.
        is_counted = plan.segment.is_exact and not plan.segment.guards
        return is_counted and not plan.late and not isinstance(plan.source, Node)

    @property
    def is_divisible(self) -> bool:
        """Whether `open_every` works: by its position alone, any output can be made first."""
        numbered = any(kernel.wants == "ordinal" for kernel in self.plan.segment.kernels())
        return self.gives_one_a_unit and not numbered and isinstance(self.plan.source, Visit)

    def open_every(self, run: Run, first: int, step: int) -> Cursor[Any]:
        """A cursor over the outputs `first`, `first` + `step`, ... of a divisible chain.

        One of several equal readers, which together give what `open` gives; nothing that the
        others read is read for it.
        """
        source, segment = self.plan.source, self.plan.segment
        assert isinstance(source, Visit)
        assert self.is_divisible
        self._check_globals(run)
        order = Every(bound_order(source, run), segment.unit, first, step)
        feed = AddressedFeed(source, run, order)
        return self._open_base(run, None, feed, Origin(self.identity, segment, run))

    def _feed(self, run: Run) -> Feed | None:
        source = self.plan.source
        if isinstance(source, Node):
            return None
        if isinstance(source, Visit):
            return AddressedFeed(source, run, is_soft=self.plan.segment.covers_source)
        return DrawnFeed(source, run, self.plan.cut)

    def _open_base(
        self, run: Run, state: State | None, feed: Feed | None, origin: Origin
    ) -> Cursor[Any]:
        plan, source = self.plan, self.plan.source
        if isinstance(source, Node):
            return source.open(run, state)
        assert feed is not None
        keys = Keys(self._seed(run), run.epoch)
        at = position_of(state, len(plan.segment.guards))
        if run.workers is None:
            return InlineCursor(
                feed, plan.segment, keys, origin=origin, at=at, timing=self._timing(run)
            )
        job = SegmentJob(feed, plan.segment, keys, origin, self._portable)
        return TaskCursor(feed, job, origin=origin, run=run, at=at, timing=self._timing(run))

    # Kept: it travels to other processes once, not in each epoch.
    @cached_property
    def _portable(self) -> Portable:
        source = self.plan.source
        visit = source if isinstance(source, Visit) else None
        return portable(SegmentParts(visit, self.plan.cut[0], self.plan.segment, self.identity))

    def check(self, state: State) -> None:
        """Refuses a position that cannot be one of this chain's, before it is opened.

        Raises:
            StateError: the state has another shape than this chain's.
        """
        self._memos(state)
        if not isinstance(self.plan.source, Node):
            position_of(state, len(self.plan.segment.guards))

    def _memos(self, state: State) -> list[Any]:
        memos = state.get("stages")
        if not isinstance(memos, list) or len(memos) != len(self.plan.late):
            raise StateError(
                f"a state of this chain must hold {len(self.plan.late)} values in stages, "
                f"got {memos!r}. Load what state_dict() gave, unchanged."
            )
        return memos

    def _seed(self, run: Run) -> int | None:
        if run.seed is not None:
            return run.seed
        # Of whole chains that were joined, the first one's.
        source = self.source if isinstance(self.plan.source, Node) else self.plan.source
        return first_seed(source.order) if isinstance(source, Visit) else None

    def _check_globals(self, run: Run) -> None:
        for kernel in self.plan.segment.kernels():
            if kernel.is_global and run.shares_globals:
                raise StreamError(
                    f"{kernel.name} seeds the process-wide random generators, which threads "
                    "share: they would disturb each other. Use map(fn, seeded=True), or a "
                    "backend whose workers do not share an interpreter, such as hr.Inline()."
                )
        ahead = max((i for i, one in enumerate(self.stages) if look_ahead_of(one)), default=0)
        for stage in Chain(self.source, self.stages[:ahead]).every_stage:
            if isinstance(stage, Pointwise) and stage.kernel.is_global:
                raise StreamError(
                    f"{stage.kernel.name} seeds the process-wide random generators, and "
                    f"{getattr(self.stages[ahead], 'title', self.stages[ahead])} behind it runs "
                    "it in a thread beside others. Use map(fn, seeded=True), or put it behind."
                )

    def _late_stages(self) -> list[Stage]:
        """The stages after the last one that became order or stands over whole chains."""
        wheres = self.plan.wheres
        begin = max((i + 1 for i, where in enumerate(wheres) if where == "chains"), default=0)
        return [
            stage
            for i, (stage, where) in enumerate(zip(self.stages, wheres, strict=True))
            if i >= begin and where in ("task", "consumer")
        ]

    def _shared(self, run: Run) -> dict[int, int | None]:
        """How many records come to each guard whose budget is a share of them."""
        shares = [
            number
            for number, stage in enumerate(self.stages)
            if isinstance(stage, Pointwise)
            and stage.kernel.guard is not None
            and isinstance(stage.kernel.guard.budget, float)
        ]
        return {number: Chain(self.source, self.stages[:number]).length(run) for number in shares}

    def _length(self, run: Run) -> tuple[int | None, Stage | None]:
        source = self.plan.source
        if isinstance(source, Visit):
            length: int | None = bound_order(source, run).count(run.epoch)
            length = None if length == INFINITE else length
        elif isinstance(source, Node):
            length = source.length(run)
        else:
            length = drawn_count(source, run, self.plan.cut)
        for stage in self._late_stages():
            before, length = length, stage.length(length)
            if length is None and before is not None:
                return None, stage
        return length, None


def _open_late(
    cursor: Cursor[Any],
    late: Late,
    run: Run,
    *,
    keys: Keys,
    memo: Any,
    origin: Origin,
    timing: Timing | None,
) -> Cursor[Any]:
    if isinstance(late, Fused):
        return FusedCursor(cursor, late, keys, memo, origin=origin, timing=timing)
    if isinstance(late, WindowStage):
        return WindowCursor(cursor, late, keys, memo)
    return late.open(cursor, run, memo)


def _bounded(text: str) -> str:
    """`text` where it is short, else its beginning and a hash of it all."""
    if len(text) <= CHAIN_TEXT:
        return text
    return f"{text[:CHAIN_TEXT]}...{xxhash.xxh3_64_hexdigest(text.encode())}"


def _visit_text(visit: Visit) -> str:
    part = "" if visit.part is None else " > part({}/{}, {})".format(*visit.part)
    offset = f" > offset({visit.offset})" if visit.offset else ""
    return f"{visit.order}{part}{offset}"
