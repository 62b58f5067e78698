"""`cycle`: the same epoch again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headrace.contracts import Node, Visit
from headrace.contracts.errors import whole
from headrace.orders import Repeat as RepeatOrder
from headrace.stages.repeat import Repeated

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Cycle:
    """Gives one epoch `times` times, each in the same order; without end for None.

    `repeat` gives a new epoch each time, with a new shuffle. Nothing is kept of an epoch: its
    records are made again.

    **Length**: multiplied. **State**: none while each record before it comes from one position,
    else the number of the pass and the state in it.

    Raises:
        ArgumentError: `times` is below 1.

    Example:
        >>> import headrace as hr
        >>> ref = hr.DataRef.from_sequence("abc").shuffle(seed=1)
        >>> ref.stream().cycle(2).collect(), ref.stream().repeat(2).collect()
        (['b', 'a', 'c', 'b', 'a', 'c'], ['b', 'a', 'c', 'a', 'c', 'b'])
    """

    times: int | None = None

    def __post_init__(self) -> None:
        if self.times is not None:
            whole("times to cycle", self.times, least=1, remedy="None cycles without end.")

    def __str__(self) -> str:
        return f"cycle({self.times})"

    def length(self, before: int | None) -> int | None:
        if before is None or self.times is None:
            return None
        return before * self.times

    def reorder(self, visit: Visit) -> Visit | None:
        # Passes of a part, or of what an offset left over, are not runs of the whole order.
        if visit.is_cut or visit.part is not None or visit.offset:
            return None
        return replace(visit, order=RepeatOrder(visit.order, self.times, reshuffle=False))

    def begin(self, before: Node[Any]) -> Node[Any]:
        return Repeated(before, self.times, reshuffle=False)
