"""A cursor that ends where the ranks agree: early, or with its last batch given again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from headrace.contracts import Block, Cursor, Mark, State, iterate, marker
from headrace.loader.ends import Decision, EpochEnd, Report, decide
from headrace.loader.place import Place

# Any, in this file: records pass through untyped.
# One meeting serves so many batches, after a few smaller ones: it costs a millisecond or some,
# and the batches that it serves wait in memory.
MOST_AHEAD = 16


class Peeked:
    """A cursor with some batches made ahead, and the place after each."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self.ready: deque[tuple[Any, Mark]] = deque()
        # Whether nothing comes after those that are ready; or the error that does.
        self.has_ended = False
        self.failure: Exception | None = None
        self._batches: Iterator[Any] = iterate(cursor)
        self._mark = marker(cursor)

    def fill(self, count: int) -> None:
        """Makes batches until so many are ready, or no more come."""
        while len(self.ready) < count and not self.has_ended and self.failure is None:
            try:
                batch = next(self._batches, self)
            except Exception as error:
                self.failure = error
                return
            if batch is self:
                self.has_ended = True
            else:
                self.ready.append((batch, self._mark()))


class Ending(Protocol):
    """Says what a rank may give next."""

    def ask(self, peeked: Peeked, padded: int | None) -> Decision:
        """How to go on; `padded` says how often the last batch was repeated, None before it."""
        ...


class KnownEnding:
    """Repeats the last batch `pads` times: all ranks know how many each has."""

    def __init__(self, pads: int) -> None:
        self._pads = pads

    def ask(self, peeked: Peeked, padded: int | None) -> Decision:
        """Batch by batch, and the repeats with the last one."""
        peeked.fill(2)
        if len(peeked.ready) > 1:
            return Decision(1)
        if peeked.failure is not None:
            return Decision(len(peeked.ready), raises_own=True)
        return Decision(len(peeked.ready), self._pads - (padded or 0), ends=True)


class AgreedEnding:
    """Agrees with the other ranks, once for several batches."""

    def __init__(
        self,
        epoch_end: EpochEnd,
        rank: int,
        exchange: Callable[[Report], list[Report]],
        dropped: Callable[[int], None],
    ) -> None:
        self._epoch_end: EpochEnd = epoch_end
        self._rank = rank
        self._exchange = exchange
        self._dropped = dropped
        self._ahead = 1

    def ask(self, peeked: Peeked, padded: int | None) -> Decision:
        """Makes the next batches, and what follows them, known to all."""
        ahead, self._ahead = self._ahead, min(2 * self._ahead, MOST_AHEAD)
        peeked.fill(ahead + 1)
        count = len(peeked.ready)
        failure = peeked.failure if count <= ahead else None
        report = Report(
            min(count, ahead),
            peeked.has_ended and count <= ahead,
            None if failure is None else f"{type(failure).__name__}: {failure}"[:300],
            count > 0 or padded is not None,
        )
        decision = decide(self._epoch_end, self._exchange(report), self._rank, ahead)
        if decision.ends and count > decision.give:
            self._dropped(count - decision.give)
        return decision


class EvenedCursor:
    """Batches up to where the ranks end; where one has no more, its last one again.

    It keeps up to `MOST_AHEAD` + 1 batches ready; the state is that of what was given. From the
    last batch on, where it may be repeated, that is the place before that batch, and `padded`:
    how often it was repeated.
    """

    def __init__(
        self, cursor: Cursor[Any], ending: Ending, *, repeats: bool, padded: int | None
    ) -> None:
        self.is_padding = False
        self._cursor = cursor
        self._ending = ending
        self._repeats = repeats
        self._peeked = Peeked(cursor)
        # The place before the newest batch, and after what was given.
        self._before: Mark = marker(cursor)()
        self._place = self._before
        self._last: Any = None
        # How often the last batch was repeated; None before it is given.
        self._padded: int | None = None
        self._give = self._pads = 0
        self._decision = Decision(0)
        self._failure: Exception | None = None
        if padded is not None:
            self._go_back(padded)

    def read(self, n: int) -> Block[Any]:
        """At most `n` batches; fewer at the end, or before an error."""
        found: list[Any] = []
        try:
            while len(found) < n and self._has_more():
                found.append(self._next())
        except Exception:
            # What came before the error is given first; the next read raises it.
            if not found:
                raise
        return found

    def __iter__(self) -> Iterator[Any]:
        while self._has_more():
            yield self._next()

    def mark(self) -> Mark:
        """Where it is."""
        return self._place

    def state(self) -> State:
        """The state of what was given."""
        return self._place.state()

    def close(self) -> None:
        """Ends the cursor that it reads."""
        self._cursor.close()

    def _has_more(self) -> bool:
        if self._failure is not None:
            raise self._failure
        try:
            while not self._give and self._pads <= 0:
                if self._decision.error is not None:
                    raise self._decision.error
                if self._decision.raises_own and self._peeked.failure is not None:
                    raise self._peeked.failure
                if self._decision.ends:
                    return False
                self._decision = self._ending.ask(self._peeked, self._padded)
                self._give, self._pads = self._decision.give, self._decision.pads
        except Exception as error:
            self._failure = error
            raise
        return True

    def _next(self) -> Any:
        self.is_padding = not self._give
        if self._give:
            self._give -= 1
            self._last, mark = self._peeked.ready.popleft()
            is_last = self._repeats and self._peeked.has_ended and not self._peeked.ready
            if is_last:
                self._padded = 0
            else:
                self._before = self._place = mark
        else:
            self._pads -= 1
            self._padded = (self._padded or 0) + 1
        if self._padded is not None:
            self._place = Place(self._before, {"padded": self._padded})
        return self._last

    def _go_back(self, padded: int) -> None:
        """Makes the last batch again, which was given before the state was taken."""
        self._padded = padded
        self._place = Place(self._before, {"padded": padded})
        self._peeked.fill(1)
        if self._peeked.failure is not None:
            # Opening raises nothing: the first read does.
            self._decision = Decision(0, raises_own=True)
        elif self._peeked.ready:
            self._last, _ = self._peeked.ready.popleft()
