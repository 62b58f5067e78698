"""`interleave`: several streams in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headrace.contracts import Node, Visit
from headrace.orders import InTurn, check_stop
from headrace.stages.turns import MixedChains, reordered
from headrace.stages.turns_cursor import Rule

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Interleave:
    """Gives one record of each stream in turn, round after round.

    With `stop="first"` it ends where the turn comes to a stream that has no more; with "all" the
    turns of such a stream are passed over until all have ended.

    Datasets in their orders, with no function applied yet, are interleaved by position. Other
    chains are read side by side, each opened at its first turn.

    **Length**: by arithmetic on the lengths. **State**: none, or the turn and the state of each
    stream. **Cost** of a resume: that of resuming each stream.

    Raises:
        ArgumentError: `stop` is unknown.

    Example:
        >>> import headrace as hr
        >>> hr.stream(["a", "b", "c"]).interleave(hr.stream([1, 2, 3, 4, 5]), stop="all").collect()
        ['a', 1, 'b', 2, 'c', 3, 4, 5]
    """

    others: tuple[Node[Any], ...]
    stop: Literal["first", "all"] = "first"

    def __post_init__(self) -> None:
        check_stop(self.stop, None, ("first", "all"))

    def __str__(self) -> str:
        others = ", ".join(str(other) for other in self.others)
        return f"interleave({others}, stop={self.stop})"

    def length(self, before: int | None) -> int | None:
        return before

    def reorder(self, visit: Visit) -> Visit | None:
        return reordered(self._rule, visit, self.others)

    def begin(self, before: Node[Any]) -> Node[Any]:
        return MixedChains((before, *self.others), self._rule)

    @property
    def _rule(self) -> Rule:
        return Rule(InTurn(len(self.others) + 1), self.stop)
