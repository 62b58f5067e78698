"""What a loader notes in its ledger, and when: as batches are given, not as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from headrace.contracts import Cursor, Mark, Run, State
from headrace.ledger import Writer

T = TypeVar("T")


class Noting:
    """Tells a `Writer`, where there is one, what becomes of the epochs.

    Where batches are drawn ahead of the loop, whoever gives them says so: `given`, `finished`.
    """

    def __init__(self, writer: Writer | None) -> None:
        self._writer = writer
        self._is_drawn = False
        # Where the epoch ended of which batches that were drawn are still to be given.
        self._end: State | None = None

    def begin(self, run: Run, cursor: Cursor[Any], loaded: State | None) -> None:  # Any: records
        """Notes the begin of an epoch, from the state that was loaded, if one was."""
        self._end = None
        if self._writer is not None:
            self._writer.begin(run, cursor, loaded)

    def noted(
        self,
        batches: Iterator[T],
        cursor: Cursor[Any],  # Any: records of every type
        *,
        is_drawn: bool,
    ) -> Iterator[T]:
        """The batches, each noted as it comes, unless they are only drawn."""
        self._is_drawn = is_drawn
        if self._writer is None or is_drawn:
            return batches
        return self._writer.noted(batches, cursor)

    def given(self, mark: Mark) -> None:
        """Notes a batch that was drawn, as it is given: the place after it."""
        if self._writer is not None:
            self._writer.check()
            self._writer.note(mark.state())

    def exhausted(self, end: State, *, is_waiting: bool) -> None:
        """Notes the end of an epoch, now or when the drawn batches that wait are given."""
        self._end = end
        if not (self._is_drawn and is_waiting):
            self.finished()

    def finished(self) -> None:
        """Notes that all of an epoch was given."""
        if self._writer is not None and self._end is not None:
            self._writer.check()
            self._writer.end("finished", self._end)

    def left(self, cursor: Cursor[Any]) -> None:  # Any: records of every type
        """Notes that a cursor ends here, unless it came to its end."""
        if self._writer is not None and self._end is None:
            self._writer.end("left", None if self._is_drawn else cursor.state())

    def close(self) -> None:
        """Notes that what waits is not given any more."""
        if self._writer is not None:
            self._writer.end("left")
