"""Functions that seed the process-wide random generators: where they cannot run."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.contracts import Pointwise, Run, Stage, look_ahead_of
from headrace.contracts.errors import StreamError
from headrace.engine.plan import Plan


def every_stage(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages, and those of the chains that they join to theirs."""
    beside = [other for stage in stages for other in getattr(stage, "others", ())]
    return (*stages, *(one for other in beside for one in getattr(other, "every_stage", ())))


def check_process_wide(plan: Plan, stages: Sequence[Stage], run: Run) -> None:
    """Refuses such functions where threads of one interpreter would disturb each other.

    Raises:
        StreamError: one is in the tasks of such threads, or before a stage that runs ahead.
    """
    for kernel in plan.segment.kernels():
        if kernel.is_global and run.shares_globals:
            raise StreamError(
                f"{kernel.name} seeds the process-wide random generators, which threads "
                "share: they would disturb each other. Use map(fn, seeded=True), or a "
                "backend whose workers do not share an interpreter, such as hr.Inline()."
            )
    ahead = max((i for i, one in enumerate(stages) if look_ahead_of(one)), default=0)
    for stage in every_stage(stages[:ahead]):
        if isinstance(stage, Pointwise) and stage.kernel.is_global:
            raise StreamError(
                f"{stage.kernel.name} seeds the process-wide random generators, and "
                f"{getattr(stages[ahead], 'title', stages[ahead])} behind it runs "
                "it in a thread beside others. Use map(fn, seeded=True), or put it behind."
            )
