"""`take`: the first records only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import Block, Cursor, Run, State, Visit, with_memo
from headrace.contracts.errors import whole

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Take:
    """Gives the first `n` records of each rank and epoch, and asks for no more than those.

    To cut over all ranks, slice the DataRef. **Length**: at most `n`. **State**: none while each
    record before it comes from one position, else a count.

    Raises:
        ArgumentError: `n` is negative.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(10)).take(3).collect()
        [0, 1, 2]
    """

    n: int

    def __post_init__(self) -> None:
        whole("the number of records to take", self.n, least=0, remedy="Leave out .take for all.")

    def __str__(self) -> str:
        return f"take({self.n})"

    def length(self, before: int | None) -> int | None:
        if self.n == 0:
            return 0
        return None if before is None else min(before, self.n)

    def reorder(self, visit: Visit) -> Visit | None:
        return visit.cut(0, self.n)

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> TakeCursor:
        return TakeCursor(parent, self.n, memo or 0)


class TakeCursor:
    """Counts what it gave."""

    def __init__(self, parent: Cursor[Any], n: int, given: int) -> None:
        self._parent = parent
        self._left = n - given
        self._given = given

    def read(self, n: int) -> Block[Any]:
        if self._left <= 0:
            return []
        block = self._parent.read(min(n, self._left))
        self._left -= len(block)
        self._given += len(block)
        return block

    def state(self) -> State:
        return with_memo(self._parent.state(), self._given)

    def close(self) -> None:
        self._parent.close()
