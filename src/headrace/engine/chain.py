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
)
from headrace.contracts.errors import StateError
from headrace.contracts.timing import Timing
from headrace.engine.elastic import extent_of
from headrace.engine.job import SegmentParts, portable
from headrace.engine.ledger import LEAST_KNOWN
from headrace.engine.lengths import Lengths
from headrace.engine.notes import Origin
from headrace.engine.opening import Opening
from headrace.engine.plan import Plan, plan_of
from headrace.engine.position import position_of
from headrace.engine.process_wide import check_process_wide, every_stage
from headrace.engine.visited import offset_of
from headrace.orders import Part, first_seed

# Any, in this file: a chain is run without knowing its record types.
# A state holds the chain and the data as text up to here, and a hash after: the whole stays
# below 1 KiB.
CHAIN_TEXT = 300


@dataclass(frozen=True)
class Chain:
    """A source and the stages after it; frozen, printable, and picklable where its parts are.

    `ranked` is (rank, world_size) where a loader shares it out; every run of it is that rank's.
    """

    source: Source
    stages: tuple[Stage, ...] = ()
    ranked: tuple[int, int] | None = None

    def __str__(self) -> str:
        source = self.source
        text = _visit_text(source) if isinstance(source, Visit) else "drawn"
        return " | ".join([text, *(str(stage) for stage in self.stages)])

    def __reduce__(self) -> tuple[type[Chain], tuple[Any, ...]]:
        # What was found out about it is found out again.
        return Chain, (self.source, self.stages, self.ranked)

    def on(self, rank: int, world_size: int) -> Chain:
        """This chain as one rank of several runs it."""
        return replace(self, ranked=(rank, world_size))

    def then(self, stage: Stage) -> Chain:
        """This chain with one more stage.

        Raises:
            StreamError: the stage can do nothing after this chain.
        """
        longer = replace(self, stages=(*self.stages, stage))
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
        return every_stage(self.stages)

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
        """The chain as bounded text, the same in every run and for every rank."""
        text = str(self)
        source = self.plan.source
        if isinstance(source, Visit) and source.part is not None:
            # The rank stands beside it in a state; other ranks go on after a merge.
            before, _, behind = text.rpartition("({}/{}, {})".format(*source.part))
            text = f"{before}({source.part[2]}){behind}"
        return _bounded(text)

    @property
    def world(self) -> tuple[int, int] | None:
        """(rank, world_size) where a loader shares it out, or the user sharded by hand."""
        if self.ranked is not None:
            return self.ranked
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
        rank, world_size, remainder = source.part or (*(self.ranked or (0, 1)), "keep")
        part = Part(source.order, rank, world_size, remainder)
        return offset_of(source, part)[0]

    @property
    def is_infinite(self) -> bool:
        """Whether an epoch never ends."""
        return self._lengths.is_endless

    def extent(self, run: Run) -> State:
        """What of an epoch the ranks share out, for merge_states; empty where nobody can."""
        key = run.epoch, run.seed
        if key not in self._extents:
            self._extents.clear()
            self._extents[key] = extent_of(self.plan, self._on_rank(run))
        return self._extents[key]

    # Kept, of one epoch: to find it costs more than all else of a state.
    @cached_property
    def _extents(self) -> dict[tuple[int, int | None], State]:
        return {}

    def length(self, run: Run) -> int | None:
        """How many records one epoch gives; None where unknown or without end."""
        return self._lengths.of(self._on_rank(run))

    def known_length(self, run: Run) -> int:
        """How many records one epoch gives.

        Raises:
            StreamError: it is not known; the message names the stage that made it so.
        """
        return self._lengths.known(self._on_rank(run))

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        """A cursor that begins exactly at `state`, or at the start of the epoch.

        Raises:
            StateError: the state has another shape than this chain's.
        """
        memos = [None] * len(self.plan.late) if state is None else self._memos(state)
        return self._opening(self._on_rank(run)).cursor(state, memos)

    def _opening(self, run: Run) -> Opening:
        check_process_wide(self.plan, self.stages, run)
        origin = Origin(self.identity, self.plan.segment, run, self._shared(run))
        return Opening(self.plan, origin, self._seed(run), self.portable, self._timing(run))

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
        assert self.is_divisible
        return self._opening(self._on_rank(run)).every(first, step)

    def _on_rank(self, run: Run) -> Run:
        if self.ranked is None:
            return run
        return replace(run, rank=self.ranked[0], world_size=self.ranked[1])

    # Kept: it travels to other processes once, not in each epoch.
    @cached_property
    def portable(self) -> Portable:
        """The source and the segment, as tasks find them in other processes."""
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

    # Kept: what it finds out is asked for often.
    @cached_property
    def _lengths(self) -> Lengths:
        return Lengths(self.plan, self.stages)

    def _shared(self, run: Run) -> dict[int, int | None]:
        """How many records come to each guard whose budget is a share of them."""
        shares = [
            number
            for number, stage in enumerate(self.stages)
            if isinstance(stage, Pointwise)
            and stage.kernel.guard is not None
            and isinstance(stage.kernel.guard.budget, float)
        ]
        # Shares are of the whole epoch, also where a merge of ranks has left a part of it.
        all_of_it = replace(run, rest=None)
        lengths = {
            number: Chain(self.source, self.stages[:number]).length(all_of_it) for number in shares
        }
        if run.rest is None:
            return lengths
        known = self._lengths.before(all_of_it) or LEAST_KNOWN
        return {number: known if one is None else one for number, one in lengths.items()}


def _bounded(text: str) -> str:
    """`text` where it is short, else its beginning and a hash of it all."""
    if len(text) <= CHAIN_TEXT:
        return text
    return f"{text[:CHAIN_TEXT]}...{xxhash.xxh3_64_hexdigest(text.encode())}"


def _visit_text(visit: Visit) -> str:
    part = "" if visit.part is None else " > part({}/{}, {})".format(*visit.part)
    offset = f" > offset({visit.offset})" if visit.offset else ""
    return f"{visit.order}{part}{offset}"
