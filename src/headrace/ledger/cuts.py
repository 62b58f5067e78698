"""Where a chain stands after a batch, as a few whole numbers that only rise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from headrace.contracts import Node, State, gives_any_order, replays
from headrace.contracts.errors import StreamError
from headrace.engine import Chain
from headrace.engine.fuse import Fused
from headrace.engine.plan import Late, WindowStage

# The unit, and where that is not all: the outputs delivered of it, and two numbers for each
# stage beside the consumer that makes records again after a resume.
Cut: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Cuts:
    """Reads the states of one chain as cuts, which compare as the places in it do.

    Raises:
        StreamError: its states say no such place; the message names the stage.
    """

    chain: Chain

    def __post_init__(self) -> None:
        plan = self.chain.plan
        loose = next((one for one in self.chain.every_stage if gives_any_order(one)), None)
        if loose is not None:
            raise StreamError(
                f"a ledger was asked for {self.chain}, and {loose} gives records as they are "
                "ready: what it has delivered is no run of positions. Keep it ordered, or leave "
                "out ledger=."
            )
        if isinstance(plan.source, Node):
            over = max(i for i, where in enumerate(plan.wheres) if where == "chains")
            raise StreamError(
                f"a ledger was asked for {self.chain}, and {self.chain.stages[over]} stands over "
                "whole chains, whose places are no positions of one order. Put what joins, "
                "repeats or caches before functions and batches, or leave out ledger=."
            )

    # Kept: it is asked for at each batch.
    @cached_property
    def is_plain(self) -> bool:
        """Whether each unit gives one output, so that the unit is the whole cut."""
        segment, late = self.chain.plan.segment, self.chain.plan.late
        return segment.is_exact and not any(_replays(one) for one in late)

    def of(self, state: State) -> Cut:
        """The cut that a state of the chain says.

        Raises:
            StreamError: a stage of another package keeps something else than numbers.
        """
        unit: int = state["at"]
        if self.is_plain:
            return (unit,)
        part = state["part"]
        cut = [unit, part[0][1] if part else 0]
        for late, memo in zip(self.chain.plan.late, state["stages"], strict=True):
            if _replays(late):
                is_guarded = isinstance(late, Fused) and bool(late.guards)
                cut += _numbers(late, memo[0] if is_guarded and memo else memo)
        return tuple(cut)


def _replays(late: Late) -> bool:
    """Whether outputs of it lie between two places that its parent's state cannot tell apart."""
    if isinstance(late, Fused):
        return late.is_many
    return isinstance(late, WindowStage) or replays(late)


def _numbers(late: object, memo: Any) -> list[int]:  # Any: whatever a stage keeps
    numbers = memo if isinstance(memo, list) else [] if memo is None else [memo]
    if len(numbers) <= 2 and all(type(number) is int for number in numbers):
        return [*numbers, 0, 0][:2]
    raise StreamError(
        f"a ledger was asked for a stream with {late}, whose state is {memo!r}. A whole number, or "
        "two of them that rise, were expected. Leave out ledger=."
    )
