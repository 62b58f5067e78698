"""Which records are drawn, done and delivered: the bookkeeping of looking ahead, no threads."""

from __future__ import annotations

from collections import deque
from typing import Any

from headrace.contracts import Mark

# Any, in this file: records and results of every type.


class Place:
    """One drawn record: where its parent stood before and after it, and what became of it."""

    __slots__ = ("after", "before", "error", "is_done", "is_given", "number", "value")

    def __init__(self, number: int, value: Any, before: Mark, after: Mark) -> None:
        self.number = number
        # The record until its result is there.
        self.value = value
        self.before = before
        self.after = after
        self.is_done = False
        self.is_given = False
        self.error: BaseException | None = None


class Places:
    """The drawn records from the oldest undelivered one on, and which after it are delivered.

    `given` is a mask of those that were delivered before a resume: bit i is the i-th record
    after the place where the parent was opened.
    """

    def __init__(self, at: Mark, *, ordered: bool = True, given: int = 0) -> None:
        # Where the parent stood before the oldest undelivered record.
        self.at = at
        self._ordered = ordered
        # Bit i: the i-th place of the queue is delivered. The first never is.
        self._given = 0
        # Bit i: the i-th record that is still to be drawn is.
        self._to_skip = given
        self._queue: deque[Place] = deque()
        # Unordered: done and not delivered, the first done first.
        self._done: deque[Place] = deque()
        self._drawn = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def mask(self) -> int:
        """Bit i: the i-th record from the oldest undelivered one on is delivered."""
        return self._given | self._to_skip << len(self._queue)

    @property
    def are_done(self) -> bool:
        """Whether all that is drawn is done."""
        return all(place.is_done for place in self._queue)

    def add(self, record: Any, after: Mark) -> Place | None:
        """The place of the next drawn record; None where it was delivered before a resume."""
        before = self._queue[-1].after if self._queue else self.at
        place = Place(self._drawn, record, before, after)
        self._drawn += 1
        self._queue.append(place)
        is_given, self._to_skip = bool(self._to_skip & 1), self._to_skip >> 1
        if is_given:
            self._give(place)
            return None
        return place

    def finish(self, place: Place, value: Any, error: BaseException | None = None) -> None:
        """Notes what became of a record."""
        place.value, place.error, place.is_done = value, error, True
        if not self._ordered:
            self._done.append(place)

    def ready(self) -> Place | None:
        """The place to deliver next, None where it is not done."""
        queue = self._queue if self._ordered else self._done
        return queue[0] if queue and queue[0].is_done else None

    def take(self, most: int) -> list[Any]:
        """At most `most` results that are there, up to the first error."""
        found: list[Any] = []
        while len(found) < most:
            place = self.ready()
            if place is None or place.error is not None:
                break
            found.append(place.value)
            if not self._ordered:
                self._done.popleft()
            self._give(place)
        return found

    def clear(self) -> None:
        """Lets go of all records; which of them are delivered stays known."""
        self._to_skip, self._given = self.mask, 0
        self._queue.clear()
        self._done.clear()

    def _give(self, place: Place) -> None:
        place.is_given, place.value = True, None
        self._given |= 1 << (place.number - self._queue[0].number)
        while self._queue and self._queue[0].is_given:
            self.at = self._queue.popleft().after
            self._given >>= 1
