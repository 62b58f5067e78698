"""Which chains' states cannot be merged, and why: what a position on one rank does not say."""

from __future__ import annotations

from headrace.contracts import Node, Reorders, Stage, Visit, gives_any_order, replays
from headrace.engine.chain import Chain
from headrace.engine.fuse import Fused
from headrace.engine.plan import Late, WindowStage
from headrace.orders import Range

CHAINS = "it stands over whole chains, each with a position of its own"
COUNTS = "it counts the records of each rank, and other ranks would count others"
REPLAYS = "it makes records again from where a window of them began on its rank"


def unmergeable(chain: Chain) -> tuple[str, str] | None:
    """The stage for which states of several ranks cannot be merged, and the reason."""
    plan = chain.plan
    if isinstance(plan.source, Node):
        joins = [number for number, where in enumerate(plan.wheres) if where == "chains"]
        return (str(chain.stages[joins[-1]]) if joins else chain.source_text), CHAINS
    for stage, where in zip(chain.stages, plan.wheres, strict=True):
        if where == "order" and _cuts(stage):
            return str(stage), COUNTS
    numbering = [kernel.name for kernel in plan.segment.kernels() if kernel.wants == "ordinal"]
    if numbering:
        return numbering[0], COUNTS
    for late, number in zip(plan.late, plan.late_numbers, strict=True):
        stage, reason = chain.stages[number], _reason(late)
        if late is plan.late[0] and gives_any_order(stage) and plan.segment.is_exact:
            # What it passed over are positions that no rank has delivered.
            continue
        if reason is not None:
            return str(stage), reason
    return None


def _reason(late: Late) -> str | None:
    if isinstance(late, Fused):
        return REPLAYS if late.is_many else COUNTS if late.wants_ordinal else None
    if isinstance(late, WindowStage) or replays(late):
        return REPLAYS
    return COUNTS if _cuts(late) else None


def _cuts(stage: Stage) -> bool:
    """Whether a stage leaves out records by their number: a stand-in shows it."""
    stand_in = Visit((), Range(0), is_bare=False)  # type: ignore[arg-type]
    visit = stage.reorder(stand_in) if isinstance(stage, Reorders) else None
    return visit is not None and visit.is_cut
