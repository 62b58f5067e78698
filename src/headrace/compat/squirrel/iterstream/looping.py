"""How often a loop came to its end: counted where each pass ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace.contracts import Block, Cursor, Mark, Run, State, iterate, marker, with_memo
from headrace.stages.marked import Marked

# Any, in this file: records pass through untyped.


class Loops:
    """How many passes have ended."""

    def __init__(self) -> None:
        self.count = 0


@dataclass(frozen=True)
class Counted:
    """Passes all records on, and adds one to `loops` at their end."""

    content: ClassVar[None] = None

    loops: Loops = field(compare=False, repr=False)

    def __str__(self) -> str:
        return "counted"

    def length(self, before: int | None) -> int | None:
        """As many as come."""
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> CountedCursor:
        """A cursor over `parent`."""
        return CountedCursor(parent, self.loops)


class CountedCursor:
    """Tells the end of its parent, once."""

    def __init__(self, parent: Cursor[Any], loops: Loops) -> None:
        self._parent = parent
        self._loops: Loops | None = loops
        self._mark = marker(parent)

    def read(self, n: int) -> Block[Any]:
        """What the parent gives."""
        block = self._parent.read(n)
        if not len(block):
            self._end()
        return block

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        yield from iterate(self._parent)
        self._end()

    def state(self) -> State:
        """The parent's."""
        return with_memo(self._parent.state(), None)

    def mark(self) -> Mark:
        """The parent's."""
        return Marked(self._mark())

    def close(self) -> None:
        """Closes the parent."""
        self._parent.close()

    def _end(self) -> None:
        if self._loops is not None:
            self._loops.count += 1
            self._loops = None
