"""A chain told apart: what is order, what runs in tasks, what runs beside the consumer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from headrace.contracts import (
    Begins,
    Consumes,
    Drawn,
    Groups,
    Kernel,
    Node,
    Pointwise,
    Reorders,
    Softens,
    Source,
    Stage,
    Visit,
    Windows,
    gives_any_order,
    replays,
)
from headrace.contracts.errors import StreamError
from headrace.engine.fuse import Fused
from headrace.engine.segment import Grouped, Level, Segment, Windowed
from headrace.orders import Range

# Any, in this file: a chain is told apart before its record types are known.
# Where a stage ended up: in the order, in the segment, over whole chains, beside the consumer.
Where = Literal["order", "task", "chains", "consumer"]


@dataclass(frozen=True)
class WindowStage:
    """A regrouping stage beside the consumer; `number` is its ordinal in the chain."""

    stage: Windows
    number: int


# What runs beside the consumer, in order.
Late = Fused | WindowStage | Consumes


def keeps_places(late: Late) -> bool:
    """Whether what comes out came of the positions between two states of it."""
    if isinstance(late, Fused):
        return not late.is_many
    return not (isinstance(late, WindowStage) or replays(late) or gives_any_order(late))


@dataclass(frozen=True)
class Plan:
    """A source, the segment over it, and the stages beside the consumer."""

    source: Visit | Drawn | Node[Any]
    cut: tuple[int, int | None] = (0, None)
    segment: Segment = field(default_factory=Segment)
    late: tuple[Late, ...] = ()
    # Where each stage of the chain ended up.
    wheres: tuple[Where, ...] = ()

    @property
    def late_numbers(self) -> list[int]:
        """The ordinal of each stage beside the consumer: of a loop, that of its last kernel."""
        beside = [number for number, where in enumerate(self.wheres) if where == "consumer"]
        found: list[int] = []
        for late in self.late:
            steps = len(late.kernels) if isinstance(late, Fused) else 1
            found.append(beside[steps - 1])
            beside = beside[steps:]
        return found

    @property
    def is_one_to_one(self) -> bool:
        """Whether each position gives one record, so that a stage may still reorder positions.

        A number given by position must keep its record: what follows it reorders no more.
        """
        plain = self.segment.is_exact and self.segment.per == 1
        numbered = any(kernel.wants == "ordinal" for kernel in self.segment.kernels())
        return plain and not numbered and not self.late and not isinstance(self.source, Node)


# Makes a chain of its first stages, whose plan is given.
Prefix: TypeAlias = "Callable[[int, Plan], Node[Any]]"


def plan_of(source: Source, stages: tuple[Stage, ...], prefix: Prefix) -> Plan:
    """Tells a chain apart, left to right; `prefix(k, plan)` is the chain of its first k stages.

    Raises:
        StreamError: a stage can do nothing where it stands.
    """
    plan = Plan(source)
    loose: Stage | None = None
    for number, stage in enumerate(stages):
        placed, where = _place(plan, stage, number, prefix)
        if loose is not None and _replays(stage, where):
            raise StreamError(
                f"{stage} makes records again after a resume and so needs a fixed order, and "
                f"{loose} before it gives any. Put {stage} before it, or keep it ordered."
            )
        loose = next((one for one in (*_beside(stage), stage) if gives_any_order(one)), loose)
        plan = replace(placed, wheres=(*plan.wheres, where))
    return plan


def _replays(stage: Stage, where: Where) -> bool:
    is_many = isinstance(stage, Pointwise) and stage.kernel.kind == "flat_map"
    return where in ("chains", "consumer") and (is_many or replays(stage))


def _beside(stage: Stage) -> tuple[Stage, ...]:
    """The stages of the chains that a stage joins to this one."""
    others = getattr(stage, "others", ())
    return tuple(one for chain in others for one in getattr(chain, "every_stage", ()))


def _place(plan: Plan, stage: Stage, number: int, prefix: Prefix) -> tuple[Plan, Where]:
    if isinstance(stage, Reorders) and plan.is_one_to_one:
        reordered = _reordered(plan, stage)
        if reordered is not None:
            return reordered, "order"
    if isinstance(stage, Begins):
        # The chain so far becomes one of the chains that the stage stands over.
        return Plan(stage.begin(prefix(number, plan))), "chains"
    if not plan.late and not isinstance(plan.source, Node):
        segment = _extended(plan.segment, stage, number)
        if segment is not None:
            used = plan.source
            if isinstance(used, Visit):
                used = replace(used, is_bare=False)
            return replace(plan, source=used, segment=segment), "task"
    return replace(plan, late=_later(plan.late, stage, number)), "consumer"


def _reordered(plan: Plan, stage: Reorders) -> Plan | None:
    if isinstance(plan.source, Visit):
        visit = stage.reorder(plan.source)
        return None if visit is None else replace(plan, source=visit)
    # Without random access only a cut is possible: a stand-in shows whether this is one.
    stand_in = Visit((), Range(0), None, *plan.cut, is_bare=False)  # type: ignore[arg-type]
    visit = stage.reorder(stand_in)
    if visit is None or visit != replace(stand_in, start=visit.start, stop=visit.stop):
        return None
    return replace(plan, cut=(visit.start, visit.stop))


def _extended(segment: Segment, stage: Stage, number: int) -> Segment | None:
    """The segment with this stage in it, None where it would cross units."""
    if isinstance(stage, Pointwise):
        kernel = numbered_kernel(stage, number)
        if kernel.wants == "ordinal" and not segment.is_exact:
            return None
        return replace(
            segment,
            levels=_fused(segment.levels, kernel),
            is_exact=segment.is_exact and Fused((kernel,)).is_exact,
            is_many=segment.is_many or kernel.kind == "flat_map",
        ).covering()
    if isinstance(stage, Groups) and segment.is_exact:
        per = segment.per * stage.size
        return replace(
            segment,
            levels=(*segment.levels, Grouped(stage, segment.per, per, number)),
            unit=per,
            per=per,
        )
    if isinstance(stage, Windows):
        # Rounded up to whole earlier units, so that windows nest.
        unit = -(-stage.window * segment.per // segment.unit) * segment.unit
        level = Windowed(stage, unit, number)
        return replace(segment, levels=(*segment.levels, level), unit=unit, is_exact=False)
    return None


def _later(late: tuple[Late, ...], stage: Stage, number: int) -> tuple[Late, ...]:
    if isinstance(stage, Pointwise):
        kernel = numbered_kernel(stage, number)
        # A number counts what comes out of the stages before: a loop of its own.
        counts_on = kernel.wants == "ordinal"
        last = late[-1] if late else None
        if isinstance(last, Fused) and (last.is_exact or not counts_on):
            longer = replace(last, kernels=(*last.kernels, kernel))
            return _covering(list(late[:-1]), longer)
        return _covering(list(late), Fused((kernel,)))
    if isinstance(stage, Windows):
        return (*late, WindowStage(stage, number))
    if isinstance(stage, Consumes):
        return (*late, stage)
    raise StreamError(
        f"{stage} cannot stand here: it neither reorders positions nor maps, groups or consumes "
        "records. Give it one of the abilities in headrace.contracts.stage."
    )


def _covering(before: list[Late], fused: Fused) -> tuple[Late, ...]:
    """What runs beside the consumer with `fused` at its end, which may cover what is before it."""
    if fused.covers_input and before and isinstance(before[-1], Softens):
        softened = before[-1].softened()
        assert isinstance(softened, Consumes)
        return (*before[:-1], softened, replace(fused, takes_failed=True))
    return (*before, fused)


def numbered_kernel(stage: Pointwise, number: int) -> Kernel:
    """The stage's kernel, named with its ordinal, which its randomness depends on."""
    kernel = stage.kernel
    return replace(kernel, name=f"{kernel.name}#{number}", number=number)


def _fused(levels: tuple[Level, ...], kernel: Kernel) -> tuple[Level, ...]:
    if levels and isinstance(levels[-1], Fused):
        return (*levels[:-1], Fused((*levels[-1].kernels, kernel)))
    return (*levels, Fused((kernel,)))
