"""`skip`: all but the first records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import Block, Cursor, Run, State, Visit, with_memo
from headrace.contracts.errors import whole

# Any, in this file: a stage is met before its record types are known.

# As many are made and dropped at once: a skip of millions must not hold them all.
DROPPED_AT_ONCE = 1024


@dataclass(frozen=True)
class Skip:
    """Leaves out the first `n` records of each rank and epoch.

    While each record before it comes from one position, nothing is read for them; else they are
    made and dropped. **Length**: less `n`. **State**: none, or a count.

    Raises:
        ArgumentError: `n` is negative.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(5)).skip(3).collect()
        [3, 4]
    """

    n: int

    def __post_init__(self) -> None:
        whole("the number of records to skip", self.n, least=0, remedy="Leave out .skip for all.")

    def __str__(self) -> str:
        return f"skip({self.n})"

    def length(self, before: int | None) -> int | None:
        return None if before is None else max(0, before - self.n)

    def reorder(self, visit: Visit) -> Visit | None:
        return visit.cut(self.n, None)

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> SkipCursor:
        return SkipCursor(parent, self.n, memo or 0)


class SkipCursor:
    """Drops at the first read; its memo is how many have been dropped."""

    def __init__(self, parent: Cursor[Any], n: int, dropped: int) -> None:
        self._parent = parent
        self._n = n
        self._dropped = dropped

    def read(self, n: int) -> Block[Any]:
        while self._dropped < self._n:
            block = self._parent.read(min(self._n - self._dropped, DROPPED_AT_ONCE))
            if not len(block):
                return block
            self._dropped += len(block)
        return self._parent.read(n)

    def state(self) -> State:
        return with_memo(self._parent.state(), self._dropped)

    def close(self) -> None:
        self._parent.close()
