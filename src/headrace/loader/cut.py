"""A cursor that ends early, where the ranks with the fewest batches end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.contracts import Block, Cursor, Mark, State, marker
from headrace.loader.place import Place

# Any, in this file: records pass through untyped.


class CutCursor:
    """The first batches of a cursor, up to the number that all ranks have.

    Where the position does not tell how many were given, the state `counts` them.
    """

    is_padding = False

    def __init__(
        self,
        cursor: Cursor[Any],
        given: int,
        least: int,
        *,
        counts: bool,
        at_end: Callable[[], None],
    ) -> None:
        self._cursor = cursor
        self._given = given
        self._least = least
        self._counts = counts
        self._at_end = at_end
        self._is_over = False
        self._mark = marker(cursor)

    def read(self, n: int) -> Block[Any]:
        """At most `n` batches; fewer at the end, or before an error."""
        if self._given >= self._least:
            if not self._is_over:
                self._is_over = True
                self._at_end()
            return []
        block = self._cursor.read(min(n, self._least - self._given))
        self._given += len(block)
        return block

    def mark(self) -> Mark:
        """Where it is."""
        mark = self._mark()
        return Place(mark, {"given": self._given}) if self._counts and self._given else mark

    def state(self) -> State:
        """The state of what was given."""
        return self.mark().state()

    def close(self) -> None:
        """Ends the cursor that it reads."""
        self._cursor.close()
